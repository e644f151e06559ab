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
