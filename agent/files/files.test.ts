import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { maxFetches, maxServedFiles } from '../../contract/limits.ts';
import { qcow2 } from '../../host/images/made-images.ts';
import type { Files } from './files.ts';
import { FilesMesh, randomDisk } from './memory-files.ts';
import { encodeFrame, fileFrame, indexFrame } from './wire.ts';

let mesh: FilesMesh;
const start = async (size: number, protocolOf?: (index: number) => number) => {
  mesh = await FilesMesh.create(size, protocolOf);
};
afterEach(() => mesh.stop());

const MB = 1024 * 1024;
const filesOf = (index: number) => mesh.node(index).files;
const storeOf = (index: number) => mesh.node(index).store;
const content = (index: number, name: string) => storeOf(index).content(name);
const statusOf = (index: number, name: string) =>
  filesOf(index)
    .status()
    .find((status) => status.name === name);
const put = (name: string, data: Buffer, ...indexes: number[]) => {
  for (const index of indexes) storeOf(index).put(name, Buffer.from(data));
};
const served = (index: number) => filesOf(index).servedBytes;
const ensured = (index: number, name: string) => mesh.passing(filesOf(index).ensure(name));
const over = (file: string, format = 'qcow2') => qcow2({ backing: { file, format } });

describe('C1 who has a file', () => {
  test('each member is asked; the copy of the head counts, without one the newest', async () => {
    await start(4);
    const [old, fresh] = [randomDisk(200_000), randomDisk(200_000)];
    storeOf(1).put('web', old, 1_000);
    storeOf(2).put('web', fresh, 2_000);
    const where = await mesh.passing(filesOf(3).whereIs('web'));
    expect(where.file?.nodeId).toBe(mesh.node(2).id);
    await ensured(3, 'web');
    expect(content(3, 'web')?.equals(fresh)).toBe(true);
    expect((await storeOf(3).stat('web'))?.modifiedMs).toBe(2_000);

    storeOf(0).put('db', old, 1_000);
    storeOf(1).put('db', fresh, 2_000);
    await ensured(3, 'db');
    expect(content(3, 'db')?.equals(old)).toBe(true);
  });

  test('a file that nobody has is an error, with the nodes that could not be asked', async () => {
    await start(3);
    expect(await mesh.failure(filesOf(0).ensure('none'))).toMatchObject({
      code: 'not-found',
      message: 'get none: file not found: no node has it below -filepath',
    });
    // A member of a version without files, and one that says nothing.
    mesh.simulation.mesh(1).serve('file-have', () => {
      throw new Error("this node's meshd does not know requests of kind file-have");
    });
    mesh.simulation.mesh(2).serve('file-have', () => new Promise(() => undefined));
    const error = await mesh.failure(filesOf(0).ensure('none'));
    expect(error).toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(
        /^get none: file not found on the nodes that answered \(node2: .*; node3: timed out\)$/,
      ) as string,
    });
  });

  test('a member of mesh protocol 1 has no streams: the error names it', async () => {
    await start(3, (index) => (index === 2 ? 1 : 2));
    put('web', randomDisk(200_000), 2);
    expect(await mesh.failure(filesOf(0).ensure('web'))).toMatchObject({
      message: expect.stringContaining('node3 is too old for streams: upgrade it (deploy)') as string,
    });
    expect(content(0, 'web')).toBeNull();
  });
});

