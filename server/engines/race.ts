// Several ways to one end, the preferred first: each starts when the one before failed or is late, and the first that
// arrives wins. Owns that nothing is left open: what arrives after the winner is discarded.
import { AppError, describeError } from '../../contract/errors.ts';

export interface RaceOptions<T> {
  /** How long an attempt may be silent before the next one starts beside it, in milliseconds. */
  readonly staggerMs: number;
  readonly signal: AbortSignal;
  /** Closes what arrived too late. */
  readonly discard: (late: T) => void;
}

/**
 * @throws AppError of the first attempt that failed, with the reasons of all in its message, once all have failed;
 * `cancelled` when the signal aborts
 */
export function raceStaggered<Item, T>(
  items: readonly Item[],
  attempt: (item: Item, signal: AbortSignal) => Promise<T>,
  { staggerMs, signal, discard }: RaceOptions<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const losers = new AbortController();
    const errors: unknown[] = [];
    let next = 0;
    let isOver = false;
    let timer: NodeJS.Timeout | null = null;
    const end = (finish: () => void) => {
      isOver = true;
      if (timer) clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      finish();
      losers.abort(new AppError('cancelled', 'another way was faster'));
    };
    const onAbort = () => {
      end(() => {
        reject(new AppError('cancelled', 'cancelled'));
      });
    };
    const startNext = () => {
      if (timer) clearTimeout(timer);
      timer = null;
      if (isOver || next >= items.length) return;
      // In range: checked on the line above.
      const item = items[next++] as Item;
      attempt(item, losers.signal).then(
        (arrived) => {
          if (isOver) {
            discard(arrived);
            return;
          }
          end(() => {
            resolve(arrived);
          });
        },
        (error: unknown) => {
          errors.push(error);
          if (isOver) return;
          if (errors.length === items.length) {
            end(() => {
              reject(allFailed(errors));
            });
          } else startNext();
        },
      );
      if (next < items.length) timer = setTimeout(startNext, staggerMs);
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    if (items.length === 0) {
      reject(new AppError('unreachable', 'there is no way to try'));
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    startNext();
  });
}

function allFailed(errors: readonly unknown[]): AppError {
  const [first] = errors;
  const code = first instanceof AppError ? first.code : 'failed';
  const texts = [...new Set(errors.map(describeError))];
  const shown = texts.slice(0, 3).join('; ');
  const more = texts.length > 3 ? `; and ${texts.length - 3} more` : '';
  const detail = first instanceof AppError && first.detail ? { detail: first.detail } : {};
  return new AppError(code, `${shown}${more}`, { cause: first, ...detail });
}
