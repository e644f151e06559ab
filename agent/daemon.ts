// Constructs meshd's parts and puts them together; nothing else does. Order matters: the base is claimed before anything is
// written, so that a second daemon changes nothing; clients get answers once the mesh listens.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterKinds } from '../contract/cluster-kinds.ts';
import { AppError, describeError } from '../contract/errors.ts';
import type { Kind } from '../contract/kinds.ts';
import type { Roster } from '../contract/roster.ts';
import { statePathOf, type Flags } from '../core/flags.ts';
import { resolveBelow } from '../host/below.ts';
import type { CaptureHost } from '../host/capture/capture-host.ts';
import { createLinuxCaptureHost } from '../host/capture/linux-capture-host.ts';
import { createMemoryCaptureHost } from '../host/capture/memory-capture-host.ts';
import { removeUnfinished, writeFileAtomic } from '../host/files.ts';
import { createLinuxStore } from '../host/images/linux-store.ts';
import type { DhcpHost } from '../host/dhcp/dhcp-host.ts';
import { createLinuxDhcp } from '../host/dhcp/linux-dhcp.ts';
import { MemoryDhcp } from '../host/dhcp/memory-dhcp.ts';
import type { FileStore } from '../host/images/image-store.ts';
import type { Machine } from '../host/machine.ts';
import { LinuxHost, openvswitchRunFolder } from '../host/ovs/linux-host.ts';
import { MemoryMachine } from '../host/ovs/memory-host.ts';
import type { SwitchHost } from '../host/ovs/switch-host.ts';
import type { Hypervisor } from '../host/qemu/hypervisor.ts';
import { createLinuxHypervisor } from '../host/qemu/linux-hypervisor.ts';
import { createMemoryHypervisor } from '../host/qemu/memory-hypervisor.ts';
import { createLinuxTuning } from '../host/linux-tuning.ts';
import { localRunner } from '../host/runner.ts';
import { createMemoryTuning, type HostTuning } from '../host/tuning.ts';
import { Dispatcher } from './commands/dispatcher.ts';
import type { Handlers } from './commands/handler.ts';
import { defaultMeshTimeoutMs } from './commands/mesh.ts';
import { ensureIdentity } from './identity/identity.ts';
import { LogBook, type Log, type LogLevel } from './log.ts';
import { createSystemClock } from './mesh/clock.ts';
import { Mesh } from './mesh/mesh.ts';
import { MeshPeers } from './mesh/peers.ts';
import { TlsTransport } from './mesh/tls-transport.ts';
import { createBridgePart } from './parts/bridge.ts';
import { createCapturesPart } from './parts/captures.ts';
import { createConsolesPart } from './parts/consoles.ts';
import { createDaemonCommandsPart } from './parts/daemon-commands.ts';
import { createDeployPart } from './parts/deploy.ts';
import { askForSimulated } from './dhcp/simulated-guests.ts';
import { createDhcpPart } from './parts/dhcp.ts';
import { createFilesPart } from './parts/files.ts';
import { createHostPart } from './parts/host.ts';
import { createMeshPart } from './parts/mesh.ts';
import { createNamespacesPart } from './parts/namespaces.ts';
import { createOptimizePart } from './parts/optimize.ts';
import type { Part } from './parts/part.ts';
import { createPipesPart } from './parts/pipes.ts';
import { createProbePart } from './parts/probe.ts';
import { createTapsPart } from './parts/taps.ts';
import { createVlanPart } from './parts/vlans.ts';
import { createVmCommandsPart } from './parts/vm-commands.ts';
import { createVmsPart, type VmsPart } from './parts/vms.ts';
import { createWatchedRows } from './rows/watched-rows.ts';
import { SettingsFile } from './settings.ts';
import type { ConnectionComponents } from './socket/connection.ts';
import { CommandSocket } from './socket/server.ts';
import { createStreamSource } from './socket/streams.ts';
import { describeVersion, meshdVersion } from './version.ts';

/** Where a machine's only daemon keeps its state. */
const machineStatePath = '/var/lib/meshd';

interface DaemonPaths {
  readonly base: string;
  /** What must last: identity, CA, settings. */
  readonly state: string;
  /** Files that commands may name. */
  readonly files: string;
}