describe('C2 C8 a fetch', () => {
  test.each([0, 1, 65_536, 65_537, 3 * MB + 17])('of %i bytes brings the file as it is', async (bytes) => {
    await start(2);
    const data = bytes === 0 ? Buffer.alloc(0) : randomDisk(Math.max(bytes, 512)).subarray(0, bytes);
    put('images/web', data, 0);
    const path = await ensured(1, 'images/web');
    expect(path).toBe('/node2/images/web');
    expect(content(1, 'images/web')?.equals(data)).toBe(true);
    expect(served(0)).toBe(bytes);
    expect(filesOf(1).status()).toEqual([]);
  });

  test('takes chunks from all nodes that have the file, and none from those with another', async () => {
    await start(5);
    const data = randomDisk(4 * MB);
    put('web', data, 0, 1, 2);
    storeOf(3).put('web', randomDisk(4 * MB), 1);
    await ensured(4, 'web');
    expect(content(4, 'web')?.equals(data)).toBe(true);
    for (const index of [0, 1, 2]) expect(served(index), `node${index + 1}`).toBeGreaterThan(MB / 2);
    expect(served(0) + served(1) + served(2)).toBe(4 * MB);
    expect(served(3)).toBe(0);
  });

  test('sends no zeros, and leaves holes', async () => {
    await start(2);
    const data = Buffer.alloc(8 * MB);
    randomDisk(100_000).copy(data, 5 * MB);
    put('sparse', data, 0);
    storeOf(1).diskBytes = MB;
    await ensured(1, 'sparse');
    expect(content(1, 'sparse')?.equals(data)).toBe(true);
    expect(served(0)).toBeLessThan(MB / 2);
  });

  test('several who want the same wait for one; one who gives up ends it for the others only as the last', async () => {
    await start(2);
    put('web', randomDisk(4 * MB), 0);
    const [first, second] = [new AbortController(), new AbortController()];
    const waits = [first, second].map(({ signal }) => filesOf(1).ensure('web', { signal }));
    const third = filesOf(1).ensure('web');
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 3);
    expect(filesOf(1).status()).toHaveLength(1);
    const ends = waits.map((wait) => mesh.failure(wait));
    first.abort();
    second.abort();
    for (const end of ends) expect(await end).toMatchObject({ code: 'cancelled' });
    await mesh.passing(third);
    expect(served(0)).toBe(4 * MB);
  });

  test('that is cancelled leaves nothing visible, and keeps what has arrived', async () => {
    await start(2);
    const data = randomDisk(4 * MB);
    put('web', data, 0);
    const abort = new AbortController();
    const wait = filesOf(1).ensure('web', { signal: abort.signal });
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 20);
    abort.abort();
    expect(await mesh.failure(wait)).toMatchObject({ code: 'cancelled' });
    expect(await storeOf(1).stat('web')).toBeNull();
    expect((await storeOf(1).list('', { isRecursive: true, most: 9 })).entries).toEqual([]);
    const before = served(0);
    await ensured(1, 'web');
    expect(content(1, 'web')?.equals(data)).toBe(true);
    expect(served(0) - before).toBeLessThan(3 * MB);
  });

  test(`${maxFetches} files at a time; the others wait, and say so`, async () => {
    await start(2);
    const names = Array.from({ length: maxFetches + 2 }, (_, at) => `f${at}`);
    for (const name of names) put(name, randomDisk(2 * MB), 0);
    const all = Promise.all(names.map((name) => filesOf(1).ensure(name)));
    await mesh.reached(
      () =>
        filesOf(1).status().length === names.length &&
        filesOf(1)
          .status()
          .some(({ doneChunks }) => doneChunks > 0),
    );
    expect(
      filesOf(1)
        .status()
        .filter(({ state }) => state === 'queued'),
    ).toHaveLength(2);
    await mesh.passing(all);
    expect(filesOf(1).status()).toEqual([]);
  });
});

