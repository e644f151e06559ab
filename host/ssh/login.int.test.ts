// Logins to servers that ask, want a second factor, or block us afterwards: Debian 12's sshd has no penalties, and PAM here asks for
// no codes, so ssh2's server plays them.
import { afterEach, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { SshConnection } from './connection.ts';
import type { SshConnectOptions } from './connection.ts';
import type { SshCredentials } from './credentials.ts';
import { createSshKeyPair } from './keys.ts';
import { playedPins, PlayedSshd, rightPassword } from './played-sshd-for-tests.ts';
import type { SshdPlay } from './played-sshd-for-tests.ts';
import { scanHostKeys } from './scan.ts';

const password = rightPassword;
const byPassword: SshCredentials = { keys: [], unusable: [], password };
const byKey = { path: 'the key', privateKey: Buffer.from(createSshKeyPair('user').privateKey) };

let closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing) close();
  closing = [];
});

async function serve(play: SshdPlay) {
  const played = await PlayedSshd.start(play);
  closing.push(() => played.stop());
  return played;
}

async function connect(port: number, credentials: SshCredentials, part: Partial<SshConnectOptions> = {}) {
  const target = { host: '127.0.0.1', port, user: 'ann' };
  const connection = await SshConnection.connect(
    { target, local: 'root@console', where: 'node1', timeoutMs: 60_000, ...part },
    { pins: playedPins, credentials },
  );
  closing.push(() => connection.close());
  return connection;
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error;
  throw error;
}

const passwordQuestion = { prompt: 'Password: ', answer: password };

test.each(['Password: ', 'Password for ann@node1:', 'LDAP Password: '])(
  'the question %j gets the password',
  async (prompt) => {
    const { port, answers } = await serve({
      methods: ['keyboard-interactive'],
      questions: [[{ prompt, answer: password }]],
    });
    await connect(port, byPassword);
    expect(answers).toEqual([password]);
  },
);

test('a question for a code after the password gets no answer, and is named', async () => {
  const code = { prompt: 'Verification code: ', answer: '123456' };
  const { port, answers, tried } = await serve({
    methods: ['keyboard-interactive', 'password'],
    questions: [[passwordQuestion], [code]],
  });
  const error = await failure(connect(port, byPassword));
  expect(error.code).toBe('refused');
  expect(error.detail).toMatchObject({ login: 'question' });
  expect(error.message).toContain('it asks "Verification code:"');
  expect(error.message).not.toContain('Passwordless login');
  expect(answers).toEqual([password]);
  // sshd would give the password to its question for the code itself.
  expect(tried).toEqual(['keyboard-interactive']);
});

test.each([
  [{ prompt: 'One-time password (OATH) for `ann: ' }],
  [{ prompt: 'Password & verification code: ' }],
  [{ prompt: 'New password: ' }],
  [{ prompt: 'Current password: ' }],
  [{ prompt: 'Enter PASSCODE: ' }],
  [{ prompt: 'Password: ', echo: true }],
])('the question %j never gets the password', async (question) => {
  const { port, answers } = await serve({
    methods: ['keyboard-interactive'],
    questions: [[{ ...question, answer: 'something else' }]],
  });
  const error = await failure(connect(port, byPassword));
  expect(error.detail).toMatchObject({ login: 'question' });
  expect(error.message).toContain(JSON.stringify(question.prompt.trim()));
  expect(answers).toEqual([]);
});

test('two questions at once get no answer, not even to the one for the password', async () => {
  const code = { prompt: 'Token: ', answer: '1' };
  const { port, answers } = await serve({ methods: ['keyboard-interactive'], questions: [[passwordQuestion, code]] });
  expect((await failure(connect(port, byPassword))).message).toContain('it asks "Token:"');
  expect(answers).toEqual([]);
});

test('a question is shown as one short line that a terminal does not obey', async () => {
  const prompt = `\u001b]0;title\u0007 Code\r\nfor ann? ${'x'.repeat(1_000)}`;
  const { port } = await serve({ methods: ['keyboard-interactive'], questions: [[{ prompt, answer: '1' }]] });
  const { message } = await failure(connect(port, byPassword));
  expect(message).toContain('^[]0;title^G Code for ann?');
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  expect(message).not.toMatch(/[\u0000-\u001f]/);
  expect(message.length).toBeLessThan(600);
});

test('where the first question is for something else, the password method still gets the password', async () => {
  const code = { prompt: 'Token: ', answer: '1' };
  const { port, answers, passwords } = await serve({
    methods: ['keyboard-interactive', 'password'],
    questions: [[code]],
  });
  await connect(port, byPassword);
  expect({ answers, passwords }).toEqual({ answers: [], passwords: [password] });
});

