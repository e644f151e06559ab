// Private keys as ssh-keygen writes them, good and bad.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { localRunner } from '../runner.ts';
import { canSign, createSshKeyPair, findKeyIssue } from './keys.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-keys-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function makeKey(name: string, passphrase: string, ...flags: string[]): Promise<string> {
  const path = join(folder, name);
  await localRunner.run(['ssh-keygen', '-q', '-N', passphrase, '-f', path, ...flags]);
  return readFile(path, 'utf8');
}

test.each([
  ['ed25519', ['-t', 'ed25519']],
  ['rsa', ['-t', 'rsa', '-b', '2048']],
  ['rsa-pem', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
])('%s: without a passphrase, with one, with another one', async (name, flags) => {
  expect(findKeyIssue(await makeKey(name, '', ...flags), '')).toBeNull();
  const locked = await makeKey(`${name}-locked`, 'correct horse', ...flags);
  expect(findKeyIssue(locked, 'correct horse')).toBeNull();
  expect(findKeyIssue(locked.replaceAll('\n', '\r\n'), 'correct horse')).toBeNull();
  expect(findKeyIssue(locked, '')).toEqual({ field: 'passphrase', message: 'this key has a passphrase: give it too' });
  expect(findKeyIssue(locked, 'wrong horse')).toEqual({
    field: 'passphrase',
    message: 'the passphrase is another one',
  });
});

test('the error for text that is not a private key says what it is', async () => {
  const key = await makeKey('cut', '', '-t', 'ed25519');
  const publicHalf = await readFile(join(folder, 'cut.pub'), 'utf8');
  const pkcs8 = await makeKey('pkcs8', '', '-t', 'ecdsa', '-m', 'PKCS8');
  const issueOf = (text: string) => findKeyIssue(text, '');
  expect(issueOf(publicHalf)).toMatchObject({
    field: 'key',
    message: expect.stringContaining('public half') as string,
  });
  expect(issueOf(pkcs8)?.message).toContain('ssh-keygen -p -f');
  expect(issueOf('PuTTY-User-Key-File-3: ssh-ed25519\n')?.message).toContain('puttygen');
  for (const text of [key.slice(0, 120), 'garbage', '', '<script>'])
    expect(issueOf(text)?.message).toContain('not all of it');
});

test('a pair that the library spoils is not handed out', () => {
  const make = ssh2.utils.generateKeyPairSync;
  let spoilt = make('ed25519');
  while (Buffer.from(spoilt.public.split(' ')[1] ?? '', 'base64').length === 51) spoilt = make('ed25519');
  expect(canSign(spoilt.private)).toBe(false);

  const spy = vi.spyOn(ssh2.utils, 'generateKeyPairSync').mockReturnValueOnce(spoilt);
  const pair = createSshKeyPair('console');
  spy.mockRestore();
  expect(canSign(pair.privateKey)).toBe(true);
  expect(pair.publicKey).toMatch(/^ssh-ed25519 \S{68} console$/);
});