describe('C6 what is wrong is not stored', () => {
  /** A holder that has hashed the file before its disk went bad. */
  const hashed = async (index: number, name: string) => {
    const entry = await storeOf(index).stat(name);
    await filesOf(index).manifests.of(entry!);
  };

  test('a wrong chunk comes from another node, and the first is left out and named', async () => {
    await start(4);
    const data = randomDisk(4 * MB);
    put('web', data, 1, 2);
    for (const index of [1, 2]) await hashed(index, 'web');
    for (let at = 1_000; at < 4 * MB; at += 65_536) storeOf(1).flip('web', at);
    const leftOut: string[] = [];
    filesOf(3).onFetch((status) => leftOut.push(...status.leftOut));
    await ensured(3, 'web');
    expect(content(3, 'web')?.equals(data)).toBe(true);
    expect(leftOut[0]).toMatch(/^node2: it gave wrong data for chunk \d+ of web$/);
    expect(mesh.node(3).warnings[0]).toContain('node2: it gave wrong data');
  });

  test('when nobody gives the right bytes, the fetch fails and there is no file', async () => {
    await start(2);
    put('web', randomDisk(MB), 0);
    await hashed(0, 'web');
    storeOf(0).flip('web', MB - 1);
    const error = await mesh.failure(filesOf(1).ensure('web'));
    expect(error).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('node1: it gave wrong data for chunk 15 of web') as string,
    });
    expect(await storeOf(1).stat('web')).toBeNull();
    const failed = statusOf(1, 'web');
    expect(failed).toMatchObject({ state: 'failed', chunks: 16 });
    // Once its disk is well again, what has arrived counts.
    storeOf(0).flip('web', MB - 1);
    const before = served(0);
    await ensured(1, 'web');
    expect(served(0) - before).toBe(MB - (failed?.doneBytes ?? 0));
    expect(statusOf(1, 'web')).toBeUndefined();
  });

  test('hashes that do not belong together are found out, and nothing is kept', async () => {
    await start(2);
    const data = randomDisk(MB);
    put('web', data, 0);
    const entry = (await storeOf(0).stat('web'))!;
    const manifest = await filesOf(0).manifests.of(entry);
    filesOf(0).manifests.learn(entry, { ...manifest, hashes: { ...manifest.hashes, total: 'ab'.repeat(32) } });
    expect(await mesh.failure(filesOf(1).ensure('web'))).toMatchObject({
      code: 'failed',
      message: 'web: the hashes of its chunks and that of the whole do not belong together',
    });
    expect(await storeOf(1).readJournal('web')).toBeNull();
  });
});

describe('C6 C10 C13 nodes that go', () => {
  test('a source that dies half-way: the others give the rest', async () => {
    await start(4);
    const data = randomDisk(6 * MB);
    put('web', data, 1, 2);
    const wait = filesOf(3).ensure('web');
    await mesh.reached(() => (statusOf(3, 'web')?.doneChunks ?? 0) > 30 && served(1) > 0 && served(2) > 0);
    mesh.kill(1);
    await mesh.passing(wait);
    expect(content(3, 'web')?.equals(data)).toBe(true);
  });

  test('the only source dies and comes back: the fetch continues', async () => {
    await start(2);
    const data = randomDisk(4 * MB);
    put('web', data, 0);
    const wait = filesOf(1).ensure('web');
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 20);
    mesh.kill(0);
    await mesh.reached(() => statusOf(1, 'web')?.sources.length === 0);
    await mesh.restart(0);
    await mesh.passing(wait);
    expect(content(1, 'web')?.equals(data)).toBe(true);
    // It had served another life.
    expect(served(0)).toBeLessThan(4 * MB);
  });

  test('without any source it ends with an error, and the next fetch continues from there', async () => {
    await start(3);
    const data = randomDisk(4 * MB);
    put('web', data, 0);
    const wait = filesOf(1).ensure('web');
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 20);
    mesh.kill(0);
    expect(await mesh.failure(wait)).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /^web: no node is left that gives it \(node1: .*\)\. What has arrived is kept: repeat the fetch$/,
      ) as string,
    });
    put('web', data, 2);
    await ensured(1, 'web');
    expect(content(1, 'web')?.equals(data)).toBe(true);
    expect(served(2)).toBeLessThan(3 * MB);
  });

  test('a fetcher that was killed continues after its restart, and takes no chunk that it has', async () => {
    await start(2);
    const data = randomDisk(4 * MB);
    put('web', data, 0);
    filesOf(1)
      .ensure('web')
      .catch(() => undefined);
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 40);
    mesh.kill(1);
    await mesh.clock.advance(1_000);
    const before = served(0);
    await mesh.restart(1);
    expect(await storeOf(1).stat('web')).toBeNull();
    await ensured(1, 'web');
    expect(content(1, 'web')?.equals(data)).toBe(true);
    expect(served(0) - before).toBeLessThan(2 * MB);
  });

  test('a part of another file of that name is thrown away', async () => {
    await start(2);
    put('web', randomDisk(4 * MB), 0);
    const abort = new AbortController();
    const wait = filesOf(1).ensure('web', { signal: abort.signal });
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 20);
    abort.abort();
    await mesh.failure(wait);
    const data = randomDisk(3 * MB);
    put('web', data, 0);
    await ensured(1, 'web');
    expect(content(1, 'web')?.equals(data)).toBe(true);
  });

  test('a source that says nothing is left alone', async () => {
    await start(3);
    const data = randomDisk(2 * MB);
    put('web', data, 1);
    const silent: Duplex[] = [];
    mesh.simulation.mesh(0).serve('file-have', () =>
      Promise.resolve({
        file: {
          bytes: 2 * MB,
          storedBytes: 2 * MB,
          modifiedMs: 1,
          hash: null,
          format: 'raw',
          virtualBytes: 2 * MB,
          backing: null,
          isEncrypted: false,
          snapshots: 0,
          problem: null,
        },
        isFolder: false,
        part: null,
      }),
    );
    mesh.simulation.mesh(0).streams.serve('file', ({ accept }) => void silent.push(accept()));
    // The head is preferred, and its copy is never given.
    await ensured(2, 'web');
    expect(silent.length).toBeGreaterThan(0);
    expect(content(2, 'web')?.equals(data)).toBe(true);
  });
});