/** Where a daemon with these flags keeps its things. */
function daemonPaths(flags: Flags): DaemonPaths {
  const state = statePathOf(flags.base);
  return { base: flags.base, state, files: flags.filepath === '' ? join(state, 'files') : flags.filepath };
}

export interface DaemonOptions {
  readonly flags: Flags;
  /** Real path of the running program, which deploy hands on. */
  readonly programPath: string;
}

export interface DaemonComponents {
  readonly log: Log;
  /** What the `log` commands set; of simulated nodes, whose log is of all of them, nothing. */
  readonly logBook?: LogBook;
  readonly machine: Machine;
  /** What lies below -filepath; the folder on this host unless given. */
  readonly files?: FileStore;
  /** What runs VMs, and the switch of their networks: QEMU and Open vSwitch of this machine for its own daemon, others have them in memory. */
  readonly hypervisor?: Hypervisor;
  readonly switchHost?: SwitchHost;
  /** Its DHCP servers; in memory for all but the machine's own daemon, unless given. */
  readonly dhcpHost?: DhcpHost;
  /** What takes packets of VMs; as above. */
  readonly captureHost?: CaptureHost;
  /** The command `quit` was given. */
  readonly onQuit: (delayMs: number) => void;
  /** Those that its rows may be of, `clusterKinds` unless given; and parts beside the daemon's own. */
  readonly kinds?: readonly Kind[];
  readonly parts?: (mesh: Mesh) => readonly Part[];
}

export interface Daemon {
  readonly socketPath: string;
  /** Closes links and socket, so that the others see this node leave at once. */
  stop(): Promise<void>;
}

/** For a daemon whose log is another program's. */
const quietBook = (flags: Flags) => new LogBook({ level: flags.level as LogLevel, file: '' }, () => undefined);

/** Addresses of all nodes; listed once for each roster, since every caller of the mesh port is looked up among them. */
function rosterAddresses(store: { readonly roster: Roster }): () => readonly string[] {
  let listed: Roster | null = null;
  let addresses: readonly string[] = [];
  return () => {
    if (listed !== store.roster) addresses = store.roster.nodes.flatMap((node) => node.addresses);
    listed = store.roster;
    return addresses;
  };
}

/** What runs VMs: of several daemons on one machine (tests, benches) only the one at the usual place has the machine's own. */
function createMachinePart(
  { paths, store, isOfMachine }: { paths: DaemonPaths; store: FileStore; isOfMachine: boolean },
  { hypervisor, switchHost, captureHost, log }: DaemonComponents,
): {
  readonly hypervisor: Hypervisor;
  readonly switchHost: SwitchHost;
  readonly captureHost: CaptureHost;
  readonly tuning: HostTuning;
} {
  if (!isOfMachine) {
    const machine = new MemoryMachine();
    const onHold = (tap: string, isHeld: boolean) => machine.changeLink(tap, { hasCarrier: isHeld });
    const own = switchHost ?? machine.host();
    return {
      hypervisor: hypervisor ?? createMemoryHypervisor({ base: paths.base, onHold }),
      switchHost: own,
      captureHost: captureHost ?? createMemoryCaptureHost(own, { doGuestsTalk: true, wallNow: () => Date.now() }),
      tuning: createMemoryTuning(),
    };
  }
  const createHypervisor = () =>
    createLinuxHypervisor({
      // Disks of VMs outlive a reboot, and the base is in memory.
      base: join(paths.state, 'instances'),
      filesPath: paths.files,
      runner: localRunner,
      makeOverlay: (image, overlay) =>
        store.createOverlay(overlay, {
          name: image.path.slice(paths.files.length + 1),
          format: image.format === 'qcow2' ? 'qcow2' : 'raw',
        }),
    });
  const createSwitchHost = () =>
    new LinuxHost({ runFolder: openvswitchRunFolder, within: [], log: (level, text) => log[level](text) });
  return {
    hypervisor: hypervisor ?? createHypervisor(),
    switchHost: switchHost ?? createSwitchHost(),
    captureHost: captureHost ?? createLinuxCaptureHost({ runFolder: openvswitchRunFolder, within: [] }),
    tuning: createLinuxTuning({ runner: localRunner }),
  };
}

