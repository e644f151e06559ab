// A node whose sshd takes keys only: the way in is a private key with a passphrase, as root and as a user with sudo.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localRunner } from '../host/runner.ts';
import { openLab } from '../lab/lab.ts';
import { nodePassword, sudoUser } from '../lab/node.ts';
import { exitCodes } from './exit-codes.ts';
import { meshdeck } from './meshdeck-for-tests.ts';

const lab = openLab({ name: 'cliident' });
const passphrase = 'a phrase for the key';
let folder = '';
let item = '';
const keyPath = (name: string) => join(folder, name);
const sh = async (script: string, ...args: string[]) =>
  (await lab.exec('node1', ['sh', '-c', script, 'sh', ...args])).stdout.trim();
const inData = (args: readonly string[], stdin = '') => meshdeck(['--data', join(folder, 'data'), ...args], { stdin });
const add = (flags: readonly string[], stdin = '') =>
  inData(['nodes', 'add', item, '--run', '--json', '--accept-new', ...flags], stdin);

async function makeKey(name: string, phrase: string): Promise<string> {
  await localRunner.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', phrase, '-f', keyPath(name)]);
  return readFile(keyPath(`${name}.pub`), 'utf8');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-identity-'));
  await lab.down();
  const results = await lab.up({ nodes: 1, login: 'sudo' });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  item = `node1=${await lab.address('node1')}`;
  const theirs = await makeKey('theirs', passphrase);
  await makeKey('other', '');
  await sh('mkdir -m 700 -p /root/.ssh && printf %s "$1" >/root/.ssh/authorized_keys', theirs);
  await sh(
    'install -d -m 700 -o "$2" -g "$2" "/home/$2/.ssh" && install -m 600 -o "$2" -g "$2" /root/.ssh/authorized_keys "/home/$2/.ssh/"',
    theirs,
    sudoUser,
  );
  await sh('printf "PasswordAuthentication no\\n" >/etc/ssh/sshd_config.d/10-keys.conf && systemctl reload ssh');
});
afterAll(async () => {
  await lab.down();
  await rm(folder, { recursive: true, force: true });
});

test('a passphrase that is missing or another one changes nothing', async () => {
  const missing = await add(['--identity', keyPath('theirs')]);
  expect([missing.code, missing.stderr]).toEqual([
    exitCodes.needsPerson,
    expect.stringContaining('this key has a passphrase'),
  ]);
  const wrong = await add(['--identity', keyPath('theirs'), '--passphrase-stdin'], 'wrong\n');
  expect([wrong.code, wrong.stderr]).toEqual([
    exitCodes.usage,
    expect.stringContaining('the passphrase is another one'),
  ]);
  expect((await inData(['runs', '--json'])).stdout).toBe('[]\n');
});

test('a key that the node refuses is asked for again, and with the right one the run continues', async () => {
  const refused = await add(['--identity', keyPath('other')]);
  expect(refused.code, refused.stdout.slice(-2_000)).toBe(exitCodes.needsPerson);
  expect(refused.stdout).toContain('refuses this key for root');
  expect(refused.stderr).toContain('needs key:root@node1');
  const runs = JSON.parse((await inData(['runs', '--json'])).stdout) as { id: string }[];
  const resumed = await inData(
    ['runs', 'resume', runs[0]?.id ?? '', '--json', '--identity', keyPath('theirs'), '--passphrase-stdin'],
    `${passphrase}\n`,
  );
  expect(resumed.code, resumed.stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(await sh('grep -c meshdeck@ /root/.ssh/authorized_keys')).toBe('1');
});

test('as a user with sudo, whose password sudo asks for', async () => {
  await sh('sed -i /meshdeck@/d /root/.ssh/authorized_keys');
  const key = await makeKey('plain', '');
  await sh('printf %s "$1" >>"/home/$2/.ssh/authorized_keys"', key, sudoUser);
  const flags = ['--user', sudoUser, '--identity', keyPath('plain')];
  const asked = await add(flags);
  expect([asked.code, asked.stderr]).toEqual([
    exitCodes.needsPerson,
    expect.stringContaining(`needs password:${sudoUser}@node1`),
  ]);
  const done = await add([...flags, '--password-stdin'], `${nodePassword}\n`);
  expect(done.code, done.stdout.slice(-2_000)).toBe(exitCodes.done);
});

test('key and passphrase are in no file of the console', async () => {
  const secret = (await readFile(keyPath('theirs'), 'utf8')).split('\n')[2] ?? 'none';
  for (const name of await readdir(join(folder, 'data'), { recursive: true })) {
    const content = await readFile(join(folder, 'data', name)).catch(() => Buffer.alloc(0));
    expect([content.includes(secret), content.includes(passphrase)], name).toEqual([false, false]);
  }
});
