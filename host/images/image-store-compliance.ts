// What every adapter of FileStore does. Called from a test file of each.
import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { inspectFile, resolveChain } from './chain.ts';
import { describeImage } from './headers.ts';
import { qcow2, rawDisk } from './made-images.ts';
import type { FileStore } from './image-store.ts';

export interface TestedStore {
  readonly store: FileStore;
  readonly put: (name: string, data: Buffer) => Promise<void>;
  /** The header of an overlay that was made at this path. */
  readonly overlay: (path: string) => Promise<Buffer>;
  readonly overlayPath: string;
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest();
const whole = { isRecursive: true, most: 100 };

export function complyingStore(made: () => TestedStore): void {
  const names = async (folder: string, isRecursive: boolean, most = 100) => {
    const { entries } = await made().store.list(folder, { isRecursive, most });
    return entries.map(({ name, isFolder }) => (isFolder ? `${name}/` : name)).sort();
  };

  test('lists one folder, or all below it', async () => {
    const { store, put } = made();
    for (const name of ['a.iso', 'images/b.qcow2', 'images/old/c.raw']) await put(name, Buffer.from(name));
    expect(await names('', false)).toEqual(['a.iso', 'images/']);
    expect(await names('', true)).toEqual(['a.iso', 'images/', 'images/b.qcow2', 'images/old/', 'images/old/c.raw']);
    expect(await names('images', false)).toEqual(['images/b.qcow2', 'images/old/']);
    expect(await names('nowhere', true)).toEqual([]);
    expect(await store.stat('images/b.qcow2')).toMatchObject({ bytes: 14, isFolder: false });
    expect(await store.stat('images')).toMatchObject({ isFolder: true });
    expect(await store.stat('images/none')).toBeNull();
    expect(await store.stat('a.iso/b')).toBeNull();
  });

  test('a listing has a bound, and says that it was reached', async () => {
    const { store, put } = made();
    for (let index = 0; index < 12; index += 1) await put(`f${index}`, Buffer.from('x'));
    expect(await store.list('', { isRecursive: true, most: 12 })).toMatchObject({ isCut: false });
    const cut = await store.list('', { isRecursive: true, most: 5 });
    expect(cut.isCut).toBe(true);
    expect(cut.entries).toHaveLength(5);
  });

  test('a file that is made is seen when it is whole, with its holes, or never', async () => {
    const { store, put } = made();
    const data = Buffer.concat([randomBytes(70_000), Buffer.alloc(200_000)]);
    const file = await store.newFile('saved/web/a.state');
    await file.append(data.subarray(0, 65_536));
    await file.append(data.subarray(65_536));
    expect(file.path.startsWith(`${store.root}/saved/web/`)).toBe(true);
    const files = async () => (await names('', true)).filter((each) => !each.endsWith('/'));
    expect(await files()).toEqual([]);
    await file.publish({ mayReplace: false });
    const opened = await store.open('saved/web/a.state');
    expect((await opened.read(0, 300_000)).equals(data)).toBe(true);
    await opened.close();

    const dropped = await store.newFile('saved/web/b.state');
    await dropped.append(data);
    await dropped.discard();
    await dropped.discard();
    expect(await files()).toEqual(['saved/web/a.state']);

    await put('taken', Buffer.from('x'));
    const [late, replacing] = [await store.newFile('taken'), await store.newFile('taken')];
    await expect(late.publish({ mayReplace: false })).rejects.toMatchObject({ code: 'conflict' });
    await replacing.append(Buffer.from('yy'));
    await replacing.publish({ mayReplace: true });
    expect(await store.stat('taken')).toMatchObject({ bytes: 2 });
    await expect(store.newFile('saved/web')).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.removeStaleParts({ ms: Number.MAX_SAFE_INTEGER })).toBe(0);
  });

