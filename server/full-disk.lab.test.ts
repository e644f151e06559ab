// A console on a full disk: needs root to mount a separate disk, which is a tmpfs.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { httpPaths } from '../contract/http-paths.ts';
import { startChild, type Child } from '../host/child.ts';
import { localRunner } from '../host/runner.ts';

const program = new URL('./main.ts', import.meta.url).pathname;
const admin = { name: 'Root', email: 'root@example.org', password: 'correct horse battery' };
let disk = '';
let child: Child | null = null;
beforeEach(async () => {
  disk = await mkdtemp(join(tmpdir(), 'meshdeck-full-'));
  await localRunner.run(['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk]);
});
afterEach(async () => {
  await child?.stop();
  child = null;
  await localRunner.run(['umount', disk]);
  await rm(disk, { recursive: true });
});

const fill = () => writeFile(join(disk, 'filler'), Buffer.alloc(4 * 1024 * 1024)).catch(() => undefined);

/** Starts a console on the disk; `url` is null where it ended before it listened. */
async function startConsole() {
  const lines: string[] = [];
  const started = Promise.withResolvers<string | null>();
  child = await startChild([process.execPath, program, '--data', join(disk, 'data'), '--listen', '127.0.0.1:0'], {
    onLine: (line) => {
      lines.push(line);
      const [, url] = /^Meshdeck console: (\S+)$/.exec(line) ?? [];
      if (url !== undefined) started.resolve(url);
    },
    diesWithParent: true,
  });
  void child.ended.then(() => started.resolve(null));
  return { url: await started.promise, lines, ended: child.ended };
}

const post = (url: string, path: string, body: unknown) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify(body),
  });

test('a start on a full disk says which folder lies on it and what to free, without a stack, and leaves nothing half-made', async () => {
  await fill();
  const { url, lines, ended } = await startConsole();
  expect(url).toBeNull();
  expect((await ended).exitCode).toBe(1);
  const text = lines.join('\n');
  expect(text).toContain(`The disk that holds ${join(disk, 'data')} is full`);
  expect(text).toMatch(/Free some megabytes there.*df -h/);
  expect(text).not.toMatch(/\n\s+at /);
  await rm(join(disk, 'filler'));
  expect((await startConsole()).url, 'with room again').not.toBeNull();
});

test('a disk that fills while the console runs: a login says what to free, open sessions still see, and all works again', async () => {
  const { url, lines } = await startConsole();
  if (url === null) throw new Error(lines.join('\n'));
  await expect.poll(() => lines.join('\n')).toMatch(/setup\?token=/);
  const [, token] = /token=([\w-]+)/.exec(lines.join('\n')) ?? [];
  const logIn = () => post(url, httpPaths.signIn, { email: admin.email, password: admin.password });
  const made = await post(url, httpPaths.createFirstAdmin, { ...admin, token });
  expect(made.status).toBe(200);
  const cookie = made.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  await fill();
  const refused = await logIn();
  const { message } = (await refused.json()) as { message: string };
  expect([refused.status, message]).toEqual([
    503,
    expect.stringContaining(`The disk that holds ${join(disk, 'data')} is full`),
  ]);
  expect(message).toMatch(/Free some megabytes there/);
  expect((await fetch(url, { headers: { cookie, accept: 'text/html' } })).status).toBe(200);
  await rm(join(disk, 'filler'));
  expect((await logIn()).status).toBe(200);
  expect(await readdir(join(disk, 'data'))).toContain('meshdeck.db');
});
