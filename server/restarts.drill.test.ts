// As restarts.lab.test.ts, with a fresh run on fresh nodes for each step and moment of a kill -9: what was cut off is that
// step and no other before it.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeMeshdScript } from '../core/plans/nodes/host-scripts.ts';
import { scriptArgv } from '../host/scripts/script-argv.ts';
import { logIn, openBrowser, RunWatch, startConsole, startRun } from '../lab/console.ts';
import { addKills, deployKills, runThroughKills } from '../lab/killed-run.ts';
import type { KilledRun } from '../lab/killed-run.ts';
import { openLab } from '../lab/lab.ts';
import { sudoUser } from '../lab/node.ts';
import { placeSlowPackage, timesConfigured } from '../lab/slow-package.ts';

const lab = openLab({ name: 'redrills' });
const names = ['node1', 'node2', 'node3', 'node4'];
const password = 'correct-horse-7431';
const secrets = { [`password:${sudoUser}`]: password };
let folder = '';
let list = '';

const onAll = (script: string) =>
  Promise.all(names.map(async (node) => (await lab.exec(node, ['sh', '-c', script])).stdout.trim()));
// Each run here has its own data folder: to the nodes it is another console, and would wait a minute for a killed one's locks.
const startOver = 'rm -rf /root/.ssh /etc/ssh/sshd_config.d/00-meshdeck* /run/meshdeck/lock; systemctl reload ssh';
const signalAll = async (signal: 'SIGSTOP' | 'SIGCONT') => {
  await Promise.all(names.map((node) => lab.fault.signal(node, 'sshd', signal)));
};
const parts = { password, hold: () => signalAll('SIGSTOP'), letGo: () => signalAll('SIGCONT') };
const expectWhole = (run: KilledRun) => {
  expect(run.state, JSON.stringify([...run.steps.values()])).toBe('done');
  expect(run).toMatchObject({ missed: [], redone: [], leaks: [] });
  expect(run.kills).toHaveLength(1);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-drills-'));
  await lab.down();
  const results = await lab.up({ nodes: names.length, login: 'sudo' });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  const items = await Promise.all(
    names.map(async (node) => {
      await lab.exec(node, ['chpasswd'], { stdin: `${sudoUser}:${password}\n` });
      return `${node}=${await lab.address(node)}`;
    }),
  );
  list = items.join(',');
  await lab.exec('node4', ['sh', '-c', "echo 'PermitRootLogin no' >/etc/ssh/sshd_config.d/50-site.conf"]);
});
afterAll(async () => {
  await lab.down();
  await rm(folder, { recursive: true, force: true });
});

describe('add-nodes', () => {
  beforeEach(async () => {
    await onAll(startOver);
    for (const node of names) await placeSlowPackage(lab, node, 2);
  });

  test.each(addKills)('killed when $verb is $moment', async (kill) => {
    const form = { nodes: list, user: sudoUser, allowRootKey: true, install: true, disablePasswords: true };
    const run = await runThroughKills({
      ...parts,
      dataPath: join(folder, `add ${kill.verb} ${kill.moment}`),
      start: (client) => startRun(client, 'add-nodes', form, secrets),
      kills: [kill],
    });
    expectWhole(run);
    expect(await onAll('grep -c meshdeck@ /root/.ssh/authorized_keys')).toEqual(['1', '1', '1', '1']);
    expect(await Promise.all(names.map((node) => timesConfigured(lab, node)))).toEqual([1, 1, 1, 1]);
  });
});

describe('deploy', () => {
  const added = () => join(folder, 'added');
  beforeAll(async () => {
    await onAll(startOver);
    const server = await startConsole(added());
    try {
      const client = await openBrowser(server, await logIn(server));
      const { run } = await startRun(client, 'add-nodes', { nodes: list, user: sudoUser, allowRootKey: true }, secrets);
      const watch = await RunWatch.open(client, run.id);
      const end = await watch.settled();
      expect(end, JSON.stringify([...watch.steps.values()])).toBe('done');
    } finally {
      await server.stop();
    }
  });
  beforeEach(async () => {
    const paths = ['/opt/meshd', '/var/lib/meshd', '/run/meshd'];
    await Promise.all(names.map((node) => lab.exec(node, scriptArgv(removeMeshdScript, paths))));
    await onAll('cd /root/.ssh && rm -f id_ed25519* known_hosts && sed -i "/meshdeck@/!d" authorized_keys');
    // The console before gives its locks up within 5 s, or leaves them to expire: a machine that is busy takes longer at times.
    await onAll('rm -f /run/meshdeck/lock');
  });

  test.each(deployKills)('killed when $verb is $moment', async (kill) => {
    const dataPath = join(folder, `deploy ${kill.verb} ${kill.moment}`);
    await cp(added(), dataPath, { recursive: true });
    const run = await runThroughKills({
      ...parts,
      dataPath,
      start: (client) => startRun(client, 'deploy', { head: 'node1', nodes: 'node[1-4]', context: 'john', degree: 3 }),
      kills: [kill],
    });
    expectWhole(run);
    expect(await onAll('/opt/meshd/bin/meshd -e mesh list all')).toEqual(
      names.map(() => expect.stringContaining('node[1-4]') as string),
    );
    expect(await onAll('pgrep -xc meshd')).toEqual(['1', '1', '1', '1']);
  });
});
