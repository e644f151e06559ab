// What is wrong with the ports of VMs, since when, how often it was repaired, and what is repaired next. Knows no machine and no clock.
//
// A subject is repaired at most `repairsAtMost` times within `repairMemoryMs`. After that somebody else wants it otherwise: it stays
// as it is and stays shown, until a command names it again, or until something changes after that time.
import type { FaultReason, Found } from './found.ts';

const repairsAtMost = 3;
const repairMemoryMs = 600_000;
/** From one repair of a subject to the next. */
const repairDelaysMs = [0, 1_000, 3_000];

export interface Fault {
  /** A tap, a trunk or a bridge; empty for all of them. */
  readonly subject: string;
  readonly reason: FaultReason;
  /** What is different, as far as the reason does not say it. */
  readonly detail: string;
  /** Monotonic ms: since when it is known. */
  readonly sinceMs: number;
  readonly repairs: number;
  /** Nothing repairs it from here, or no longer. */
  readonly isLeftAlone: boolean;
}

/** What `show` altered, for the log. */
export interface FaultNews {
  readonly began: readonly Found[];
  readonly repaired: readonly Fault[];
  /** Over without a repair of ours. */
  readonly passed: readonly Fault[];
  readonly leftAlone: readonly Fault[];
}

export class FaultBook {
  private readonly faults = new Map<string, Fault>();
  /** When a subject was repaired. */
  private readonly repairs = new Map<string, number[]>();

  get all(): Fault[] {
    return [...this.faults.values()];
  }

  /** What is repaired now, which counts from here on, and when the next one is due; null for never. */
  take(found: readonly Found[], now: number): { readonly due: Found[]; readonly nextMs: number | null } {
    const subjects = new Map<string, Found[]>();
    for (const fault of found)
      if (fault.change !== null) subjects.set(fault.subject, [...(subjects.get(fault.subject) ?? []), fault]);
    const due: Found[] = [];
    const later: number[] = [];
    for (const [subject, own] of subjects) {
      const times = (this.repairs.get(subject) ?? []).filter((at) => now - at < repairMemoryMs);
      this.repairs.set(subject, times);
      if (times.length >= repairsAtMost) continue;
      const readyAt = (times.at(-1) ?? -Infinity) + (repairDelaysMs[times.length] ?? 0);
      if (readyAt > now) later.push(readyAt - now);
      else {
        times.push(now);
        due.push(...own);
      }
    }
    return { due, nextMs: later.length > 0 ? Math.min(...later) : null };
  }

  /** From now on these are the faults that exist; `due` of them are being repaired. */
  show(found: readonly Found[], due: readonly Found[], now: number): FaultNews {
    const began: Found[] = [];
    const leftAlone: Fault[] = [];
    const keys = new Set<string>();
    for (const each of found) {
      const { subject, reason, detail, change } = each;
      const key = `${reason} ${subject}`;
      keys.add(key);
      const known = this.faults.get(key);
      const repairs = this.repairs.get(subject)?.length ?? 0;
      const isLeftAlone = change === null || (repairs >= repairsAtMost && !due.includes(each));
      const fault = { subject, reason, detail, sinceMs: known?.sinceMs ?? now, repairs, isLeftAlone };
      this.faults.set(key, fault);
      if (!known) began.push(each);
      if (isLeftAlone && change !== null && !(known?.isLeftAlone ?? false)) leftAlone.push(fault);
    }
    const over = [...this.faults].filter(([key]) => !keys.has(key));
    for (const [key] of over) this.faults.delete(key);
    const gone = over.map(([, fault]) => fault);
    return {
      began,
      repaired: gone.filter(({ repairs }) => repairs > 0),
      passed: gone.filter(({ repairs }) => repairs === 0),
      leftAlone,
    };
  }

  /** A repair that could not even be tried does not count. */
  takeBack(subject: string): void {
    this.repairs.get(subject)?.pop();
  }

  /** As `forget`, of all. */
  forgetAll(): void {
    this.repairs.clear();
  }

  /** A command named it: what was before does not count. */
  forget(subject: string): void {
    this.repairs.delete(subject);
  }
}
