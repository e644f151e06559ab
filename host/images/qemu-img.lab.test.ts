// The parsers and overlays against the qemu-img of the lab's nodes, run in their image: real headers, not those that we make.
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeError } from '../../contract/errors.ts';
import { ensureGuest } from '../../lab/guest.ts';
import { ensureImage } from '../../lab/image.ts';
import { defaultCache } from '../../lab/layout.ts';
import { localRunner, type Runner } from '../runner.ts';
import { inspectFile, resolveChain } from './chain.ts';
import { describeImage, headBytesFor } from './headers.ts';
import { createLinuxStore } from './linux-store.ts';
import { complyingStore } from './image-store-compliance.ts';
import type { FileStore } from './image-store.ts';

let folder: string;
let root: string;
let runner: Runner;

beforeAll(async () => {
  const image = join(defaultCache, await ensureImage(defaultCache, () => undefined));
  folder = await realpath(await mkdtemp(join(tmpdir(), 'qemu-img-')));
  // The same paths inside; the mount is gone with the process.
  const inside = 'mount --bind "$1" "$0/tmp" && shift && exec chroot "$0" "$@"';
  const enter = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', inside, image, tmpdir()];
  runner = { where: 'the nodes image', run: (argv, options) => localRunner.run([...enter, ...argv], options) };
});
afterAll(() => rm(folder, { recursive: true }));

const fresh = async () => {
  root = join(folder, 'files');
  await rm(root, { recursive: true, force: true });
  await mkdir(root);
  return createLinuxStore(root, { runner });
};
async function create(name: string, options: string): Promise<void> {
  const argv = ['qemu-img', 'create', '-q', ...options.split(' '), join(root, name), '20M'];
  for (let tries = 1; ; tries += 1) {
    try {
      await runner.run(argv);
      return;
    } catch (error) {
      // To choose a key's iterations, QEMU times a hash by its own processor time. On a fast processor that is often 0 ms.
      if (tries === 50 || !describeError(error).includes('Unable to get accurate CPU usage')) throw error;
    }
  }
}

test.each([
  ['-f qcow2', { format: 'qcow2', virtualBytes: 20 * 1024 * 1024, problem: null }],
  ['-f qcow2 -o compat=0.10', { format: 'qcow2', virtualBytes: 20 * 1024 * 1024, problem: null }],
  ['-f qcow2 -o cluster_size=512', { format: 'qcow2', problem: null }],
  ['-f qcow2 -o cluster_size=2M', { format: 'qcow2', problem: null }],
  ['-f qcow2 -o compression_type=zstd,extended_l2=on', { format: 'qcow2', problem: null }],
  [
    '-f qcow2 --object secret,id=s,data=abc -o encrypt.format=luks,encrypt.key-secret=s',
    { format: 'qcow2', isEncrypted: true },
  ],
  ['-f luks --object secret,id=s,data=abc -o key-secret=s', { format: 'luks', isEncrypted: true }],
  ['-f raw', { format: 'raw', virtualBytes: 20 * 1024 * 1024 }],
  ['-f vmdk', { format: 'vmdk' }],
  ['-f vdi', { format: 'vdi' }],
  ['-f vhdx', { format: 'vhdx' }],
  ['-f vpc', { format: 'vhd' }],
  ['-f qed', { format: 'qed' }],
  ['-f qcow', { format: 'qcow' }],
])('qemu-img create %s', async (options, facts) => {
  const store = await fresh();
  await create('disk', options);
  expect((await inspectFile(store, 'disk')).facts).toMatchObject(facts);
});

describe('a chain of qemu-img', () => {
  test.each(['compat=1.1', 'compat=0.10', 'compat=1.1,cluster_size=512', 'compat=1.1,cluster_size=2M'])(
    'with %s',
    async (options) => {
      const store = await fresh();
      await create('base, v=1.qcow2', '-f qcow2');
      await runner.run(['qemu-img', 'snapshot', '-c', 'first', join(root, 'base, v=1.qcow2')]);
      await runner.run([
        ...'qemu-img create -q -f qcow2 -F qcow2 -o'.split(' '),
        options,
        '-b',
        'base, v=1.qcow2',
        join(root, 'top.qcow2'),
      ]);
      const chain = await resolveChain(store, 'top.qcow2');
      expect(chain.map(({ name, facts }) => [name, facts.snapshots, facts.backing?.format ?? null])).toEqual([
        ['top.qcow2', 0, 'qcow2'],
        ['base, v=1.qcow2', 1, null],
      ]);
    },
  );

  test('with data in another file has a problem', async () => {
    const store = await fresh();
    await create('disk', `-f qcow2 -o data_file=${join(root, 'data.raw')}`);
    expect((await inspectFile(store, 'disk')).facts.problem).toContain('in another file');
  });
});

