// The scripts on a home folder of the test's own.
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localRunner } from '../../../host/runner.ts';
import { scriptArgv } from '../../deploy/scripts.ts';
import { ensureKeyScript, removeKeyScript, startUpScript } from './host-scripts.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'host-scripts-'));
  await mkdir(join(home, '.ssh'));
  // Root's home is looked up there.
  await writeFile(join(home, 'getent'), `#!/bin/sh\necho root:x:0:0::${home}:/bin/sh\n`);
  await chmod(join(home, 'getent'), 0o755);
  await sshd('.ssh/authorized_keys .ssh/authorized_keys2');
});
/** What sshd says of where it reads keys. */
async function sshd(files: string): Promise<void> {
  await writeFile(join(home, 'sshd'), `#!/bin/sh\necho strictmodes yes\necho 'authorizedkeysfile ${files}'\n`);
  await chmod(join(home, 'sshd'), 0o755);
}

async function run(script: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${home}:${process.env['PATH'] ?? ''}` };
  return (await localRunner.run(scriptArgv(script, args), { env, timeoutMs: 60_000 })).stdout.trim();
}

afterEach(() => rm(home, { recursive: true, force: true }));

describe('taking a key away', () => {
  const file = () => join(home, '.ssh', 'authorized_keys');
  const lines = [
    '# ours',
    'ssh-ed25519 AAAAC3one ann',
    'from="a b" ssh-ed25519 AAAAC3two',
    'ssh-rsa AAAAC3one',
    'ssh-ed25519 AAAAC3',
  ];
  const remove = async (key: string) => {
    await writeFile(file(), `${lines.join('\n')}\n`);
    const env = { ...process.env, PATH: `${home}:${process.env['PATH'] ?? ''}` };
    const { stdout } = await localRunner.run(scriptArgv(removeKeyScript, [key]), { env, timeoutMs: 10_000 });
    const left = (await readFile(file(), 'utf8')).trimEnd().split('\n');
    return [stdout.trim(), ...lines.filter((line) => !left.includes(line))];
  };

  test.each([
    ['ssh-ed25519 AAAAC3one meshdeck@here', ['changed', 'ssh-ed25519 AAAAC3one ann']],
    ['ssh-ed25519 AAAAC3two', ['changed', 'from="a b" ssh-ed25519 AAAAC3two']],
    ['ssh-ed25519 AAAAC3', ['changed', 'ssh-ed25519 AAAAC3']],
    ['ssh-ed25519 AAAA', ['unchanged']],
  ])('%s takes that key and no other', async (key, result) => {
    expect(await remove(key)).toEqual(result);
  });

  test.each(['ssh-ed25519', 'ssh-ed25519 ', ''])('anything but a key, such as "%s", removes no key', async (key) => {
    await expect(remove(key)).rejects.toThrow('no public key');
    expect((await readFile(file(), 'utf8')).trimEnd().split('\n')).toEqual(lines);
  });
});

describe('root’s keys', () => {
  const ours = 'ssh-ed25519 AAAAC3ours meshdeck@here';
  const theirs = 'ssh-ed25519 AAAAC3theirs ann';

  test('are written through a link, which stays one, as do owner and mode', async () => {
    const shared = join(home, 'shared-keys');
    const link = join(home, '.ssh', 'authorized_keys');
    await writeFile(shared, theirs);
    await chmod(shared, 0o640);
    await symlink(shared, link);
    expect(await run(ensureKeyScript, ours)).toBe('changed');
    expect(await run(ensureKeyScript, ours)).toBe('unchanged');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(shared, 'utf8')).toBe(`${theirs}\n${ours}\n`);
    expect((await stat(shared)).mode & 0o777).toBe(0o640);
    expect(await run(removeKeyScript, ours)).toBe('changed');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(shared, 'utf8')).toBe(`${theirs}\n`);
  });

  test('are written where sshd reads them', async () => {
    await sshd(`${home}/keys/%u-%U-%% .ssh/other`);
    expect(await run(ensureKeyScript, ours)).toBe('changed');
    expect(await readFile(join(home, 'keys', 'root-0-%'), 'utf8')).toBe(`${ours}\n`);
    await sshd('%h/.ssh/none-yet .ssh/other');
    await writeFile(join(home, '.ssh', 'other'), `${theirs}\n`);
    expect(await run(ensureKeyScript, ours)).toBe('changed');
    expect(await readFile(join(home, '.ssh', 'other'), 'utf8')).toBe(`${theirs}\n${ours}\n`);
  });

  test('are taken out of all files that sshd reads', async () => {
    for (const name of ['authorized_keys', 'authorized_keys2']) await writeFile(join(home, '.ssh', name), `${ours}\n`);
    expect(await run(removeKeyScript, ours)).toBe('changed');
    for (const name of ['authorized_keys', 'authorized_keys2']) {
      expect(await readFile(join(home, '.ssh', name), 'utf8')).toBe('');
    }
  });

  test('that can be put nowhere name the file', async () => {
    await sshd('none');
    await expect(run(ensureKeyScript, ours)).rejects.toThrow('sshd reads no file for keys of root');
    await sshd('/proc/version/keys');
    await expect(run(ensureKeyScript, ours)).rejects.toThrow('from /proc/version/keys, where none could be put');
    await symlink(join(home, 'gone', 'keys'), join(home, '.ssh', 'authorized_keys'));
    await sshd('.ssh/authorized_keys');
    await expect(run(ensureKeyScript, ours)).rejects.toThrow('leads to a folder that is not there');
  });
});

describe('the start-up file that prints', () => {
  test('is found by its text, and else by reading each alone', async () => {
    await writeFile(join(home, 'getent'), `#!/bin/sh\necho root:x:0:0::${home}:/bin/bash\n`);
    await writeFile(join(home, '.bashrc'), '# a comment\necho Welcome\n');
    expect(await run(startUpScript, 'root', 'Welcome')).toBe(`found 2 ${home}/.bashrc`);
    expect(await run(startUpScript, 'root', 'a fortune')).toBe(`found 0 ${home}/.bashrc`);
  });
});