test('C7 a file to four nodes at once leaves its first holder less than twice', async () => {
  await start(5);
  const data = randomDisk(8 * MB);
  put('web', data, 0);
  await mesh.passing(Promise.all([1, 2, 3, 4].map((index) => filesOf(index).ensure('web'))));
  for (const index of [1, 2, 3, 4]) expect(content(index, 'web')?.equals(data)).toBe(true);
  expect(served(0)).toBeGreaterThanOrEqual(8 * MB);
  expect(served(0)).toBeLessThanOrEqual(16 * MB);
  // What did not come from there, they gave each other.
  expect([0, 1, 2, 3, 4].reduce((sum, index) => sum + served(index), 0)).toBeGreaterThanOrEqual(32 * MB);
  // 32 MB in frames, opened and closed one by one: half a minute of processor time.
}, 300_000);

describe('C11 chains', () => {
  test('an image travels with its backing files, the last one first', async () => {
    await start(3);
    const base = randomDisk(MB);
    put('base.raw', base, 0);
    put('images/mid.qcow2', over('../base.raw', 'raw'), 1);
    put('web.qcow2', over('images/mid.qcow2'), 0, 1);
    const order: string[] = [];
    filesOf(2).onFetch(({ name, state }) => state === 'done' && !order.includes(name) && order.push(name));
    await ensured(2, 'web.qcow2');
    expect(order).toEqual(['base.raw', 'images/mid.qcow2', 'web.qcow2']);
    expect((await filesOf(2).describe('web.qcow2')).map(({ name }) => name)).toEqual([
      'web.qcow2',
      'images/mid.qcow2',
      'base.raw',
    ]);
    // An image that is here alone gets what it lacks.
    await storeOf(2).remove('base.raw');
    await ensured(2, 'web.qcow2');
    expect(content(2, 'base.raw')?.equals(base)).toBe(true);
  });

  test('what would come is known before anything does', async () => {
    await start(2);
    put('base.qcow2', qcow2(), 1);
    put('web.qcow2', over('base.qcow2'), 1);
    const missing = async () => (await mesh.passing(filesOf(0).missing('web.qcow2'))).map(({ name }) => name);
    expect(await missing()).toEqual(['web.qcow2', 'base.qcow2']);
    expect(filesOf(0).status()).toEqual([]);
    await ensured(0, 'web.qcow2');
    expect(await missing()).toEqual([]);
    expect(await mesh.failure(filesOf(0).missing('none'))).toMatchObject({ code: 'not-found' });
  });

  test('a backing file that is here with other content is not taken for the one that is meant', async () => {
    await start(2);
    put('web.qcow2', over('base.raw', 'raw'), 0);
    storeOf(0).put('base.raw', randomDisk(MB), 1_000);
    storeOf(1).put('base.raw', randomDisk(MB), 2_000);
    const message = 'base.raw is here already, with other content: delete it first (file delete)';
    expect(await mesh.failure(filesOf(1).ensure('web.qcow2'))).toMatchObject({ code: 'conflict', message });
    expect(await storeOf(1).stat('web.qcow2')).toBeNull();
    // The same content of another time is the same file.
    storeOf(1).put('base.raw', content(0, 'base.raw')!, 3_000);
    const before = served(0);
    await ensured(1, 'web.qcow2');
    // The chunks of the image that are not zeros: header, refcount table, refcounts.
    expect(served(0) - before).toBe(3 * 65_536);
  });

  test.each([
    ['/srv/base.qcow2', 'absolute path'],
    ['json:{}', 'only a file below -filepath'],
    ['../base', 'outside of -filepath'],
  ])('an image over %s is refused before a byte of it moves', async (file, why) => {
    await start(2);
    put('web.qcow2', over(file), 0);
    expect(await mesh.failure(filesOf(1).ensure('web.qcow2'))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining(why) as string,
    });
    expect(await mesh.failure(filesOf(1).get('web.qcow2'))).toMatchObject({ code: 'refused' });
    expect(served(0)).toBe(0);
  });

  test('a circle over two nodes, and a backing file that nobody has, are errors that name it', async () => {
    await start(3);
    put('a', over('b'), 0);
    put('b', over('a'), 1);
    expect(await mesh.failure(filesOf(2).ensure('a'))).toMatchObject({
      message: 'the backing files of a lead in a circle: a, b, a',
    });
    put('web', over('gone'), 0);
    expect(await mesh.failure(filesOf(2).ensure('web'))).toMatchObject({
      code: 'not-found',
      message: 'web needs the backing file gone. get gone: file not found: no node has it below -filepath',
    });
    expect((await storeOf(2).list('', { isRecursive: true, most: 9 })).entries).toEqual([]);
  });
});

