// Slows down people who guess passwords, without a way to keep the owner out. Wrong passwords are counted by account and
// address together: after five, that address waits for 15 minutes. Where the account has logged in before, this does not
// hold, so that the owner gets in while others guess; the limit of the address alone does. Many addresses that guess one
// account share one more limit, which holds for addresses that it never logged in from.
//
// A try counts when it begins, so that a burst of parallel tries gains nothing. Names that do not exist are counted like
// those that do: the answer tells nobody which is which. What waits still waits after a restart.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { addressBlock } from './address-block.ts';

const minuteMs = 60_000;
export const triesBeforeLock = 5;
export const lockMs = 15 * minuteMs;
export const triesPerAddress = 30;
export const addressWindowMs = 5 * minuteMs;
/** Of one account within `lockMs`, from all addresses that it never logged in from: ten addresses that use up their tries. */
export const triesPerAccount = 50;
/** Each try hashes for 0.1 s on a core: more at once would starve the console. */
export const maxTriesAtOnce = 4;
/** Entries kept per table; a flood of invented names pushes out the oldest. */
const maxEntries = 10_000;
/** Of them, those that are kept over a restart. */
const maxKept = 1_000;
/** Addresses of one account that it logged in from: a person has a desk, a laptop and a phone. Only a right password adds one. */
const maxKnownPerAccount = 10;
const maxKnownAccounts = 2_000;

/** Where a text lies while the console does not run. */
export interface TextStore {
  load(): Promise<string | null>;
  save(text: string): Promise<void>;
}
const Until = z.record(z.string(), z.number());
/** Until when, ms since 1970. Those of an older console have `names`, which held for every address, and are dropped. */
const KeptLocks = z.object({ pairs: Until.default({}), accounts: Until.default({}), addresses: Until.default({}) });
/** Blocks of addresses by account, the newest last. */
const Known = z.record(z.string(), z.array(z.string()).readonly());

interface Tries {
  count: number;
  readonly since: number;
  lockedUntil: number | null;
  /** The locked-out client has its first refusal: a flood of refusals is one entry of the audit log. */
  isTold: boolean;
}

/** What one try counts for. */
interface Keys {
  readonly name: string | null;
  readonly block: string;
  readonly pair: string | null;
  /** The account has logged in from there before. */
  readonly isKnown: boolean;
}

export class LoginGuard {
  private readonly now: () => number;
  private readonly byPair = new Map<string, Tries>();
  private readonly byAccount = new Map<string, Tries>();
  private readonly byAddress = new Map<string, Tries>();
  private known = new Map<string, readonly string[]>();
  private readonly stores: { readonly locks: TextStore; readonly known: TextStore };
  /** Settles when what was kept over the restart holds. */
  readonly loaded: Promise<void>;
  private running = 0;

  constructor(options: { now: () => number }, components: { locks: TextStore; known: TextStore }) {
    this.now = options.now;
    this.stores = components;
    this.loaded = this.load();
    // Each login attempt awaits it, and reports a failure.
    this.loaded.catch(() => undefined);
  }

  /**
   * Runs one try; `attempt` tells whether the password was right. Without a name only the address is counted.
   * @throws AppError `refused` with `detail.retryAfterMs`, saying until when, before anything is tried; `detail.isFirst` at
   * the first refusal of a lock-out.
   */
  async guard(email: string | null, address: string, attempt: () => Promise<boolean>): Promise<boolean> {
    await this.loaded;
    const keys = this.keysOf(email, address);
    this.assertMayTry(keys, address);
    const isFull = this.countTry(keys);
    this.running += 1;
    try {
      // Before the try: someone who can end the console gains no tries.
      if (isFull) await this.saveLocks();
      const isRight = await attempt();
      if (isRight && keys.name !== null) await this.succeed(keys, address);
      return isRight;
    } finally {
      this.running -= 1;
    }
  }

  /** Until when some address has to wait for this account, ms since 1970, or null. */
  lockedUntil(email: string): number | null {
    const name = email.toLowerCase();
    const own = [this.byAccount.get(name), ...this.pairsOf(name).map((pair) => this.byPair.get(pair))];
    const until = Math.max(...own.map((tries) => this.untilOf(tries)));
    return until > 0 ? until : null;
  }

  /** The account has logged in from there: it need not wait there for what others try. */
  async remember(email: string, address: string): Promise<void> {
    await this.loaded;
    await this.succeed(this.keysOf(email, address), address);
  }

  /** Lets every address try again. */
  async unlock(email: string): Promise<void> {
    const name = email.toLowerCase();
    const wasLocked = this.lockedUntil(email) !== null;
    for (const pair of this.pairsOf(name)) this.byPair.delete(pair);
    this.byAccount.delete(name);
    if (wasLocked) await this.saveLocks();
  }

  /** The account is gone, or its password is another one: logins from before give an address no advantage. */
  async forget(email: string): Promise<void> {
    await this.loaded;
    if (this.known.delete(email.toLowerCase())) await this.saveKnown();
  }

  private keysOf(email: string | null, address: string): Keys {
    const name = email?.toLowerCase() ?? null;
    const block = addressBlock(address) ?? address;
    const isKnown = name !== null && (this.known.get(name) ?? []).includes(block);
    return { name, block, pair: name === null ? null : `${name}\n${block}`, isKnown };
  }

