import { describe, expect, test } from 'vitest';
import { maxChainLength } from '../../contract/limits.ts';
import { backingName, Inspections, resolveChain } from './chain.ts';
import { kernel, qcow2, rawDisk } from './made-images.ts';
import { MemoryStore } from './memory-image-store.ts';

const storeOf = (files: Record<string, Buffer>) => {
  const store = new MemoryStore({ now: () => 0 });
  for (const [name, data] of Object.entries(files)) store.put(name, data);
  return store;
};
const over = (file: string, format: string | null = 'qcow2') =>
  qcow2({ backing: { file, ...(format === null ? {} : { format }) } });

test.each([
  ['web', 'base', 'base'],
  ['images/web', 'base', 'images/base'],
  ['images/web', '../base', 'base'],
  ['images/web', './old/../base', 'images/base'],
  ['web', 'a,b=c d', 'a,b=c d'],
  ['web', './a:b', 'a:b'],
])('%s over %j is over %s', (image, file, name) => {
  expect(backingName(image, { file, format: 'raw' })).toBe(name);
});

describe('a backing file is refused', () => {
  test.each([
    ['/srv/base.qcow2', 'absolute path'],
    ['../base.qcow2', 'outside of -filepath'],
    ['a/../../base.qcow2', 'outside of -filepath'],
    ['.', 'outside of -filepath'],
    ['json:{"driver":"raw","file":{"filename":"/etc/shadow"}}', 'only a file below -filepath'],
    ['nbd://host/disk', 'only a file below -filepath'],
    ['fat:rw:/', 'only a file below -filepath'],
    ['base:1', 'only a file below -filepath'],
    ['a\nb', 'outside of -filepath'],
  ])('%j', (file, why) => {
    expect(() => backingName('web.qcow2', { file, format: 'raw' })).toThrow(why);
    expect(() => backingName('web.qcow2', { file, format: 'raw' })).toThrow(/^web\.qcow2 has the backing file `/);
  });

  test('without its format', async () => {
    const store = storeOf({ web: over('base', null), base: rawDisk() });
    await expect(resolveChain(store, 'web')).rejects.toThrow('does not say its format');
  });

  test('that is not in the format that the image says', async () => {
    const store = storeOf({
      web: over('base', 'qcow2'),
      base: rawDisk(),
      evil: over('base2', 'raw'),
      base2: over('base', 'raw'),
    });
    await expect(resolveChain(store, 'web')).rejects.toThrow('web needs base as qcow2, and it is raw');
    // A guest could write the header of another image into a raw disk.
    await expect(resolveChain(store, 'evil')).rejects.toThrow('evil needs base2 as raw, and it is qcow2');
    store.put('base', qcow2({ incompatible: 2n }));
    await expect(resolveChain(store, 'web')).rejects.toThrow(
      'web needs base, which cannot be used: it is marked as corrupt',
    );
    store.put('win', over('base', 'vmdk'));
    await expect(resolveChain(store, 'win')).rejects.toThrow(/needs base/);
  });

  test('in a circle, and in a chain that is too long', async () => {
    const circle = storeOf({ a: over('b'), b: over('c'), c: over('a') });
    await expect(resolveChain(circle, 'a')).rejects.toThrow('lead in a circle: a, b, c, a');
    await expect(resolveChain(storeOf({ a: over('a') }), 'a')).rejects.toThrow('in a circle');
    const links = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`i${at}`, over(`i${at + 1}`)]));
    await expect(resolveChain(storeOf(links), 'i0')).rejects.toThrow(`more than ${maxChainLength - 1} backing files`);
    const longest = await resolveChain(storeOf({ ...links, i39: qcow2() }), `i${40 - maxChainLength}`);
    expect(longest).toHaveLength(maxChainLength);
  });
});

test('a file is inspected again only when it changed, and no more of them are kept than the bound', async () => {
  const store = storeOf({ a: kernel(), b: rawDisk(), c: rawDisk() });
  const opened: string[] = [];
  const inspections = new Inspections({ open: (name) => (opened.push(name), store.open(name)) }, { most: 2 });
  const of = async (name: string) => (await inspections.of((await store.stat(name))!)).format;
  expect([await of('a'), await of('a')]).toEqual(['kernel', 'kernel']);
  store.put('a', rawDisk());
  expect(await of('a')).toBe('raw');
  await of('b');
  await of('c');
  await of('a');
  expect(opened).toEqual(['a', 'a', 'b', 'c', 'a']);
});
