// Proves a bridge by restarting its node: asks for one restart, waits for the node over new connections, then compares what came
// back with what was committed.
//
// INVARIANTS
//  - One run restarts a node at most once, whichever side is killed and when: the node's disk records the boot that the run ended,
//    and the script ends no other boot. A retry, and a console that comes back, look at the outcome.
//  - A time-out means unknown, and is reported as unknown.
import { AppError, describeError } from '../../../contract/errors.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import type { bridgeActions } from '../../../core/plans/bridge/plan/actions.ts';
import type { BridgeFacts } from '../../../core/plans/bridge/observe/facts.ts';
import {
  bootScript,
  compareWithCommitted,
  parseBoot,
  rebootScript,
  rebootSeconds,
  rebootSettleSeconds,
} from '../../../core/plans/bridge/plan/reboot-proof.ts';
import type { BootState } from '../../../core/plans/bridge/plan/reboot-proof.ts';
import type { RebootProof, RebootProofArgs } from '../../../core/plans/bridge/plan/step-args.ts';
import { observeBridge } from '../../../host/bridge/look.ts';
import type { RootHost } from '../../../host/bridge/node-transaction.ts';
import type { Executors } from '../action.ts';
import { pause } from '../../ssh/pause.ts';
import { lookMs, turnMs } from './calls.ts';
import { rememberBridge } from './remember.ts';

const orderMs = 40_000;
const settleTurnMs = 2_000;

/** A new connection to the node, at the address where it is expected. */
export interface RebootDoor {
  readonly host: RootHost;
  close(): void;
}

export interface RebootParts {
  readonly run: string;
  /** It may be on its way already: this run was killed, or the step is retried. */
  readonly mayBeAway: boolean;
  /** Within 3 s, with the pinned host key. @throws AppError */
  readonly open: () => Promise<RebootDoor>;
  /** The run's own connection, with the node's lock. @throws AppError */
  readonly shell: () => Promise<RootHost>;
  /** That connection and its lock are gone. */
  readonly abandon: () => Promise<void>;
  /** Over the run's own connection. @throws AppError */
  readonly observe: () => Promise<BridgeFacts>;
  readonly remember: (facts: BridgeFacts) => Promise<void>;
  readonly log: (text: string) => void;
  readonly progress: (text: string) => void;
  readonly signal: AbortSignal;
  /** ms, monotonic. */
  readonly now: () => number;
  /** Rejects when the step is aborted. */
  readonly sleep: (ms: number) => Promise<void>;
}

export const rebootExecutors: Pick<Executors<typeof bridgeActions>, 'proveByReboot'> = {
  proveByReboot: async (args, context, { sessions, store, now }) => {
    const { target, address } = args;
    const result = await proveByReboot(args, {
      run: context.run,
      mayBeAway: context.isResumed || context.attempt > 1,
      open: async () => {
        const shell = await sessions.lookIn({ ...target, address }, context.signal, { timeoutMs: lookMs });
        return { host: shell, close: () => shell.connection.close() };
      },
      shell: () => sessions.shell(target, context),
      abandon: () => sessions.abandon(target.name),
      observe: async () => observeBridge(await sessions.shell(target, context), args.bridge, context.signal),
      remember: async (facts) => {
        const host = await sessions.hostOf(target);
        if (host) await rememberBridge(host.id, facts, { hosts: store.hosts, nowMs: now() });
      },
      log: (text) => context.log(text),
      progress: (text) => context.progress({ text }),
      signal: context.signal,
      now: () => performance.now(),
      sleep: (ms) => pause(ms, context.signal),
    });
    return { changed: true, result };
  },
};

/** @throws AppError `timeout` when the node does not answer again, `failed` when it came back as something else */
export async function proveByReboot(args: RebootProofArgs, parts: RebootParts): Promise<RebootProof> {
  const { name } = args.target;
  const before = parts.mayBeAway
    ? await awaitBoot(args, parts, () => true)
    : await readBoot(await parts.shell(), parts);
  let secondsAway: number | null = null;
  if (before.asked === null || before.asked === before.boot) {
    if (before.asked === null) await assertFit(args, parts);
    const orderedAt = parts.now();
    await order(before.boot, args, parts);
    await parts.abandon();
    parts.log(`it restarts; boot ${before.boot} ends`);
    await awaitBoot(args, parts, ({ boot }) => boot !== before.boot);
    secondsAway = Math.round((parts.now() - orderedAt) / 100) / 10;
    parts.log(`another boot answers after ${secondsAway} s`);
  } else
    parts.log(`this run has restarted it already (boot ${before.asked} has ended): it is only looked at, and stays up`);
  const differences = await settle(args, parts);
  const result: RebootProof = { secondsAway, differences };
  if (differences.length > 0) {
    throw new AppError(
      'failed',
      `${name} came back from its restart, and not as it was committed: ${differences.join('; ')}. Look at it there: ` +
        'journalctl -b -u networking -u meshdeck-bridge-up -u openvswitch-switch. A retry looks again and does not restart it',
      { detail: result },
    );
  }
  return result;
}

