// The mesh, as the rest of meshd uses it: one object per node that keeps links, knows the topology, asks other nodes and
// answers them. SPEC.md beside this file has the rules; each part (links, flooding, unicast, failures, dialling) has its file.
import { EventEmitter } from 'node:events';
import { AppError } from '../../contract/errors.ts';
import { maxDegree } from '../../contract/limits.ts';
import type { Roster } from '../../contract/roster.ts';
import { LinkStateMap } from '../../core/mesh/link-states.ts';
import { TopologyChanges, type LinkChange, type NodeChange } from '../../core/mesh/topology-changes.ts';
import { Topology, type TopologyLink } from '../../core/mesh/topology.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock, Timer } from './clock.ts';
import { Dialer } from './dialer.ts';
import { FailureDetector } from './failure-detector.ts';
import { Flooding } from './flooding.ts';
import { frameType, protocolMax } from './frames.ts';
import type { Link, LinkCounters } from './link.ts';
import { LinkTable } from './link-table.ts';
import { describeNode, type MeshParts } from './parts.ts';
import {
  Requests,
  type NoticeHandler,
  type RequestHandler,
  type RequestOptions,
  type RequestResult,
} from './requests.ts';
import { Streams } from './streams.ts';
import type { Transport } from './transport.ts';
import { Unicast } from './unicast.ts';

const tickMs = 100;
const eventsMs = 20;

export interface MeshOptions {
  nodeId: string;
  degree: number;
  /** Period of the map check with each neighbour, in milliseconds (`-msa`). */
  checkMs: number;
  /** The highest protocol version to speak; the newest unless given. Tests make nodes of the version before. */
  protocolMax?: number;
}

export interface MeshComponents {
  transport: Transport;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  roster: RosterStore;
  log: Pick<Log, 'debug' | 'info' | 'warn'>;
}

export interface MeshStatus {
  /** Reachable nodes, this one included. */
  size: number;
  degree: number;
  /** Links this node holds. */
  peers: number;
  context: string;
  port: number;
}

export interface MeshNode {
  id: string;
  name: string;
  degree: number;
  /** Ids of nodes with which the link counts (both sides list it), in natural order of their names. */
  neighbours: string[];
}

export interface MeshTopology {
  /** Reachable nodes, in natural order of their names. */
  nodes: MeshNode[];
  /** Links of reachable nodes, by ids, including those that only one side lists. */
  links: TopologyLink[];
}

export interface MeshEvents {
  /** Something of the topology or the roster changed; at most once per 20 ms. */
  change: [];
  /** A node came, went, or has another degree. */
  node: [change: NodeChange];
  link: [change: LinkChange];
  roster: [roster: Roster];
  /** The degree was set at run time. */
  degree: [degree: number];
  /** The roster in force shuts this node out: all links are closed. */
  excluded: [reason: string];
}

export class Mesh extends EventEmitter<MeshEvents> {
  readonly nodeId: string;
  /** Frames, bytes and link states sent so far. */
  readonly counters: LinkCounters = { frames: 0, bytes: 0, states: 0 };
  /** Byte streams to services of other nodes, and services for them. */
  readonly streams: Streams;
  private readonly options: MeshOptions;
  private readonly components: MeshComponents;
  private readonly parts: MeshParts;
  private readonly links: LinkTable;
  private readonly flooding: Flooding;
  private readonly unicast: Unicast;
  private readonly requests: Requests;
  private readonly failures: FailureDetector;
  private readonly dialer: Dialer;
  private degreeNow: number;
  private port = 0;
  private timer: Timer | null = null;
  private eventTimer: Timer | null = null;
  private checkAt: number;
  private versionAtTick = 0;
  private isRunning = false;
  private readonly changes: TopologyChanges;

