// Constructs meshd's parts and puts them together; nothing else does. Order matters: the base is claimed before anything is
// written, so that a second daemon changes nothing; clients get answers once the mesh listens.
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { rangeHint } from '../core/ranges/parse-range.ts';
import { AppError, describeError } from '../contract/errors.ts';
import type { Roster } from '../contract/roster.ts';
import type { HostFacts } from '../contract/watch.ts';
import { statePathOf, type Flags } from '../core/flags.ts';
import { moveHead, revokeNode } from '../core/mesh/roster.ts';
import { resolveBelow } from '../host/below.ts';
import type { TrafficSample } from '../host/facts.ts';
import { writeFileAtomic } from '../host/files.ts';
import type { Machine } from '../host/machine.ts';
import { localRunner } from '../host/runner.ts';
import { loadCredentials } from '../host/ssh/credentials.ts';
import { HostKeyPins } from '../host/ssh/pins.ts';
import { BridgeLook, observeOwnBridge, stampBridge } from './bridge-look.ts';
import { observeCluster } from './cluster.ts';
import { createBridgeHandlers } from './commands/bridge.ts';
import { createDeployHandlers } from './commands/deploy.ts';
import { Dispatcher } from './commands/dispatcher.ts';
import { createHostHandlers } from './commands/host.ts';
import { createMeshHandlers, defaultMeshTimeoutMs } from './commands/mesh.ts';
import { createDeployCluster, createDeployMesh, serveHello } from './deploy/ports.ts';
import { Deployer } from './deploy/deployer.ts';
import type { DeployLogin } from './deploy/types.ts';
import { FactsExchange } from './facts-exchange.ts';
import { sealAuthority } from './identity/ca-copy.ts';
import { ensureIdentity } from './identity/identity.ts';
import type { Log } from './log.ts';
import { createSystemClock } from './mesh/clock.ts';
import { Mesh } from './mesh/mesh.ts';
import { MeshPeers } from './mesh/peers.ts';
import type { StreamHandler } from './mesh/streams.ts';
import { TlsTransport } from './mesh/tls-transport.ts';
import { SettingsFile } from './settings.ts';
import type { ConnectionComponents } from './socket/connection.ts';
import { CommandSocket } from './socket/server.ts';
import { createStreamSource } from './socket/streams.ts';
import { describeVersion, meshdVersion } from './version.ts';
import { ClusterWatch } from './watch.ts';

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
  readonly machine: Machine;
  /** The command `quit` was given. */
  readonly onQuit: (delayMs: number) => void;
  /** Services for streams beside meshd's own: simulated nodes and tests have one that echoes. */
  readonly streamServices?: Readonly<Record<string, StreamHandler>>;
}

