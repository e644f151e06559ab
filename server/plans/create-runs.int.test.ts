import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { ownCredentials } from './create-runs.ts';

const home = mkdtempSync(join(tmpdir(), 'meshdeck-home-'));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

it('lends the keys and the agent of the user who runs it only when the flag allows it', async () => {
  mkdirSync(join(home, '.ssh'));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(home, '.ssh/id_rsa'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  vi.stubEnv('HOME', home);
  vi.stubEnv('SSH_AUTH_SOCK', '/run/agent');
  expect(await ownCredentials(true)).toMatchObject({ keys: [{}], agentSocket: '/run/agent' });
  expect(await ownCredentials(false)).toEqual({ keys: [], unusable: [] });
});