/** This node in its cluster: identity, roster and mesh, which does not listen yet. */
async function openMesh(paths: DaemonPaths, flags: Flags, { log, machine }: DaemonComponents) {
  const host = machine.name;
  const settings = await SettingsFile.open(join(paths.state, 'settings.json'));
  const cluster = await ensureIdentity(paths.state, {
    name: host,
    context: flags.context,
    port: flags.port,
    addresses: machine.addresses(),
    now: new Date(),
    create: flags.headnode === '' || flags.headnode === host,
  });
  const { identity, roster } = cluster;
  roster.on('save-failed', (error) => {
    log.error(error.message);
  });

  const clock = createSystemClock();
  const transport = new TlsTransport(
    { identity, port: flags.port, ...(machine.listenAddress === null ? {} : { host: machine.listenAddress }) },
    { log, memberAddresses: rosterAddresses(roster) },
  );
  const mesh = new Mesh(
    { nodeId: identity.nodeId, degree: settings.degree ?? flags.degree, checkMs: flags.msa * 1000 },
    { transport, clock, random: Math.random, roster, log },
  );
  mesh.on('excluded', (reason) => {
    log.error(`shut out of the mesh: ${reason}`);
  });

  const peers = new MeshPeers({ mesh, roster });
  return { settings, cluster, roster, clock, mesh, peers };
}

type OwnMesh = Awaited<ReturnType<typeof openMesh>>;

/** What the parts for VMs are built on, in the order in which they need each other. */
async function createCoreParts(
  paths: DaemonPaths,
  { flags, programPath }: DaemonOptions,
  { settings, cluster, roster, clock, mesh }: OwnMesh,
  components: DaemonComponents,
) {
  const { log, machine } = components;
  const { identity } = cluster;
  const host = machine.name;
  const self = {
    nodeId: identity.nodeId,
    version: meshdVersion,
    // Of several daemons on one machine (tests, benches) the one at the usual place speaks for the machine.
    isOfMachine: paths.state === machineStatePath && process.getuid?.() === 0,
  };
  const deploy = createDeployPart(
    { host, flags, stateFolder: paths.state, programPath },
    { mesh, cluster, settings, log },
  );
  const { vlans, ...vlanPart } = await createVlanPart(
    { range: flags.vlanrange, checkMs: flags.msa * 1000, stateFolder: paths.state },
    { mesh, roster, clock, log },
  );
  const { namespaces, launches, ...namespacesPart } = await createNamespacesPart(
    { checkMs: flags.msa * 1000, stateFolder: paths.state },
    { mesh, roster, clock, log, vlans },
  );
  // VMs are users that own nothing else: they pass to their folders and images, and list nothing on the way.
  if (self.isOfMachine) await chmod(paths.state, 0o711);
  const store = components.files ?? createLinuxStore(paths.files, { runner: localRunner });
  const own = createMachinePart({ paths, store, isOfMachine: self.isOfMachine }, components);
  let vmsPart: VmsPart | null = null;
  const { files, ...filesPart } = createFilesPart({
    mesh,
    roster,
    clock,
    log,
    store,
    // Until the records are read, a file may be some VM's.
    isInUse: (path) => vmsPart?.vms.isInUse(path) ?? true,
    usersOf: (path) => vmsPart?.vms.usersOf(path) ?? [],
  });
  vmsPart = await createVmsPart(
    { cluster: identity.cluster, stateFolder: paths.state, checkMs: flags.msa * 1000 },
    { mesh, roster, machine, files, vlans, clock, log, ...own },
  );
  return { self, deploy, vlans, vlanPart, namespaces, launches, namespacesPart, store, own, files, filesPart, vmsPart };
}

type CoreParts = Awaited<ReturnType<typeof createCoreParts>>;

