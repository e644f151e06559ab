// A clock that moves only when a test moves it: tests and simulations run minutes of mesh time in a moment.
import type { Clock, Timer } from './clock.ts';

interface Entry {
  at: number;
  order: number;
  run: (() => void) | null;
}

export class VirtualClock implements Clock {
  private time = 1_000;
  private orders = 0;
  /** A binary heap by (at, order). */
  private readonly heap: Entry[] = [];

  now(): number {
    return this.time;
  }

  wallNow(): number {
    return 1_700_000_000_000 + Math.floor(this.time);
  }

  after(delayMs: number, run: () => void): Timer {
    this.orders += 1;
    const entry: Entry = { at: this.time + Math.max(0, delayMs), order: this.orders, run };
    this.push(entry);
    return {
      cancel: () => {
        entry.run = null;
      },
    };
  }

  /** Runs all that is due within `ms`, in order; promises settle in between every `turnMs` of virtual time. */
  async advance(ms: number, turnMs = 100): Promise<void> {
    const end = this.time + ms;
    while (this.time < end) {
      this.runUntil(Math.min(end, this.time + turnMs));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Moves time on until `isDone`, at most `maxMs`; returns the milliseconds it took, or null. */
  async advanceUntil(isDone: () => boolean, maxMs: number, stepMs = 50): Promise<number | null> {
    const start = this.time;
    while (!isDone()) {
      if (this.time - start >= maxMs) return null;
      await this.advance(stepMs, stepMs);
    }
    return this.time - start;
  }

  private runUntil(end: number): void {
    for (let next = this.heap[0]; next && next.at <= end; next = this.heap[0]) {
      this.pop();
      this.time = Math.max(this.time, next.at);
      next.run?.();
    }
    this.time = end;
  }

  private isBefore(a: Entry, b: Entry): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent];
      if (!other || !this.isBefore(entry, other)) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const left = heap[child];
      const right = heap[child + 1];
      if (!left) break;
      if (right && this.isBefore(right, left)) child += 1;
      const smaller = heap[child];
      if (!smaller || !this.isBefore(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}
