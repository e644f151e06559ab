// The fleet on real meshds: processes of this machine with a real mesh between them, reached over a real sshd. What a lab
// adds is machines that lose their power (reattach.lab.test.ts).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeIdentities, type LocalNodes } from '../../bench/identities.ts';
import type { FleetDelta } from '../../contract/fleet.ts';
import { applyFleetDelta, deltaFit, fleetFromSnapshot, type FleetView } from '../../core/fleet-view.ts';
import { startChild, type Child } from '../../host/child.ts';
import { hasSshd, PrivateSshd } from '../../host/ssh/private-sshd.ts';
import { createMeshdEngine } from '../engines/meshd/engine.ts';
import { MeshdSockets } from '../engines/meshd/sockets.ts';
import type { StoredCluster, StoredHost } from '../ports.ts';
import { Fleet } from './fleet.ts';

const program = new URL('../../agent/main.ts', import.meta.url).pathname;
const firstPort = 17_400;

describe.skipIf(!hasSshd)('the fleet on three meshds over SSH', () => {
  let sshd: PrivateSshd;
  let identities: LocalNodes;
  const children: Child[] = [];
  let fleet: Fleet;
  let view: FleetView;
  let hosts: StoredHost[];
  let clusters: StoredCluster[];
  let privateKey = '';
  let gaps = 0;

  const nodeAt = (index: number) => identities.nodes[index]!;
  const startNode = async (index: number) => {
    const { base, port } = nodeAt(index);
    const argv = [process.execPath, program, '-base', base, '-port', String(port), '-degree', '2', '-context', 'bench'];
    children[index] = await startChild([...argv, '-nostdin', '-force'], {
      diesWithParent: true,
      onLine: () => undefined,
    });
  };
  const pin = () => `${sshd.hostKeys[0]!.type} ${sshd.hostKeys[0]!.key.toString('base64')}`;
  const hostOf = (index: number): StoredHost => ({
    id: `h${index}`,
    name: nodeAt(index).name,
    addresses: ['127.0.0.1'],
    port: sshd.port,
    user: sshd.user,
    needsSudo: false,
    keyId: 'k',
    pins: [pin()],
    cluster: identities.cluster,
    nodeId: nodeAt(index).id,
    isHead: index === 0,
    addedAt: 0,
    facts: null,
  });

  beforeAll(async () => {
    sshd = await PrivateSshd.start();
    privateKey = await readFile(join(sshd.home, '.ssh/id_ed25519'), 'utf8');
    identities = await makeIdentities(3, firstPort);
    for (const index of [0, 1, 2]) await startNode(index);
  });
  afterAll(async () => {
    await Promise.all(children.map((child) => child.stop()));
    await identities.remove();
    await sshd.stop();
  });
  beforeEach(async () => {
    hosts = [0, 1, 2].map(hostOf);
    clusters = [{ id: identities.cluster, context: 'bench', engine: 'meshd', socketPaths: [], addedAt: 0 }];
    fleet = makeFleet();
    view = fleetFromSnapshot(fleet.snapshot());
    gaps = 0;
    fleet.onDelta((delta: FleetDelta) => {
      if (deltaFit(view, delta) !== 'next') gaps += 1;
      view = applyFleetDelta(view, delta);
    });
    await fleet.start();
  });
  afterEach(async () => {
    await fleet.stop();
    expect(gaps).toBe(0);
  });

  function makeFleet(): Fleet {
    const unused = () => Promise.reject(new Error('not used here'));
    const key = { id: 'k', label: 'test', publicKey: '', privateKey, addedAt: 0 };
    const keys = { get: () => Promise.resolve(key), put: unused, list: unused, remove: unused };
    const log = () => undefined;
    const relayArgv = (host: StoredHost) => {
      const { base } = identities.nodes.find(({ name }) => name === host.name)!;
      return [process.execPath, program, '-relay', '-base', base];
    };
    return new Fleet(
      {
        engines: { meshd: createMeshdEngine(new MeshdSockets({ version: '0.1.0', relayArgv }, { keys })) },
        now: () => Date.now(),
        log: { debug: log, info: log, warn: log, error: log },
      },
      {
        store: {
          clusters: { list: () => Promise.resolve(clusters), put: unused, remove: unused },
          hosts: { list: () => Promise.resolve(hosts) },
          keys,
        },
      },
    );
  }
  const until = (check: () => void) => vi.waitFor(check, { interval: 10 });
  const attachedTo = () => view.clusters[0]?.AttachedTo ?? '';
  const live = async () => {
    await until(() => {
      expect(view.clusters[0]).toMatchObject({ State: 'live' });
    });
    return attachedTo();
  };
  const members = () => [...view.nodes.values()].filter(({ State }) => State === 'member').map(({ Name }) => Name);
  const indexOf = (name: string) => identities.nodes.findIndex((node) => node.name === name);

  test('sees the mesh with facts, and runs lines on any node', async () => {
    await live();
    await until(() => {
      expect(members()).toHaveLength(3);
      expect(view.links.size).toBe(3);
      expect(view.hosts.size).toBe(3);
    });
    await until(() => {
      expect(view.clusters[0]?.RoundTripMs ?? 0).toBeGreaterThan(0);
    });
    for (const node of ['', ...identities.nodes.map(({ name }) => name)]) {
      const answers: string[] = [];
      const result = await fleet.runCommand({
        cluster: identities.cluster,
        node,
        line: 'mesh status',
        session: '',
        timeoutMs: 60_000,
        caller: { userId: 'u', name: 'u', role: 'viewer' },
        signal: new AbortController().signal,
        onAnswer: ({ Rendered }) => answers.push(Rendered),
      });
      expect([result.failed, answers.join()]).toEqual([false, expect.stringContaining('bench')]);
    }
    const signal = new AbortController().signal;
    expect(
      await fleet.suggest({ cluster: identities.cluster, node: '', text: 'mesh st', role: 'viewer', signal }),
    ).toEqual(['mesh status ']);
  });

  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    '%s of the meshd it is attached to: another one takes over, and the page keeps its nodes',
    async (signal) => {
      await until(() => {
        expect(members()).toHaveLength(3);
      });
      const first = await live();
      const index = indexOf(first);
      const startedAt = performance.now();
      children[index]!.kill(signal);
      await until(() => {
        expect(view.clusters[0]).toMatchObject({ State: 'live' });
        expect(attachedTo()).not.toBe(first);
      });
      const tookMs = performance.now() - startedAt;
      process.stdout.write(`attached to another node ${Math.round(tookMs)} ms after ${signal}\n`);
      expect(view.nodes.size).toBe(3);
      await until(() => {
        expect(members()).not.toContain(first);
      });
      await children[index]!.stop(100);
      await startNode(index);
      await until(() => {
        expect(members()).toHaveLength(3);
      });
    },
  );

  test('a host key that is not the pinned one is not spoken to', async () => {
    const other = Buffer.from(sshd.hostKeys[0]!.key);
    other[other.length - 1]! ^= 1;
    hosts = hosts.map((host) => ({ ...host, pins: [`ssh-ed25519 ${other.toString('base64')}`] }));
    await fleet.reload();
    await until(() => {
      expect(view.clusters[0]).toMatchObject({ State: 'lost' });
      expect(view.clusters[0]?.Reason).toMatch(/host key of .* has changed: .* use Replace node/);
    });
    hosts = [0, 1, 2].map(hostOf);
    await fleet.reload();
    await live();
  });

  test('the socket of this machine is a way too', async () => {
    hosts = [];
    clusters = [{ ...clusters[0]!, socketPaths: [1, 2].map((index) => join(nodeAt(index).base, 'meshd')) }];
    await fleet.reload();
    await until(() => {
      expect(attachedTo()).toBe(nodeAt(1).name);
    });
  });
});
