// The fleet on real machines: what it does when the node that it is attached to loses its power, its cable or its meshd.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { FleetDelta } from '../../contract/fleet.ts';
import { Roster, SignedRoster } from '../../contract/roster.ts';
import { applyFleetDelta, deltaFit, fleetFromSnapshot, type FleetView } from '../../core/fleet-view.ts';
import { ClusterWatcher } from '../../lab/cluster-watch.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd } from '../../lab/cluster.ts';
import { openLab } from '../../lab/lab.ts';
import { createEngines } from '../engines/engines.ts';
import type { StoredCluster, StoredHost } from '../ports.ts';
import { Fleet } from './fleet.ts';

const lab = openLab({ name: 'fleet' });
const all = ['node1', 'node2', 'node3', 'node4'];
const [head = '', ...others] = all;
const watcher = new ClusterWatcher();

let fleet: Fleet;
let view: FleetView;
let gaps = 0;
let blanks = 0;
let hosts: StoredHost[];
let privateKey = '';
/** Id of the mesh. */
let meshId = '';

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: all.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await placeRootKeys(lab, head, others);
  await installTree(lab, head);
  await startMeshd(lab, head, ['-degree', '3', '-context', 'john', '-nostdin']);
  await runMeshd(lab, head, ['deploy', 'launch', 'node[2-4]'], { timeoutMs: 120_000 });
  // As a service, it comes back when it is killed.
  await runMeshd(lab, head, ['quit']);
  await lab.exec(head, ['systemctl', 'start', 'meshd']);
  const { stdout: roster } = await lab.exec(head, ['cat', '/var/lib/meshd/identity/roster.json']);
  meshId = Roster.parse(JSON.parse(SignedRoster.parse(JSON.parse(roster)).body)).cluster;
  await lab.exec(head, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'console', '-f', '/root/console']);
  privateKey = (await lab.exec(head, ['cat', '/root/console'])).stdout;
  const { stdout: publicKey } = await lab.exec(head, ['cat', '/root/console.pub']);
  hosts = await Promise.all(
    all.map(async (name, index): Promise<StoredHost> => {
      const add = ['sh', '-c', 'umask 077 && mkdir -p /root/.ssh && cat >> /root/.ssh/authorized_keys'];
      await lab.exec(name, add, { stdin: publicKey });
      const { stdout: pin } = await lab.exec(name, ['cat', '/etc/ssh/ssh_host_ed25519_key.pub']);
      return {
        id: `h${index}`,
        name,
        addresses: [await lab.address(name)],
        port: 22,
        user: 'root',
        needsSudo: false,
        keyId: 'k',
        pins: [pin.trim()],
        cluster: meshId,
        nodeId: null,
        isHead: index === 0,
        addedAt: 0,
        facts: null,
      };
    }),
  );
});
afterAll(async () => {
  watcher.close();
  await lab.down();
});

beforeEach(async () => {
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
  [gaps, blanks] = [0, 0];
  let wasFull = false;
  fleet.onDelta((delta: FleetDelta) => {
    if (deltaFit(view, delta) !== 'next') gaps += 1;
    view = applyFleetDelta(view, delta);
    wasFull ||= view.nodes.size === all.length;
    if (wasFull && view.nodes.size < all.length) blanks += 1;
  });
  await fleet.start();
});
afterEach(async () => {
  await fleet.stop();
  expect([gaps, blanks]).toEqual([0, 0]);
});

const until = (check: () => void) => vi.waitFor(check, { interval: 10 });
const cluster = () => view.clusters[0];
const stateOf = (name: string) => [...view.nodes.values()].find(({ Name }) => Name === name)?.State;
const isWhole = () => {
  expect(cluster()).toMatchObject({ State: 'live' });
  expect(all.filter((name) => stateOf(name) === 'member')).toEqual(all);
};

/** Breaks the node that the fleet is attached to, and prints how long it took to see the cluster through another one. */
async function reattaches(what: string, breakIt: (node: string) => Promise<unknown>): Promise<string> {
  await until(isWhole);
  const first = cluster()?.AttachedTo ?? '';
  const startedAt = performance.now();
  const broken = breakIt(first);
  await until(() => {
    expect(cluster()).toMatchObject({ State: 'live' });
    expect(cluster()?.AttachedTo).not.toBe(first);
  });
  const tookMs = Math.round(performance.now() - startedAt);
  await broken;
  await until(() => {
    expect(stateOf(first)).toBe('absent');
  });
  const lostMs = Math.round(performance.now() - startedAt);
  process.stdout.write(
    `${what}: attached to ${cluster()?.AttachedTo ?? ''} after ${tookMs} ms, its loss shown after ${lostMs} ms\n`,
  );
  return first;
}

test('the power of the attached node fails: another one takes over, and it is shown as lost', async () => {
  const lost = await reattaches('power off', (node) => lab.fault.power(node, 'off'));
  await lab.fault.power(lost, 'on');
  await lab.ready(lost);
});

test('its cable is cut, and nobody says so', async () => {
  const lost = await reattaches('cable cut', (node) => lab.fault.link(node, 'down'));
  await lab.fault.link(lost, 'up');
});

test('its meshd is killed', async () => {
  await reattaches('meshd killed', async (node) => {
    await lab.fault.signal(node, 'meshd', 'SIGKILL');
  });
});

test('a node that goes is shown as absent, as another node knows it', async () => {
  await until(isWhole);
  const attached = cluster()?.AttachedTo ?? '';
  const victim = others.findLast((name) => name !== attached) ?? '';
  const observer = all.find((name) => name !== attached && name !== victim) ?? '';
  await watcher.open(lab, [observer]);
  const seen = watcher.until(() => !watcher.members(observer).includes(victim), { what: 'loss' });
  const known = seen.then(() => performance.now());
  const shown = until(() => {
    expect(stateOf(victim)).toBe('absent');
  }).then(() => performance.now());
  await lab.fault.power(victim, 'off');
  const behindMs = (await shown) - (await known);
  process.stdout.write(`the console shows a loss ${Math.round(behindMs)} ms after another node knows it\n`);
  await lab.fault.power(victim, 'on');
});
