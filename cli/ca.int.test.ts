// The console keeps a copy of a cluster's CA that a real meshd sealed, and cannot open it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openSealed } from '../agent/identity/ca-copy.ts';
import { startChild, type Child } from '../host/child.ts';
import { openDataFolder } from '../server/store/data-folder.ts';
import { exitCodes } from './exit-codes.ts';
import { meshdeck } from './meshdeck-for-tests.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const meshd = fileURLToPath(new URL('../agent/main.ts', import.meta.url));
let folder = '';
let daemon: Child;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-ca-'));
  const port = 24_000 + Math.floor(Math.random() * 8_000);
  const started = Promise.withResolvers<undefined>();
  const flags = ['-base', folder, '-port', String(port), '-context', 'john', '-nostdin'];
  daemon = await startChild([process.execPath, meshd, ...flags], {
    onLine: (line) => {
      if (line.includes(' INFO meshd ')) started.resolve(undefined);
    },
    diesWithParent: true,
  });
  void daemon.ended.then(() => started.reject(new Error('meshd ended')));
  await started.promise;
});
afterEach(async () => {
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
});

test('ca keep shows the code once, ca show the line that it opens', async () => {
  const data = join(folder, 'data');
  const inData = (...args: string[]) => meshdeck(['--data', data, ...args]);
  const { store } = await openDataFolder(data);
  await store.clusters.put({
    ...{ id: 'local-socket', context: 'john', engine: 'meshd' },
    ...{ socketPaths: [join(folder, 'meshd')], addedAt: 1 },
  });
  await store.stop();
  expect((await inData('ca', 'show')).code).toBe(exitCodes.usage);
  expect((await inData('ca', 'keep', 'jane')).code).toBe(exitCodes.usage);
  const kept = await inData('ca', 'keep', 'john');
  expect(kept.code, kept.stderr).toBe(exitCodes.done);
  const code = kept.stdout.trim();
  const shown = await inData('ca', 'show');
  expect(shown.code, shown.stderr).toBe(exitCodes.done);
  expect(shown.stdout).not.toContain(code);
  expect(openSealed(shown.stdout, code).cluster).toMatch(/^[0-9a-f]{32}$/);
});