  test('reads and hashes what a file has', async () => {
    const { store, put } = made();
    const data = randomBytes(300_000);
    await put('data', data);
    const file = await store.open('data');
    expect(file.bytes).toBe(300_000);
    expect((await file.read(100, 50)).equals(data.subarray(100, 150))).toBe(true);
    expect(await file.read(299_990, 50)).toHaveLength(10);
    expect(await file.read(400_000, 50)).toHaveLength(0);
    const hashes = await file.hash({ chunkBytes: 65_536 });
    expect(hashes.total).toBe(sha256(data).toString('hex'));
    expect(hashes.chunks).toHaveLength(5 * 32);
    expect(hashes.chunks.subarray(128).equals(sha256(data.subarray(4 * 65_536)))).toBe(true);
    await expect(file.hash({ chunkBytes: 65_536, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    await file.close();
    await expect(store.open('none')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a file that changed has another version', async () => {
    const { store, put } = made();
    await put('data', Buffer.from('one'));
    const before = await store.stat('data');
    expect((await store.stat('data'))?.version).toBe(before?.version);
    await put('data', Buffer.from('three'));
    expect((await store.stat('data'))?.version).not.toBe(before?.version);
  });

  test('a part is invisible until it is published, and keeps its data and its journal meanwhile', async () => {
    const { store } = made();
    const data = randomBytes(200_000);
    const facts = { bytes: 200_000, journal: 'first' };
    const part = await store.openPart('images/web.qcow2', facts);
    await part.write(100_000, data.subarray(100_000));
    await part.close();
    expect((await names('', true)).filter((name) => !name.endsWith('/'))).toEqual([]);
    expect(await store.stat('images/web.qcow2')).toBeNull();
    expect(await store.readJournal('images/web.qcow2')).toBe('first');
    expect(await store.readJournal('images/other')).toBeNull();

    const again = await store.openPart('images/web.qcow2', { ...facts, journal: 'second' });
    expect((await again.read(100_000, 100_000)).equals(data.subarray(100_000))).toBe(true);
    await again.write(0, data.subarray(0, 100_000));
    expect((await again.hash({ chunkBytes: 65_536 })).total).toBe(sha256(data).toString('hex'));
    await again.publish({ modifiedMs: 1_600_000_000_000 });
    expect(await names('images', true)).toEqual(['images/web.qcow2']);
    expect(await store.stat('images/web.qcow2')).toMatchObject({ bytes: 200_000, modifiedMs: 1_600_000_000_000 });
    expect(await store.readJournal('images/web.qcow2')).toBeNull();
  });

  test('a part takes the place of an older file at once, and nothing of it is left when it is discarded', async () => {
    const { store, put } = made();
    await put('web', Buffer.from('old'));
    const part = await store.openPart('web', { bytes: 3, journal: '' });
    await part.write(0, Buffer.from('new'));
    const reader = await store.open('web');
    expect((await reader.read(0, 3)).toString()).toBe('old');
    await part.publish({ modifiedMs: 5_000 });
    // Who has it open keeps what it opened.
    expect((await reader.read(0, 3)).toString()).toBe('old');
    await reader.close();
    expect((await inspectFile(store, 'web')).bytes).toBe(3);

    const other = await store.openPart('gone', { bytes: 10, journal: 'j' });
    await other.discard();
    expect(await store.readJournal('gone')).toBeNull();
    expect(await names('', true)).toEqual(['web']);
  });

  test('parts that nobody wrote to for long are removed, with their journals', async () => {
    const { store, put } = made();
    await put('web', Buffer.from('x'));
    const part = await store.openPart('images/web', { bytes: 10, journal: 'j' });
    await part.close();
    expect(await store.removeStaleParts({ ms: 0 })).toBe(0);
    expect(await store.readJournal('images/web')).toBe('j');
    expect(await store.removeStaleParts({ ms: Date.now() + 60_000 })).toBe(1);
    expect(await store.readJournal('images/web')).toBeNull();
    expect(await names('', false)).toContain('web');
  });

  test('a part over a folder is refused', async () => {
    const { store, put } = made();
    await put('images/a', Buffer.from('a'));
    await expect(store.openPart('images', { bytes: 1, journal: '' })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('zeros leave holes, also where an earlier try left something else', async () => {
    const { store } = made();
    const bytes = 8 * 1024 * 1024;
    const free = await store.freeBytes();
    expect(free).toBeGreaterThan(0);
    const part = await store.openPart('sparse', { bytes, journal: '' });
    await part.write(0, randomBytes(128 * 1024));
    await part.write(0, Buffer.alloc(bytes));
    expect((await part.read(0, bytes)).equals(Buffer.alloc(bytes))).toBe(true);
    await part.write(1024 * 1024, Buffer.from('x'));
    expect(await part.allocatedBytes()).toBeLessThan(bytes / 8);
    await part.discard();
  });

  test('removes files and folders', async () => {
    const { store, put } = made();
    for (const name of ['a', 'images/b', 'images/old/c']) await put(name, Buffer.from('x'));
    await store.remove('a');
    await store.remove('images');
    expect(await names('', true)).toEqual([]);
    await expect(store.remove('a')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('tells that something changed in a watched folder', async () => {
    const { store, put } = made();
    await put('a', Buffer.from('x'));
    let calls = 0;
    const stop = store.watch(['', 'nowhere'], () => (calls += 1));
    await put('b', Buffer.from('x'));
    await expect.poll(() => calls).toBeGreaterThan(0);
    stop();
  });

  test('resolves a chain of images from folder to folder', async () => {
    const { store, put } = made();
    await put('base.raw', rawDisk());
    await put('images/mid.qcow2', qcow2({ backing: { file: '../base.raw', format: 'raw' } }));
    await put('web.qcow2', qcow2({ backing: { file: './images/mid.qcow2', format: 'qcow2' } }));
    const chain = await resolveChain(store, 'web.qcow2');
    expect(chain.map(({ name }) => name)).toEqual(['web.qcow2', 'images/mid.qcow2', 'base.raw']);
    await store.remove('base.raw');
    await expect(resolveChain(store, 'web.qcow2')).rejects.toMatchObject({
      code: 'not-found',
      message: 'images/mid.qcow2 needs the backing file base.raw, which is not here',
    });
  });

  test('makes an overlay that names its base and the format of it', async () => {
    const { store, put, overlay, overlayPath } = made();
    await put('my, base=1.raw', rawDisk(3 * 1024 * 1024));
    await store.createOverlay(overlayPath, { name: 'my, base=1.raw', format: 'raw' });
    const header = await overlay(overlayPath);
    expect(describeImage(header, header.length)).toMatchObject({
      format: 'qcow2',
      virtualBytes: 3 * 1024 * 1024,
      backing: { file: `${store.root}/my, base=1.raw`, format: 'raw' },
    });
    await expect(store.createOverlay(overlayPath, { name: 'none', format: 'raw' })).rejects.toMatchObject({
      code: 'not-found',
    });
    expect((await store.list('', whole)).entries).toHaveLength(1);
  });
}
