// The connections of one run, against a real sshd.
import { appendFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSshKeyPair } from '../../host/ssh/keys.ts';
import { hasSshd, PrivateSshd } from '../../host/ssh/private-sshd.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import { loginAnyhow } from './login.ts';
import { NodeSessions } from './sessions.ts';

// It logs in as root: what the console does everywhere.
describe.skipIf(!hasSshd || userInfo().uid !== 0)('a machine that only looks', () => {
  let sshd: PrivateSshd;
  let sessions: NodeSessions;
  beforeAll(async () => {
    sshd = await PrivateSshd.start();
    const { hosts, keys } = createMemoryStore();
    const pair = createSshKeyPair('test');
    await appendFile(join(sshd.folder, 'authorized_keys'), `${pair.publicKey}\n`);
    await keys.put({ id: 'console', label: '', ...pair, addedAt: 1 });
    await hosts.put({
      id: 'h1',
      name: 'node1',
      addresses: ['127.0.0.1'],
      port: sshd.port,
      user: 'root',
      needsSudo: false,
      keyId: 'console',
      pins: sshd.hostKeys.map(({ type, key }) => `${type} ${key.toString('base64')}`),
      cluster: '',
      nodeId: null,
      isHead: false,
      addedAt: 1,
      facts: null,
    });
    const own = () => Promise.resolve({ keys: [], unusable: [] });
    const isOver = () => Promise.resolve(true);
    sessions = new NodeSessions(
      { id: 'r1', holder: 'test' },
      { hosts, keys, own, log: silentLog, local: 'test', isOver, login: loginAnyhow },
    );
  });
  afterAll(async () => {
    await sessions.close();
    await sshd.stop();
  });

  test('is logged in to once, however many ask at once; and again after the connection is lost', async () => {
    const target = { name: 'node1', address: '127.0.0.1', port: sshd.port, user: 'root' };
    const look = () => sessions.bystander(target, AbortSignal.timeout(60_000));
    const [one, two] = await Promise.all([look(), look()]);
    expect(two).toBe(one);
    one.connection.close();
    await vi.waitUntil(() => one.connection.isLost);
    const [three, four] = await Promise.all([look(), look()]);
    expect(three).not.toBe(one);
    expect(four).toBe(three);
    expect((await three.run(['echo', 'here'])).stdout).toBe('here\n');
  });
});