/** All parts. `late`: the dispatcher knows the handlers, which are made before it. `onEnd` takes what must end before them. */
async function createParts(
  paths: DaemonPaths,
  core: CoreParts,
  { settings, cluster, roster, clock, mesh, peers }: OwnMesh,
  { flags, components, late, timeout, onEnd }: PartsContext,
) {
  const { log, machine } = components;
  const { self, vlans, namespaces, store, own, files, vmsPart } = core;
  const { identity } = cluster;
  const host = machine.name;
  const { vms, hosts, directory } = vmsPart;
  const vmCommands = createVmCommandsPart(files.store.root, {
    name: host,
    vms,
    store,
    observeVm: (vm) => machine.observeVm(vm),
    runHere: async (line, { namespace, signal }) =>
      (await late.dispatcher?.executeForMember(line, {
        ...{ nodeId: identity.nodeId, name: host },
        namespace,
        signal,
      })) ?? [],
    host: (name) => {
      const node = roster.nodeByName(name);
      if (!node) throw new AppError('not-found', `no node ${name} in the roster`);
      return hosts.of(node.id);
    },
    listed: (namespace) => directory.listed(namespace),
    lost: (namespace) => directory.lost(namespace),
    namespaces,
    journal: core.launches,
    vlans,
    hypervisor: own.hypervisor,
    peers,
    meshTimeoutMs: () => timeout.ms,
    resolvePath: (name) => resolveBelow(paths.files, name),
    clock,
  });
  namespaces.register(vmCommands.content);
  const aliasOf = (vlan: number) => vlans.state.table.holders(vlan).find(({ alias }) => alias !== '') ?? null;
  const { ports } = vmsPart;
  const networks = () => machine.networks();
  const { taps, ...tapsPart } = createTapsPart({ ports, vlans, vms, networks, aliasOf, log });
  const ofMachine = () => createLinuxDhcp({ base: join(paths.state, 'dhcp'), prefix: 'meshd-dhcp-', within: [] });
  const simulated = components.dhcpHost || self.isOfMachine ? null : new MemoryDhcp();
  const { dhcp, ...dhcpPart } = await createDhcpPart(paths.state, {
    ...{ mesh, vlans, ports, clock, log },
    host: components.dhcpHost ?? simulated?.host() ?? ofMachine(),
    hostTaps: (namespace) => taps.list(namespace),
    listed: (namespace) => directory.listed(namespace),
  });
  for (const { content } of [dhcpPart, tapsPart]) namespaces.register(content);
  if (simulated) onEnd(askForSimulated(simulated, { vms, dhcp, now: () => clock.wallNow() }));
  const captures = await createCapturesPart(
    { nodeId: identity.nodeId, stateFolder: paths.state, filesPath: paths.files, root: store.root },
    { host: own.captureHost, vms, clock, log },
  );
  namespaces.register(captures.content);
  const { pipes, ...pipesPart } = createPipesPart({ mesh, clock, log });
  namespaces.register(pipesPart.content);
  const parts: readonly Part[] = [
    core.deploy,
    createMeshPart(paths, { mesh, peers, cluster, settings, deployer: core.deploy.deployer, timeout }),
    createHostPart(self, { machine, clock, log, commitment: () => vms.commitment() }),
    createBridgePart(self, {
      ...{ clock, log, ports: vmsPart.ports },
      aliasOf,
    }),
    core.vlanPart,
    core.namespacesPart,
    core.filesPart,
    vmsPart,
    vmCommands,
    tapsPart,
    dhcpPart,
    captures,
    createOptimizePart(vmsPart.optimizer, vms),
    createConsolesPart(paths.files, { vms, clock, log }),
    pipesPart,
    createDaemonCommandsPart(
      { flags, filePath: paths.files, isOfMachine: self.isOfMachine },
      { ...own, clock, logBook: components.logBook ?? quietBook(flags) },
    ),
    createProbePart({ mesh, switchHost: own.switchHost, vlans, namespaces, directory, vms, clock, log }),
    ...(components.parts?.(mesh) ?? []),
  ];
  return { parts, pipes };
}

interface PartsContext {
  readonly flags: Flags;
  readonly components: DaemonComponents;
  readonly late: { dispatcher: Dispatcher | null };
  readonly timeout: { ms: number };
  readonly onEnd: (end: () => void) => void;
}

/**
 * Starts meshd. @throws AppError `conflict` when one runs on this base or the port is taken, and what is wrong with flags,
 * identity or disk; nothing is left behind then.
 */