test('a wrong password is given once, not by every method and not when the question comes again', async () => {
  const right = { prompt: 'Password: ', answer: 'another' };
  const both = await serve({
    methods: ['keyboard-interactive', 'password'],
    questions: [[right]],
    password: 'another',
  });
  expect((await failure(connect(both.port, byPassword))).detail).toMatchObject({ login: 'no-way' });
  expect([...both.answers, ...both.passwords]).toEqual([password]);
  const again = await serve({ methods: ['keyboard-interactive'], questions: [[passwordQuestion], [right]] });
  expect((await failure(connect(again.port, byPassword))).detail).toMatchObject({ login: 'no-way' });
  expect(again.answers).toEqual([password]);
});

test('a right password that does not suffice is not taken for a wrong one', async () => {
  const { port } = await serve({ methods: ['password'], then: ['publickey'] });
  const error = await failure(connect(port, byPassword));
  expect(error.code).toBe('refused');
  expect(error.detail).toMatchObject({ login: 'second-factor' });
  expect(error.message).toContain(
    'ann@127.0.0.1 accepts the password, but sshd there wants another factor too (publickey)',
  );
});

test('an accepted key that does not suffice is not taken for a refused one, and the question after it is named', async () => {
  const { port, answers } = await serve({
    methods: ['publickey'],
    then: ['keyboard-interactive'],
    questions: [[{ prompt: 'Verification code: ', answer: '1' }]],
  });
  const error = await failure(connect(port, { ...byPassword, keys: [byKey] }));
  expect(error.detail).toMatchObject({ login: 'second-factor' });
  expect(error.message).toContain('accepts the key, but sshd there wants another factor too (keyboard-interactive)');
  expect(error.message).toContain('it asks "Verification code:"');
  expect(answers).toEqual([]);
});

test('two factors that we have let us in, in the order that sshd wants', async () => {
  const { port, tried } = await serve({ methods: ['password'], then: ['publickey'] });
  await connect(port, { ...byPassword, keys: [byKey] });
  // With a key, sshd first hears which one it would be.
  expect(tried.slice(0, 2)).toEqual(['password', 'publickey']);
});

test('methods that sshd does not take are not tried: each counts there', async () => {
  const { port, tried } = await serve({ methods: ['publickey'] });
  await connect(port, { ...byPassword, keys: [byKey] });
  expect(new Set(tried)).toEqual(new Set(['publickey']));
});

test('after a wrong password the error says how long to wait, and the retry waits until sshd takes connections again', async () => {
  const drops = 5;
  const sshd = await serve({ methods: ['password'], ident: 'OpenSSH_10.0p2', dropsAfterFirst: drops });
  const { port } = sshd;
  const wrong = await failure(connect(port, { ...byPassword, password: 'wrong' }));
  expect(wrong.message).toContain('Wait 15 s before the next try');
  expect(wrong.detail).toMatchObject({ login: 'no-way', waitSeconds: 15 });
  const told: string[] = [];
  await connect(port, byPassword, { penaltyPatienceMs: 60_000, onPenalty: (text) => told.push(text) });
  expect(sshd.connections).toBe(1 + drops + 1);
  expect(told).toEqual(['node1 drops connections after refused logins: trying again for up to 60 s']);
});

test('a block that outlasts the wait is named with what sshd said', async () => {
  const { port } = await serve({ methods: ['password'], ident: 'OpenSSH_10.0p2', dropsAfterFirst: 1_000 });
  await failure(connect(port, { ...byPassword, password: 'wrong' }));
  const { code, message } = await failure(connect(port, byPassword, { penaltyPatienceMs: 1_000 }));
  expect(code).toBe('unreachable');
  expect(message).toContain(
    'drops connections from here (it said "Not allowed at this time") since it refused a login',
  );
  const scan = await failure(scanHostKeys({ host: '127.0.0.1', port }, { local: 'root@console' }));
  expect(scan.message).toContain('since it refused a login');
});

test('an sshd without penalties makes nobody wait', async () => {
  const { port } = await serve({ methods: ['password'], ident: 'OpenSSH_9.7p1' });
  const wrong = await failure(connect(port, { ...byPassword, password: 'wrong' }));
  expect(wrong.message).not.toContain('Wait ');
  expect(wrong.detail).toEqual({ login: 'no-way' });
});

test('a connection that sshd ends during the login is not taken for an overload, and not tried again', async () => {
  const sshd = await serve({ methods: ['password'], endsLogins: true });
  const error = await failure(connect(sshd.port, byPassword));
  expect(error.message).toContain('sshd ended the connection during the login');
  expect(sshd.connections).toBe(1);
});
