// One call to a host, with its deadline: it ends in time even if the host, or the code that asks it, does not.
import { AppError } from '../../contract/errors.ts';
import type { Clock } from '../mesh/clock.ts';
import type { CallOptions } from './vm-host.ts';

export interface CallLimits {
  readonly clock: Clock;
  /** Of the command that waits. */
  readonly signal: AbortSignal;
  /** Without a sign of life. */
  readonly timeoutMs: number;
  /** How long it may still take once `signal` came; 0 unless given. */
  readonly graceMs?: number;
}

/**
 * What `call` gives. It gets a signal that ends with the caller's or with the deadline, and a function that starts the deadline again.
 * @throws AppError `timeout`, `cancelled`, and what the call throws
 */
export async function callHost<T>(
  host: string,
  { clock, signal, timeoutMs, graceMs = 0 }: CallLimits,
  call: (options: CallOptions, touch: () => void) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = (error: AppError) => {
    own.abort(error);
    reject(error);
  };
  const start = () =>
    clock.after(timeoutMs, () => {
      giveUp(new AppError('timeout', `${host} did not answer within ${Math.round(timeoutMs / 1000)} seconds`));
    });
  let timer = start();
  let isOver = false;
  const touch = () => {
    if (isOver || signal.aborted) return;
    timer.cancel();
    timer = start();
  };
  const onAbort = () => {
    const error = signal.reason instanceof AppError ? signal.reason : new AppError('cancelled', 'cancelled');
    own.abort(error);
    timer.cancel();
    timer = clock.after(graceMs, () => {
      giveUp(error);
    });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, call({ signal: own.signal }, touch)]);
  } finally {
    isOver = true;
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}
