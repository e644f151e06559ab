// How long to wait for a command after it was cancelled: long enough for a handler to report what it left behind, but not
// as long as a handler that ignores its signal would take.
import { AppError } from '../../contract/errors.ts';
import { clipLine } from '../../core/commands/tokens.ts';

const cancelGraceMs = 1000;

export class Patience {
  private readonly signal: AbortSignal;
  private readonly line: string;
  private readonly waiting = new Set<(error: AppError) => void>();
  private timer: NodeJS.Timeout | null = null;
  private isOver = false;

  constructor(signal: AbortSignal, line: string) {
    this.signal = signal;
    this.line = line;
    if (signal.aborted) this.onAbort();
    else signal.addEventListener('abort', this.onAbort, { once: true });
  }

  /** The promise's value, or a `cancelled` error when the signal came and the grace period is over. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.isOver) reject(this.error());
      this.waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.waiting.delete(reject));
    });
  }

  end(): void {
    this.signal.removeEventListener('abort', this.onAbort);
    if (this.timer) clearTimeout(this.timer);
  }

  private readonly onAbort = (): void => {
    this.timer ??= setTimeout(() => {
      this.isOver = true;
      for (const reject of this.waiting) reject(this.error());
    }, cancelGraceMs);
  };

  private error(): AppError {
    return new AppError('cancelled', `\`${clipLine(this.line)}\`: cancelled`);
  }
}
