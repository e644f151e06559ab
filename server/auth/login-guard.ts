// Slows down whoever guesses passwords: an account is locked after five wrong ones, an address may try 30 times in five
// minutes. A try counts when it begins, so that a burst of parallel tries gains nothing. Names that do not exist are
// counted like those that do: the answer tells nobody which is which.
import { AppError } from '../../contract/errors.ts';

const minuteMs = 60_000;
export const triesBeforeLock = 5;
export const lockMs = 15 * minuteMs;
export const triesPerAddress = 30;
export const addressWindowMs = 5 * minuteMs;
/** Each try hashes for 0.1 s on a core: more at once would starve the console. */
export const maxTriesAtOnce = 4;
/** Entries kept per table; a flood of invented names pushes out the oldest. */
const maxEntries = 10_000;

interface Tries {
  count: number;
  readonly since: number;
  lockedUntil: number | null;
}

export class LoginGuard {
  private readonly now: () => number;
  private readonly byName = new Map<string, Tries>();
  private readonly byAddress = new Map<string, Tries>();
  private running = 0;

  constructor(options: { now: () => number }) {
    this.now = options.now;
  }

  /**
   * Runs one try; `attempt` tells whether the password was right.
   * @throws AppError `refused` with `detail.retryAfterMs`, saying until when, before anything is tried.
   */
  async guard(email: string, address: string, attempt: () => Promise<boolean>): Promise<boolean> {
    const name = email.toLowerCase();
    this.assertMayTry(name, address);
    const tries = this.count(this.byName, name, lockMs);
    this.count(this.byAddress, address, addressWindowMs);
    if (tries.count >= triesBeforeLock) tries.lockedUntil = this.now() + lockMs;
    this.running += 1;
    try {
      const isRight = await attempt();
      if (isRight) this.byName.delete(name);
      return isRight;
    } finally {
      this.running -= 1;
    }
  }

  /** ms since 1970, or null. */
  lockedUntil(email: string): number | null {
    const until = this.byName.get(email.toLowerCase())?.lockedUntil ?? null;
    return until !== null && until > this.now() ? until : null;
  }

  unlock(email: string): void {
    this.byName.delete(email.toLowerCase());
  }

  private assertMayTry(name: string, address: string): void {
    const lockedUntil = this.lockedUntil(name);
    if (lockedUntil !== null) {
      throw refusal(
        `This account is locked for ${describeMinutes(lockedUntil - this.now())} after ${triesBeforeLock} wrong passwords. ` +
          'Wait, or run `meshdeck admin reset` as root on the console’s machine.',
        lockedUntil - this.now(),
      );
    }
    const tries = this.byAddress.get(address);
    const waitMs = tries ? tries.since + addressWindowMs - this.now() : 0;
    if (tries && waitMs > 0 && tries.count >= triesPerAddress) {
      throw refusal(`Too many tries from ${address}: wait ${describeMinutes(waitMs)}.`, waitMs);
    }
    if (this.running >= maxTriesAtOnce) throw refusal('Too many logins at once: try again in a moment.', 1_000);
  }

  private count(table: Map<string, Tries>, key: string, windowMs: number): Tries {
    const found = table.get(key);
    const isOver = !found || found.since + windowMs <= this.now() || (found.lockedUntil ?? Infinity) <= this.now();
    const tries = isOver ? { count: 0, since: this.now(), lockedUntil: null } : found;
    tries.count += 1;
    table.delete(key);
    table.set(key, tries);
    const oldest = table.size > maxEntries ? table.keys().next().value : undefined;
    if (oldest !== undefined) table.delete(oldest);
    return tries;
  }
}

function describeMinutes(durationMs: number): string {
  const minutes = Math.ceil(durationMs / minuteMs);
  return minutes <= 1 ? 'a minute' : `${minutes} minutes`;
}

function refusal(message: string, retryAfterMs: number): AppError {
  return new AppError('refused', message, { detail: { retryAfterMs } });
}
