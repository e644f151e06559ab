// The fleet: every cluster that the store names, each held by one attachment, the rows of all together. Owns which clusters there
// are, the ways to their nodes, and the rhythm in which changes go out: the first at once, then ten times a second.
import type { Duplex } from 'node:stream';
import type { FleetChoice } from '../../contract/browser/fleet.ts';
import { clusterKinds } from '../../contract/cluster-kinds.ts';
import { AppError } from '../../contract/errors.ts';
import type { FleetCluster, FleetDelta, FleetNode, FleetSnapshot, FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { Kind } from '../../contract/kinds.ts';
import { localRoute, sshRoute, type NodeRoute } from '../engines/route.ts';
import type { Engine, Engines } from '../engines/engine.ts';
import type {
  CommandCall,
  Fleet as FleetPort,
  FleetComponents,
  Log,
  StoredCluster,
  StoredHost,
  StreamCall,
  SuggestQuestion,
} from '../ports.ts';
import { Attachment, type AttachmentSink, type AttachmentTimes } from './attachment.ts';
import { Coalescer } from './coalescer.ts';
import { CommandSockets } from './command-sockets.ts';
import { Commands, type CommandWay } from './commands.ts';
import { openStream } from './streams.ts';
import { FleetRows } from './fleet-rows.ts';

/** Deltas go out at most this often. With the mesh's own 70 ms a change is on a screen within 250 ms. */
const flushEveryMs = 100;

export interface FleetParts {
  readonly engines: Engines;
  /** ms since 1970. */
  readonly now: () => number;
  readonly log: Log;
  readonly times?: AttachmentTimes;
  /** What clusters may tell; `clusterKinds` unless given. */
  readonly kinds?: readonly Kind[];
}

interface Held {
  cluster: StoredCluster;
  hosts: readonly StoredHost[];
  readonly engine: Engine;
  readonly attachment: Attachment;
}

export class Fleet implements FleetPort {
  private readonly parts: FleetParts;
  private readonly store: FleetComponents['store'];
  private readonly rows: FleetRows;
  private readonly kinds: readonly Kind[];
  private readonly coalescer: Coalescer;
  private readonly sockets: CommandSockets;
  private readonly commands: Commands;
  private readonly held = new Map<string, Held>();
  /** Cluster id by the mesh that it is: a socket of this machine may lead into a mesh that was added before. */
  private readonly meshes = new Map<string, string>();
  private readonly listeners = new Set<(delta: FleetDelta) => void>();
  private reloading: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(parts: FleetParts, components: Pick<FleetComponents, 'store'>) {
    this.parts = parts;
    this.store = components.store;
    this.kinds = parts.kinds ?? clusterKinds;
    this.rows = new FleetRows({ now: parts.now, kinds: this.kinds });
    this.coalescer = new Coalescer({ periodMs: flushEveryMs }, { run: () => this.flush() });
    this.sockets = new CommandSockets();
    this.commands = new Commands({
      sockets: this.sockets,
      engineOf: (cluster) => this.heldCluster(cluster).engine,
      waysTo: (cluster, node) => this.waysTo(cluster, node),
    });
  }

  async start(): Promise<void> {
    await this.reload();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.coalescer.stop();
    this.listeners.clear();
    await Promise.all([...this.held.values()].map(({ attachment }) => attachment.stop()));
    this.held.clear();
    this.sockets.close();
    for (const engine of Object.values(this.parts.engines)) engine.close();
  }

  snapshot(choice: FleetChoice = {}): FleetSnapshot {
    this.flush();
    return this.rows.snapshot(choice);
  }

  onDelta(listener: (delta: FleetDelta) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  runCommand(call: CommandCall): Promise<{ failed: boolean }> {
    return this.commands.run(call);
  }

  vm(cluster: string, node: string, id: number): FleetVm | null {
    const [only] = this.held.size === 1 ? this.held.keys() : [];
    const mesh = cluster === '' ? only : cluster;
    if (mesh === undefined) return null;
    const name = node === '' ? this.rows.cluster(mesh)?.AttachedTo : node;
    const row = this.rows.nodesOf(mesh).find((each) => each.Name === name || each.Id === name);
    return (row && this.rows.row(fleetKeys.vms, keyOf(fleetKeys.vms, { Node: row.Id, Id: id }))) ?? null;
  }

  async openStream({ cluster, node, ...call }: StreamCall): Promise<Duplex> {
    return openStream(this.waysTo(cluster, node), call, { engine: this.heldCluster(cluster).engine });
  }

  suggest(question: SuggestQuestion): Promise<string[]> {
    return this.commands.suggest(question);
  }

  /** One after the other: two that overlap would see half of each other's changes. */
  reload(): Promise<void> {
    const next = this.reloading.catch(() => undefined).then(() => this.readStore());
    this.reloading = next;
    return next;
  }

  private async readStore(): Promise<void> {
    const [clusters, hosts] = await Promise.all([this.store.clusters.list(), this.store.hosts.list()]);
    if (this.isStopped) return;
    for (const [id, { attachment }] of [...this.held]) {
      if (clusters.some((cluster) => cluster.id === id)) continue;
      this.held.delete(id);
      for (const [mesh, owner] of [...this.meshes]) if (owner === id) this.meshes.delete(mesh);
      await attachment.stop();
      this.rows.removeCluster(id);
      this.coalescer.trigger();
    }
    for (const cluster of clusters) {
      const own = hosts.filter((host) => host.cluster === cluster.id);
      const known = this.held.get(cluster.id);
      if (known) this.update(known, cluster, own);
      else this.hold(cluster, own);
    }
  }

  private hold(cluster: StoredCluster, hosts: readonly StoredHost[]): void {
    const { engines, log, times, now } = this.parts;
    const engine = engines[cluster.engine];
    if (!engine) {
      log.warn(`cluster ${cluster.context} is not shown: this console has no engine ${cluster.engine}`);
      return;
    }
    const attachment = new Attachment(
      { id: cluster.id, meshId: cluster.socketPaths.length > 0 ? null : cluster.id, ...(times ? { times } : {}) },
      { engine, log, sink: this.sinkOf(cluster.id), kinds: this.kinds },
    );
    this.held.set(cluster.id, { cluster, hosts, engine, attachment });
    this.rows.putCluster({
      Id: cluster.id,
      Context: cluster.context,
      Engine: cluster.engine,
      State: 'attaching',
      AttachedTo: '',
      RoundTripMs: null,
      AsOf: now(),
      Reason: '',
      ...(Object.keys(engine.lacks).length > 0
        ? { Lacks: Object.entries(engine.lacks).map(([What, Reason]) => ({ What, Reason })) }
        : {}),
    });
    this.coalescer.trigger();
    attachment.start();
  }

  private update(held: Held, cluster: StoredCluster, hosts: readonly StoredHost[]): void {
    const keys = new Set(hosts.map((host) => sshRoute(host).key));
    for (const before of held.hosts) {
      const { key } = sshRoute(before);
      if (!keys.has(key)) held.engine.forget(key);
    }
    held.cluster = cluster;
    held.hosts = hosts;
    held.attachment.routesChanged();
  }

  private sinkOf(id: string): AttachmentSink {
    const { now } = this.parts;
    const put = (part: Partial<FleetCluster>) => {
      const cluster = this.rows.cluster(id);
      if (!cluster) return;
      this.rows.putCluster({ ...cluster, ...part });
      this.coalescer.trigger();
    };
    const event = (kind: 'attached' | 'detached', node: string) => {
      this.rows.addEvent({ At: now(), Cluster: id, Kind: kind, Nodes: [node] });
      this.coalescer.trigger();
    };
    return {
      changed: put,
      heard: (roundTripMs) => put({ RoundTripMs: Math.round(roundTripMs * 10) / 10, AsOf: now() }),
      began: ({ context }, rows) => {
        put({ AsOf: now(), Context: context });
        this.rows.applySnapshot(id, rows);
        this.coalescer.trigger();
      },
      rowsChanged: (rows) => {
        this.rows.applyChange(id, rows);
        this.coalescer.trigger();
      },
      claim: (meshId) => {
        const owner = this.meshes.get(meshId) ?? id;
        if (owner !== id) {
          const context = this.rows.cluster(owner)?.Context ?? '';
          return `it is a node of the cluster ${context}, which is here already`;
        }
        this.meshes.set(meshId, id);
        return null;
      },
      attached: (node) => {
        event('attached', node);
      },
      detached: (node) => {
        event('detached', node);
      },
      routes: (failed) => this.routesOf(id, failed),
    };
  }

  /** Ways to the nodes of a cluster: this machine's socket, members by how sure we are of them, and last what just failed. */
  private routesOf(id: string, failed: NodeRoute | null): readonly NodeRoute[] {
    const held = this.held.get(id);
    if (!held) return [];
    const nodes = this.rows.nodesOf(id);
    const byId = new Map(nodes.map((node) => [node.Id, node]));
    const byName = new Map(nodes.map((node) => [node.Name, node]));
    const rank = (host: StoredHost): number => {
      const node = host.nodeId === null ? byName.get(host.name) : byId.get(host.nodeId);
      if (node?.State === 'revoked') return 3;
      if (node?.State === 'absent') return 2;
      return node && host.isHead ? 0 : 1;
    };
    const ranked = held.hosts.map((host) => ({ host, rank: rank(host) })).sort((a, b) => a.rank - b.rank);
    const routes: NodeRoute[] = ranked.map(({ host }) => sshRoute(host));
    routes.unshift(...held.cluster.socketPaths.map(localRoute));
    if (failed === null) return routes;
    const isFailed = (route: NodeRoute) => route.key === failed.key;
    return [...routes.filter((route) => !isFailed(route)), ...routes.filter(isFailed)];
  }

  private waysTo(cluster: string, name: string): readonly CommandWay[] {
    const held = this.heldCluster(cluster);
    const id = held.cluster.id;
    const { route } = held.attachment;
    const attachedTo = this.rows.cluster(id)?.AttachedTo ?? '';
    if (name === '' || name === attachedTo) {
      if (route) return [{ route, sendTo: '' }];
      if (name === '')
        throw new AppError('unreachable', 'no node of this cluster answers: see its state on the Mesh page');
    }
    const node = this.rows.nodesOf(id).find((each) => each.Name === name || each.Id === name);
    const host = held.hosts.find((each) => (node ? nodeOf([node], each) : each.name === name));
    if (!node && !host) throw new AppError('not-found', `no node ${name} in this cluster`);
    const ways: CommandWay[] = [];
    if (host) ways.push({ route: sshRoute(host), sendTo: '' });
    if (node && route) ways.push({ route, sendTo: node.Name });
    if (ways.length === 0) {
      throw new AppError('unreachable', `${name} cannot be reached: no node of this cluster answers`);
    }
    return ways;
  }

  private heldCluster(id: string): Held {
    const [only] = this.held.values();
    const held = id === '' && this.held.size === 1 ? only : this.held.get(id);
    if (held) return held;
    if (id !== '') throw new AppError('not-found', 'no such cluster here: it was removed');
    if (this.held.size > 0) throw new AppError('invalid', 'there are several clusters: name one');
    throw new AppError('not-found', 'there is no cluster yet: deploy one');
  }

  private flush(): void {
    this.rows.releaseHosts();
    // Those that still wait come with one of the next.
    if (this.rows.isWaiting) this.coalescer.trigger();
    const delta = this.rows.flush();
    if (!delta) return;
    for (const listener of [...this.listeners]) listener(delta);
  }
}

function nodeOf(nodes: readonly FleetNode[], host: StoredHost): FleetNode | undefined {
  return nodes.find((node) => (host.nodeId === null ? node.Name === host.name : node.Id === host.nodeId));
}
