import { beforeEach, describe, expect, test } from 'vitest';
import { Inspections } from '../../host/images/chain.ts';
import { qcow2 } from '../../host/images/made-images.ts';
import { MemoryStore } from '../../host/images/memory-image-store.ts';
import { Disks, type DiskUser } from './disks.ts';

const mib = 1024 * 1024;
let store: MemoryStore;
let disks: Disks;
let users: Map<string, DiskUser[]>;
let coming: Set<string>;

beforeEach(() => {
  store = new MemoryStore({ now: () => 0, root: '/files' });
  users = new Map();
  coming = new Set();
  disks = new Disks({
    files: {
      store,
      inspections: new Inspections(store, { most: 100 }),
      whyBusy: (name) => (coming.has(name) ? `${name} is on its way to this node` : null),
    },
    usersOf: (path) => users.get(path) ?? [],
    newDigits: () => '42',
  });
});

const infoOf = async (name: string, isRecursive = false) =>
  (await disks.info(name, { isRecursive })).map(({ name: image, format, virtualBytes, backing }) =>
    [image, format, virtualBytes / mib, backing].join(' '),
  );
const reader = { name: 'web', namespace: 'exp', isWriter: false };
const writer = { ...reader, isWriter: true };

describe('disks', () => {
  test('are made, and shown with their backing files', async () => {
    await disks.create('qcow2', 'a.qcow2', '20M');
    await disks.create('raw', '/files/old/b.raw', '10M');
    expect(await disks.snapshot('old/b.raw', 'new/top.qcow2')).toBe('/files/new/top.qcow2');
    expect(await disks.snapshot('a.qcow2', null)).toBe('/files/snapshot42');
    expect(await infoOf('a.qcow2', true)).toEqual(['a.qcow2 qcow2 20 ']);
    expect(await infoOf('new/top.qcow2', true)).toEqual(['new/top.qcow2 qcow2 10 ../old/b.raw', 'old/b.raw raw 10 ']);
    expect(await infoOf('snapshot42')).toEqual(['snapshot42 qcow2 20 a.qcow2']);
    expect(store.unfinished).toBe(0);
  });

  test('take no name that is there, and none outside', async () => {
    await disks.create('qcow2', 'a.qcow2', '20M');
    for (const made of [disks.create('raw', 'a.qcow2', '1M'), disks.snapshot('a.qcow2', 'a.qcow2')])
      await expect(made).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('is there already') as string,
      });
    for (const name of ['../x', '/etc/passwd', 'a\nb', ''])
      await expect(disks.create('raw', name, '1M')).rejects.toMatchObject({ code: 'invalid' });
    await expect(disks.create('raw', 'c.raw', 'bogus')).rejects.toThrow('`bogus` is not a size');
    await expect(disks.info('nope.qcow2', { isRecursive: false })).rejects.toMatchObject({ code: 'not-found' });
    expect(await infoOf('a.qcow2')).toEqual(['a.qcow2 qcow2 20 ']);
  });

  test('that could not be made leave nothing', async () => {
    const signal = AbortSignal.abort();
    await expect(disks.create('qcow2', 'a.qcow2', '20M', { signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(await store.stat('a.qcow2')).toBeNull();
    expect(store.unfinished).toBe(0);
    // The name is free again.
    await disks.create('qcow2', 'a.qcow2', '20M');
  });

  test('become larger, and never smaller', async () => {
    await disks.create('qcow2', 'a.qcow2', '20M');
    await disks.snapshot('a.qcow2', 'top.qcow2');
    await disks.resize('top.qcow2', '+10M');
    await disks.resize('top.qcow2', '40M');
    expect(await infoOf('top.qcow2')).toEqual(['top.qcow2 qcow2 40 a.qcow2']);
    await expect(disks.resize('top.qcow2', '1M')).rejects.toMatchObject({ code: 'refused' });
    await expect(disks.resize('top.qcow2', 'bogus')).rejects.toMatchObject({ code: 'invalid' });
  });

  test('get another backing file, or none', async () => {
    await disks.create('qcow2', 'a.qcow2', '20M');
    await disks.create('raw', 'b.raw', '20M');
    await disks.snapshot('a.qcow2', 'x/top.qcow2');
    await disks.rebase('x/top.qcow2', 'b.raw', { isSafe: true });
    expect(await infoOf('x/top.qcow2', true)).toEqual(['x/top.qcow2 qcow2 20 ../b.raw', 'b.raw raw 20 ']);
    await disks.rebase('x/top.qcow2', null, { isSafe: true });
    expect(await infoOf('x/top.qcow2')).toEqual(['x/top.qcow2 qcow2 20 ']);
    await disks.rebase('x/top.qcow2', 'a.qcow2', { isSafe: false });
    await expect(disks.rebase('a.qcow2', 'x/top.qcow2', { isSafe: false })).rejects.toThrow(
      'x/top.qcow2 is a.qcow2, or has it among its own backing files',
    );
    await expect(disks.rebase('b.raw', 'a.qcow2', { isSafe: true })).rejects.toThrow('only qcow2 images have one');
  });

  test('of a moved backing file are repaired by set-backing alone', async () => {
    store.put('top.qcow2', qcow2({ backing: { file: 'gone.qcow2', format: 'qcow2' } }));
    store.put('a.qcow2', qcow2());
    await expect(disks.rebase('top.qcow2', 'a.qcow2', { isSafe: true })).rejects.toMatchObject({ code: 'not-found' });
    await disks.rebase('top.qcow2', 'a.qcow2', { isSafe: false });
    expect(await infoOf('top.qcow2', true)).toEqual(['top.qcow2 qcow2 20 a.qcow2', 'a.qcow2 qcow2 20 ']);
  });
});

describe('an image is left alone', () => {
  beforeEach(async () => {
    await disks.create('qcow2', 'a.qcow2', '20M');
    await disks.snapshot('a.qcow2', 'top.qcow2');
  });
  const changes = (): Promise<void>[] => [
    disks.commit('top.qcow2'),
    disks.resize('top.qcow2', '+1M'),
    disks.rebase('top.qcow2', null, { isSafe: true }),
    disks.rebase('top.qcow2', null, { isSafe: false }),
  ];

  test('while a VM needs it, which is named', async () => {
    users.set('/files/top.qcow2', [reader]);
    for (const change of changes())
      await expect(change).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('top.qcow2 is in use by web (namespace exp)') as string,
      });
    expect((await disks.info('top.qcow2', { isRecursive: false }))[0]?.isInUse).toBe(true);
  });

  test('when it is a backing file that a VM reads: nothing is committed into it', async () => {
    users.set('/files/a.qcow2', [reader]);
    await expect(disks.commit('top.qcow2')).rejects.toThrow('a.qcow2 is in use by web');
    // Another overlay does not change it.
    await disks.snapshot('a.qcow2', 'other.qcow2');
    users.set('/files/a.qcow2', [writer]);
    await expect(disks.snapshot('a.qcow2', 'third.qcow2')).rejects.toThrow('a.qcow2 is in use by web');
  });

  test('when another image lies over its backing file', async () => {
    await disks.snapshot('a.qcow2', 'x/other.qcow2');
    await expect(disks.commit('top.qcow2')).rejects.toThrow('x/other.qcow2 lies over a.qcow2 too');
    await store.remove('x/other.qcow2');
    await disks.commit('top.qcow2');
    await expect(disks.commit('a.qcow2')).rejects.toThrow('a.qcow2 has no backing file');
  });

  test('while it comes from elsewhere, and while another command changes it', async () => {
    coming.add('top.qcow2');
    await expect(disks.resize('top.qcow2', '+1M')).rejects.toThrow('on its way');
    coming.clear();
    const results = await Promise.allSettled(changes());
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
  });

  test('when its backing file lies outside', async () => {
    store.put('evil.qcow2', qcow2({ backing: { file: '/etc/shadow', format: 'raw' } }));
    for (const change of [
      () => disks.commit('evil.qcow2'),
      () => disks.resize('evil.qcow2', '+1M'),
      () => disks.snapshot('evil.qcow2', 'over.qcow2'),
      () => disks.rebase('evil.qcow2', 'a.qcow2', { isSafe: true }),
    ])
      await expect(change()).rejects.toMatchObject({ code: 'refused' });
    expect(await infoOf('evil.qcow2')).toEqual(['evil.qcow2 qcow2 20 /etc/shadow']);
  });
});
