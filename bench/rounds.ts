// Rounds of a comparison: each side once per round, never two at a time, the first side changing from round to round, so
// that a machine that gets slower or faster in between is not taken for a difference of the sides.
import { setTimeout as sleep } from 'node:timers/promises';

export interface Side<T> {
  readonly name: string;
  /** Measures once, and leaves nothing running. */
  measure(round: number): Promise<T>;
}

export interface RoundsOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Called before each measurement, for progress. */
  readonly onStep?: (name: string, round: number) => void;
}

/** A B, B A, A B, … (of more sides: each round begins with the next one). Results by side, in the order of rounds. */
export async function interleave<T>(sides: readonly Side<T>[], options: RoundsOptions): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(sides.map((side) => [side.name, []]));
  for (let round = 0; round < options.rounds; round++) {
    const shift = round % Math.max(1, sides.length);
    for (const side of [...sides.slice(shift), ...sides.slice(0, shift)]) {
      options.signal.throwIfAborted();
      options.onStep?.(side.name, round + 1);
      results.get(side.name)?.push(await side.measure(round));
    }
  }
  return results;
}

/** Runs `task` over all items, at most `parallel` at a time; the first failure ends it. */
export async function forEachParallel<T>(
  items: readonly T[],
  parallel: number,
  task: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      // The bound above says that it is there.
      await task(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
}

/** Waits for `promise`, at most `timeoutMs`; `describe` says what was still missing then. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, describe: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${describe()}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits so long, or until `signal` says that the run is to stop; never rejects. */
export async function untilStopped(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}
