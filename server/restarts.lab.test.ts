// The console killed -9 in each step of an add-nodes and of a deploy run, on real nodes: it continues automatically, does nothing
// twice, and leaves the password nowhere. One run goes through all kills; restarts.drill.test.ts gives each kill a separate run.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesWith, logIn, openBrowser, RunWatch, startConsole, startRun } from '../lab/console.ts';
import { addKills, deployKills, runThroughKills } from '../lab/killed-run.ts';
import type { KilledRun } from '../lab/killed-run.ts';
import { openLab } from '../lab/lab.ts';
import { sudoUser } from '../lab/node.ts';
import { placeSlowPackage, timesConfigured } from '../lab/slow-package.ts';

const lab = openLab({ name: 'restarts' });
const names = ['node1', 'node2', 'node3', 'node4'];
const password = 'correct-horse-7431';
const secrets = { [`password:${sudoUser}`]: password };
let data = '';
let list = '';

const sh = async (node: string, script: string) => (await lab.exec(node, ['sh', '-c', script])).stdout.trim();
const onAll = (script: string) => Promise.all(names.map((node) => sh(node, script)));
const signalAll = async (signal: 'SIGSTOP' | 'SIGCONT') => {
  await Promise.all(names.map((node) => lab.fault.signal(node, 'sshd', signal)));
};
const report = ({ kills }: KilledRun) => {
  process.stdout.write(
    `${kills.length} kills, each with what it cut off\n  ${kills.map((cut) => cut.join(', ')).join('\n  ')}\n`,
  );
};

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'meshdeck-restarts-'));
  await lab.down();
  const results = await lab.up({ nodes: names.length, login: 'sudo' });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  const items = await Promise.all(
    names.map(async (node) => {
      await lab.exec(node, ['chpasswd'], { stdin: `${sudoUser}:${password}\n` });
      await placeSlowPackage(lab, node, 3);
      return `${node}=${await lab.address(node)}`;
    }),
  );
  list = items.join(',');
  // Here the key is of no use before sshd lets root in by it: the console needs the password longer than elsewhere.
  await sh('node4', "echo 'PermitRootLogin no' >/etc/ssh/sshd_config.d/50-site.conf && systemctl reload ssh");
});
afterAll(async () => {
  await lab.down();
  await rm(data, { recursive: true, force: true });
});

