// The scripts on a home folder of the test's own.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localRunner } from '../../host/runner.ts';
import { scriptArgv } from '../deploy/scripts.ts';
import { removeKeyScript } from './host-scripts.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'host-scripts-'));
  await mkdir(join(home, '.ssh'));
  // Root's home is looked up there.
  await writeFile(join(home, 'getent'), `#!/bin/sh\necho root:x:0:0::${home}:/bin/sh\n`);
  await chmod(join(home, 'getent'), 0o755);
});
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

  test.each(['ssh-ed25519', 'ssh-ed25519 ', ''])('what is no key, such as "%s", takes none', async (key) => {
    await expect(remove(key)).rejects.toThrow('no public key');
    expect((await readFile(file(), 'utf8')).trimEnd().split('\n')).toEqual(lines);
  });
});
