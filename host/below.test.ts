import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFileBelow, resolveBelow } from './below.ts';

let root: string;
let outside: string;
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'below-')));
  outside = await mkdtemp(join(tmpdir(), 'outside-'));
  await mkdir(join(root, 'sub'));
  await symlink(outside, join(root, 'link'));
  await writeFile(join(outside, 'secret'), 'x');
  await writeFile(join(root, 'file'), 'text');
});
afterAll(async () => {
  await rm(root, { recursive: true });
  await rm(outside, { recursive: true });
});

it('resolves below the root, by relative and absolute names', async () => {
  expect(await resolveBelow(root, 'a.dot')).toBe(join(root, 'a.dot'));
  expect(await resolveBelow(root, 'sub/../sub/a.dot')).toBe(join(root, 'sub/a.dot'));
  expect(await resolveBelow(root, join(root, 'a.dot'))).toBe(join(root, 'a.dot'));
});

it.each(['../a', '/etc/passwd', '.', '', 'sub/../../a', 'a\0b'])('refuses %j', async (name) => {
  await expect(resolveBelow(root, name)).rejects.toMatchObject({ code: 'refused' });
  await expect(readFileBelow(root, name, { maxBytes: 9 })).rejects.toMatchObject({ code: 'refused' });
});

it('follows no symlink on the way', async () => {
  await expect(resolveBelow(root, 'link/a')).rejects.toThrow(/symlink/);
  await expect(readFileBelow(root, 'link/secret', { maxBytes: 9 })).rejects.toThrow(/symlink/);
  await expect(resolveBelow(root, 'none/a')).rejects.toMatchObject({ code: 'not-found' });
});

it('reads up to its bound', async () => {
  expect(await readFileBelow(root, 'file', { maxBytes: 4 })).toBe('text');
  await expect(readFileBelow(root, 'file', { maxBytes: 3 })).rejects.toThrow(/has 4 bytes, more than 3/);
});