test('a real kernel and a real initrd are known by their bytes', async () => {
  const { kernel, initramfs } = await ensureGuest(defaultCache, () => undefined);
  const formatOf = async (path: string) => {
    const data = await readFile(path);
    return describeImage(data.subarray(0, headBytesFor(data)), data.length).format;
  };
  expect([await formatOf(kernel), await formatOf(initramfs)]).toEqual(['kernel', 'initrd']);
});

describe('files of this host with the real qemu-img', () => {
  let store: FileStore;
  beforeEach(async () => {
    store = await fresh();
  });
  complyingStore(() => ({
    store,
    async put(name, data) {
      await mkdir(join(root, name, '..'), { recursive: true });
      await writeFile(join(root, name), data);
    },
    overlay: (path) => readFile(path),
    overlayPath: join(folder, 'overlay.qcow2'),
  }));
});

describe('disks of the real qemu-img', () => {
  const mib = 1024 * 1024;
  let store: FileStore;
  beforeEach(async () => {
    store = await fresh();
  });
  const pathOf = (name: string) => join(root, name);
  const io = (name: string, command: string) =>
    runner.run(['qemu-io', '-f', 'qcow2', '-c', command, pathOf(name)]).then(({ stdout }) => stdout);

  test('are made, resized, laid over each other, moved to other backing files and committed', async () => {
    const { disks } = store;
    await disks.create(pathOf('a,b.qcow2'), { format: 'qcow2', bytes: 20 * mib, backing: null });
    await disks.create(pathOf('b.raw'), { format: 'raw', bytes: 10 * mib, backing: null });
    await mkdir(pathOf('saved'));
    const over = { file: '../a,b.qcow2', format: 'qcow2' } as const;
    await disks.create(pathOf('saved/top'), { format: 'qcow2', bytes: 20 * mib, backing: over });
    await io('a,b.qcow2', 'write -P 1 0 64k');
    await io('saved/top', 'write -P 2 1M 64k');
    await disks.resize(pathOf('saved/top'), { format: 'qcow2', bytes: 30 * mib });
    await disks.resize(pathOf('b.raw'), { format: 'raw', bytes: 30 * mib });
    const chain = () => resolveChain(store, 'saved/top');
    expect((await chain()).map(({ name, facts }) => [name, facts.virtualBytes / mib])).toEqual([
      ['saved/top', 30],
      ['a,b.qcow2', 20],
    ]);
    const reads = async () => {
      await io('saved/top', 'read -P 1 0 64k');
      return (await io('saved/top', 'read -P 2 1M 64k')).includes('verification failed');
    };
    // What differs goes along.
    await disks.rebase(pathOf('saved/top'), { file: '../b.raw', format: 'raw' }, { isSafe: true });
    expect((await chain()).map(({ name }) => name)).toEqual(['saved/top', 'b.raw']);
    expect(await reads()).toBe(false);
    await disks.commit(pathOf('saved/top'));
    expect((await readFile(pathOf('b.raw')))[mib]).toBe(2);
    await disks.rebase(pathOf('saved/top'), null, { isSafe: true });
    expect((await chain()).map(({ name }) => name)).toEqual(['saved/top']);
    expect(await reads()).toBe(false);
    await disks.rebase(pathOf('saved/top'), over, { isSafe: false });
    expect((await chain()).map(({ name }) => name)).toEqual(['saved/top', 'a,b.qcow2']);
    await expect(disks.commit(pathOf('a,b.qcow2'))).rejects.toMatchObject({
      code: 'failed',
      message: 'qemu-img commit: Image does not have a backing file',
    });
  });
});
