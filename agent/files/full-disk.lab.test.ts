// A fetch to a full disk: needs root to mount its own disk, a tmpfs.
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { startFileNodes, type FileNode, type FileNodes } from '../../bench/file-nodes.ts';
import { localRunner } from '../../host/runner.ts';

const MB = 1024 * 1024;
const firstPort = 17_660;
let cluster: FileNodes;
let mounted = '';
afterEach(async () => {
  if (mounted !== '') await localRunner.run(['umount', '--lazy', mounted]);
  await cluster.stop();
});

const put = (data: Buffer, name: string, node: FileNode) => writeFile(join(node.root, name), data);
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
const visible = async (node: FileNode) => (await readdir(node.root)).filter((name) => !name.startsWith('.'));

test('a disk without room refuses a file, one that fills up ends the fetch, and room lets it continue', async () => {
  cluster = await startFileNodes(2, firstPort);
  const [holder, fetcher] = cluster.nodes;
  if (!holder || !fetcher) throw new Error('there are two');
  await localRunner.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', fetcher.root]);
  mounted = fetcher.root;
  await put(randomBytes(9 * MB), 'large', holder);
  const data = randomBytes(5 * MB);
  await put(data, 'web', holder);
  expect((await fetcher.command('file get large')).Error).toMatch(
    /^large: 9437184 bytes, and \d+ are free below -filepath: make room there$/,
  );
  expect(await readdir(fetcher.root)).toEqual([]);

  await holder.slow(30);
  const answer = fetcher.command('file get web');
  await vi.waitFor(async () => {
    const done = (await fetcher.command('file status')).Tabular?.[0]?.[2] ?? '';
    expect(Number.parseInt(done, 10)).toBeGreaterThanOrEqual(10);
  });
  await writeFile(join(fetcher.root, 'filler'), randomBytes(6 * MB)).catch(() => undefined);
  expect((await answer).Error).toMatch(/^web: the disk is full, and \d+ bytes are missing/);
  expect(await visible(fetcher)).toEqual(['filler']);
  expect((await fetcher.command('file status')).Tabular?.[0]?.[2]).toMatch(/^failed: web: the disk is full/);
  await rm(join(fetcher.root, 'filler'));
  await holder.slow(0);
  expect((await fetcher.command('file get web')).Error).toBe('');
  expect(sha256(await readFile(join(fetcher.root, 'web')))).toBe(sha256(data));
});