describe('C9 room', () => {
  test('is checked for all of a chain before the first byte comes', async () => {
    await start(2);
    put('base.raw', randomDisk(3 * MB), 0);
    put('web.qcow2', over('base.raw', 'raw'), 0);
    storeOf(1).diskBytes = 2 * MB;
    expect(await mesh.failure(filesOf(1).ensure('web.qcow2'))).toMatchObject({
      code: 'refused',
      message: expect.stringMatching(
        /^web\.qcow2, base\.raw: \d+ bytes, and 2097152 are free below -filepath: make room there$/,
      ) as string,
    });
    expect(served(0)).toBe(0);
  });

  test('a disk that fills up meanwhile ends the fetch with an error, and it continues once there is room', async () => {
    await start(2);
    const data = randomDisk(4 * MB);
    put('web', data, 0);
    const wait = filesOf(1).ensure('web');
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 20);
    storeOf(1).diskBytes = 0;
    expect(await mesh.failure(wait)).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/^web: the disk is full, and \d+ bytes are missing/) as string,
    });
    expect(await storeOf(1).stat('web')).toBeNull();
    storeOf(1).diskBytes = 64 * MB;
    const before = served(0);
    await ensured(1, 'web');
    expect(content(1, 'web')?.equals(data)).toBe(true);
    expect(served(0) - before).toBeLessThan(3 * MB);
  });
});

