// What authentication must do on any store: run on memory and on SQLite, since better-auth speaks to each through another
// adapter, and updates through one of them once changed nothing without a word.
import { expect, it } from 'vitest';
import { maxTokensPerHour, maxTokensPerUser } from '../../contract/limits.ts';
import { silentLog } from '../parts-for-tests.ts';
import type { ConsoleStore } from '../store/types.ts';
import { createAuth } from './auth.ts';
import { triesBeforeLock } from './login-guard.ts';
import { setupLinkLifeMs } from './setup-link.ts';

const client = { address: '192.0.2.1', agent: 'test' };
const password = 'correct horse battery';
const ann = { name: 'Ann', email: 'ann@example.org', password, role: 'operator' } as const;
const root = { name: 'Root', email: 'root@example.org', password, role: 'admin' } as const;
const dayMs = 24 * 3_600_000;

export function describeAuth(openStore: () => Promise<ConsoleStore>): void {
  const setUp = async () => {
    let offsetMs = 0;
    const store = await openStore();
    const auth = createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => Date.now() + offsetMs }, { store });
    const ended: string[][] = [];
    auth.onEnded((ids) => ended.push(ids));
    const logIn = async (email: string = ann.email, given = password) => {
      const cookies = await auth.logIn(email, given, client);
      const cookie = cookies?.map((line) => line.split(';')[0]).join('; ');
      const credential = await auth.credentialOfCookie(cookie);
      return { cookies, cookie, credential };
    };
    return { auth, store, ended, logIn, pass: (ms: number) => (offsetMs += ms) };
  };

  it.each(['root@node1', 'admin@localhost', 'ops@10.0.0.5'])('lets a user log in as %s', async (email) => {
    const { auth, logIn } = await setUp();
    expect(await auth.createUser({ ...ann, email })).toMatchObject({ email });
    expect(await auth.logIn(email, 'wrong', client)).toBeNull();
    expect((await logIn(email.toUpperCase())).credential).not.toBeNull();
  });

  it('logs in with the right password only, into an httpOnly cookie', async () => {
    const { auth, logIn } = await setUp();
    const user = await auth.createUser(ann);
    expect(await auth.logIn(ann.email, 'wrong', client)).toBeNull();
    expect(await auth.logIn('nobody@example.org', password, client)).toBeNull();
    const { cookies, credential } = await logIn('ANN@example.org');
    expect(cookies).toContainEqual(expect.stringMatching(/^meshdeck\.session_token=.*HttpOnly.*SameSite=Lax/i));
    expect(credential).not.toBeNull();
    expect(await auth.callerOf(credential!)).toEqual({
      userId: user.id,
      name: 'Ann <ann@example.org>',
      role: 'operator',
    });
    expect(await auth.sessions(user.id)).toMatchObject([{ address: '192.0.2.1', agent: 'test' }]);
  });

  it('takes no cookie that it did not sign', async () => {
    const { auth, logIn } = await setUp();
    await auth.createUser(ann);
    const { cookie = '' } = await logIn();
    expect(await auth.credentialOfCookie(cookie.replace(/.%3D/, 'A%3D').replace('token=', 'token=a'))).toBeNull();
    expect(await auth.credentialOfCookie(undefined)).toBeNull();
    expect(await auth.credentialOfCookie('meshdeck.session_token=x')).toBeNull();
  });

  it('has an address wait after five wrong passwords, and an admin link ends that', async () => {
    const { auth, logIn } = await setUp();
    await auth.createUser(ann);
    for (let turn = 0; turn < triesBeforeLock; turn += 1) expect((await logIn(ann.email, 'wrong')).cookies).toBeNull();
    await expect(logIn()).rejects.toThrow(/wait 15 minutes/);
    expect((await auth.users())[0]!.lockedUntil).toBeGreaterThan(Date.now());
    const token = await auth.createSetupToken();
    await auth.setUp({ token, name: 'Ann', email: ann.email, password: 'another long one' }, client);
    expect((await logIn(ann.email, 'another long one')).cookies).not.toBeNull();
    expect((await auth.users())[0]).toMatchObject({ role: 'admin', lockedUntil: null });
  });

  it('makes the first admin by a link that works once', async () => {
    const { auth } = await setUp();
    expect(await auth.hasAdmin()).toBe(false);
    const token = await auth.createSetupToken();
    const request = { token, name: 'Root', email: root.email, password };
    await expect(auth.setUp({ ...request, token: 'wrong' }, client)).rejects.toThrow(/used already/);
    const { cookies } = await auth.setUp(request, client);
    expect(cookies.length).toBeGreaterThan(0);
    expect(await auth.hasAdmin()).toBe(true);
    await expect(auth.setUp({ ...request, email: 'eve@example.org' }, client)).rejects.toThrow(/used already/);
    expect(await auth.users()).toHaveLength(1);
  });

  it('refuses an expired or replaced set-up link', async () => {
    const { auth, pass } = await setUp();
    const old = await auth.createSetupToken();
    const token = await auth.createSetupToken();
    const request = { name: 'Root', email: root.email, password };
    await expect(auth.setUp({ ...request, token: old }, client)).rejects.toThrow(/used already/);
    pass(setupLinkLifeMs);
    await expect(auth.setUp({ ...request, token }, client)).rejects.toThrow(/older than an hour/);
    expect(await auth.users()).toEqual([]);
  });

  it('ends sessions: one at logout, the others on request, all after a week', async () => {
    const { auth, logIn, ended, pass } = await setUp();
    const user = await auth.createUser(ann);
    const [first, second, third] = [await logIn(), await logIn(), await logIn()];
    await auth.logOut(first.cookie);
    expect(await auth.callerOf(first.credential!)).toBeNull();
    await auth.revokeOthers(user.id, second.credential!.id);
    expect(await auth.callerOf(third.credential!)).toBeNull();
    expect(ended).toEqual([[first.credential!.id], [third.credential!.id]]);
    expect(await auth.sessions(user.id)).toMatchObject([{ id: second.credential!.id }]);
    pass(7 * dayMs + 1);
    expect(await auth.callerOf(second.credential!)).toBeNull();
  });

  it('changes a role from the next call on, and never leaves the console without an admin', async () => {
    const { auth, logIn } = await setUp();
    const boss = await auth.createUser(root);
    const user = await auth.createUser(ann);
    const { credential } = await logIn();
    expect(await auth.setRole(user.id, 'viewer')).toMatchObject({ role: 'viewer' });
    expect(await auth.callerOf(credential!)).toMatchObject({ role: 'viewer' });
    await expect(auth.setRole(boss.id, 'viewer')).rejects.toThrow(/only admin/);
    await expect(auth.removeUser(boss.id)).rejects.toThrow(/only admin/);
    await auth.setRole(user.id, 'admin');
    await auth.removeUser(boss.id);
    expect((await auth.users()).map(({ email }) => email)).toEqual([ann.email]);
  });

  it('keeps one of two admins who take the role from each other at once, and makes no user twice', async () => {
    const { auth } = await setUp();
    const [one, other] = [await auth.createUser(root), await auth.createUser({ ...ann, role: 'admin' })];
    const ended = await Promise.allSettled([auth.setRole(one.id, 'viewer'), auth.removeUser(other.id)]);
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await auth.hasAdmin()).toBe(true);
    const bob = { ...ann, email: 'bob@example.org' };
    const made = await Promise.allSettled([auth.createUser(bob), auth.createUser(bob)]);
    expect(made).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'conflict' } }]);
  });

  it('changes a password with the present one only, ends the other sessions, and slows down who guesses', async () => {
    const { auth, logIn, ended } = await setUp();
    const user = await auth.createUser(ann);
    const [here, there] = [await logIn(), await logIn()];
    const change = (old: string, next: string) =>
      auth.changePassword(user.id, { old, password: next }, here.credential!.id);
    await expect(change('wrong', 'another long one')).rejects.toMatchObject({
      code: 'refused',
      detail: { field: 'old' },
    });
    expect(await auth.callerOf(there.credential!)).not.toBeNull();
    await change(password, 'another long one');
    expect(ended).toEqual([[there.credential!.id]]);
    expect(await auth.callerOf(here.credential!)).not.toBeNull();
    expect(await auth.callerOf(there.credential!)).toBeNull();
    expect((await logIn()).cookies).toBeNull();
    expect((await logIn(ann.email, 'another long one')).cookies).not.toBeNull();
    for (let turn = 0; turn < triesBeforeLock; turn += 1)
      await change('wrong', 'a third long one').catch(() => undefined);
    await expect(change('another long one', 'a third long one')).rejects.toThrow(/wait 15 minutes/);
    // Guesses in a session keep nobody from logging in.
    expect((await logIn(ann.email, 'another long one')).cookies).not.toBeNull();
  });

  it('gives a user a new password with the role that it has, ends its sessions and tokens, and unlocks it', async () => {
    const { auth, logIn } = await setUp();
    const user = await auth.createUser(ann);
    const { credential } = await logIn();
    const held = await auth.credentialOfToken((await auth.createToken(user.id, 'laptop')).token);
    for (let turn = 0; turn < triesBeforeLock; turn += 1) await logIn(ann.email, 'wrong');
    await auth.setPassword(user.id, 'another long one');
    expect(await auth.callerOf(credential!)).toBeNull();
    expect(await auth.callerOf(held!)).toBeNull();
    const { credential: next } = await logIn(ann.email, 'another long one');
    expect(await auth.callerOf(next!)).toMatchObject({ role: 'operator' });
    await expect(auth.setPassword('nobody', 'another long one')).rejects.toThrow(/gone/);
  });

  it('removes a user with sessions and tokens', async () => {
    const { auth, logIn, ended } = await setUp();
    await auth.createUser(root);
    const user = await auth.createUser(ann);
    const { credential } = await logIn();
    const { id, token } = await auth.createToken(user.id, 'laptop');
    const held = await auth.credentialOfToken(token);
    await auth.removeUser(user.id);
    expect(await auth.callerOf(credential!)).toBeNull();
    expect(await auth.callerOf(held!)).toBeNull();
    expect(ended.flat().sort()).toEqual([credential!.id, id].sort());
    expect((await logIn()).cookies).toBeNull();
    await expect(auth.setRole(user.id, 'admin')).rejects.toThrow(/gone/);
  });

  it.each(['a new password by an admin', 'a one-time link', 'removal'])(
    'forgets after %s where the account logged in: who guesses there waits like everyone',
    async (act) => {
      const { auth, logIn } = await setUp();
      await auth.createUser(root);
      const user = await auth.createUser(ann);
      await logIn();
      for (let turn = 0; turn <= triesBeforeLock; turn += 1) {
        expect((await logIn(ann.email, 'wrong')).cookies, 'it may try on there').toBeNull();
      }
      if (act === 'removal') {
        await auth.removeUser(user.id);
        await auth.createUser(ann);
      } else if (act === 'a one-time link') {
        const token = await auth.createSetupToken();
        await auth.setUp({ ...ann, token, password: 'another long one' }, { ...client, address: '198.51.100.7' });
      } else await auth.setPassword(user.id, 'another long one');
      for (let turn = 0; turn < triesBeforeLock; turn += 1) await logIn(ann.email, 'wrong');
      await expect(logIn(ann.email, 'wrong')).rejects.toThrow(/wait 15 minutes/);
    },
  );

  it('takes a token of the CLI until it is revoked, and keeps its hash only', async () => {
    const { auth, store } = await setUp();
    const user = await auth.createUser(ann);
    const { id, token } = await auth.createToken(user.id, 'laptop');
    expect(JSON.stringify(await store.tokens.list(user.id))).not.toContain(token);
    expect(await auth.credentialOfToken('mdk_wrong')).toBeNull();
    const credential = await auth.credentialOfToken(token);
    expect(await auth.callerOf(credential!)).toMatchObject({ userId: user.id, role: 'operator' });
    expect((await auth.tokens(user.id))[0]!.lastUsedAt).not.toBeNull();
    await expect(auth.revokeToken('someone else', id)).rejects.toThrow(/gone/);
    await auth.revokeToken(user.id, id);
    expect(await auth.callerOf(credential!)).toBeNull();
  });

  it('gives a user so many tokens an hour and so many in all, also when they are asked for at once', async () => {
    const { auth, pass } = await setUp();
    const user = await auth.createUser(ann);
    const burst = async () => {
      const made = await Promise.allSettled(
        Array.from({ length: 40 }, (_, turn) => auth.createToken(user.id, `t${turn}`)),
      );
      return made.filter(({ status }) => status === 'fulfilled').length;
    };
    expect(await burst()).toBe(maxTokensPerHour);
    for (const { id } of await auth.tokens(user.id)) await auth.revokeToken(user.id, id);
    expect(await burst(), 'revoked ones count too').toBe(0);
    let inAll = 0;
    for (let hour = 0; hour < 4; hour += 1) {
      pass(3_600_001);
      inAll += await burst();
    }
    expect(inAll).toBe(maxTokensPerUser);
    await expect(auth.createToken(user.id, 'one more')).rejects.toThrow(/20 are the most: revoke one/);
  });

  it('refuses a second user with the same address', async () => {
    const { auth } = await setUp();
    await auth.createUser(ann);
    await expect(auth.createUser({ ...root, email: 'Ann@Example.org' })).rejects.toThrow(/already/);
  });
}
