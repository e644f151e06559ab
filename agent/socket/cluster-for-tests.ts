// For tests: a cluster of three meshds in one process, with the real mesh over a network in memory, the real handlers and
// a real command socket on node1. Only processes, TLS and SSH are missing.
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostFacts } from '../../contract/cluster-kinds.ts';
import { parseFlags } from '../../core/flags.ts';
import { resolveBelow } from '../../host/below.ts';
import { observeMachine } from '../../host/facts.ts';
import { initrd, kernel } from '../../host/images/made-images.ts';
import { MemoryStore } from '../../host/images/memory-image-store.ts';
import { MemoryDhcp } from '../../host/dhcp/memory-dhcp.ts';
import { createMemoryMachine } from '../../host/memory-machine.ts';
import { createMemoryTuning } from '../../host/tuning.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import type { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { createMemoryCaptureHost } from '../../host/capture/memory-capture-host.ts';
import { createMemoryHypervisor } from '../../host/qemu/memory-hypervisor.ts';
import { createBridgeHandlers } from '../commands/bridge.ts';
import { createDeployHandlers } from '../commands/deploy.ts';
import { createDiskHandlers } from '../commands/disk.ts';
import { Dispatcher } from '../commands/dispatcher.ts';
import { createFileHandlers } from '../commands/file.ts';
import type { Handlers } from '../commands/handler.ts';
import { createHostHandlers } from '../commands/host.ts';
import { createMeshHandlers, defaultMeshTimeoutMs } from '../commands/mesh.ts';
import { createNsHandlers } from '../commands/ns.ts';
import { createVlanHandlers } from '../commands/vlans.ts';
import type { DeployComponents } from '../deploy/types.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import { openDownload } from '../../host/download.ts';
import { Disks, type DisksComponents } from '../files/disks.ts';
import { Files } from '../files/files.ts';
import { LogBook } from '../log.ts';
import { createSystemClock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { MeshPeers } from '../mesh/peers.ts';
import type { Peers } from '../commands/peers.ts';
import { Simulation } from '../mesh/simulation.ts';
import { createConsolesPart } from '../parts/consoles.ts';
import { createDaemonCommandsPart } from '../parts/daemon-commands.ts';
import { createVmCommandsPart, type VmCommandsComponents } from '../parts/vm-commands.ts';
import { createCapturesPart } from '../parts/captures.ts';
import { createOptimizePart } from '../parts/optimize.ts';
import { createPipesPart } from '../parts/pipes.ts';
import { createProbePart } from '../parts/probe.ts';
import { createDhcpPart } from '../parts/dhcp.ts';
import { createTapsPart } from '../parts/taps.ts';
import { createVmsPart } from '../parts/vms.ts';
import { Launches } from '../namespaces/launches.ts';
import { Namespaces } from '../namespaces/namespaces.ts';
import { vlansOfNamespaces } from '../parts/namespaces.ts';
import { MemoryTextStore } from '../tables/memory-table-store.ts';
import type { Pipes } from '../pipes/pipes.ts';
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
/** Where minimega keeps its files. Each node has what the recorded VMs boot from. */
const minimegaFiles = '/tmp/minimega/files';

function filesOf(mesh: Mesh): Files {
  const store = new MemoryStore({ now: () => Date.now(), root: minimegaFiles });
  store.put('vmlinuz', kernel());
  for (const name of ['initramfs.gz', 'initrd.gz']) store.put(name, initrd());
  const log = { info: () => undefined, warn: () => undefined };
  const clock = createSystemClock();
  const headId = () => mesh.nodeId;
  return new Files({ mesh, store, clock, log, random: Math.random, headId, isInUse: () => false, openDownload });
}

/** The VMs of a node, and the commands over them; QEMU and Open vSwitch are in memory. */
async function vmParts(
  { name, stateFolder }: { name: string; stateFolder: string },
  { mesh, roster, peers, files, vlans, namespaces, launches, resolvePath, runHere }: VmComponents,
): Promise<{
  handlers: Handlers;
  ports: VirtualSwitch;
  usersOf: DisksComponents['usersOf'];
  pipes: Pipes;
  vmNames: (namespace: string) => string[];
  stop: () => Promise<void>;
}> {
  const clock = createSystemClock();
  const machine = createMemoryMachine({ name, number: 0 });
  const hypervisor = createMemoryHypervisor({ base: stateFolder });
  const network = new MemoryMachine();
  // minimega's was made by `shell ip link add`.
  network.addLink('veth0');
  const log = { ...silentLog, error: () => undefined, fatal: () => undefined };
  const switchHost = network.host();
  const { vms, directory, ...part } = await createVmsPart(
    { cluster: 'test', stateFolder, checkMs: 10_000 },
    { tuning: createMemoryTuning(), mesh, roster, machine, hypervisor, switchHost, files, vlans, clock, log },
  );
  const probe = createProbePart({ mesh, switchHost, vlans, namespaces, directory, vms, clock, log });
  const filesPath = join(stateFolder, 'files');
  await mkdir(filesPath, { recursive: true });
  const captures = await createCapturesPart(
    { nodeId: mesh.nodeId, stateFolder, filesPath, root: minimegaFiles },
    { host: createMemoryCaptureHost(switchHost, { doGuestsTalk: false, wallNow: () => Date.now() }), vms, clock, log },
  );
  const commands = createVmCommandsPart(minimegaFiles, {
    name,
    vms,
    store: files.store,
    runHere,
    observeVm: (vm) => machine.observeVm(vm),
    host: (host) => part.hosts.of(roster.nodeByName(host)?.id ?? ''),
    listed: (namespace) => directory.listed(namespace),
    lost: (namespace) => directory.lost(namespace),
    namespaces,
    journal: launches,
    vlans,
    hypervisor,
    peers,
    meshTimeoutMs: () => defaultMeshTimeoutMs,
    resolvePath,
    clock,
  });
  const { ports, optimizer } = part;
  const { taps, ...tapsPart } = createTapsPart({
    ...{ ports, vlans, vms, log },
    networks: () => [],
    aliasOf: (vlan) => vlans.state.table.holders(vlan).find(({ alias }) => alias !== '') ?? null,
  });
  const dhcp = await createDhcpPart(stateFolder, {
    ...{ mesh, vlans, ports, clock, log },
    host: new MemoryDhcp().host(),
    hostTaps: (namespace) => taps.list(namespace),
    listed: (namespace) => directory.listed(namespace),
  });
  for (const { content } of [commands, dhcp, tapsPart, captures]) namespaces.register(content);
  const { pipes, ...pipesPart } = createPipesPart({ mesh, clock, log });
  namespaces.register(pipesPart.content);
  await mkdir(stateFolder, { recursive: true });
  const consoles = createConsolesPart(stateFolder, { vms, clock, log });
  const parsed = parseFlags([]);
  if (!parsed.ok) throw new Error(parsed.message);
  const own = createDaemonCommandsPart(
    { flags: parsed.flags, filePath: stateFolder, isOfMachine: false },
    { hypervisor, switchHost, clock, logBook: new LogBook({ level: 'info', file: '' }, () => undefined) },
  );
  // It asks QEMU what it knows.
  await hypervisor.facts();
  return {
    handlers: {
      ...commands.handlers,
      ...probe.handlers,
      ...tapsPart.handlers,
      ...dhcp.handlers,
      ...captures.handlers,
      ...createOptimizePart(optimizer, vms).handlers,
      ...own.handlers,
      ...pipesPart.handlers,
      ...consoles.handlers,
    },
    pipes,
    ports,
    usersOf: (path) => vms.usersOf(path),
    vmNames: (namespace) => directory.listed(namespace).map((vm) => vm.name),
    stop: async () => {
      await own.stop();
      await captures.stop();
      await consoles.stop();
      await pipesPart.stop();
      await probe.stop();
      await dhcp.stop();
      await tapsPart.stop();
      await part.stop();
    },
  };
}

interface VmComponents {
  readonly mesh: Mesh;
  readonly roster: RosterStore;
  readonly peers: Peers;
  readonly files: Files;
  readonly vlans: Vlans;
  readonly namespaces: Namespaces;
  readonly launches: Launches;
  readonly resolvePath: (name: string) => Promise<string>;
  readonly runHere: VmCommandsComponents['runHere'];
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
  const ends: (() => Promise<void>)[] = [];
  let pipes: Pipes | null = null;
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
    const launches = new Launches(Date.now);
    const files = filesOf(mesh);
    const vms = await vmParts(
      { name: host, stateFolder: join(base, host) },
      {
        ...{ mesh, roster, peers, files, vlans, namespaces, launches },
        resolvePath: (name) => resolveBelow(filePath, name),
        runHere: async (line, { namespace, signal }) =>
          (await dispatchers[index]?.executeForMember(line, {
            ...{ nodeId: mesh.nodeId, name: host },
            namespace,
            signal,
          })) ?? [],
      },
    );
    ends.push(vms.stop);
    pipes ??= vms.pipes;
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
      ...createBridgeHandlers({
        observe: () => Promise.resolve(noBridge),
        ports: vms.ports,
        aliasOf: (vlan) => vlans.state.table.holders(vlan).find(({ alias }) => alias !== '') ?? null,
      }),
      ...createVlanHandlers(vlans),
      ...createFileHandlers({ files, now: () => clock.now() }),
      ...createDiskHandlers(new Disks({ files, usersOf: vms.usersOf, newDigits: () => '939660530' }), minimegaFiles),
      ...vms.handlers,
      ...createNsHandlers(namespaces, launches),
      ...deployHandlers(host),
    };
    const dispatcher = new Dispatcher(
      { host, version: '0.1.0', filePath },
      {
        handlers,
        peers,
        namespaces,
        vlanRange: (namespace) => vlans.pools.ownRange(namespace),
        vmNames: vms.vmNames,
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
    Promise.resolve({
      dispatcher,
      watch,
      streams: createStreamSource({ mesh: simulation.mesh(0), roster }),
      ...(pipes ? { pipes } : {}),
      onBug,
    }),
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
      for (const end of ends) await end();
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
