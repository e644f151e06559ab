import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { openDataFolder } from '../store/data-folder.ts';
import { describeAuth } from './auth-compliance.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('authentication in SQLite', () => {
  describeAuth(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshdeck-auth-'));
    const { store } = await openDataFolder(join(folder, 'data'));
    closers.push(async () => {
      await store.stop();
      await rm(folder, { recursive: true, force: true });
    });
    await store.start();
    return store;
  });
});
