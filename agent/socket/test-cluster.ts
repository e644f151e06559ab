// For tests: a cluster of three meshds in one process, with the real mesh over a network in memory, the real handlers and
// a real command socket on node1. Only processes, TLS and SSH are missing.
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostFacts } from '../../contract/cluster-kinds.ts';
import { parseFlags } from '../../core/flags.ts';
import { resolveBelow } from '../../host/below.ts';
import { observeMachine } from '../../host/facts.ts';
import { kernel } from '../../host/images/made-images.ts';
import { MemoryStore } from '../../host/images/memory-store.ts';
import { createBridgeHandlers } from '../commands/bridge.ts';
import { createDeployHandlers } from '../commands/deploy.ts';
import { Dispatcher } from '../commands/dispatcher.ts';
import { createFileHandlers } from '../commands/file.ts';
import type { Handlers } from '../commands/handler.ts';
import { createHostHandlers } from '../commands/host.ts';
import { createMeshHandlers, defaultMeshTimeoutMs } from '../commands/mesh.ts';
import { createNsHandlers } from '../commands/ns.ts';
import { createVlanHandlers } from '../commands/vlans.ts';
import type { DeployComponents } from '../deploy/types.ts';
import { Files } from '../files/files.ts';
import { createSystemClock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { MeshPeers } from '../mesh/peers.ts';
import type { Peers } from '../commands/peers.ts';
import { Simulation } from '../mesh/simulation.ts';
import { Launches } from '../namespaces/launches.ts';
import { Namespaces } from '../namespaces/namespaces.ts';
import { vlansOfNamespaces } from '../parts/namespaces.ts';
import { MemoryTextStore } from '../tables/memory-store.ts';
import { Vlans } from '../vlans/vlans.ts';
import { CommandSocket } from './server.ts';
import { createStreamSource } from './streams.ts';

export interface TestCluster {
  /** Command socket of node1. */
  readonly socketPath: string;
  /** By index: node1 is 0. */
  readonly dispatchers: readonly Dispatcher[];
  readonly peers: readonly Peers[];
  readonly meshes: readonly Mesh[];
  stop(): Promise<void>;
}

const silentLog = { debug: () => undefined, info: () => undefined, warn: () => undefined };
/** Each node has a kernel below its -filepath. */
function fileHandlers(mesh: Mesh): Handlers {
  const store = new MemoryStore({ now: () => Date.now() });
  store.put('vmlinuz', kernel());
  const log = { info: () => undefined, warn: () => undefined };
  const clock = createSystemClock();
  const files = new Files({
    mesh,
    store,
    clock,
    log,
    random: Math.random,
    headId: () => mesh.nodeId,
    isInUse: () => false,
  });
  return createFileHandlers({ files, now: () => clock.now() });
}

export async function startCluster(): Promise<TestCluster> {
  const base = await mkdtemp(join(tmpdir(), 'meshd-cluster-'));
  const filePath = join(base, 'files');
  await mkdir(filePath);
  const clock = createSystemClock();
  const simulation = await Simulation.create({ size: 3, degree: 2, context: 'john' }, { clock, random: Math.random });
  await simulation.startAll();
  const allPeers: Peers[] = [];
  const dispatchers: Dispatcher[] = [];
  const allVlans: Vlans[] = [];
  const allNamespaces: Namespaces[] = [];
  for (const index of [0, 1, 2]) {
    const mesh = simulation.mesh(index);
    const roster = simulation.stores[index];
    if (!roster) throw new Error('a started node has a roster');
    const host = simulation.node(index).name;
    const peers = new MeshPeers({ mesh, roster });
    allPeers.push(peers);
    const vlans = await Vlans.open(
      { range: { min: 101, max: 4096 }, checkMs: 10_000 },
      { mesh, roster, clock, random: Math.random, store: new MemoryTextStore(), log: silentLog },
    );
    await vlans.start();
    allVlans.push(vlans);
    const namespaces = await Namespaces.open(
      { checkMs: 10_000 },
      {
        mesh,
        roster,
        clock,
        random: Math.random,
        store: new MemoryTextStore(),
        log: silentLog,
        clusterContent: vlansOfNamespaces(vlans),
      },
    );
    namespaces.start();
    allNamespaces.push(namespaces);
    const handlers: Handlers = {
      ...createMeshHandlers({
        mesh,
        peers,
        timeout: { ms: defaultMeshTimeoutMs },
        saveDegree: () => Promise.resolve(),
        resolvePath: (name) => resolveBelow(filePath, name),
        revoke: () => Promise.reject(new Error('not in this test')),
        moveAuthority: () => Promise.reject(new Error('not in this test')),
        copyAuthority: () => {
          throw new Error('not in this test');
        },
      }),
      ...createHostHandlers(() => observeFacts(host)),
      ...createBridgeHandlers(() => Promise.resolve(noBridge)),
      ...createVlanHandlers(vlans),
      ...createNsHandlers(namespaces, new Launches(Date.now)),
      ...fileHandlers(mesh),
      ...deployHandlers(host),
    };
    const dispatcher = new Dispatcher(
      { host, version: '0.1.0', filePath },
      {
        handlers,
        peers,
        namespaces,
        vlanRange: (namespace) => vlans.pools.ownRange(namespace),
        quit: () => undefined,
        meshTimeoutMs: () => defaultMeshTimeoutMs,
      },
    );
    peers.serve((line, { namespace, from, signal }) =>
      dispatcher.executeForMember(line, { ...from, namespace, signal }),
    );
    dispatchers.push(dispatcher);
  }
  const [dispatcher] = dispatchers;
  if (!dispatcher) throw new Error('three nodes have a first');
  const [roster] = simulation.stores;
  if (!roster) throw new Error('a started node has a roster');
  const watch = { kinds: [], subscribe: () => ({ resync: () => undefined, close: () => undefined }) };
  const onBug = (error: unknown) => {
    throw error;
  };
  const server = await CommandSocket.listen(
    { base, host: 'node1', version: '0.1.0' },
    Promise.resolve({ dispatcher, watch, streams: createStreamSource({ mesh: simulation.mesh(0), roster }), onBug }),
    onBug,
  );
  const end = Date.now() + 20_000;
  while (!simulation.isSettled()) {
    if (Date.now() > end) throw new Error('the mesh of three did not settle in 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    socketPath: server.path,
    dispatchers,
    peers: allPeers,
    meshes: simulation.running(),
    stop: async () => {
      await server.close();
      for (const part of [...allNamespaces, ...allVlans]) await part.stop();
      await simulation.stopAll();
      await rm(base, { recursive: true, force: true });
    },
  };
}

async function observeFacts(host: string): Promise<HostFacts> {
  const { facts } = await observeMachine(null, Date.now());
  const none = { VMs: 0, AndroidVMs: 0, Limit: -1, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0 };
  return { Name: host, ...facts, ...none };
}

/** `deploy flags` and its like, which need no SSH; the rest of deploy is not reached by the recorded requests. */
const noBridge = {
  bridge: '',
  uplink: '',
  owner: '',
  persistence: '',
  reboot: '',
  transaction: '',
  alarms: [],
};

function deployHandlers(host: string): Handlers {
  const parsed = parseFlags(['-degree', '2', '-context', 'john']);
  if (!parsed.ok) throw new Error(parsed.message);
  // The parts that launch uses are missing on purpose: a request that reached them would fail loudly.
  const components = { flags: () => parsed.flags, log: () => undefined } as unknown as DeployComponents;
  const options = { host, stateFolder: tmpdir(), programPath: '/nonexistent', sshPort: 22, parallel: 1 };
  return createDeployHandlers(options, components);
}