  constructor(options: MeshOptions, components: MeshComponents) {
    super();
    this.options = options;
    this.components = components;
    this.nodeId = options.nodeId;
    this.degreeNow = options.degree;
    const { clock, random, roster, log } = components;
    const map = new LinkStateMap(options.nodeId, Math.floor(clock.wallNow()), () => clock.wallNow());
    this.parts = {
      selfId: options.nodeId,
      clock,
      random,
      roster,
      map,
      topology: new Topology(map),
      log,
      counters: this.counters,
      degree: () => this.degreeNow,
      protocolMax: options.protocolMax ?? protocolMax,
    };
    const { parts } = this;
    this.changes = new TopologyChanges(map, parts.topology);
    this.links = new LinkTable({
      parts,
      transport: components.transport,
      events: {
        onUp: (link) => {
          this.onLinkUp(link);
        },
        onDown: (link, reason) => {
          this.onLinkDown(link, reason);
        },
        onFrame: (link, frame) => this.onFrame(link, frame),
      },
    });
    this.flooding = new Flooding({
      parts,
      links: this.links,
      onMapChanged: () => {
        this.scheduleEvents();
      },
    });
    this.unicast = new Unicast({
      parts,
      links: this.links,
      events: {
        onMessage: (from, id, message, bytes) => {
          if (message.t === 'probe' || message.t === 'reached') this.failures.onMessage(from, id, message);
          else this.requests.onMessage(from, id, message, bytes);
        },
        onBounce: (target, id) => {
          this.requests.onBounce(target, id);
        },
      },
    });
    this.requests = new Requests({ parts, unicast: this.unicast });
    this.failures = new FailureDetector({ tickMs }, { parts, links: this.links, unicast: this.unicast });
    this.streams = new Streams({ parts, links: this.links });
    this.dialer = new Dialer({ parts, links: this.links, carriesStreams: (link) => this.streams.isCarriedBy(link) });
    this.checkAt = clock.now() + options.checkMs * (0.5 + random());
  }

  /** Listens and starts to look for the others. @throws AppError `conflict` if the port is in use, `refused` if shut out */
  async start(): Promise<void> {
    const { roster, transport } = this.components;
    const own = roster.node(this.nodeId);
    if (own?.state !== 'member') {
      throw new AppError(
        'refused',
        `this node is ${own ? 'revoked' : 'not'} in the roster; deploy it again from the head`,
      );
    }
    this.port = (
      await transport.start((connection) => {
        this.links.accept(connection);
      })
    ).port;
    this.isRunning = true;
    this.setMembers();
    roster.on('change', this.onRosterChange);
    this.flooding.selfChanged();
    this.tick();
  }

  /** Closes all links and stops. The others see the links close at once. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.components.roster.off('change', this.onRosterChange);
    this.timer?.cancel();
    this.eventTimer?.cancel();
    this.requests.stop();
    this.streams.stop();
    this.flooding.stop();
    this.links.stop('this meshd is stopping');
    // A node that was shut out keeps running, and tells every client that it is alone.
    this.parts.map.setSelf(this.degreeNow, []);
    await this.components.transport.stop();
  }

  status(): MeshStatus {
    return {
      size: this.parts.topology.reached().length,
      degree: this.degreeNow,
      peers: this.links.up().length,
      context: this.components.roster.roster.context,
      port: this.port,
    };
  }

  topology(): MeshTopology {
    const { topology } = this.parts;
    const byName = (a: { name: string }, b: { name: string }) => compareNames(a.name, b.name);
    const nodes = topology.reached().map((entry) => ({
      id: entry.id,
      name: this.nameOf(entry.id),
      degree: this.parts.map.degreeOf(entry),
      neighbours: topology
        .effectiveNeighbours(entry)
        .map(({ id }) => ({ id, name: this.nameOf(id) }))
        .sort(byName)
        .map(({ id }) => id),
    }));
    const links = topology.links().sort((x, y) => (x.a + x.b < y.a + y.b ? -1 : 1));
    return { nodes: nodes.sort(byName), links };
  }

  /** Ids of the nodes in the mesh now, this one included. */
  memberIds(): string[] {
    return this.parts.topology.reached().map((entry) => entry.id);
  }

  /** Names of all other nodes in the mesh now, in natural order. */
  names(): string[] {
    return this.memberIds()
      .filter((id) => id !== this.nodeId)
      .map((id) => this.nameOf(id))
      .sort(compareNames);
  }

  /** Ids of the nodes this one has a link with. */
  linkedIds(): string[] {
    return this.links.up().map((link) => link.peerId);
  }

  nameOf(id: string): string {
    return describeNode(this.parts, id);
  }

  get degree(): number {
    return this.degreeNow;
  }

  /** @throws AppError `invalid` outside 0 to maxDegree */
  setDegree(degree: number): void {
    if (!Number.isInteger(degree) || degree < 0 || degree > maxDegree) {
      throw new AppError('invalid', `the degree is a number from 0 to ${maxDegree}`);
    }
    if (degree === this.degreeNow) return;
    this.degreeNow = degree;
    this.flooding.selfChanged();
    this.dialer.tick();
    this.emit('degree', degree);
  }

  /** Links to a node by its name in the roster, or to an address. Resolves when the link is up. @throws AppError */
  dial(target: string): Promise<void> {
    return this.dialer.dial(target);
  }

  /** Ends the link to a node. @throws AppError `not-found` */
  hangup(name: string): void {
    this.dialer.hangup(name);
  }

