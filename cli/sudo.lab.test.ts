// Stock Debian: root may not log in by password, a user has sudo and a password. One node.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandError, localRunner } from '../host/runner.ts';
import { openLab } from '../lab/lab.ts';
import { nodePassword, sudoUser } from '../lab/node.ts';
import { exitCodes } from './exit-codes.ts';

const lab = openLab({ name: 'clisudo' });
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
let data = '';
let item = '';

async function meshdeck(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const argv = [process.execPath, main, '--data', data, ...args];
    return { code: 0, ...(await localRunner.run(argv, { timeoutMs: 120_000, stdin: `${nodePassword}\n` })) };
  } catch (error) {
    if (error instanceof CommandError)
      return { code: error.exitCode ?? -1, stdout: error.stdout, stderr: error.stderr };
    throw error;
  }
}
const add = (...flags: string[]) =>
  meshdeck('nodes', 'add', item, '--run', '--json', '--accept-new', '--password-stdin', ...flags);
const sh = async (script: string, ...args: string[]) =>
  (await lab.exec('node1', ['sh', '-c', script, 'sh', ...args])).stdout.trim();
const passwords = () => sh('sshd -T | grep ^passwordauthentication');

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'meshdeck-sudo-'));
  await lab.down();
  const results = await lab.up({ nodes: 1, login: 'sudo' });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  item = `node1=${await lab.address('node1')}`;
});
afterAll(async () => {
  await lab.down();
  await rm(data, { recursive: true, force: true });
});

test('root by password is refused, with the reason', async () => {
  const { code, stdout } = await add();
  expect(code).toBe(exitCodes.needsPerson);
  expect(stdout).toContain('stock Debian forbids it: use a user with sudo');
});

test('the error says when a user may not use sudo', async () => {
  await sh('gpasswd -d "$1" sudo', sudoUser);
  const { code, stdout } = await add('--user', sudoUser);
  expect(code).toBe(exitCodes.failed);
  expect(stdout).toContain(`${sudoUser} does not become root on node1 by sudo`);
  await sh('gpasswd -a "$1" sudo', sudoUser);
});

test('a user with sudo and a password brings the node in', async () => {
  const { code, stdout } = await add('--user', sudoUser);
  expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(await sh('stat -c "%a %U" /root/.ssh/authorized_keys')).toBe('600 root');
});

test('when sshd forbids root altogether, it says so, and the option fixes it', async () => {
  await sh('echo "PermitRootLogin no" >/etc/ssh/sshd_config.d/50-no-root.conf && systemctl reload ssh');
  const refused = await add('--user', sudoUser);
  expect(refused.code).toBe(exitCodes.failed);
  expect(refused.stdout).toContain('forbids root to log in at all (PermitRootLogin no)');
  const allowed = await add('--user', sudoUser, '--allow-root-key');
  expect(allowed.code, allowed.stdout.slice(-2_000)).toBe(exitCodes.done);
  await sh('rm /etc/ssh/sshd_config.d/50-no-root.conf');
});

test('passwords go off once keys are proved, and come back by undo', async () => {
  expect(await passwords()).toBe('passwordauthentication yes');
  const { code, stdout } = await add('--user', sudoUser, '--disable-passwords', '--yes');
  expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(await passwords()).toBe('passwordauthentication no');
  const runs = JSON.parse((await meshdeck('runs', 'list', '--json')).stdout) as { id: string }[];
  const undone = await meshdeck('runs', 'undo', runs[0]?.id ?? '', '--json');
  expect(undone.code, undone.stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(await passwords()).toBe('passwordauthentication yes');
});

test('a new console key takes the place of the old one', async () => {
  const before = await sh('cut -d" " -f2 /root/.ssh/authorized_keys');
  const { code, stdout } = await meshdeck('nodes', 'rotate-key', 'node1', '--run', '--json');
  expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
  const after = await sh('cut -d" " -f2 /root/.ssh/authorized_keys');
  expect(after).not.toBe(before);
  expect(after.split('\n')).toHaveLength(1);
});

test('the guide’s root without a password, and its undo, byte for byte', async () => {
  // Debian before 12 has nullok_secure there: the guide's first command has something to do then.
  await sh("sed -i 's/nullok/nullok_secure/' /etc/pam.d/common-auth && chage -d 2024-01-02 root");
  const files = () =>
    sh('cd /etc && find shadow pam.d ssh -type f -exec sha256sum {} + -exec stat -c "%n %a %U" {} + | sort');
  const before = await files();
  const asRoot = () =>
    localRunner.run(
      [
        'ssh',
        ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'PubkeyAuthentication=no'],
        ...['-o', 'BatchMode=yes', '-o', 'IdentityAgent=none', '-F', '/dev/null'],
        `root@${item.split('=')[1] ?? ''}`,
        ...['id', '-u'],
      ],
      { timeoutMs: 30_000 },
    );
  await expect(asRoot()).rejects.toThrow('Permission denied');

  const confirm = 'anyone may log in';
  expect((await meshdeck('nodes', 'passwordless', 'node1', '--confirm', 'yes', '--plan')).code).toBe(exitCodes.usage);
  const { code, stdout } = await meshdeck('nodes', 'passwordless', 'node1', '--confirm', confirm, '--run', '--json');
  expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
  expect((await asRoot()).stdout.trim()).toBe('0');

  const runs = JSON.parse((await meshdeck('runs', 'list', '--json')).stdout) as { id: string }[];
  const undone = await meshdeck('runs', 'undo', runs[0]?.id ?? '', '--json');
  expect(undone.code, undone.stdout.slice(-2_000)).toBe(exitCodes.done);
  await expect(asRoot()).rejects.toThrow('Permission denied');
  expect(await files()).toBe(before);
});
