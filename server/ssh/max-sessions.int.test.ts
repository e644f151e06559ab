// What adding and checking a machine does at once, where its sshd allows one session on a connection.
import { appendFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scriptArgv } from '../../host/scripts/script-argv.ts';
import { lockScript, unlockScript } from '../../core/plans/nodes/host-scripts.ts';
import { createSshKeyPair } from '../../host/ssh/keys.ts';
import { hasSshd, PrivateSshd } from '../../host/ssh/private-sshd.ts';
import type { StepContext } from '../runs/executor.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import type { ActionParts } from '../plans/action.ts';
import { pinsOfLines } from './host-keys.ts';
import { loginAnyhow } from './login.ts';
import type { RootShell } from './login.ts';
import { machineExecutors } from '../plans/nodes/machine-actions.ts';

// It logs in as root: what the console does everywhere.
describe.skipIf(!hasSshd || userInfo().uid !== 0)('a node with MaxSessions 1', () => {
  let sshd: PrivateSshd;
  let shell: RootShell;
  const signal = AbortSignal.timeout(170_000);
  beforeAll(async () => {
    sshd = await PrivateSshd.start({ hostKeys: ['ed25519'], config: ['MaxSessions 1'] });
    const pair = createSshKeyPair('console');
    await appendFile(join(sshd.folder, 'authorized_keys'), `${pair.publicKey}\n`);
    const pins = sshd.hostKeys.map(({ type, key }) => `${type} ${key.toString('base64')}`);
    shell = await loginAnyhow(
      { name: 'node1', address: '127.0.0.1', port: sshd.port, user: 'root' },
      {
        pins: pinsOfLines(pins, 'the console'),
        consoleKey: pair.privateKey,
        own: { keys: [], unusable: [] },
        local: 'test',
      },
      { signal, plan: { secrets: [] }, secret: () => undefined, dropSecret: () => undefined },
    );
  });
  afterAll(async () => {
    shell.connection.close();
    await sshd.stop();
  });

  test('is locked, checked by two steps at once, and its lock renewed, while a relay holds the only session', async () => {
    const lock = (script: string, ...args: string[]) =>
      shell.run(scriptArgv(script.replaceAll('/run/meshdeck', join(sshd.folder, 'lock')), args), { signal });
    expect((await lock(lockScript, 'r1', 'Ann', '60', '')).stdout).toBe('taken\n');
    const relay = await shell.connection.open(['cat'], { timeoutMs: 60_000 });
    const target = { name: 'node1', address: '127.0.0.1', port: sshd.port, user: 'root' };
    const parts = {
      store: createMemoryStore(),
      now: () => 1,
      sessions: { shell: () => Promise.resolve(shell), hostOf: () => Promise.resolve(null) },
    } as unknown as ActionParts;
    const context = { signal, log: () => undefined } as unknown as StepContext;
    const check = () =>
      machineExecutors.observePreflight({ target, names: ['localhost'], meshPort: 9000 }, context, parts);
    const [one, two, renewed] = await Promise.all([check(), check(), lock(lockScript, 'r1', 'Ann', '60', '')]);
    expect(renewed.stdout).toBe('taken\n');
    for (const { result } of [one, two]) expect(result?.findings.length).toBeGreaterThan(3);
    expect((await lock(lockScript, 'r2', 'Ben', '60', '')).stdout).toMatch(/^held\n/);
    await lock(unlockScript, 'r1');
    await relay.write('still here\n');
    expect(String((await relay.output.take(1).toArray())[0])).toBe('still here\n');
    relay.close();
  });
});
