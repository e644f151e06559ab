// The two calls of a transaction that do not end at once: its begin, and what follows its commit.
import { AppError, describeError } from '../../../contract/errors.ts';
import type { TransactionStatus } from '../../../core/plans/bridge/plan/transaction.ts';
import type { NodeTransaction } from '../../../host/bridge/node-transaction.ts';

/** Of a step that watches a node. */
export const turnMs = 1_000;
/** One look from outside, the console's or a peer's: a new connection, and a file read over it. */
export const lookMs = 3_000;
/** A call through a way that was opened: seen, status, undo. Longer ones have their own. */
export const callMs = 5_000;

/**
 * Returns once the transaction has a state on the node, or may have one: a time-out means unknown, and a transaction that gave
 * up has a result like any other.
 * @throws AppError the node's refusal, when there is no state yet
 */
export async function beginOnce(
  placed: NodeTransaction,
  { signal, log }: { readonly signal: AbortSignal; readonly log: (text: string) => void },
): Promise<void> {
  try {
    await placed.begin({ signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError && (error.code === 'timeout' || error.code === 'unreachable')) {
      log(`${describeError(error)}: looking at it again`);
      return;
    }
    const hasState = await placed.readStatus({ timeoutMs: callMs, signal }).then(
      () => true,
      () => false,
    );
    signal.throwIfAborted();
    if (!hasState) throw error;
  }
}

/** Waits until the node has handed its lease over and tidied up, or reports that it has no lease. Returns its last report. */
export async function awaitHandOver(
  transaction: Pick<NodeTransaction, 'readStatus'>,
  committed: TransactionStatus,
  parts: {
    readonly signal: AbortSignal;
    readonly forMs: number;
    readonly now: () => number;
    readonly sleep: (ms: number) => Promise<void>;
    readonly onWait: () => void;
  },
): Promise<TransactionStatus> {
  const endAt = parts.now() + parts.forMs;
  let status = committed;
  while (status.dhcp === '' && parts.now() < endAt) {
    parts.onWait();
    await parts.sleep(turnMs);
    status = await transaction.readStatus({ timeoutMs: callMs, signal: parts.signal });
  }
  return status;
}