  /**
   * Asks nodes by id, this one too if it is named; one result each. An unknown node is `not-found`, one that is not in
   * the mesh or leaves it `unreachable`, a silent one `timeout`. Never rejects.
   */
  request(
    nodeIds: readonly string[],
    kind: string,
    body: unknown,
    options: RequestOptions,
  ): Promise<Map<string, RequestResult>> {
    return this.requests.request(nodeIds, kind, body, options);
  }

  /** Answers requests of one kind. */
  serve(kind: string, handler: RequestHandler): void {
    this.requests.serve(kind, handler);
  }

  /** Sends a one-way message to those of the nodes that are in the mesh now. In order per sender, the newest wins. */
  notify(nodeIds: readonly string[], kind: string, body: unknown): void {
    this.requests.notify(nodeIds, kind, body);
  }

  onNotice(kind: string, handler: NoticeHandler): void {
    this.requests.onNotice(kind, handler);
  }

  private tick(): void {
    this.timer = this.components.clock.after(tickMs, () => {
      this.tick();
    });
    this.failures.tick();
    this.flooding.tick();
    this.dialer.tick();
    this.streams.tick();
    this.requests.tick();
    this.checkMap();
  }

  /** While news arrives, maps differ because some of it is still on the way; comparing them then would only send it twice. */
  private checkMap(): void {
    const now = this.components.clock.now();
    const { map } = this.parts;
    const isChanging = map.version !== this.versionAtTick;
    this.versionAtTick = map.version;
    if (now < this.checkAt || (isChanging && now < this.checkAt + this.options.checkMs)) return;
    this.checkAt = now + this.options.checkMs * (0.75 + this.components.random() / 2);
    this.flooding.check();
  }

  private onLinkUp(link: Link): void {
    this.components.log.info(`mesh: link to ${this.nameOf(link.peerId)} is up`);
    this.streams.linkUp(link);
    this.flooding.linkUp(link);
    this.dialer.linkUp(link);
  }

  private onLinkDown(link: Link, reason: string): void {
    this.streams.linkDown(link, reason);
    if (!this.isRunning) return;
    this.flooding.selfChanged();
    this.dialer.linkDown(link, reason);
  }

  private onFrame(link: Link, frame: Uint8Array): boolean {
    this.failures.heard(link);
    switch (frame[0]) {
      case frameType.heartbeat:
      case frameType.ping:
      case frameType.pong:
        return this.failures.onFrame(link, frame);
      case frameType.unicast:
      case frameType.bounce:
        return this.unicast.onFrame(link, frame);
      case frameType.open:
      case frameType.data:
      case frameType.credit:
      case frameType.close:
        return this.streams.onFrame(link, frame);
      default:
        return this.flooding.onFrame(link, frame);
    }
  }

  private readonly onRosterChange = (roster: Roster): void => {
    const own = this.components.roster.node(this.nodeId);
    if (own?.state !== 'member') {
      const reason = own ? 'this node was revoked' : 'this node was removed from the roster';
      this.components.log.warn(`mesh: ${reason}`);
      void this.stop();
      this.emit('excluded', reason);
      this.emit('change');
      return;
    }
    this.setMembers();
    this.dialer.rosterChanged();
    this.requests.forgetOthers(new Set(this.components.roster.roster.nodes.map(({ id }) => id)));
    this.links.closeShutOut();
    this.streams.rosterChanged();
    this.flooding.rosterChanged();
    this.emit('roster', roster);
    this.scheduleEvents();
  };

  private setMembers(): void {
    const { nodes } = this.components.roster.roster;
    this.parts.map.setMembers(nodes.filter((node) => node.state === 'member').map((node) => node.id));
  }

  /** Listeners and open requests need this; without them nothing is computed. */
  private scheduleEvents(): void {
    if (this.eventTimer || !this.isRunning) return;
    const isWatched = this.listenerCount('node') + this.listenerCount('link') + this.listenerCount('change') > 0;
    if (!isWatched && !this.requests.hasPending()) return;
    this.eventTimer = this.components.clock.after(eventsMs, () => {
      this.eventTimer = null;
      this.emitChanges();
    });
  }

  private emitChanges(): void {
    const { topology, map } = this.parts;
    this.requests.checkLost((id) => {
      const entry = map.get(id);
      return entry !== undefined && topology.isReachable(entry);
    });
    if (this.listenerCount('node') + this.listenerCount('link') > 0) this.emitTopology();
    this.emit('change');
  }

  /**
   * Emits what of the topology changed since it was emitted last. Who reads `topology` right after this can follow by events: without
   * it, what came and went since the last events would never be said to have gone.
   */
  emitTopology(): void {
    const { came, links, went } = this.changes.take();
    for (const change of came) this.emit('node', change);
    for (const change of links) this.emit('link', change);
    for (const change of went) this.emit('node', change);
  }
}