describe('add-nodes', () => {
  test('cut off with two nodes that have no key yet, it continues with the others and names these two', async () => {
    const folder = join(data, 'two-left');
    const first = await startConsole(folder);
    let id: string;
    try {
      const client = await openBrowser(first, await logIn(first));
      const plan = await client.call('plans.make', {
        kind: 'add-nodes',
        form: { nodes: list, user: sudoUser, allowRootKey: true },
        secrets: {},
      });
      const ofFirst = Object.fromEntries(['node1', 'node2'].map((node) => [`password:${sudoUser}@${node}`, password]));
      ({ id } = await client.call('runs.start', { plan: plan.id, secrets: ofFirst }));
      const watch = await RunWatch.open(client, id);
      await watch.until(
        'two nodes are in, and the run asks for the others',
        ({ steps, summary }) =>
          summary.state === 'needs-secret' &&
          ['node1', 'node2'].every((node) => steps.get(`observePreflight ${node}`)?.endedAt),
      );
      // A login ends after 10 s, so sshd stops only once nothing but the two logins is left.
      await Promise.all(['node3', 'node4'].map((node) => lab.fault.signal(node, 'sshd', 'SIGSTOP')));
      await client.call('runs.provideSecrets', { run: id, secrets });
      await watch.until('the others log in', ({ steps }) =>
        ['node3', 'node4'].every((node) => steps.get(`ensureKey ${node}`)?.state === 'running'),
      );
    } finally {
      await first.kill();
      await Promise.all(['node3', 'node4'].map((node) => lab.fault.signal(node, 'sshd', 'SIGCONT')));
    }
    const second = await startConsole(folder);
    try {
      const client = await openBrowser(second, await logIn(second));
      const watch = await RunWatch.open(client, id);
      expect(await watch.settled()).toBe('needs-secret');
      const missing = ['node3', 'node4'].map((node) => `password:${sudoUser}@${node}`);
      expect(watch.summary.missingSecrets).toEqual(missing);
      await client.call('runs.provideSecrets', { run: id, secrets });
      await watch.until('the run is over', ({ summary }) => summary.endedAt !== null);
      expect(watch.summary.state, watch.describe()).toBe('done');
      await client.call('runs.undo', { run: id });
      await watch.until('it is undone', ({ summary }) => summary.state === 'undone' || summary.state === 'failed');
      expect(watch.summary.state, watch.describe()).toBe('undone');
    } finally {
      await second.stop();
    }
    expect(await filesWith(folder, password)).toEqual([]);
    expect(await onAll('grep -c meshdeck@ /root/.ssh/authorized_keys || true')).toEqual(['0', '0', '0', '0']);
  });

  test('killed in each of its steps and after each, it ends well, and nothing was done twice', async () => {
    const run = await runThroughKills({
      dataPath: join(data, 'console'),
      start: (client) =>
        startRun(
          client,
          'add-nodes',
          { nodes: list, user: sudoUser, allowRootKey: true, install: true, disablePasswords: true },
          secrets,
        ),
      kills: addKills,
      password,
      hold: () => signalAll('SIGSTOP'),
      letGo: () => signalAll('SIGCONT'),
    });
    report(run);
    expect(run.missed, JSON.stringify([...run.steps.values()])).toEqual([]);
    expect(run.redone).toEqual([]);
    expect(run.state, JSON.stringify([...run.steps.values()])).toBe('done');
    expect(await onAll('grep -c meshdeck@ /root/.ssh/authorized_keys')).toEqual(['1', '1', '1', '1']);
    expect(await onAll('sshd -T | grep ^passwordauthentication')).toEqual(names.map(() => 'passwordauthentication no'));
    expect(await Promise.all(names.map((node) => timesConfigured(lab, node)))).toEqual([1, 1, 1, 1]);
    expect(await onAll('dpkg --audit')).toEqual(['', '', '', '']);
    // Passwords were asked only for nodes without a key that lets the console in.
    expect(run.asked.length).toBeGreaterThan(0);
    expect(run.leaks).toEqual([]);
  });

  test('the password is in no file, here or there', async () => {
    expect(await filesWith(data, password)).toEqual([]);
    const look = `grep -rslF '${password}' /etc /root /home /run /tmp /var/log /var/lib/sudo 2>/dev/null || true`;
    expect(await onAll(look)).toEqual(['', '', '', '']);
  });
});

describe('deploy', () => {
  test('killed in each of its steps and after each, it ends in one mesh, and nothing was done twice', async () => {
    const run = await runThroughKills({
      dataPath: join(data, 'console'),
      start: (client) => startRun(client, 'deploy', { head: 'node1', nodes: 'node[1-4]', context: 'john', degree: 3 }),
      kills: deployKills,
      password,
      hold: () => signalAll('SIGSTOP'),
      letGo: () => signalAll('SIGCONT'),
    });
    report(run);
    expect(run.missed, JSON.stringify([...run.steps.values()])).toEqual([]);
    expect(run.redone).toEqual([]);
    expect(run.state, JSON.stringify([...run.steps.values()])).toBe('done');
    expect(run.asked).toEqual([]);
    expect(await sh('node4', '/opt/meshd/bin/meshd -e mesh list all')).toContain('node[1-4]');
    // One daemon, one start of it, one program and runtime, one line for the head's key, and no line of known_hosts twice.
    expect(await onAll('pgrep -xc meshd')).toEqual(['1', '1', '1', '1']);
    expect(await onAll('systemctl show -P NRestarts meshd')).toEqual(['0', '0', '0', '0']);
    expect(await onAll('ls /opt/meshd/program /opt/meshd/runtime | grep -cE "^[0-9a-f]{16,64}$"')).toEqual([
      '2',
      '2',
      '2',
      '2',
    ]);
    expect(await onAll('sort /root/.ssh/authorized_keys | uniq -d')).toEqual(['', '', '', '']);
    expect(await sh('node1', 'sort /root/.ssh/known_hosts | uniq -d')).toBe('');
    expect(await sh('node1', 'find /opt/meshd /root/.ssh -name "*.new*" -o -name "*.meshdeck.*"')).toBe('');
  });
});
