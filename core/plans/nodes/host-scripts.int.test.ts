// The scripts on a home folder of the test's own.
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startChild, type Child } from '../../../host/child.ts';
import { localRunner } from '../../../host/runner.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import {
  endVmsScript,
  ensureKeyScript,
  listVmsScript,
  removeKeyScript,
  removeMeshdScript,
  startUpScript,
} from './host-scripts.ts';

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

describe('VMs of a node that leaves', () => {
  let state: string;
  let children: Child[];
  /** A process whose arguments are those of a VM's QEMU, as far as the scripts look at them. */
  const startVm = async (name: string, { of = state, obeys = true } = {}): Promise<Child> => {
    const program = `${obeys ? '' : 'process.on("SIGTERM", () => undefined);'} setInterval(() => undefined, 1000); console.log("up")`;
    const args = ['-name', `guest=${name},debug-threads=on`, '-chardev', `socket,path=${of}/instances/0/qmp`];
    const isUp = Promise.withResolvers<undefined>();
    const argv = [process.execPath, '-e', program, '--', ...args];
    const child = await startChild(argv, { diesWithParent: true, onLine: () => isUp.resolve(undefined) });
    children.push(child);
    await isUp.promise;
    return child;
  };
  const fake = async (name: string, script: string) => {
    await writeFile(join(home, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(home, name), 0o755);
  };
  const isOver = ({ pid }: Child) => !existsSync(`/proc/${pid}`);

  beforeEach(async () => {
    state = join(home, 'state');
    children = [];
    await mkdir(state);
  });
  afterEach(() => Promise.all(children.map((child) => child.stop(0))));

  test('are listed by name, and those of another meshd are not', async () => {
    expect(await run(listVmsScript, state)).toBe('');
    await Promise.all([startVm('web1'), startVm('web2'), startVm('other', { of: join(home, 'elsewhere') })]);
    expect((await run(listVmsScript, state)).split('\n').sort()).toEqual(['web1', 'web2']);
  });

  test('are ended, also one that does not obey, and those of another meshd run on', async () => {
    expect(await run(endVmsScript, state, '1')).toBe('unchanged');
    const own = [await startVm('web1'), await startVm('stubborn', { obeys: false })];
    const other = await startVm('other', { of: join(home, 'elsewhere') });
    expect(await run(endVmsScript, state, '1')).toBe('changed');
    const ends = await Promise.all(own.map(({ ended }) => ended));
    expect(ends.map(({ signal }) => signal)).toEqual(['SIGTERM', 'SIGKILL']);
    expect(isOver(other)).toBe(false);
    expect(await run(endVmsScript, state, '1')).toBe('unchanged');
  });

  test('keep meshd there while they run; afterwards it goes with its taps and ports, and nothing of others', async () => {
    const did = join(home, 'did');
    await fake('systemctl', `echo "systemctl $*" >>${did}`);
    await fake(
      'ip',
      `case $* in
'-o link') printf '%s\\n' '1: lo: <UP> mtu 1 \\    link/loopback 0' '7: mega_tap0: <UP> mtu 1 \\    link/ether 0 \\    alias meshdeck/c1/0' '8: mine: <UP> mtu 1 \\    link/ether 0 \\    alias mine/x' ;;
*) sed 's/^/ip /' >>${did} ;;
esac`,
    );
    await fake(
      'ovs-vsctl',
      `case $* in
*=vm) echo mega_tap0; echo mega_tap1 ;;
*=host) echo mega_host0 ;;
*=mirror) echo m-1 ;;
*list*Port) echo 'mega_cap7,{meshdeck-capture="7"}'; echo 'mega_cap8,{}'; echo 'br0,{}' ;;
*name=mega_cap7) echo m-7 ;;
list-br) echo vms ;;
*) echo "ovs-vsctl $*" >>${did} ;;
esac`,
    );
    // The unit's real folder is this machine's own.
    const script = removeMeshdScript.replaceAll('/etc/systemd/system', home);
    const remove = () => run(script, join(home, 'tree'), state, join(home, 'base'));
    const vm = await startVm('web1');
    await expect(remove()).rejects.toMatchObject({
      message: expect.stringContaining('VMs run here, so meshd stays: web1') as string,
    });
    await expect(stat(did)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await stat(state)).isDirectory()).toBe(true);
    await vm.stop();
    expect(await remove()).toBe('changed');
    expect((await readFile(did, 'utf8')).split('\n').filter((line) => !line.startsWith('systemctl'))).toEqual([
      'ip link delete mega_tap0',
      `ovs-vsctl ${[
        ...['mega_tap0', 'mega_tap1', 'mega_host0', 'mega_cap7'].map((port) => `-- --if-exists del-port ${port}`),
        ...['m-1', 'm-7'].map((mirror) => `-- remove bridge vms mirrors ${mirror}`),
      ].join(' ')}`,
      '',
    ]);
    await expect(stat(state)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await remove()).toBe('unchanged');
  });
});
