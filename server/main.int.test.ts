// The console as a process: how it says how to get in, how fast it starts, and how it ends.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startChild, type Child } from '../host/child.ts';
import { resetAdmin } from './start.ts';
import { silentLog } from './parts-for-tests.ts';

const program = new URL('./main.ts', import.meta.url).pathname;
let folder = '';
const children: Child[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-main-'));
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  await rm(folder, { recursive: true, force: true });
});

/** Starts the console; resolves when it printed its address, with the time that took. */
async function startConsole() {
  const lines: string[] = [];
  const listening = Promise.withResolvers<undefined>();
  const startedAt = performance.now();
  const argv = [process.execPath, program, '--data', join(folder, 'data'), '--listen', '127.0.0.1:0'];
  const child = await startChild(argv, {
    onLine: (line) => {
      lines.push(line);
      if (line.startsWith('Meshdeck console: ')) listening.resolve(undefined);
    },
    diesWithParent: true,
  });
  children.push(child);
  void child.ended.then(() => listening.reject(new Error(lines.join('\n'))));
  await listening.promise;
  const startMs = performance.now() - startedAt;
  const url =
    lines
      .find((line) => line.startsWith('Meshdeck console: '))
      ?.split(' ')
      .at(-1) ?? '';
  return { child, lines, startMs, url };
}

test('it prints a link and the way in from elsewhere, and stops cleanly on SIGTERM', async () => {
  const { child, lines, startMs, url } = await startConsole();
  process.stdout.write(`the console listened after ${Math.round(startMs)} ms\n`);
  expect((await fetch(`${url}/api/health`)).status).toBe(200);
  await expect
    .poll(() => lines.join('\n'))
    .toMatch(/ssh -L \d+:127\.0\.0\.1:\d+ .*\n(.*\n)*.*\/setup\?token=[\w-]{32}/);
  // Nothing but the log stands before it: no line of Next's.
  expect(lines.find((line) => !line.includes(' INFO '))).toMatch(/^Meshdeck console: /);
  child.kill('SIGTERM');
  expect(await child.ended).toEqual({ exitCode: 0, signal: null });
});

test('a second one on the same folder says who holds it, and a kill leaves nothing held', async () => {
  const { child } = await startConsole();
  await expect(startConsole()).rejects.toThrow(`is in use by the console (process ${child.pid})`);
  child.kill('SIGKILL');
  await child.ended;
  const { url } = await startConsole();
  expect((await fetch(`${url}/api/health`)).status).toBe(200);
});

test('root makes a new link while it runs; its admin sees pages that no cache keeps', async () => {
  const { url } = await startConsole();
  const path = await resetAdmin({ dataPath: join(folder, 'data') }, silentLog);
  const token = new URLSearchParams(path.split('?')[1]).get('token');
  const answer = await fetch(`${url}/api/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ token, name: 'Root', email: 'root@example.org', password: 'correct horse battery' }),
  });
  expect([answer.status, await answer.text()]).toEqual([200, '{}']);
  const cookie = answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const page = await fetch(url, { headers: { cookie, accept: 'text/html' } });
  expect([page.status, page.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(await page.text()).toContain('<html');
});