  /** True: one of the limits is reached by this try. */
  private countTry({ name, block, pair, isKnown }: Keys): boolean {
    const { count } = this.count(this.byAddress, block, addressWindowMs);
    if (name === null || pair === null || isKnown) return count >= triesPerAddress;
    const here = this.count(this.byPair, pair, lockMs);
    const everywhere = this.count(this.byAccount, name, lockMs);
    if (here.count >= triesBeforeLock) here.lockedUntil = this.now() + lockMs;
    if (everywhere.count >= triesPerAccount) everywhere.lockedUntil = this.now() + lockMs;
    return count >= triesPerAddress || here.lockedUntil !== null || everywhere.lockedUntil !== null;
  }

  private async succeed({ name, block, pair, isKnown }: Keys, address: string): Promise<void> {
    if (name === null || pair === null) return;
    const everywhere = this.byAccount.get(name);
    const wasLocked = this.untilOf(this.byPair.get(pair)) > 0 || this.untilOf(everywhere) > 0;
    this.byPair.delete(pair);
    // It was counted when it began, and turned out not to be a guess.
    if (everywhere && !isKnown && everywhere.count > 0) {
      everywhere.count -= 1;
      if (everywhere.count < triesPerAccount) everywhere.lockedUntil = null;
    }
    if (wasLocked) await this.saveLocks();
    if (isKnown || addressBlock(address) === null) return;
    const blocks = [...(this.known.get(name) ?? []), block].slice(-maxKnownPerAccount);
    this.known.delete(name);
    this.known.set(name, blocks);
    if (this.known.size > maxKnownAccounts) this.known = new Map([...this.known].slice(-maxKnownAccounts));
    await this.saveKnown();
  }

  private saveKnown(): Promise<void> {
    return this.stores.known.save(JSON.stringify(Object.fromEntries(this.known) satisfies z.infer<typeof Known>));
  }

  private pairsOf(name: string): string[] {
    return [...this.byPair.keys()].filter((pair) => pair.startsWith(`${name}\n`));
  }

  /** 0: it does not wait. */
  private untilOf(tries: Tries | undefined): number {
    const until = tries?.lockedUntil ?? 0;
    return until > this.now() ? until : 0;
  }

  private async load(): Promise<void> {
    const known = await this.stores.known.load();
    if (known !== null) this.known = new Map(Object.entries(Known.parse(JSON.parse(known))));
    const text = await this.stores.locks.load();
    if (text === null) return;
    const { pairs, accounts, addresses } = KeptLocks.parse(JSON.parse(text));
    for (const [pair, until] of Object.entries(pairs)) this.byPair.set(pair, lockedAt(until, triesBeforeLock));
    for (const [name, until] of Object.entries(accounts)) this.byAccount.set(name, lockedAt(until, triesPerAccount));
    for (const [block, until] of Object.entries(addresses)) {
      this.byAddress.set(block, { ...fresh(until - addressWindowMs), count: triesPerAddress });
    }
  }

  private saveLocks(): Promise<void> {
    const newest = (entries: (readonly [string, number])[]) =>
      Object.fromEntries(entries.filter(([, until]) => until > this.now()).slice(-maxKept));
    const locked = (table: Map<string, Tries>) =>
      newest([...table].map(([key, { lockedUntil }]) => [key, lockedUntil ?? 0]));
    const full = [...this.byAddress].filter(([, { count }]) => count >= triesPerAddress);
    const addresses = newest(full.map(([block, { since }]) => [block, since + addressWindowMs]));
    const kept = { pairs: locked(this.byPair), accounts: locked(this.byAccount), addresses };
    return this.stores.locks.save(JSON.stringify(kept satisfies z.infer<typeof KeptLocks>));
  }

  private assertMayTry({ name, block, pair, isKnown }: Keys, address: string): void {
    const isLocked = (tries: Tries | undefined): tries is Tries => this.untilOf(tries) > 0;
    const here = pair === null || isKnown ? undefined : this.byPair.get(pair);
    if (isLocked(here)) {
      const waitMs = this.untilOf(here) - this.now();
      throw refusal(
        here,
        `${triesBeforeLock} wrong passwords for this account came from your address: wait ${describeMinutes(waitMs)}. ` +
          'Addresses that the account has logged in from before need not wait. ' +
          'If the password is lost, an admin sets a new one, or root runs `meshdeck admin reset` on the console’s machine.',
        waitMs,
      );
    }
    const everywhere = name === null || isKnown ? undefined : this.byAccount.get(name);
    if (isLocked(everywhere)) {
      const waitMs = this.untilOf(everywhere) - this.now();
      throw refusal(
        everywhere,
        `Many addresses tried wrong passwords for this account: wait ${describeMinutes(waitMs)}, or log in from an address ` +
          'that the account has logged in from before.',
        waitMs,
      );
    }
    const tries = this.byAddress.get(block);
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

function lockedAt(until: number, count: number): Tries {
  return { ...fresh(until - lockMs), count, lockedUntil: until };
}

/** `lockOut`: what it is refused for; null where it lasts a moment only. */
function refusal(lockOut: Tries | null, message: string, retryAfterMs: number): AppError {
  const isFirst = lockOut !== null && !lockOut.isTold;
  if (lockOut) lockOut.isTold = true;
  return new AppError('refused', message, { detail: { retryAfterMs, isFirst } });
}
