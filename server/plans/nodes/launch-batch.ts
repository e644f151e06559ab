// One `deploy launch` on the head for all nodes whose steps come at the same time. Each step waits for its own node. The deploy
// belongs to the head, so that a console that dies finds it there again.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../../../contract/errors.ts';
import { deployAtWork } from '../../../core/deploy/steps.ts';
import { describeRange } from '../../../core/ranges/describe-range.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import type { RootShell } from '../../ssh/login.ts';
import { runOverRelay } from '../../ssh/relay.ts';

/** Rows of `deploy launch`, as its Data has them. */
const LaunchRows = z.array(
  z.object({
    node: z.string(),
    step: z.string(),
    seconds: z.number(),
    /** A head with an earlier version does not send it. */
    changed: z.boolean().default(true),
    error: z.string(),
  }),
);
export type LaunchRow = z.infer<typeof LaunchRows>[number];

export interface LaunchTicket {
  /** Name or address that the head dials. */
  readonly host: string;
  readonly shell: RootShell;
  readonly signal: AbortSignal;
  readonly onStatus: (text: string) => void;
}

interface Waiting extends LaunchTicket {
  readonly settle: (row: LaunchRow) => void;
  readonly fail: (error: unknown) => void;
}

/** Steps that become ready within this time share a launch; those of one plan do so in the same moment. */
const gatherMs = 400;
const busyRetryMs = 2_000;

export class LaunchBatch {
  private readonly gathering: Waiting[] = [];
  private timer: NodeJS.Timeout | null = null;

  /** Deploys one node, together with others asked for in the same moment. Returns its row, even when it failed. @throws AppError */
  launch(ticket: LaunchTicket): Promise<LaunchRow> {
    return new Promise((settle, fail) => {
      this.gathering.push({ ...ticket, settle, fail });
      this.timer ??= setTimeout(() => {
        this.timer = null;
        void this.run(this.gathering.splice(0));
      }, gatherMs);
    });
  }

  private async run(all: Waiting[]): Promise<void> {
    const tickets = all.filter((ticket) => {
      if (ticket.signal.aborted) ticket.fail(ticket.signal.reason);
      return !ticket.signal.aborted;
    });
    const [first] = tickets;
    if (!first) return;
    const hosts = tickets.map((ticket) => ticket.host);
    // The launch ends here when nobody waits for it.
    const abort = new AbortController();
    const onAbort = () => {
      if (tickets.every((ticket) => ticket.signal.aborted)) abort.abort(first.signal.reason);
    };
    for (const ticket of tickets) ticket.signal.addEventListener('abort', onAbort, { once: true });
    try {
      const rows = await this.launchWhenFree(first.shell, hosts, abort.signal, (text) => {
        const [, host, said] = /^\[([^\]]+)\] ([\s\S]*)$/.exec(text) ?? [];
        const ticket = tickets.find((each) => each.host === host);
        if (ticket) ticket.onStatus(said ?? text);
        else first.onStatus(text);
      });
      tickets.forEach((ticket, at) => {
        const row = rows[at];
        if (row) ticket.settle(row);
        else ticket.fail(new AppError('failed', `deploy launch gave no result for ${ticket.host}`));
      });
    } catch (error) {
      for (const ticket of tickets) ticket.fail(error);
    } finally {
      for (const ticket of tickets) ticket.signal.removeEventListener('abort', onAbort);
    }
  }

  /** A deploy that this console (or another) began continues in the head's daemon: wait for its nodes. */
  private async launchWhenFree(
    shell: RootShell,
    hosts: readonly string[],
    signal: AbortSignal,
    onStatus: (text: string) => void,
  ): Promise<LaunchRow[]> {
    const range = describeRange(hosts);
    const parsed = parseRange(range);
    // Rows come in the order of the range; a node that answered appears under its own name.
    const order = parsed.ok ? parsed.names : [...hosts];
    for (;;) {
      const entries = await runOverRelay(shell, `deploy launch ${range}`, { signal, onStatus });
      const table = entries.find((entry) => entry.Header !== null);
      if (table) {
        const rows = LaunchRows.parse(table.Data);
        return hosts.map(
          (host) => rows.find((row) => row.node === host) ?? rows[order.indexOf(host)] ?? missingRow(host),
        );
      }
      const error = entries.find((entry) => entry.Error !== '')?.Error ?? 'deploy launch gave no table';
      if (!error.includes(deployAtWork)) throw new AppError('failed', error);
      onStatus(`${error}; waiting`);
      await sleep(busyRetryMs, undefined, { signal }).catch(() => {
        throw signal.reason;
      });
    }
  }
}

function missingRow(host: string): LaunchRow {
  return { node: host, step: 'reach', seconds: 0, changed: false, error: `deploy launch gave no result for ${host}` };
}
