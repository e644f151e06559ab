// An upgrade from the version before rows had kinds, and back, on real nodes: both are in one mesh on the way, and the console
// is attached all the time. The version before is built from this repository's history.
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { FleetDelta } from '../../contract/fleet.ts';
import { Roster, SignedRoster } from '../../contract/roster.ts';
import { applyFleetDelta, deltaFit, fleetFromSnapshot, type FleetView } from '../../core/fleet-view.ts';
import { localRunner } from '../../host/runner.ts';
import { placeRootKeys, runMeshd, startMeshd, treeOnNode } from '../../lab/cluster.ts';
import { openLab } from '../../lab/lab.ts';
import { createEngines } from '../engines/engines.ts';
import type { StoredCluster, StoredHost } from '../ports.ts';
import { Fleet } from './fleet.ts';

/** The last commit whose nodes and console knew no kinds. */
const commitBefore = '9aa4532';
const root = new URL('../..', import.meta.url).pathname;
const newTree = join(root, 'dist/meshd');

const lab = openLab({ name: 'upgrade' });
const all = ['node1', 'node2', 'node3'];
const [head = '', ...others] = all;

let folder = '';
let oldTree = '';
let fleet: Fleet;
let view: FleetView;
let [gaps, blanks] = [0, 0];

async function buildBefore(): Promise<string> {
  const source = join(folder, 'before');
  const archive = join(folder, 'before.tar');
  await localRunner.run(['git', '-C', root, 'archive', '-o', archive, commitBefore], { timeoutMs: 60_000 });
  await localRunner.run(['mkdir', source]);
  await localRunner.run(['tar', '-xf', archive, '-C', source], { timeoutMs: 60_000 });
  await symlink(join(root, 'node_modules'), join(source, 'node_modules'));
  const out = join(folder, 'tree');
  const argv = [process.execPath, join(source, 'scripts/build-agent.ts'), '--quiet', '--out', out];
  await localRunner.run(argv, { cwd: source, timeoutMs: 300_000 });
  return out;
}

/** The head gets this program; the others keep theirs until the next launch. */
async function putOnHead(tree: string): Promise<void> {
  await lab.exec(head, ['systemctl', 'stop', 'meshd']);
  await lab.exec(head, ['rm', '-rf', treeOnNode]);
  await lab.copyIn(head, tree, treeOnNode);
  await lab.exec(head, ['systemctl', 'start', 'meshd']);
}

async function launch(): Promise<void> {
  await vi.waitFor(async () =>
    expect((await runMeshd(lab, head, ['mesh', 'list', 'all'])).stdout).toContain('node[1-3]'),
  );
  await runMeshd(lab, head, ['deploy', 'launch', 'node[2-3]'], { timeoutMs: 180_000 });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-upgrade-'));
  oldTree = await buildBefore();
  await localRunner.run([process.execPath, join(root, 'scripts/build-agent.ts'), '--quiet'], { timeoutMs: 300_000 });
  await lab.down();
  const results = await lab.up({ nodes: all.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await placeRootKeys(lab, head, others);
  await lab.copyIn(head, oldTree, treeOnNode);
  await startMeshd(lab, head, ['-degree', '2', '-context', 'john', '-nostdin']);
  await runMeshd(lab, head, ['deploy', 'launch', 'node[2-3]'], { timeoutMs: 180_000 });
  await runMeshd(lab, head, ['quit']);
  await lab.exec(head, ['systemctl', 'start', 'meshd']);
  const { stdout: roster } = await lab.exec(head, ['cat', '/var/lib/meshd/identity/roster.json']);
  const meshId = Roster.parse(JSON.parse(SignedRoster.parse(JSON.parse(roster)).body)).cluster;
  await lab.exec(head, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'console', '-f', '/root/console']);
  const privateKey = (await lab.exec(head, ['cat', '/root/console'])).stdout;
  const { stdout: publicKey } = await lab.exec(head, ['cat', '/root/console.pub']);
  const hosts = await Promise.all(
    all.map(async (name, index): Promise<StoredHost> => {
      await lab.exec(name, ['sh', '-c', 'umask 077 && mkdir -p /root/.ssh && cat >> /root/.ssh/authorized_keys'], {
        stdin: publicKey,
      });
      const { stdout: pin } = await lab.exec(name, ['cat', '/etc/ssh/ssh_host_ed25519_key.pub']);
      const login = { port: 22, user: 'root', needsSudo: false, keyId: 'k', pins: [pin.trim()] };
      const member = { cluster: meshId, nodeId: null, isHead: index === 0, addedAt: 0, facts: null };
      return { id: `h${index}`, name, addresses: [await lab.address(name)], ...login, ...member };
    }),
  );
  const unused = () => Promise.reject(new Error('not used here'));
  const key = { id: 'k', label: 'test', publicKey: '', privateKey, addedAt: 0 };
  const keys = { get: () => Promise.resolve(key), put: unused, list: unused, remove: unused };
  const cluster: StoredCluster = { id: meshId, context: 'john', engine: 'meshd', socketPaths: [], addedAt: 0 };
  const log = () => undefined;
  fleet = new Fleet(
    {
      engines: createEngines({ version: '0.1.0' }, { keys }),
      now: () => Date.now(),
      log: { debug: log, info: log, warn: log, error: log },
    },
    {
      store: {
        clusters: { list: () => Promise.resolve([cluster]), put: unused, remove: unused },
        hosts: { list: () => Promise.resolve(hosts) },
        keys,
      },
    },
  );
  view = fleetFromSnapshot(fleet.snapshot());
  let wasFull = false;
  fleet.onDelta((delta: FleetDelta) => {
    if (deltaFit(view, delta) !== 'next') gaps += 1;
    view = applyFleetDelta(view, delta);
    wasFull ||= view.nodes.size === all.length;
    if (wasFull && view.nodes.size < all.length) blanks += 1;
  });
  await fleet.start();
}, 900_000);
afterAll(async () => {
  await fleet.stop();
  await lab.down();
  await rm(folder, { recursive: true, force: true });
});

/** All nodes in the mesh, each with its links and its host, as the console shows them. */
const isWhole = () =>
  vi.waitFor(
    () => {
      expect(view.clusters[0]).toMatchObject({ State: 'live' });
      expect([...view.nodes.values()].map(({ Name, State }) => `${Name} ${State}`).sort()).toEqual(
        all.map((name) => `${name} member`),
      );
      expect([...view.hosts.values()].map(({ Name }) => Name).sort()).toEqual(all);
      expect([...view.links.values()].filter(({ State }) => State === 'up')).toHaveLength(3);
    },
    { timeout: 60_000, interval: 100 },
  );
const programs = async () =>
  new Set(
    await Promise.all(all.map(async (name) => (await lab.exec(name, ['readlink', `${treeOnNode}/current`])).stdout)),
  );

test('this console shows a cluster of the version before', async () => {
  await isWhole();
  expect((await programs()).size).toBe(1);
});

test('a head of this version and nodes of the version before are one mesh, and so they are after the upgrade', async () => {
  await putOnHead(newTree);
  await isWhole();
  expect((await programs()).size).toBe(2);
  await launch();
  await isWhole();
  expect((await programs()).size).toBe(1);
});

test('and back: a head of the version before and nodes of this one, then all of them', async () => {
  await putOnHead(oldTree);
  await isWhole();
  expect((await programs()).size).toBe(2);
  await launch();
  await isWhole();
  expect((await programs()).size).toBe(1);
  expect([gaps, blanks]).toEqual([0, 0]);
});