describe('C1 C12 get, delete and what VMs use', () => {
  const got = async (files: Files, text: string) => {
    const { ended } = await mesh.passing(files.get(text));
    await mesh.passing(ended);
  };

  test("get brings a newer copy and the head's, and no older one", async () => {
    await start(3);
    const [older, newer] = [randomDisk(MB), randomDisk(MB)];
    storeOf(1).put('web', older, 1_000);
    storeOf(2).put('web', newer, 2_000);
    await got(filesOf(2), 'web');
    expect(content(2, 'web')?.equals(newer)).toBe(true);
    await got(filesOf(1), 'web');
    expect(content(1, 'web')?.equals(newer)).toBe(true);
    storeOf(0).put('web', older, 500);
    await got(filesOf(1), 'web');
    expect(content(1, 'web')?.equals(older)).toBe(true);
    // What is the same already does not move.
    const before = served(0);
    await got(filesOf(1), 'web');
    expect(served(0)).toBe(before);
  });

  test('a file in use is neither replaced nor deleted', async () => {
    await start(2);
    const mine = randomDisk(MB);
    storeOf(0).put('web', randomDisk(MB), 9_000);
    storeOf(1).put('web', mine, 1_000);
    mesh.node(1).used.add('/node2/web');
    const { ended } = await mesh.passing(filesOf(1).get('web'));
    expect(await mesh.failure(ended)).toMatchObject({
      code: 'conflict',
      message: 'web is in use by a VM here, and would be replaced: `vm kill` and `vm flush` the VM first',
    });
    expect(await mesh.failure(filesOf(1).delete('web'))).toMatchObject({
      code: 'conflict',
      message: 'web is in use by a VM here: `vm kill` and `vm flush` the VM first',
    });
    expect(content(1, 'web')?.equals(mine)).toBe(true);
  });

  test('a VM that begins to use the file while it is fetched keeps its file', async () => {
    await start(2);
    const mine = randomDisk(4 * MB);
    storeOf(0).put('web', randomDisk(4 * MB), 9_000);
    storeOf(1).put('web', mine, 1_000);
    const { ended } = await mesh.passing(filesOf(1).get('web'));
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 5);
    mesh.node(1).used.add('/node2/web');
    expect(await mesh.failure(ended)).toMatchObject({ code: 'conflict' });
    expect(content(1, 'web')?.equals(mine)).toBe(true);
  });

  test('get takes folders and patterns, and says what nobody has', async () => {
    await start(3);
    put('images/a.iso', randomDisk(1_024), 0);
    put('images/old/b.iso', randomDisk(1_024), 1);
    put('images/c.raw', randomDisk(1_024), 1);
    put('top.iso', randomDisk(1_024), 1);
    const here = async () =>
      (await filesOf(2).list('', { isRecursive: true })).flatMap(({ name, isFolder }) => (isFolder ? [] : [name]));
    await got(filesOf(2), '*.iso');
    expect(await here()).toEqual(['top.iso']);
    await got(filesOf(2), 'images');
    expect(await here()).toEqual(['images/a.iso', 'images/c.raw', 'images/old/b.iso', 'top.iso']);
    for (const text of ['nope', '*.none', 'images/nope']) {
      expect(await mesh.failure(filesOf(2).get(text))).toMatchObject({
        message: `get ${text}: file not found: no node has it below -filepath`,
      });
    }
    for (const text of ['../x', '/etc/passwd', 'a\0b', '[a']) {
      expect(await mesh.failure(filesOf(2).get(text)), text).toMatchObject({ code: 'invalid' });
      expect(await mesh.failure(filesOf(2).delete(text)), text).toMatchObject({ code: 'invalid' });
    }
  });

  test('delete takes files, folders and patterns here only, and ends a fetch', async () => {
    await start(2);
    put('images/a.iso', randomDisk(1_024), 0, 1);
    put('b.iso', randomDisk(1_024), 0, 1);
    put('web', randomDisk(4 * MB), 0);
    const wait = filesOf(1).ensure('web');
    await mesh.reached(() => (statusOf(1, 'web')?.doneChunks ?? 0) > 5);
    const ended = mesh.failure(wait);
    await mesh.passing(filesOf(1).delete('web'));
    expect(await ended).toMatchObject({ code: 'cancelled' });
    expect(await storeOf(1).readJournal('web')).toBeNull();
    expect(filesOf(1).status()).toEqual([]);
    await mesh.passing(filesOf(1).delete('*.iso'));
    await mesh.passing(filesOf(1).delete('images'));
    expect(await filesOf(1).list('', { isRecursive: true })).toEqual([]);
    expect(await filesOf(0).list('', { isRecursive: true })).toHaveLength(4);
    expect(await mesh.failure(filesOf(1).delete('web'))).toMatchObject({
      code: 'not-found',
      message: 'delete web: file not found',
    });
    expect(await mesh.failure(filesOf(1).delete('.'))).toMatchObject({ code: 'refused' });
  });
});

