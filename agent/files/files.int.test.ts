// Files between real meshds, as processes of this machine over real folders: what a test in memory cannot show is that processes
// are killed, and bytes go bad under a file that looks as before.
import { createHash, randomBytes } from 'node:crypto';
import { open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { startFileNodes, type FileNode, type FileNodes } from '../../bench/file-nodes.ts';
import { qcow2 } from '../../host/images/made-images.ts';

const MB = 1024 * 1024;
/** Below the ports that the system gives to outgoing connections, and beside those of other tests and benches. */
const firstPort = 17_650;

let cluster: FileNodes;
afterEach(() => cluster.stop());

async function start(size: number): Promise<FileNode[]> {
  cluster = await startFileNodes(size, firstPort);
  return [...cluster.nodes];
}

const sha256 = async (node: FileNode, name: string) =>
  createHash('sha256')
    .update(await readFile(join(node.root, name)))
    .digest('hex');
const hashOf = (data: Buffer) => createHash('sha256').update(data).digest('hex');
const put = (data: Buffer, name: string, ...nodes: FileNode[]) =>
  Promise.all(nodes.map((node) => writeFile(join(node.root, name), data)));

/** Chunks of a fetch that are there. */
const chunksDone = async (node: FileNode) =>
  Number(/^\d+/.exec((await node.command('file status')).Tabular?.[0]?.[2] ?? '')?.[0] ?? 0);
const reaches = (node: FileNode, chunks: number) =>
  vi.waitFor(async () => expect(await chunksDone(node)).toBeGreaterThanOrEqual(chunks), { interval: 10 });
const visible = async (node: FileNode) => (await readdir(node.root)).filter((name) => !name.startsWith('.'));

test('an image and its backing file go to four nodes at once, and leave their first holder less than twice', async () => {
  const [first, ...others] = await start(5);
  if (!first) throw new Error('there are five');
  const base = randomBytes(8 * MB);
  const top = qcow2({ backing: { file: 'base.raw', format: 'raw' } });
  await put(base, 'base.raw', first);
  await put(top, 'web.qcow2', first);
  await first.slow(5);
  const answers = await Promise.all(others.map((node) => node.command('file get web.qcow2')));
  expect(answers.map(({ Error: error }) => error)).toEqual(['', '', '', '']);
  for (const node of others) {
    expect(await sha256(node, 'base.raw'), node.name).toBe(hashOf(base));
    expect(await sha256(node, 'web.qcow2'), node.name).toBe(hashOf(top));
    expect((await readdir(node.root)).sort()).toEqual(['base.raw', 'web.qcow2']);
  }
  const served = await first.served();
  expect(served).toBeGreaterThanOrEqual(8 * MB);
  expect(served).toBeLessThanOrEqual(2 * (8 * MB + top.length));
});

test('a source that is killed half-way: the other gives the rest', async () => {
  const [one, two, three] = await start(3);
  if (!one || !two || !three) throw new Error('there are three');
  const data = randomBytes(8 * MB);
  await put(data, 'web', one, two);
  await Promise.all([one.slow(30), two.slow(30)]);
  const answer = three.command('file get web');
  await reaches(three, 16);
  await one.kill();
  await two.slow(0);
  expect((await answer).Error).toBe('');
  expect(await sha256(three, 'web')).toBe(hashOf(data));
});

test('a fetcher that is killed shows no file, and after its restart fetches only what it lacks', async () => {
  const [holder, fetcher] = await start(2);
  if (!holder || !fetcher) throw new Error('there are two');
  const data = randomBytes(8 * MB);
  await put(data, 'web', holder);
  await holder.slow(20);
  const answer = fetcher.command('file get web').catch(() => null);
  await reaches(fetcher, 64);
  await fetcher.kill();
  await answer;
  expect(await visible(fetcher)).toEqual([]);
  expect(await readdir(fetcher.root)).not.toEqual([]);
  const before = await holder.served();
  await holder.slow(0);
  await fetcher.start();
  await cluster.settled(2);
  expect((await fetcher.command('file list')).Tabular).toEqual([]);
  expect((await fetcher.command('file get web')).Error).toBe('');
  expect(await sha256(fetcher, 'web')).toBe(hashOf(data));
  expect((await holder.served()) - before).toBeLessThan(5 * MB);
  expect(await readdir(fetcher.root)).toEqual(['web']);
});

test('bytes that went bad on one holder are found out and come from the other', async () => {
  const [bad, good, before, fetcher] = await start(4);
  if (!bad || !good || !before || !fetcher) throw new Error('there are four');
  const data = randomBytes(4 * MB);
  await put(data, 'web', bad, good);
  const path = join(bad.root, 'web');
  // A whole second: what utimes(2) gives back is the same then.
  await utimes(path, 1_700_000_000, 1_700_000_000);
  await utimes(join(good.root, 'web'), 1_700_000_000, 1_700_000_000);
  // Both have hashed it now.
  expect((await before.command('file get web')).Error).toBe('');
  await rm(join(before.root, 'web'));
  const file = await open(path, 'r+');
  for (let at = 100; at < data.length; at += 65_536) await file.write(Buffer.from([(data[at] ?? 0) ^ 1]), 0, 1, at);
  await file.close();
  await utimes(path, 1_700_000_000, 1_700_000_000);
  await good.slow(10);
  expect((await fetcher.command('file get web')).Error).toBe('');
  expect(await sha256(fetcher, 'web')).toBe(hashOf(data));
  expect(fetcher.log.join('\n')).toMatch(/node1: it gave wrong data for chunk \d+ of web/);
});
