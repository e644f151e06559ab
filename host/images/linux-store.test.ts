import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localRunner, type Runner } from '../runner.ts';
import { createLinuxStore } from './linux-store.ts';
import { qcow2 } from './made-images.ts';
import { complyingStore, type TestedStore } from './image-store-compliance.ts';

let folder: string;
let root: string;
let tested: TestedStore;
const ran: (readonly string[])[] = [];

/** qemu-img is not on every machine that tests run on; qemu-img.lab.test.ts has the real one. */
const playedQemuImg: Runner = {
  where: 'this machine',
  async run(argv) {
    ran.push(argv);
    const [, , , , , , file = '', , format = '', path = ''] = argv;
    await writeFile(path, qcow2({ virtualBytes: (await readFile(file)).length, backing: { file, format } }));
    return { stdout: '', stderr: '', truncated: false };
  },
};

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'store-')));
  root = join(folder, 'files');
  await mkdir(root);
  ran.length = 0;
  tested = {
    store: createLinuxStore(root, { runner: playedQemuImg }),
    async put(name, data) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), data);
    },
    overlay: (path) => readFile(path),
    overlayPath: join(folder, 'disk.qcow2'),
  };
});
afterEach(() => rm(folder, { recursive: true }));

describe('files of this host', () => {
  complyingStore(() => tested);

  test('an overlay is made by qemu-img, with absolute paths and the format of the base', async () => {
    await tested.put('-f.raw', Buffer.alloc(512));
    await tested.store.createOverlay(tested.overlayPath, { name: '-f.raw', format: 'raw' });
    expect(ran).toEqual([
      ['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', join(root, '-f.raw'), '-F', 'raw', tested.overlayPath],
    ]);
  });

  test('follows no symlink, to a file, to a folder, or on the way', async () => {
    await writeFile(join(folder, 'secret'), 'x');
    await mkdir(join(folder, 'outside'));
    await writeFile(join(folder, 'outside/secret'), 'x');
    await symlink(join(folder, 'secret'), join(root, 'link'));
    await symlink(join(folder, 'outside'), join(root, 'folder'));
    const { store } = tested;
    expect((await store.list('', { isRecursive: true, most: 10 })).entries).toEqual([]);
    for (const name of ['link', 'folder/secret']) {
      await expect(store.open(name)).rejects.toMatchObject({ code: 'refused' });
      await expect(store.stat(name)).rejects.toMatchObject({ code: 'refused' });
    }
    await expect(store.list('folder', { isRecursive: true, most: 10 })).rejects.toMatchObject({ code: 'refused' });
    await expect(store.openPart('folder/new', { bytes: 1, journal: '' })).rejects.toMatchObject({ code: 'refused' });
    await expect(store.remove('folder/secret')).rejects.toMatchObject({ code: 'refused' });
    expect(await readFile(join(folder, 'outside/secret'), 'utf8')).toBe('x');
    // A link itself may go.
    await store.remove('link');
    expect(await readFile(join(folder, 'secret'), 'utf8')).toBe('x');
  });

  test('waits for no pipe, and takes no device for a file', async () => {
    await localRunner.run(['mkfifo', join(root, 'pipe')]);
    await expect(tested.store.open('pipe')).rejects.toMatchObject({ code: 'invalid' });
    expect((await tested.store.list('', { isRecursive: true, most: 10 })).entries).toEqual([]);
  });

  test('a file that became shorter while it is hashed is an error', async () => {
    await tested.put('data', Buffer.alloc(100_000));
    const file = await tested.store.open('data');
    await tested.put('data', Buffer.alloc(10));
    await expect(file.hash({ chunkBytes: 65_536 })).rejects.toThrow('became shorter');
    await file.close();
  });
});