describe('C3 C4 C5 bad input of a member', () => {
  beforeEach(async () => {
    await start(2);
    put('web', randomDisk(MB), 0);
  });
  const open = (args: unknown) => mesh.passing(mesh.simulation.mesh(1).streams.open(mesh.node(0).id, 'file', args));
  const args = { name: 'web', hash: null, manifest: false };

  test.each([
    [null],
    [{ ...args, name: '../web' }],
    [{ ...args, name: '/etc/passwd' }],
    [{ ...args, name: 'x'.repeat(2_000) }],
    [{ ...args, hash: 'zz' }],
  ])('a stream for %j is refused', async (bad) => {
    expect(await mesh.failure(open(bad))).toMatchObject({ code: 'invalid' });
  });

  test('a file that is not there, and another one of that name, are refused', async () => {
    expect(await mesh.failure(open({ ...args, name: 'none' }))).toMatchObject({
      code: 'not-found',
      message: 'none is not on node1',
    });
    const ended = async () => {
      const stream = await mesh.simulation
        .mesh(1)
        .streams.open(mesh.node(0).id, 'file', { ...args, hash: 'ab'.repeat(32) });
      await new Promise((_, reject) => stream.on('error', reject).resume());
    };
    const error = await mesh.failure(ended());
    expect(error).toMatchObject({ message: 'web is another file on node1' });
  });

  test.each([
    ['an index beyond the file', indexFrame(fileFrame.want, 16)],
    ['a want without an index', encodeFrame(fileFrame.want)],
    ['a frame that only holders send', indexFrame(fileFrame.got, 1)],
    ['a frame of a gigabyte', Buffer.from([fileFrame.want, 0x40, 0, 0, 0])],
    ['noise', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s ends that stream, and nothing else', async (_, bytes) => {
    const stream = await open(args);
    const error = mesh.failure(new Promise((_resolve, reject) => stream.on('error', reject).resume()));
    stream.write(bytes);
    expect(await error).toMatchObject({ code: expect.stringMatching(/failed|invalid/) as string });
    await ensured(1, 'web');
  });

  test(`${maxServedFiles} streams are served, and no more`, async () => {
    const streams = [];
    for (let count = 0; count < maxServedFiles; count += 1) streams.push(await open(args));
    expect(await mesh.failure(open(args))).toMatchObject({
      code: 'conflict',
      message: `node1 serves ${maxServedFiles} streams of files, which is the limit`,
    });
    for (const stream of streams) stream.destroy();
    await mesh.clock.advance(1_000);
    await ensured(1, 'web');
  });

  test.each([
    ['a chunk that nobody asked for', indexFrame(fileFrame.chunk, 3, Buffer.alloc(65_536))],
    ['chunks before a manifest', indexFrame(fileFrame.got, 3)],
    ['a manifest that is too short', encodeFrame(fileFrame.manifest, Buffer.alloc(20))],
    ['a manifest of another length', encodeFrame(fileFrame.manifest, Buffer.alloc(48 + 32, 1))],
  ])('a holder that sends %s is left out', async (_, bytes) => {
    mesh.simulation.mesh(0).streams.serve('file', ({ accept }) => void accept().write(bytes));
    expect(await mesh.failure(filesOf(1).ensure('web'))).toMatchObject({
      message: expect.stringContaining('node1: it sent') as string,
    });
    expect(await storeOf(1).stat('web')).toBeNull();
  });
});
