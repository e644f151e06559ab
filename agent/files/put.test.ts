// Files that come from outside of the cluster: uploads over a stream of the node itself, and downloads.
import { createHash } from 'node:crypto';
import { Readable, type Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { maxIncoming } from '../../contract/limits.ts';
import { uploadService, type UploadArgs } from '../../contract/uploads.ts';
import { bytesOfChunk, chunkCount, fileChunkBytes } from '../../core/files/chunks.ts';
import { qcow2 } from '../../host/images/made-images.ts';
import { FilesMesh, randomDisk } from './memory-files.ts';
import { encodeFrame, fileFrame, type Frame, FrameReader, hashOf, indexFrame } from './wire.ts';

const MB = 1024 * 1024;
let mesh: FilesMesh;
beforeEach(async () => {
  mesh = await FilesMesh.create(2);
});
afterEach(() => mesh.stop());

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest();
const chunksOf = (data: Buffer) => {
  const size = fileChunkBytes(data.length);
  return Array.from({ length: chunkCount(data.length) }, (_, at) => data.subarray(at * size, (at + 1) * size));
};

/** An upload as somebody with the node's command socket makes it. */
class Uploader {
  readonly frames: Frame[] = [];
  readonly stream: Duplex;
  isClosed = false;
  private readonly data: Buffer;

  constructor(stream: Duplex, data: Buffer) {
    this.stream = stream;
    this.data = data;
    const reader = new FrameReader('fetcher');
    stream.on('data', (piece: Buffer) => this.frames.push(...reader.push(piece)));
    stream.on('error', () => undefined);
    stream.on('close', () => (this.isClosed = true));
  }

  static async open(data: Buffer, args: Partial<UploadArgs> = {}, from = 0): Promise<Uploader> {
    const whole = { name: 'web.raw', bytes: data.length, mayReplace: false, use: null, ...args };
    const opening = mesh.simulation.mesh(from).streams.open(mesh.node(0).id, uploadService, whole);
    return new Uploader(await mesh.passing(opening), data);
  }

  sendHashes(): void {
    this.stream.write(encodeFrame(fileFrame.manifest, ...chunksOf(this.data).map(sha256)));
  }

  sendChunk(index: number, data = chunksOf(this.data)[index] ?? Buffer.alloc(0)): void {
    this.stream.write(indexFrame(fileFrame.chunk, index, data));
  }

  async heard(type: number): Promise<Frame> {
    const find = () => this.frames.find((frame) => frame.type === type);
    await mesh.reached(() => find() !== undefined || this.isClosed);
    const frame = find();
    if (!frame) throw new Error(`it said ${this.frames.map((each) => each.type).join(', ')}`);
    return frame;
  }

  /** Indexes of chunks that the node has already. */
  async have(): Promise<number[]> {
    const { body } = await this.heard(fileFrame.have);
    const count = chunkCount(this.data.length);
    return Array.from({ length: count }, (_, at) => at).filter((at) => ((body[1 + (at >> 3)] ?? 0) >> (at & 7)) & 1);
  }

  async refusal(): Promise<unknown> {
    return JSON.parse((await this.heard(fileFrame.refused)).body.toString());
  }

  /** Sends what is missing, to the end. */
  async finish(): Promise<Record<string, unknown>> {
    this.sendHashes();
    const have = new Set(await this.have());
    for (let index = 0; index < chunkCount(this.data.length); index += 1) if (!have.has(index)) this.sendChunk(index);
    const { body } = await this.heard(fileFrame.done);
    return JSON.parse(body.toString()) as Record<string, unknown>;
  }
}

const here = (name = 'web.raw') => mesh.node(0).store.content(name);
const refused = async (data: Buffer, args: Partial<UploadArgs> = {}) => {
  const uploader = await Uploader.open(data, args);
  uploader.sendHashes();
  return uploader.refusal();
};

describe('an upload', () => {
  test('has its name once all of it is there and checked, with the hash of the whole', async () => {
    const data = randomDisk(3 * MB);
    const uploader = await Uploader.open(data);
    uploader.sendHashes();
    expect(await uploader.have()).toEqual([]);
    uploader.sendChunk(0);
    await uploader.heard(fileFrame.got);
    expect(here()).toBeNull();
    expect(mesh.node(0).files.status()).toMatchObject([{ name: 'web.raw', state: 'fetching', bytes: data.length }]);
    for (let index = 1; index < chunkCount(data.length); index += 1) uploader.sendChunk(index);
    const { body } = await uploader.heard(fileFrame.done);
    expect(JSON.parse(body.toString())).toEqual({
      name: 'web.raw',
      bytes: data.length,
      hash: sha256(data).toString('hex'),
      format: 'raw',
      node: 'node1',
    });
    expect(here()?.equals(data)).toBe(true);
    expect(mesh.node(0).files.status()).toEqual([]);
    // Its hash is known without reading it again.
    const entry = await mesh.node(0).store.stat('web.raw');
    expect(entry && mesh.node(0).files.manifests.peek(entry)?.hashes.total).toBe(sha256(data).toString('hex'));
  });

  test('that was cut off continues where it was, also after a restart of meshd', async () => {
    const data = randomDisk(3 * MB);
    const first = await Uploader.open(data);
    first.sendHashes();
    await first.have();
    for (const index of [0, 1, 5]) first.sendChunk(index);
    await mesh.reached(() => first.frames.filter(({ type }) => type === fileFrame.got).length === 3);
    first.stream.destroy();
    await mesh.reached(() => mesh.node(0).files.status().length === 0);
    mesh.kill(0);
    await mesh.restart(0);
    const second = await Uploader.open(data);
    second.sendHashes();
    expect(await second.have()).toEqual([0, 1, 5]);
    for (let index = 0; index < chunkCount(data.length); index += 1) {
      if (![0, 1, 5].includes(index)) second.sendChunk(index);
    }
    const { body } = await second.heard(fileFrame.done);
    expect(JSON.parse(body.toString())).toMatchObject({ hash: sha256(data).toString('hex') });
    expect(here()?.equals(data)).toBe(true);
  });

  test('of another file under the same name begins from the start', async () => {
    const first = await Uploader.open(randomDisk(2 * MB));
    first.sendHashes();
    await first.have();
    first.sendChunk(0);
    await first.heard(fileFrame.got);
    first.stream.destroy();
    await mesh.reached(() => mesh.node(0).files.status().length === 0);
    const other = randomDisk(1 * MB);
    const second = await Uploader.open(other);
    expect(await second.finish()).toMatchObject({ hash: sha256(other).toString('hex') });
    expect(here()?.equals(other)).toBe(true);
  });

  test('a chunk that is not what its hash says ends it, and nothing has the name', async () => {
    const data = randomDisk(2 * MB);
    const uploader = await Uploader.open(data);
    uploader.sendHashes();
    await uploader.have();
    uploader.sendChunk(0, Buffer.alloc(bytesOfChunk(data.length, 0), 7));
    expect(await uploader.refusal()).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/changed while it was read/) as string,
    });
    expect(here()).toBeNull();
  });

  test.each([
    [Buffer.from('just some text\n'), {}, /web\.raw is not a disk image .*: it is not an image/],
    [randomDisk(MB), { name: 'web.qcow2' }, /is not qcow2, although its name says so: it is raw data/],
    [randomDisk(MB), { use: 'kernel' as const }, /is not a Linux kernel/],
    [qcow2().subarray(0, 4_096), { name: 'cut.qcow2' }, /cannot be used: it is cut off/],
  ])('%# what is not an image gets no name, and its part goes', async (data, args, message) => {
    const uploader = await Uploader.open(data, args);
    uploader.sendHashes();
    await uploader.have();
    chunksOf(data).forEach((_, index) => uploader.sendChunk(index));
    expect(await uploader.refusal()).toMatchObject({
      code: 'refused',
      message: expect.stringMatching(message) as string,
    });
    const name = 'name' in args ? args.name : 'web.raw';
    expect([here(name), await mesh.node(0).store.readJournal(name)]).toEqual([null, null]);
  });

  test('a name that exists asks for a yes or another name, and a file in use stays whatever is said', async () => {
    const [old, fresh] = [randomDisk(MB), randomDisk(MB)];
    mesh.node(0).store.put('web.raw', old);
    expect(await refused(fresh)).toEqual({
      code: 'conflict',
      message: 'web.raw is on node1 already: replace it, or choose another name',
      again: false,
    });
    mesh.node(0).used.add('/node1/web.raw');
    expect(await refused(fresh, { mayReplace: true })).toMatchObject({
      message: expect.stringMatching(/is in use by a VM on node1/) as string,
    });
    expect(here()?.equals(old)).toBe(true);
    mesh.node(0).used.clear();
    await (await Uploader.open(fresh, { mayReplace: true })).finish();
    expect(here()?.equals(fresh)).toBe(true);
    mesh.node(0).store.put('images/a.raw', old);
    expect(await refused(fresh, { name: 'images', mayReplace: true })).toMatchObject({
      message: expect.stringMatching(/is a folder/) as string,
    });
  });

  test('the same file is taken as it is, also while a VM uses it; one byte less alike is not', async () => {
    const data = randomDisk(3 * MB);
    mesh.node(0).store.put('web.raw', data);
    mesh.node(0).used.add('/node1/web.raw');
    const before = await mesh.node(0).store.stat('web.raw');
    const uploader = await Uploader.open(data);
    uploader.sendHashes();
    expect(JSON.parse((await uploader.heard(fileFrame.done)).body.toString())).toMatchObject({
      ...{ name: 'web.raw', node: 'node1', wasThere: true },
      hash: sha256(data).toString('hex'),
    });
    expect(uploader.frames.filter(({ type }) => type === fileFrame.have)).toEqual([]);
    expect(await mesh.node(0).store.stat('web.raw')).toEqual(before);
    expect(await refused(data, { use: 'kernel' })).toMatchObject({ code: 'refused' });
    mesh.node(0).used.clear();
    const other = Buffer.from(data);
    other[MB] = (other[MB] ?? 0) ^ 1;
    expect(await refused(other)).toMatchObject({ code: 'conflict' });
    await (await Uploader.open(other, { mayReplace: true })).finish();
    expect(here()?.equals(other)).toBe(true);
  });

  test('without room nothing is begun', async () => {
    mesh.node(0).store.diskBytes = 2 * MB;
    expect(await refused(randomDisk(3 * MB))).toMatchObject({
      code: 'refused',
      message: `web.raw needs ${3 * MB} bytes more, and ${2 * MB} are free below -filepath of node1: make room there`,
    });
    expect(await mesh.node(0).store.readJournal('web.raw')).toBeNull();
  });

  test('one at a time of each name, and no more than a few in all', async () => {
    const data = randomDisk(MB);
    const first = await Uploader.open(data);
    expect(await refused(data)).toMatchObject({ code: 'conflict', again: true });
    const others = [];
    for (let at = 1; at < maxIncoming; at += 1) others.push(await Uploader.open(data, { name: `${at}.raw` }));
    expect(await refused(data, { name: 'more.raw' })).toMatchObject({
      message: expect.stringMatching(/takes 4 files at a time/) as string,
    });
    // A fetch of it would write to the same part.
    mesh.node(1).store.put('web.raw', data);
    expect(await mesh.failure(mesh.node(0).files.ensure('web.raw'))).toMatchObject({ code: 'conflict' });
    for (const { stream } of [first, ...others]) stream.destroy();
  });

  test('is taken from the node itself only, and what makes no sense is refused', async () => {
    const open = (args: object, from = 0) =>
      mesh.failure(mesh.simulation.mesh(from).streams.open(mesh.node(0).id, uploadService, args));
    const args = { name: 'x.raw', bytes: 512, mayReplace: false, use: null };
    expect(await open(args, 1)).toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/over its own command socket only/) as string,
    });
    expect(await open({ ...args, name: '../x' })).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/no `\.\.`/) as string,
    });
    expect(await open({ ...args, bytes: 0 })).toMatchObject({ code: 'invalid' });
    expect(await open({ ...args, bytes: 2 ** 41 })).toMatchObject({ code: 'invalid' });
    const uploader = await Uploader.open(randomDisk(MB));
    uploader.stream.write(encodeFrame(fileFrame.manifest, Buffer.alloc(7)));
    expect(await uploader.refusal()).toMatchObject({ code: 'invalid' });
  });

  test('an uploader that says nothing is given up, and what it sent is kept', async () => {
    const data = randomDisk(2 * MB);
    const uploader = await Uploader.open(data);
    uploader.sendHashes();
    await uploader.have();
    uploader.sendChunk(3);
    await uploader.heard(fileFrame.got);
    await mesh.reached(() => mesh.node(0).files.status().length === 0, 120_000);
    const again = await Uploader.open(data);
    again.sendHashes();
    expect(await again.have()).toEqual([3]);
    expect(hashOf(Buffer.concat(chunksOf(data).map(sha256)), 3).equals(sha256(chunksOf(data)[3] as Buffer))).toBe(true);
  });
});