export interface Daemon {
  readonly socketPath: string;
  /** Closes links and socket, so that the others see this node leave at once. */
  stop(): Promise<void>;
}

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
    const pidFile = join(paths.base, 'meshd.pid');
    await writeFileAtomic(pidFile, `${process.pid}\n`, { mode: 0o644 });
    cleanups.push(() => rm(pidFile, { force: true }));
    await mkdir(paths.files, { recursive: true, mode: 0o700 });

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

    let traffic: TrafficSample | null = null;
    // Of several daemons on one machine (tests, benches) the one at the usual place speaks for the machine's bridge.
    const bridgeLook =
      paths.state === machineStatePath && process.getuid?.() === 0
        ? new BridgeLook({
            observe: observeOwnBridge,
            stamp: stampBridge,
            now: () => clock.now(),
            onError: (error) => {
              log.warn(`the bridge of this host cannot be looked at: ${describeError(error)}`);
            },
          })
        : null;
    const observe = async (): Promise<HostFacts> => {
      const now = clock.now();
      const observed = await machine.observe(traffic, now);
      // Rates over less than a second are noise: keep the older sample until it is one old.
      if (traffic === null || now - traffic.atMs >= 1000) traffic = observed.traffic;
      const idle = { VMs: 0, AndroidVMs: 0, Limit: -1, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0 };
      return { Name: host, ...observed.facts, ...idle, ...(bridgeLook ? await bridgeLook.fields() : {}) };
    };
    const facts = new FactsExchange(
      { nodeId: identity.nodeId, version: meshdVersion },
      {
        mesh,
        clock,
        observe,
        onChange: () => {
          watch.changed();
        },
        onError: (error) => {
          log.warn(`the facts of this host are not readable: ${describeError(error)}`);
        },
      },
    );
    const watch = new ClusterWatch(
      {
        self: identity.nodeId,
        cluster: identity.cluster,
        context: flags.context,
        runId: createHash('sha256').update(`${process.pid} ${clock.wallNow()}`).digest('hex').slice(0, 16),
      },
      {
        observe: () => observeCluster(mesh.topology(), roster.roster, (id) => facts.get(id)),
        onWatched: (isWatched) => {
          facts.setWatched(isWatched);
        },
      },
    );
    mesh.on('change', () => {
      facts.membersChanged();
      watch.changed();
    });
    cleanups.push(() => {
      watch.stop();
      facts.stop();
    });

    const peers = new MeshPeers({ mesh, roster });
    const deployComponents = {
      flags: (): Flags => ({ ...flags, degree: mesh.degree }),
      cluster: createDeployCluster(cluster),
      mesh: createDeployMesh(mesh),
      pins: new HostKeyPins({
        ownFile: join(paths.state, 'known_hosts'),
        otherFiles: [join(homedir(), '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts'],
      }),
      credentials: () => loadCredentials(homedir(), { agentSocket: process.env['SSH_AUTH_SOCK'] }),
      runner: localRunner,
      logins: { last: () => settings.login, keep: (login: DeployLogin) => settings.update({ login }) },
      log: log.info,
    };
    const deployOptions = {
      host,
      stateFolder: paths.state,
      programPath,
      sshPort: 22,
      parallel: 16,
      installsHead: true,
    };
    const deployer = new Deployer(deployOptions, deployComponents);
    cleanups.push(() => {
      deployer.stop();
    });
    const timeout = { ms: defaultMeshTimeoutMs };
    const head = () => {
      if (cluster.head && roster.roster.head === identity.nodeId) return cluster.head;
      const name = roster.node(roster.roster.head)?.name ?? 'the head';
      throw new AppError('refused', `that is the head's: ${name} holds the CA; run it there`);
    };
    const meshHandlers = createMeshHandlers({
      mesh,
      peers,
      timeout,
      saveDegree: (degree) => settings.update({ degree }),
      resolvePath: (name) => resolveBelow(paths.files, name),
      revoke: async (name) => {
        const node = roster.nodeByName(name);
        if (!node) throw new AppError('not-found', `no node ${name} in the roster${rangeHint(name)}`);
        await head().editor.edit((current) => revokeNode(current, node.id));
      },
      moveAuthority: (name) =>
        deployer.moveAuthority(name, {
          caFolder: join(paths.state, 'ca'),
          moveHead: async (nodeId) => {
            await head().editor.edit((current) => moveHead(current, nodeId));
          },
        }),
      copyAuthority: () => ({ cluster: identity.cluster, ...sealAuthority(head().authority) }),
    });
    const dispatcher = new Dispatcher(
      { host, version, vlanRange: flags.vlanrange, filePath: paths.files },
      {
        handlers: {
          ...meshHandlers,
          ...createDeployHandlers(deployOptions, deployComponents, deployer),
          ...createHostHandlers(observe),
          ...createBridgeHandlers(observeOwnBridge),
        },
        peers,
        quit: components.onQuit,
        meshTimeoutMs: () => timeout.ms,
        onBug,
      },
    );
    const { missing, unknown } = dispatcher.checkHandlers();
    if (missing.length > 0 || unknown.length > 0) {
      throw new Error(
        `commands without a handler: ${missing.join(', ')}; handlers without a command: ${unknown.join(', ')}`,
      );
    }
    peers.serve((line, { namespace, from, signal }) =>
      dispatcher.executeForMember(line, { ...from, namespace, signal }),
    );
    serveHello(mesh, {
      version: meshdVersion,
      programPath,
      isHead: () => cluster.head !== null && roster.roster.head === identity.nodeId,
    });

    for (const [name, handler] of Object.entries(components.streamServices ?? {})) mesh.streams.serve(name, handler);
    await mesh.start();
    cleanups.push(() => mesh.stop());
    cleanups.push(() => roster.flush());
    ready.resolve({ dispatcher, watch, streams: createStreamSource({ mesh, roster }), onBug });
    log.info(`meshd ${version} on ${host}: context ${flags.context}, port ${flags.port}, socket ${socket.path}`);
    return { socketPath: socket.path, stop };
  } catch (error) {
    ready.reject(error);
    await stop();
    throw error instanceof AppError ? error : new AppError('failed', describeError(error), { cause: error });
  }
}
