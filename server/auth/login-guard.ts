// Slows down whoever guesses passwords: an account is locked after five wrong ones, an address may try 30 times in five
// minutes. A try counts when it begins, so that a burst of parallel tries gains nothing. Names that do not exist are
// counted like those that do: the answer tells nobody which is which. What is locked stays locked over a restart.
import { z } from 'zod';
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
/** Of them, those that are kept over a restart. */
const maxKept = 1_000;

/** Where locks lie while the console does not run. */
export interface LockStore {
  load(): Promise<string | null>;
  save(text: string): Promise<void>;
}
/** Until when, ms since 1970, by name and by address. */
const KeptLocks = z.object({ names: z.record(z.string(), z.number()), addresses: z.record(z.string(), z.number()) });

interface Tries {
  count: number;
  readonly since: number;
  lockedUntil: number | null;
  /** Whoever is locked out by it was told: a flood of refusals is one entry of the audit log. */
  isTold: boolean;
}

export class LoginGuard {
  private readonly now: () => number;
  private readonly byName = new Map<string, Tries>();
  private readonly byAddress = new Map<string, Tries>();
  private readonly locks: LockStore;
  /** Settles when the locks of before the restart hold. */
  readonly loaded: Promise<void>;
  private running = 0;

  constructor(options: { now: () => number }, components: { locks: LockStore }) {
    this.now = options.now;
    this.locks = components.locks;
    this.loaded = this.load();
    // Whoever tries to log in hears of it.
    this.loaded.catch(() => undefined);
  }

  /**
   * Runs one try; `attempt` tells whether the password was right. Without a name only the address is counted.
   * @throws AppError `refused` with `detail.retryAfterMs`, saying until when, before anything is tried; `detail.isFirst` at
   * the first refusal of a lock-out.
   */
  async guard(email: string | null, address: string, attempt: () => Promise<boolean>): Promise<boolean> {
    await this.loaded;
    const name = email?.toLowerCase() ?? null;
    this.assertMayTry(name, address);
    const tries = name === null ? null : this.count(this.byName, name, lockMs);
    const { count: fromAddress } = this.count(this.byAddress, address, addressWindowMs);
    if (tries && tries.count >= triesBeforeLock) tries.lockedUntil = this.now() + lockMs;
    this.running += 1;
    try {
      // Before the try: whoever can end the console gains none.
      if ((tries && tries.lockedUntil !== null) || fromAddress >= triesPerAddress) await this.save();
      const isRight = await attempt();
      if (isRight && name !== null) await this.unlock(name);
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

  async unlock(email: string): Promise<void> {
    const wasLocked = this.lockedUntil(email) !== null;
    this.byName.delete(email.toLowerCase());
    if (wasLocked) await this.save();
  }

  private async load(): Promise<void> {
    const text = await this.locks.load();
    if (text === null) return;
    const { names, addresses } = KeptLocks.parse(JSON.parse(text));
    for (const [name, until] of Object.entries(names)) {
      this.byName.set(name, { ...fresh(until - lockMs), count: triesBeforeLock, lockedUntil: until });
    }
    for (const [address, until] of Object.entries(addresses)) {
      this.byAddress.set(address, { ...fresh(until - addressWindowMs), count: triesPerAddress });
    }
  }

  private save(): Promise<void> {
    const newest = (entries: (readonly [string, number])[]) =>
      Object.fromEntries(entries.filter(([, until]) => until > this.now()).slice(-maxKept));
    const names = newest([...this.byName].map(([name, { lockedUntil }]) => [name, lockedUntil ?? 0]));
    const full = [...this.byAddress].filter(([, { count }]) => count >= triesPerAddress);
    const addresses = newest(full.map(([address, { since }]) => [address, since + addressWindowMs]));
    return this.locks.save(JSON.stringify({ names, addresses } satisfies z.infer<typeof KeptLocks>));
  }

  private assertMayTry(name: string | null, address: string): void {
    const locked = name === null ? undefined : this.byName.get(name);
    const lockedUntil = name === null ? null : this.lockedUntil(name);
    if (locked && lockedUntil !== null) {
      throw refusal(
        locked,
        `This account is locked for ${describeMinutes(lockedUntil - this.now())} after ${triesBeforeLock} wrong passwords. ` +
          'Wait, or run `meshdeck admin reset` as root on the console’s machine.',
        lockedUntil - this.now(),
      );
    }
    const tries = this.byAddress.get(address);
    const waitMs = tries ? tries.since + addressWindowMs - this.now() : 0;
    if (tries && waitMs > 0 && tries.count >= triesPerAddress) {
      throw refusal(tries, `Too many tries from ${address}: wait ${describeMinutes(waitMs)}.`, waitMs);
    }
    if (this.running >= maxTriesAtOnce) throw refusal(null, 'Too many logins at once: try again in a moment.', 1_000);
  }

  private count(table: Map<string, Tries>, key: string, windowMs: number): Tries {
    const found = table.get(key);
    const isOver = !found || found.since + windowMs <= this.now() || (found.lockedUntil ?? Infinity) <= this.now();
    const tries = isOver ? fresh(this.now()) : found;
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

function fresh(since: number): Tries {
  return { count: 0, since, lockedUntil: null, isTold: false };
}

/** `lockOut`: what it is refused for; null where it lasts a moment only. */
function refusal(lockOut: Tries | null, message: string, retryAfterMs: number): AppError {
  const isFirst = lockOut !== null && !lockOut.isTold;
  if (lockOut) lockOut.isTold = true;
  return new AppError('refused', message, { detail: { retryAfterMs, isFirst } });
}
