import { afterEach, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { createSshKeyPair } from '../../host/ssh/keys.ts';
import { playedPins, PlayedSshd, rightPassword } from '../../host/ssh/played-sshd-for-tests.ts';
import type { SshdPlay } from '../../host/ssh/played-sshd-for-tests.ts';
import { SecretMissing } from '../runs/executor.ts';
import { loginAnyhow } from './login.ts';

const parts = {
  pins: playedPins,
  consoleKey: createSshKeyPair('console').privateKey,
  own: { keys: [], unusable: [] },
  local: 'root@console',
};
let sshd: PlayedSshd | undefined;
afterEach(() => sshd?.stop());

/** A login with this password as root; what it throws, and which secrets it has forgotten. */
async function login(play: SshdPlay, password: string | undefined) {
  sshd = await PlayedSshd.start(play);
  const dropped: string[] = [];
  const target = { name: 'node1', address: '127.0.0.1', port: sshd.port, user: 'root' };
  const error: unknown = await loginAnyhow(target, parts, {
    signal: AbortSignal.timeout(60_000),
    plan: { secrets: [] },
    secret: () => password,
    dropSecret: (name) => dropped.push(name),
  }).then(
    ({ connection }) => connection.close(),
    (thrown: unknown) => thrown,
  );
  return { error, dropped };
}

test('a right password beside a second factor is kept, and not asked for again', async () => {
  const questions = [[{ prompt: 'Verification code: ', answer: '1' }]];
  const play: SshdPlay = { methods: ['password'], then: ['keyboard-interactive'], questions };
  const { error, dropped } = await login(play, rightPassword);
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).message).toContain('accepts the password, but sshd there wants another factor too');
  expect((error as AppError).message).toContain('it asks "Verification code:"');
  expect(dropped).toEqual([]);
});

test('a wrong password is asked for again, with how long sshd may drop connections', async () => {
  const play: SshdPlay = { methods: ['publickey', 'password'], refusesKeys: true, ident: 'OpenSSH_10.0' };
  const { error, dropped } = await login(play, 'wrong');
  expect(error).toBeInstanceOf(SecretMissing);
  expect((error as SecretMissing).reason).toContain('node1 refuses the password of root');
  expect((error as SecretMissing).reason).toContain('drops connections for about 15 s');
  expect(dropped).toHaveLength(1);
});

test('a missing password is asked for where sshd accepts the key and wants a password too', async () => {
  const { error } = await login({ methods: ['publickey'], then: ['password'] }, undefined);
  expect(error).toBeInstanceOf(SecretMissing);
});

test('a login waits while sshd drops connections after the refused key', async () => {
  const play: SshdPlay = { methods: ['publickey', 'password'], refusesKeys: true, dropsAfterFirst: 5 };
  expect((await login(play, rightPassword)).error).toBeUndefined();
  expect(sshd?.connections).toBe(7);
});
