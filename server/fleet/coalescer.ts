// Lets a burst of changes through as a few: the first at once, the rest at most once per period.

export class Coalescer {
  private readonly periodMs: number;
  private readonly run: () => void;
  private lastAt = -Infinity;
  private timer: NodeJS.Timeout | null = null;

  constructor(options: { periodMs: number }, components: { run: () => void }) {
    this.periodMs = options.periodMs;
    this.run = components.run;
  }

  /** Something changed: `run` is called soon, never before this returns. */
  trigger(): void {
    if (this.timer) return;
    const waitMs = Math.max(0, this.lastAt + this.periodMs - performance.now());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.lastAt = performance.now();
      this.run();
    }, waitMs);
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
