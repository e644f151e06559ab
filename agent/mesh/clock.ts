// Time as the mesh sees it: passed in, so that tests run hours of it in a moment.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970; only for incarnations, which must grow over restarts. */
  wallNow(): number;
  after(delayMs: number, run: () => void): Timer;
}

/**
 * Like `after`, for deadlines on others: in two steps, so that a process that was itself held up reads what came meanwhile
 * before it judges. (Node runs due timers before it reads sockets.)
 */
export function deadline(clock: Pick<Clock, 'after'>, delayMs: number, run: () => void): Timer {
  let timer = clock.after(delayMs * 0.8, () => {
    timer = clock.after(delayMs * 0.2, run);
  });
  return {
    cancel: () => {
      timer.cancel();
    },
  };
}

export function createSystemClock(): Clock {
  return {
    now: () => performance.now(),
    wallNow: () => Date.now(),
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return {
        cancel: () => {
          clearTimeout(timer);
        },
      };
    },
  };
}
