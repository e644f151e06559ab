// The scripts as a real shell runs them, on folders of the test's own. install and upgrade need systemd: the lab has it.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { CommandError, localRunner } from '../runner.ts';
import { parseProbe } from '../../core/deploy/probe.ts';
import { awaitUpgradeScript, probeScript, receiveScript } from './deploy.ts';
import { scriptArgv } from './script-argv.ts';
import { scriptText } from './script-text.ts';
import { packTar } from '../../core/deploy/tar.ts';

const hasZstd = existsSync('/usr/bin/zstd');
let folder: string;
let tree: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deploy-scripts-'));
  tree = join(folder, 'opt');
  return () => rm(folder, { recursive: true, force: true });
});

test.each([
  ...[['probe'], ['receive'], ['point', 'install'], ['point', 'upgrade'], ['await-upgrade'], ['logs']],
  ...[
    ['keep', 'receive-ca'],
    ['keep', 'become-head'],
  ],
])('shellcheck finds nothing in %s %s', async (...names) => {
  const stdin = scriptText(...names.filter((name) => typeof name === 'string').map((name) => `deploy/${name}`));
  const checked = localRunner.run(['shellcheck', '--shell=dash', '--exclude=SC2015', '-'], { stdin });
  await expect(
    checked.then(
      ({ stdout }) => stdout,
      (error: unknown) => (error instanceof CommandError ? error.stdout : error),
    ),
  ).resolves.toBe('');
});

const hash = '1111111111111111';
const receive = (sent: Buffer, unpacker: string, plain: Buffer, expected = sent) =>
  localRunner.run(
    scriptArgv(receiveScript, [
      tree,
      'runtime',
      hash,
      'node',
      '755',
      unpacker,
      createHash('sha256').update(expected).digest('hex'),
      String(plain.length),
    ]),
    { stdin: sent },
  );

describe('receive', () => {
  const content = Buffer.concat([randomBytes(100_000), Buffer.alloc(200_000)]);
  const place = () => join(tree, 'runtime', hash, 'node');
  const zstd = zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });

  test.each([
    ['zstd', zstd, hasZstd],
    ['apt', zstd, existsSync('/usr/lib/apt/apt-helper')],
    ['gzip', gzipSync(content), true],
  ])('unpacked by %s', async (unpacker, sent, isHere) => {
    if (!isHere) return;
    await receive(sent, unpacker, content);
    expect(await readFile(place())).toEqual(content);
    expect((await stat(place())).mode & 0o777).toBe(0o755);
    expect(await readdir(join(tree, 'runtime', hash))).toEqual(['node']);
  });

  test('what arrives cut short never gets its name', async () => {
    const sent = gzipSync(content);
    await expect(receive(sent.subarray(0, 1000), 'gzip', content, sent)).rejects.toThrow('the copy of node is damaged');
    await expect(receive(sent, 'gzip', content.subarray(1))).rejects.toThrow('unpacked to 300000 bytes');
    expect(await readdir(join(tree, 'runtime', hash))).toEqual([]);
  });
});

describe('probe', () => {
  const probe = async () => {
    const argv = scriptArgv(probeScript, [tree, join(folder, 'state'), join(folder, 'run')]);
    return parseProbe((await localRunner.run(argv)).stdout);
  };

  test('sees who listens on the mesh port', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
    const look = async () => {
      const argv = scriptArgv(probeScript, [tree, join(folder, 'state'), join(folder, 'run'), String(port)]);
      return parseProbe((await localRunner.run(argv)).stdout).portHolder;
    };
    try {
      expect((await look())?.pid).toBe(process.pid);
    } finally {
      server.close();
    }
    expect(await look()).toBeNull();
  });

  test('of a machine without meshd', async () => {
    const found = await probe();
    expect(found.name).not.toBe('');
    expect(found.machine).toBe((await localRunner.run(['uname', '-m'])).stdout.trim());
    expect(found.glibc).toMatch(/^2\.\d+$/);
    expect(found.freeTreeBytes).toBeGreaterThan(0);
    expect(found.freeStateBytes).toBeGreaterThan(0);
    expect(found.runtimes.size).toBe(0);
    expect(found.current).toBeNull();
    expect(found.tools).toContain('gzip');
  });

  test('of what is installed', async () => {
    const content = Buffer.from('a runtime');
    await receive(gzipSync(content), 'gzip', content);
    await symlink('program/2222222222222222', join(tree, 'current'));
    await mkdir(join(folder, 'state/identity'), { recursive: true });
    await mkdir(join(folder, 'run'));
    await writeFile(join(folder, 'state/identity/node.crt'), 'a certificate\n');
    await writeFile(join(folder, 'run/meshd.pid'), `${process.pid}\n`);
    const found = await probe();
    expect([...found.runtimes]).toEqual([[hash, content.length]]);
    expect(found.current).toBe('2222222222222222');
    expect(found.identity.certificate).toBe('a certificate\n');
    expect(found.identity.keyHash).toBeNull();
    expect(found.manualPid).toBe(process.pid);
  });
});

test('awaiting an upgrade ends with its outcome', async () => {
  await mkdir(tree);
  await writeFile(join(tree, 'upgrade.outcome'), 'running\n');
  const waiting = localRunner.run(scriptArgv(awaitUpgradeScript, [tree, '10']));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await writeFile(join(tree, 'upgrade.outcome'), 'rolled-back\nit said no\n');
  expect((await waiting).stdout).toBe('rolled-back\nit said no\n');
});

test('tar unpacks what packTar packs, with modes', async () => {
  const files = [
    { name: 'node.key', content: Buffer.from('secret'), mode: 0o600 },
    { name: 'empty', content: Buffer.alloc(0), mode: 0o644 },
    { name: 'block', content: randomBytes(512), mode: 0o755 },
  ];
  await localRunner.run(['tar', '-xpf', '-', '-C', folder], { stdin: Buffer.from(packTar(files)) });
  for (const file of files) {
    expect(await readFile(join(folder, file.name))).toEqual(file.content);
    expect((await stat(join(folder, file.name))).mode & 0o777).toBe(file.mode);
  }
});