export async function startDaemon(
  { flags, programPath }: DaemonOptions,
  components: DaemonComponents,
): Promise<Daemon> {
  const { log, machine } = components;
  const paths = daemonPaths(flags);
  const host = machine.name;
  const version = describeVersion(programPath);
  const onBug = (error: unknown) => {
    log.error(`bug: ${error instanceof Error ? (error.stack ?? error.message) : describeError(error)}`);
  };
  const ready = Promise.withResolvers<ConnectionComponents>();
  // Code that waits for it gets the error of a failed start; there may be no such code.
  ready.promise.catch(() => undefined);
  const socket = await CommandSocket.listen({ base: paths.base, host, version }, ready.promise, onBug);
  const cleanups: (() => Promise<void> | void)[] = [() => socket.close()];
  const stop = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) {
      await Promise.resolve(cleanup()).catch((error: unknown) => {
        log.warn(`at the end: ${describeError(error)}`);
      });
    }
  };
  try {
    // Of a meshd that was killed while it wrote: this one has claimed the base, and has written nothing yet.
    const { base, state } = paths;
    for (const folder of [base, state, ...['identity', 'vms', 'instances', 'dhcp'].map((name) => join(state, name))]) {
      await removeUnfinished(folder);
    }
    const pidFile = join(base, 'meshd.pid');
    await writeFileAtomic(pidFile, `${process.pid}\n`, { mode: 0o644 });
    cleanups.push(() => rm(pidFile, { force: true }));
    await mkdir(paths.files, { recursive: true, mode: 0o700 });

    const own = await openMesh(paths, flags, components);
    const { cluster, roster, clock, mesh, peers } = own;
    const core = await createCoreParts(paths, { flags, programPath }, own, components);
    const { vlans, namespaces, vmsPart } = core;
    const { directory } = vmsPart;
    const timeout = { ms: defaultMeshTimeoutMs };
    const late: PartsContext['late'] = { dispatcher: null };
    const onEnd = (end: () => void) => void cleanups.push(end);
    const { parts, pipes } = await createParts(paths, core, own, { flags, components, late, timeout, onEnd });
    cleanups.push(...parts.map(({ stop: end }) => end));
    const rows = createWatchedRows(
      {
        ...core.self,
        cluster: cluster.identity.cluster,
        context: flags.context,
        kinds: components.kinds ?? clusterKinds,
      },
      { mesh, roster, clock, sources: parts.flatMap(({ kinds }) => kinds), followers: [vmsPart.followLost] },
    );
    cleanups.push(() => {
      rows.stop();
    });
    const dispatcher = new Dispatcher(
      { host, version, filePath: paths.files },
      {
        handlers: Object.assign({}, ...parts.map(({ handlers }) => handlers)) as Handlers,
        peers,
        namespaces,
        vlanRange: (namespace) => vlans.pools.ownRange(namespace),
        quit: components.onQuit,
        meshTimeoutMs: () => timeout.ms,
        vmNames: (namespace) => directory.listed(namespace).map(({ name }) => name),
        lostVms: (namespace) => directory.lost(namespace),
        holderOf: (namespace, uuid) => directory.holderOf(namespace, uuid),
        onBug,
      },
    );
    late.dispatcher = dispatcher;
    const { missing, unknown } = dispatcher.checkHandlers();
    if (missing.length > 0 || unknown.length > 0) {
      throw new Error(
        `commands without a handler: ${missing.join(', ')}; handlers without a command: ${unknown.join(', ')}`,
      );
    }
    peers.serve((line, { namespace, from, signal }) =>
      dispatcher.executeForMember(line, { ...from, namespace, signal }),
    );
    for (const [name, handler] of parts.flatMap(({ services }) => Object.entries(services ?? {}))) {
      mesh.streams.serve(name, handler);
    }
    await mesh.start();
    cleanups.push(() => mesh.stop());
    cleanups.push(() => roster.flush());
    ready.resolve({ dispatcher, watch: rows.watch, streams: createStreamSource({ mesh, roster }), pipes, onBug });
    log.info(`meshd ${version} on ${host}: context ${flags.context}, port ${flags.port}, socket ${socket.path}`);
    return { socketPath: socket.path, stop };
  } catch (error) {
    ready.reject(error);
    await stop();
    throw error instanceof AppError ? error : new AppError('failed', describeError(error), { cause: error });
  }
}
