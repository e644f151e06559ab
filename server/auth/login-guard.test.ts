import { describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import {
  addressWindowMs,
  lockMs,
  LoginGuard,
  maxTriesAtOnce,
  triesBeforeLock,
  triesPerAddress,
} from './login-guard.ts';

/** `kept` is what a guard before this one left. */
function setUp(kept: { text: string | null } = { text: null }) {
  let now = 1_000;
  const locks = {
    load: () => Promise.resolve(kept.text),
    save: (text: string) => {
      kept.text = text;
      return Promise.resolve();
    },
  };
  const guard = new LoginGuard({ now: () => now }, { locks });
  const wrong = (email = 'ann@x', address = '1.1.1.1') => guard.guard(email, address, () => Promise.resolve(false));
  const right = (email = 'ann@x', address = '1.1.1.1') => guard.guard(email, address, () => Promise.resolve(true));
  return { guard, wrong, right, pass: (ms: number) => (now += ms) };
}

describe('the login guard', () => {
  it('locks a name after five wrong tries, in any case of its letters and from any address, and says for how long', async () => {
    const { guard, wrong, right, pass } = setUp();
    for (let turn = 0; turn < triesBeforeLock; turn += 1) await wrong('Ann@x', `1.1.1.${turn}`);
    await expect(right()).rejects.toThrow('locked for 15 minutes after 5 wrong passwords');
    expect(guard.lockedUntil('ANN@X')).toBe(1_000 + lockMs);
    expect(await right('bob@x')).toBe(true);
    pass(lockMs);
    expect(guard.lockedUntil('ann@x')).toBeNull();
    expect(await right()).toBe(true);
  });

  it('forgets wrong tries after a right one, and after an unlock', async () => {
    const { guard, wrong, right } = setUp();
    for (let turn = 0; turn < triesBeforeLock - 1; turn += 1) await wrong();
    await right();
    for (let turn = 0; turn < triesBeforeLock; turn += 1) await wrong();
    await guard.unlock('Ann@x');
    expect(await right()).toBe(true);
  });

  it('takes the right password on the last try before the lock', async () => {
    const { wrong, right, guard } = setUp();
    for (let turn = 0; turn < triesBeforeLock - 1; turn += 1) await wrong();
    expect(await right()).toBe(true);
    expect(guard.lockedUntil('ann@x')).toBeNull();
  });

  it('slows an address down that tries many names', async () => {
    const { wrong, right, pass } = setUp();
    for (let turn = 0; turn < triesPerAddress; turn += 1) await wrong(`user${turn}@x`);
    await expect(right('ann@x')).rejects.toThrow('Too many tries from 1.1.1.1');
    expect(await right('ann@x', '2.2.2.2')).toBe(true);
    pass(addressWindowMs);
    expect(await right('ann@x')).toBe(true);
  });

  it('counts what has no name by its address alone, and locks nobody by it', async () => {
    const { guard, right } = setUp();
    const nameless = () => guard.guard(null, '1.1.1.1', () => Promise.reject(new Error('a wrong link')));
    for (let turn = 0; turn < triesPerAddress; turn += 1) await expect(nameless()).rejects.toThrow('a wrong link');
    await expect(nameless()).rejects.toThrow('Too many tries from 1.1.1.1');
    expect(await right('ann@x', '2.2.2.2')).toBe(true);
  });

  it('marks the first refusal of a lock-out, of a name and of an address', async () => {
    const { wrong, pass } = setUp();
    const refusals = async (count: number, email: string, address: string) => {
      const marks: unknown[] = [];
      for (let turn = 0; turn < count; turn += 1) {
        await wrong(email, address).catch((error: unknown) =>
          marks.push(error instanceof AppError && error.detail?.['isFirst']),
        );
      }
      return marks;
    };
    expect(await refusals(triesBeforeLock + 3, 'ann@x', '1.1.1.1')).toEqual([true, false, false]);
    pass(lockMs);
    expect(await refusals(triesBeforeLock + 2, 'ann@x', '2.2.2.2')).toEqual([true, false]);
    for (let turn = 0; turn < triesPerAddress; turn += 1) await wrong(`user${turn}@x`, '3.3.3.3');
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

  it('keeps locks over a restart, of a name and of an address, and an unlock too', async () => {
    const kept = { text: null };
    const first = setUp(kept);
    for (let turn = 0; turn < triesBeforeLock; turn += 1) await first.wrong('Ann@x', `1.1.1.${turn}`);
    for (let turn = 0; turn < triesPerAddress; turn += 1) await first.wrong(`user${turn}@x`, '9.9.9.9');
    const second = setUp(kept);
    await expect(second.right('ann@x')).rejects.toThrow('locked for 15 minutes');
    await expect(second.right('bob@x', '9.9.9.9')).rejects.toThrow('Too many tries from 9.9.9.9: wait 5 minutes');
    expect(await second.right('bob@x', '2.2.2.2')).toBe(true);
    await second.guard.unlock('ann@x');
    const third = setUp(kept);
    expect(await third.right('ann@x')).toBe(true);
    third.pass(addressWindowMs);
    expect(await third.right('bob@x', '9.9.9.9')).toBe(true);
  });
});