async function readBoot(host: RootHost, parts: RebootParts): Promise<BootState> {
  const { stdout } = await host.run(scriptArgv(bootScript, []), { timeoutMs: lookMs, signal: parts.signal });
  const state = parseBoot(stdout, parts.run);
  if (!state) throw new AppError('failed', 'it does not say which boot runs (/proc/sys/kernel/random/boot_id)');
  return state;
}

/** Nothing is pending, the node would come back as far as is known, and nothing runs there that the plan did not show. */
async function assertFit(args: RebootProofArgs, parts: RebootParts): Promise<void> {
  const { name } = args.target;
  const facts = await parts.observe();
  if (facts.transaction) {
    const { holder, id } = facts.transaction;
    throw new AppError('conflict', `${name} is not restarted: transaction ${id} of ${holder} is pending there`);
  }
  const differences = compareWithCommitted(facts, args);
  if (differences.length > 0)
    throw new AppError('refused', `${name} is not restarted, since it would not come back: ${differences.join('; ')}`);
  const strangers = facts.vms.filter((vm) => !args.vms.includes(vm));
  if (strangers.length > 0) {
    throw new AppError(
      'refused',
      `${name} is not restarted: ${strangers.join(', ')} runs there since the plan was made. End it and retry, or make a new plan`,
    );
  }
}

async function order(boot: string, { target: { name } }: RebootProofArgs, parts: RebootParts): Promise<void> {
  const shell = await parts.shell();
  let answer: string;
  try {
    const argv = scriptArgv(rebootScript, [parts.run, boot]);
    answer = (await shell.run(argv, { timeoutMs: orderMs, signal: parts.signal })).stdout.trim();
  } catch (error) {
    parts.signal.throwIfAborted();
    // The connection ends with the node: whether it restarts is seen from outside.
    parts.log(`its connection ended: ${describeError(error)}`);
    return;
  }
  if (answer === 'pending')
    throw new AppError('conflict', `${name} is not restarted: a bridge transaction is pending there`);
  if (answer.startsWith('refused'))
    throw new AppError('failed', `${name} does not restart: ${answer.slice('refused '.length)}`);
}

/** Each second a new connection, until a boot answers that is wanted. */
async function awaitBoot(
  { target: { name }, address }: RebootProofArgs,
  parts: RebootParts,
  isWanted: (state: BootState) => boolean,
): Promise<BootState> {
  const startedAt = parts.now();
  for (;;) {
    let last: string;
    const turnAt = parts.now();
    try {
      const door = await parts.open();
      try {
        const state = await readBoot(door.host, parts);
        if (isWanted(state)) return state;
        last = 'the boot that was to end still answers: `systemctl list-jobs` there';
      } finally {
        door.close();
      }
    } catch (error) {
      parts.signal.throwIfAborted();
      last = describeError(error);
    }
    const seconds = Math.round((parts.now() - startedAt) / 1000);
    if (seconds >= rebootSeconds) {
      throw new AppError(
        'timeout',
        `${name} has not answered at ${address} from a new boot for ${rebootSeconds / 60} min: its state is unknown (${last}). ` +
          'Look at its own console: `ip address`, `journalctl -b -u networking -u meshdeck-bridge-up`. A retry looks again and does not restart it twice',
      );
    }
    parts.progress(`waited for ${seconds} s of ${rebootSeconds} s; ${last}`);
    await parts.sleep(Math.max(50, turnMs - (parts.now() - turnAt)));
  }
}

/** What differs once it has had the time to come up whole. */
async function settle(args: RebootProofArgs, parts: RebootParts): Promise<string[]> {
  const endAt = parts.now() + rebootSettleSeconds * 1000;
  for (;;) {
    try {
      const facts = await parts.observe();
      const differences = compareWithCommitted(facts, args);
      if (differences.length === 0 || parts.now() > endAt) {
        await parts.remember(facts);
        return differences;
      }
      parts.progress(`it is up; not there yet: ${differences.join('; ')}`);
    } catch (error) {
      parts.signal.throwIfAborted();
      if (parts.now() > endAt) throw error;
    }
    await parts.sleep(settleTurnMs);
  }
}