describe('a download', () => {
  const serve = (data: Buffer, bytes = data.length) => {
    mesh.openDownload = () => Promise.resolve({ bytes, validator: null, body: Readable.from(chunksOf(data)) });
  };
  const get = (change: object = {}) => {
    const request = { url: 'https://example.org/pub/web.raw', name: '', mayReplace: false, isBackground: false };
    const options = { signal: new AbortController().signal, onProgress: () => undefined };
    const { downloads } = mesh.node(0).files;
    return downloads.begin({ ...request, ...change }, options).then(({ ended }) => ended);
  };

  test('takes the name of its URL, and is there once it is whole and an image', async () => {
    const data = randomDisk(2 * MB);
    serve(data);
    expect(await mesh.passing(get())).toEqual({
      name: 'web.raw',
      bytes: data.length,
      hash: sha256(data).toString('hex'),
      format: 'raw',
      node: 'node1',
    });
    expect(here()?.equals(data)).toBe(true);
    expect(await mesh.failure(get())).toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/replace it, or choose another name/) as string,
    });
    await mesh.passing(get({ name: 'other.raw' }));
    expect(here('other.raw')?.equals(data)).toBe(true);
  });

  test.each([
    ['one that ends early', randomDisk(MB), 2 * MB, /sent 1048576 of 2097152 bytes/],
    ['one that sends too much', randomDisk(2 * MB), MB, /sends more than it said/],
    ['a page in place of an image', Buffer.from('<html>sorry</html>'), 18, /is not a disk image/],
  ])('%s leaves nothing', async (_, data, bytes, message) => {
    serve(data, bytes);
    expect(await mesh.failure(get())).toMatchObject({ message: expect.stringMatching(message) as string });
    expect([here(), await mesh.node(0).store.readJournal('web.raw')]).toEqual([null, null]);
    expect(mesh.node(0).files.status()).toEqual([]);
  });

  /** Breaks after each of these pieces; the file has the tag `tag`. */
  function serveInPieces(data: Buffer, ends: readonly number[], tag: string | null = '"1"'): number[] {
    const asked: number[] = [];
    mesh.openDownload = (_, rest) => {
      const from = rest?.from ?? 0;
      if (rest && rest.validator !== tag) throw new Error(`asked for ${rest.validator}`);
      asked.push(from);
      const end = ends[asked.length - 1];
      if (end === -1) return Promise.reject(new AppError('unreachable', 'example.org: refused'));
      async function* pieces(): AsyncGenerator<Buffer> {
        yield data.subarray(from, end);
        await Promise.resolve();
        if (end !== undefined) throw new Error('terminated');
      }
      return Promise.resolve({ bytes: data.length, validator: tag, body: Readable.from(pieces()) });
    };
    return asked;
  }

  test('continues where its connection broke, also when the server is away for a while', async () => {
    const data = randomDisk(4 * MB);
    const asked = serveInPieces(data, [MB, MB, -1, -1, 3 * MB - 7]);
    await mesh.passing(get());
    expect(asked).toEqual([0, MB, MB, MB, MB, 3 * MB - 7]);
    expect(here()?.equals(data)).toBe(true);
  });

  test('gives up after six tries that brought nothing, and at once without a tag', async () => {
    const data = randomDisk(2 * MB);
    const asked = serveInPieces(
      data,
      Array.from({ length: 20 }, () => MB),
    );
    expect(await mesh.failure(get())).toMatchObject({ message: expect.stringMatching(/terminated/) as string });
    expect(asked).toEqual([0, ...Array.from({ length: 6 }, () => MB)]);
    expect([here(), await mesh.node(0).store.readJournal('web.raw')]).toEqual([null, null]);
    expect(serveInPieces(data, [MB, MB], null)).toEqual([]);
    expect(await mesh.failure(get())).toMatchObject({ message: expect.stringMatching(/terminated/) as string });
  });

  test('ends when the file is another one now, or when it is cancelled between two tries', async () => {
    const data = randomDisk(2 * MB);
    serveInPieces(data, [MB]);
    const first = mesh.openDownload;
    const changed = new AppError('conflict', 'example.org has another file at this address now');
    mesh.openDownload = (url, rest) => (rest ? Promise.reject(changed) : first(url));
    expect(await mesh.failure(get())).toBe(changed);
    const abort = new AbortController();
    serveInPieces(data, [MB]);
    const tries = mesh.openDownload;
    mesh.openDownload = (url, rest) => {
      if (rest) abort.abort(new AppError('cancelled', 'enough'));
      return rest ? Promise.reject(new AppError('unreachable', 'example.org: away')) : tries(url);
    };
    const { downloads } = mesh.node(0).files;
    const request = { url: 'https://example.org/web.raw', name: '', mayReplace: false, isBackground: false };
    const options = { signal: abort.signal, onProgress: () => undefined };
    expect(await mesh.failure(downloads.begin(request, options).then(({ ended }) => ended))).toMatchObject({
      code: 'cancelled',
    });
    expect([here(), await mesh.node(0).store.readJournal('web.raw')]).toEqual([null, null]);
  });

  test.each([
    ['ftp://example.org/x', /begins with http/],
    ['file:///etc/passwd', /begins with http/],
    ['https://ann:secret@example.org/x.raw', /a URL with a password/],
    ['https://example.org/', /ends without a file name/],
  ])('%s is refused', async (url, message) => {
    expect(await mesh.failure(get({ url }))).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  test('in the background it continues without who asked, and its failure stays shown', async () => {
    serve(Buffer.from('<html>sorry</html>'));
    const abort = new AbortController();
    const begun = mesh
      .node(0)
      .files.downloads.begin(
        { url: 'https://example.org/web.raw', name: '', mayReplace: false, isBackground: true },
        { signal: abort.signal, onProgress: () => undefined },
      );
    await mesh.passing(begun);
    abort.abort();
    await mesh.reached(() => mesh.node(0).files.status()[0]?.state === 'failed');
    expect(mesh.node(0).files.status()).toMatchObject([
      { name: 'web.raw', error: expect.stringMatching(/is not a disk image/) as string },
    ]);
    const data = randomDisk(MB);
    serve(data);
    await mesh.passing(get());
    expect(mesh.node(0).files.status()).toEqual([]);
  });
});
