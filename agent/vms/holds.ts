// Names, UUIDs and MAC addresses that launches hold on this host while they are under way, and the room that they will take.
import { AppError } from '../../contract/errors.ts';
import { maxVmHolds } from '../../contract/limits.ts';
import type { Clock } from '../mesh/clock.ts';
import type { HoldRequest } from './vm-host.ts';

/** A launch asks again before this is over, or it has died. */
export const holdMs = 120_000;

interface Hold extends Omit<HoldRequest, 'launch'> {
  until: number;
  /** Launches of it that run here: it stays as long as they do. */
  running: number;
}

export class Holds {
  private readonly clock: Pick<Clock, 'now'>;
  private readonly holds = new Map<string, Hold>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.clock = clock;
  }

  /** Holds of other launches than this one. */
  others(launch: string | null): Omit<HoldRequest, 'launch'>[] {
    this.expire();
    return [...this.holds].filter(([id]) => id !== launch).map(([, hold]) => hold);
  }

  /** @throws AppError `refused` when too many launches hold something */
  set({ launch, ...hold }: HoldRequest): void {
    this.expire();
    const known = this.holds.get(launch);
    if (!known && this.holds.size >= maxVmHolds)
      throw new AppError('refused', `${maxVmHolds} launches are under way on this host: wait for one of them`);
    this.holds.set(launch, { ...hold, until: this.clock.now() + holdMs, running: known?.running ?? 0 });
  }

  release(launch: string): void {
    this.holds.delete(launch);
  }

  /** What the launch holds here counts no more for itself: its VMs are there, or given up. Names stay held until `release`. */
  async during<T>(launch: string, run: () => Promise<T>): Promise<T> {
    const hold = this.holds.get(launch);
    if (hold) hold.running += 1;
    try {
      return await run();
    } finally {
      if (hold) {
        hold.running -= 1;
        hold.until = this.clock.now() + holdMs;
      }
    }
  }

  private expire(): void {
    const now = this.clock.now();
    for (const [launch, { until, running }] of this.holds) if (until <= now && running === 0) this.holds.delete(launch);
  }
}
