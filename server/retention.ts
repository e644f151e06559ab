// Keeps the database from growing without end: the newest entries of each kind stay, the rest is deleted in the background.
import { describeError } from '../contract/errors.ts';
import type { Log, Part } from './ports.ts';
import type { ConsoleStore, Kept } from './store/types.ts';

/**
 * Some tens of megabytes of audit log. People read a run's log in the days after it, and need its steps and its undo for longer;
 * with 1,000 nodes its plan alone has 5 MB.
 */
export const kept: Kept = { auditEntries: { act: 100_000, use: 100_000 }, runs: 1_000, runLogs: 500 };
const periodMs = 3_600_000;
/** The start of a console has better things to do. */
const firstMs = 60_000;

export function createRetention({ log }: { log: Log }, { store }: { store: Pick<ConsoleStore, 'prune'> }): Part {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let atWork = Promise.resolve();
  const wait = (delayMs: number) => {
    timer = setTimeout(() => {
      atWork = store
        .prune(kept, abort.signal)
        .catch((error: unknown) => log.error(`pruning the database: ${describeError(error)}`))
        .then(() => {
          if (!abort.signal.aborted) wait(periodMs);
        });
    }, delayMs);
  };
  return {
    start() {
      wait(firstMs);
      return Promise.resolve();
    },
    async stop() {
      abort.abort();
      clearTimeout(timer);
      await atWork;
    },
  };
}
