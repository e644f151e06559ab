import { describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import {
  addressWindowMs,
  lockMs,
  LoginGuard,
  maxTriesAtOnce,
  triesBeforeLock,
  triesPerAccount,
  triesPerAddress,
} from './login-guard.ts';

type KeptTexts = Record<'locks' | 'known', string | null>;

/** `kept` is what a guard before this one left. */
function setUp(kept: KeptTexts = { locks: null, known: null }) {
  let now = 1_000;
  const textOf = (name: keyof KeptTexts) => ({
    load: () => Promise.resolve(kept[name]),
    save: (text: string) => {
      kept[name] = text;
      return Promise.resolve();
    },
  });
  const guard = new LoginGuard({ now: () => now }, { locks: textOf('locks'), known: textOf('known') });
  const wrong = (email = 'ann@x', address = '1.1.1.1') => guard.guard(email, address, () => Promise.resolve(false));
  const right = (email = 'ann@x', address = '1.1.1.1') => guard.guard(email, address, () => Promise.resolve(true));
  const times = async (count: number, act: (turn: number) => Promise<unknown>) => {
    for (let turn = 0; turn < count; turn += 1) await act(turn);
  };
  return { guard, wrong, right, times, pass: (ms: number) => (now += ms) };
}

describe('the login guard', () => {
  it('has an address wait after five wrong tries for a name, in any case of its letters, and no other address', async () => {
    const { guard, wrong, right, times, pass } = setUp();
    await times(triesBeforeLock, () => wrong('Ann@x'));
    await expect(right()).rejects.toThrow('wait 15 minutes');
    expect(guard.lockedUntil('ANN@X')).toBe(1_000 + lockMs);
    expect(await right('bob@x')).toBe(true);
    expect(await right('ann@x', '2.2.2.2')).toBe(true);
    pass(lockMs);
    expect(guard.lockedUntil('ann@x')).toBeNull();
    expect(await right()).toBe(true);
  });

  it('lets an account in where it was before, while others guess it again and again', async () => {
    const { wrong, right, times, pass } = setUp();
    await right('ann@x', '10.0.0.7');
    await right('ann@x', '2001:db8:1:2::a');
    for (let round = 0; round < 3; round += 1) {
      await times(triesPerAccount, (turn) => wrong('ann@x', `1.1.${round}.${turn}`));
      await expect(right('ann@x', '9.9.9.9')).rejects.toThrow(
        /Many addresses .* wait 15 minutes, or log in from an address/,
      );
      expect(await right('ann@x', '10.0.0.7')).toBe(true);
      expect(await right('ann@x', '2001:db8:1:2:ffff::b'), 'the same /64').toBe(true);
      await expect(right('ann@x', '2001:db8:1:3::a'), 'another /64').rejects.toThrow(/Many addresses/);
      pass(lockMs);
    }
  });

  it('counts an IPv6 network of 64 bits as one address', async () => {
    const { wrong, right, times } = setUp();
    await times(triesBeforeLock, (turn) => wrong('ann@x', `2001:db8:0:1::${turn}`));
    await expect(right('ann@x', '2001:db8:0:1:ffff::1')).rejects.toThrow('wait 15 minutes');
    expect(await right('ann@x', '2001:db8:0:2::1')).toBe(true);
  });

  it('holds one who guesses where the account was before to the limit of the address', async () => {
    const { wrong, right, times } = setUp();
    await right();
    await times(triesPerAddress - 1, () => wrong());
    await expect(right()).rejects.toThrow('Too many tries from 1.1.1.1');
    expect(await right('ann@x', '2.2.2.2')).toBe(true);
  });

  it('forgets wrong tries after an unlock, from every address', async () => {
    const { guard, wrong, right, times } = setUp();
    await times(triesBeforeLock, () => wrong());
    await times(triesBeforeLock, () => wrong('ann@x', '2.2.2.2'));
    await guard.unlock('Ann@x');
    expect([await right(), await right('ann@x', '2.2.2.2')]).toEqual([true, true]);
    expect(guard.lockedUntil('ann@x')).toBeNull();
  });

  it('takes the right password on the last try before the lock', async () => {
    const { wrong, right, times, guard } = setUp();
    await times(triesBeforeLock - 1, () => wrong());
    expect(await right()).toBe(true);
    expect(guard.lockedUntil('ann@x')).toBeNull();
  });

  it('slows an address down that tries many names', async () => {
    const { wrong, right, times, pass } = setUp();
    await times(triesPerAddress, (turn) => wrong(`user${turn}@x`));
    await expect(right('ann@x')).rejects.toThrow('Too many tries from 1.1.1.1');
    expect(await right('ann@x', '2.2.2.2')).toBe(true);
    pass(addressWindowMs);
    expect(await right('ann@x')).toBe(true);
  });

  it('counts what has no name by its address alone, and locks nobody by it', async () => {
    const { guard, right, times } = setUp();
    const nameless = () => guard.guard(null, '1.1.1.1', () => Promise.reject(new Error('a wrong link')));
    await times(triesPerAddress, () => expect(nameless()).rejects.toThrow('a wrong link'));
    await expect(nameless()).rejects.toThrow('Too many tries from 1.1.1.1');
    expect(await right('ann@x', '2.2.2.2')).toBe(true);
  });

  it('marks the first refusal of a lock-out, of a name and of an address', async () => {
    const { wrong, times, pass } = setUp();
    const refusals = async (count: number, email: string, address: string) => {
      const marks: unknown[] = [];
      await times(count, () =>
        wrong(email, address).catch((error: unknown) =>
          marks.push(error instanceof AppError && error.detail?.['isFirst']),
        ),
      );
      return marks;
    };
    expect(await refusals(triesBeforeLock + 3, 'ann@x', '1.1.1.1')).toEqual([true, false, false]);
    pass(lockMs);
    expect(await refusals(triesBeforeLock + 2, 'ann@x', '2.2.2.2')).toEqual([true, false]);
    await times(triesPerAddress, (turn) => wrong(`user${turn}@x`, '3.3.3.3'));
    expect(await refusals(2, 'bob@x', '3.3.3.3')).toEqual([true, false]);
  });

  it('counts tries when they begin: a burst gains nothing', async () => {
    const { guard } = setUp();
    await guard.loaded;
    const waiting: (() => void)[] = [];
    const tries = Array.from({ length: maxTriesAtOnce + 2 }, () =>
      guard.guard('ann@x', '1.1.1.1', () => new Promise((resolve) => waiting.push(() => resolve(false)))),
    );
    await expect(tries.at(-1)).rejects.toThrow('Too many logins at once');
    await expect(tries.at(-2)).rejects.toThrow('Too many logins at once');
    waiting.forEach((act) => act());
    await Promise.all(tries.slice(0, maxTriesAtOnce));
    expect(waiting).toHaveLength(maxTriesAtOnce);
  });

  it('keeps over a restart who has to wait, who need not, and an unlock', async () => {
    const kept: KeptTexts = { locks: null, known: null };
    const first = setUp(kept);
    await first.right('cid@x', '10.0.0.7');
    await first.times(triesBeforeLock, () => first.wrong('Ann@x'));
    await first.times(triesPerAccount, (turn) => first.wrong('cid@x', `1.1.2.${turn}`));
    await first.times(triesPerAddress, (turn) => first.wrong(`user${turn}@x`, '9.9.9.9'));
    const second = setUp(kept);
    await expect(second.right('ann@x')).rejects.toThrow('wait 15 minutes');
    await expect(second.right('cid@x', '7.7.7.7')).rejects.toThrow('Many addresses');
    expect(await second.right('cid@x', '10.0.0.7')).toBe(true);
    await expect(second.right('bob@x', '9.9.9.9')).rejects.toThrow('Too many tries from 9.9.9.9: wait 5 minutes');
    expect(await second.right('bob@x', '2.2.2.2')).toBe(true);
    await second.guard.unlock('ann@x');
    const third = setUp(kept);
    expect(await third.right('ann@x')).toBe(true);
    third.pass(addressWindowMs);
    expect(await third.right('bob@x', '9.9.9.9')).toBe(true);
  });

  it('starts with what an older console left', async () => {
    const kept = {
      locks: JSON.stringify({ names: { 'ann@x': 9e12 }, addresses: { '9.9.9.9': 200_000 } }),
      known: null,
    };
    const { right } = setUp(kept);
    expect(await right()).toBe(true);
    await expect(right('ann@x', '9.9.9.9')).rejects.toThrow('Too many tries');
  });

  it('stays small under a flood of names and addresses', async () => {
    const kept: KeptTexts = { locks: null, known: null };
    const { wrong, right, times, guard } = setUp(kept);
    await right('ann@x', '10.0.0.7');
    await times(20_000, (turn) => wrong(`user${turn}@x`, `10.${turn % 250}.${Math.floor(turn / 250)}.1`));
    const sizes = ['byPair', 'byAccount', 'byAddress'].map(
      (name) => (guard as unknown as Record<string, Map<string, unknown>>)[name]?.size,
    );
    expect(sizes).toEqual([10_000, 10_000, 10_000]);
    expect((kept.known ?? '').length).toBeLessThan(100);
    expect(await right('ann@x', '10.0.0.7')).toBe(true);
  });
});
