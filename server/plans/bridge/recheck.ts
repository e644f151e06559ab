// Looks again at nodes whose remembered look has an alarm or a transaction under way: pages show that look until there is another
// one, and somebody may have fixed it at the node's own console.
import { mapAtOnce } from '../../../core/at-once.ts';
import { describeError } from '../../../contract/errors.ts';
import type { BridgeFacts } from '../../../core/plans/bridge/observe/facts.ts';
import { defaultBridge } from '../../../core/plans/bridge/plan/inputs.ts';
import { observeBridge } from '../../../host/bridge/look.ts';
import type { Log, Part, Store, StoredHost } from '../../ports.ts';
import { shellOf } from '../../ssh/stored-hosts.ts';
import { rememberBridge, rememberedBridge } from './remember.ts';

/** Each look costs a login and a script, and there are few such nodes. */
const periodMs = 30_000;
const atOnce = 4;
/** How long a node that was not reached is left alone: sshd may punish clients that knock too often. */
const restMs = 300_000;

export interface RecheckParts {
  readonly log: Log;
  /** ms since 1970. */
  readonly now: () => number;
  /** @throws AppError when it is not reached */
  readonly look: (host: StoredHost, signal: AbortSignal) => Promise<BridgeFacts>;
}

export class Recheck {
  private readonly parts: RecheckParts;
  private readonly hosts: Store['hosts'];
  private readonly restUntil = new Map<string, number>();

  constructor(parts: RecheckParts, { hosts }: { readonly hosts: Store['hosts'] }) {
    this.parts = parts;
    this.hosts = hosts;
  }

  /** One round over those that are due. */
  async run(signal: AbortSignal): Promise<void> {
    const { now, log, look } = this.parts;
    const due = (await this.hosts.list()).filter((host) => {
      const seen = rememberedBridge(host.facts);
      if (seen === null || (seen.summary.alarms.length === 0 && seen.summary.transaction === '')) return false;
      return now() - seen.at >= periodMs && (this.restUntil.get(host.id) ?? 0) <= now();
    });
    await mapAtOnce(due, atOnce, async (host) => {
      try {
        await rememberBridge(host.id, await look(host, signal), { hosts: this.hosts, nowMs: now() });
        this.restUntil.delete(host.id);
      } catch (error) {
        if (signal.aborted) return;
        this.restUntil.set(host.id, now() + restMs);
        log.info(`${host.name}: could not look at its bridge again: ${describeError(error)}`);
      }
    });
  }
}

export function createRecheck({ log }: { readonly log: Log }, store: Pick<Store, 'hosts' | 'keys'>): Part {
  const abort = new AbortController();
  const look = async (host: StoredHost, signal: AbortSignal) => {
    const shell = await shellOf(host, store, signal);
    try {
      return await observeBridge(shell, defaultBridge, signal);
    } finally {
      shell.connection.close();
    }
  };
  const recheck = new Recheck({ log, now: Date.now, look }, store);
  let timer: NodeJS.Timeout | undefined;
  let atWork = Promise.resolve();
  const wait = () => {
    timer = setTimeout(() => {
      atWork = recheck
        .run(abort.signal)
        .catch((error: unknown) => log.error(`looking at bridges again: ${describeError(error)}`))
        .then(() => {
          if (!abort.signal.aborted) wait();
        });
    }, periodMs);
  };
  return {
    start() {
      wait();
      return Promise.resolve();
    },
    async stop() {
      abort.abort();
      clearTimeout(timer);
      await atWork;
    },
  };
}
