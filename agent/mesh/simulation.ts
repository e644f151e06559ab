// Many mesh nodes in one process over the memory transport, with their own CA and roster: for tests, and for the figures at
// 1,000 members. Only the network is simulated; Mesh is the real one.
import { X509Certificate } from 'node:crypto';
import type { Roster, RosterNode } from '../../contract/roster.ts';
import type { RosterEdit } from '../../core/mesh/roster.ts';
import { Authority } from '../identity/authority.ts';
import { createId, createKeyPair, issueAuthorityCertificate } from '../identity/certificates.ts';
import { indexRoster, RosterStore, type VerifiedRoster } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from './clock.ts';
import { MemoryNetwork } from './memory-transport.ts';
import { Mesh } from './mesh.ts';

const silentLog = { debug: () => undefined, info: () => undefined, warn: () => undefined };

export interface SimulationOptions {
  size: number;
  degree: number;
  checkMs?: number;
  context?: string;
  /** The highest protocol version of the node with this index; the newest unless given. */
  protocolOf?: (index: number) => number;
}

export interface SimulationComponents {
  clock: Clock;
  random: () => number;
  /** Of all nodes; silent unless given. */
  log?: Pick<Log, 'debug' | 'info' | 'warn'>;
}

export class Simulation {
  readonly options: SimulationOptions;
  readonly network: MemoryNetwork;
  readonly authority: Authority;
  /** By index: node1 is 0. */
  readonly meshes: (Mesh | null | undefined)[] = [];
  readonly stores: RosterStore[] = [];
  initial: VerifiedRoster;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly log: Pick<Log, 'debug' | 'info' | 'warn'>;
  private lateIndex = 0;

  private constructor(options: SimulationOptions, components: SimulationComponents & { authority: Authority }) {
    this.options = options;
    this.clock = components.clock;
    this.random = components.random;
    this.log = components.log ?? silentLog;
    this.authority = components.authority;
    this.network = new MemoryNetwork({ clock: this.clock });
    const nodes = Array.from({ length: options.size }, (_, i) => simulatedNode(i + 1));
    const [head] = nodes;
    if (!head) throw new Error('a simulation has at least one node');
    const roster: Roster = {
      cluster: this.authority.cluster,
      context: options.context ?? 'lab',
      head: head.id,
      version: 1,
      nodes,
      removals: 0,
    };
    this.initial = indexRoster(this.authority.sign(roster), roster);
  }

  static async create(options: SimulationOptions, components: SimulationComponents): Promise<Simulation> {
    return new Simulation(options, { ...components, authority: await simulatedAuthority() });
  }

  node(index: number): RosterNode {
    const node = this.initial.roster.nodes[index];
    if (!node) throw new Error(`no node ${index}`);
    return node;
  }

  mesh(index: number): Mesh {
    const mesh = this.meshes[index];
    if (!mesh) throw new Error(`node ${index} is not running`);
    return mesh;
  }

  running(): Mesh[] {
    return this.meshes.filter((mesh) => mesh instanceof Mesh);
  }

  /** Makes a node's meshd; it keeps its roster over restarts, as the disk does. */
  async start(index: number, degree = this.options.degree): Promise<Mesh> {
    const node = this.node(index);
    const roster = (this.stores[index] ??= new RosterStore(
      { path: null, caPem: this.authority.certificatePem },
      { initial: this.initial },
    ));
    const [host] = node.addresses;
    if (host === undefined) throw new Error('a simulated node has an address');
    const protocolMax = this.options.protocolOf?.(index);
    const mesh = new Mesh(
      {
        nodeId: node.id,
        degree,
        checkMs: this.options.checkMs ?? 10_000,
        ...(protocolMax === undefined ? {} : { protocolMax }),
      },
      {
        transport: this.network.createTransport({
          host,
          port: node.port,
          peer: { nodeId: node.id, keyHash: node.keyHash },
          cluster: this.authority.cluster,
        }),
        clock: this.clock,
        random: this.random,
        roster,
        log: this.log,
      },
    );
    this.meshes[index] = mesh;
    await mesh.start();
    return mesh;
  }

  async startAll(): Promise<void> {
    for (let i = 0; i < this.options.size; i += 1) await this.start(i);
  }

  /** kill -9: the process is gone, its connections are reset. */
  kill(index: number): void {
    const mesh = this.mesh(index);
    this.meshes[index] = null;
    this.network.reset(this.node(index).addresses[0] ?? '');
    void mesh.stop();
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.running().map((mesh) => mesh.stop()));
  }

  /** Nodes of different groups do not reach each other; null: all do. */
  split(groupOf: ((index: number) => number) | null): void {
    const groups = new Map(
      this.initial.roster.nodes.map((node, index) => [node.addresses[0] ?? '', groupOf?.(index) ?? 0]),
    );
    this.network.isCut = (a, b) => groups.get(a) !== groups.get(b);
  }

  /** An edit of the roster on the head, which is node 0. */
  edit(make: (roster: Roster) => RosterEdit): Roster {
    const [head] = this.stores;
    if (!head) throw new Error('the head never ran');
    const edited = make(head.roster);
    if (!edited.ok) throw new Error(edited.message);
    const signed = this.authority.sign(edited.roster);
    head.apply(signed);
    // Nodes that are made later start with it; the place of a node in it stays.
    if (edited.roster.nodes.length >= this.initial.roster.nodes.length)
      this.initial = indexRoster(signed, edited.roster);
    return edited.roster;
  }

  /** All running nodes see exactly each other, and each has its degree in links. */
  isSettled(): boolean {
    const meshes = this.running();
    const isComplete = (mesh: Mesh) => mesh.status().size === meshes.length;
    if (!meshes.every((mesh) => mesh.linkedIds().length >= Math.min(mesh.degree, meshes.length - 1))) return false;
    // A size costs a search per node, so the node that was late last time is asked first.
    const late = meshes[this.lateIndex];
    if (late && !isComplete(late)) return false;
    this.lateIndex = meshes.findIndex((mesh) => !isComplete(mesh));
    return this.lateIndex < 0;
  }
}

/** A node's entry with made-up key: no TLS is spoken here. */
export function simulatedNode(number: number): RosterNode {
  return {
    id: createId(),
    name: `node${number}`,
    addresses: [`10.0.${number >> 8}.${number & 255}`],
    port: 9000,
    keyHash: createId() + createId(),
    state: 'member',
  };
}

async function simulatedAuthority(): Promise<Authority> {
  const cluster = createId();
  const { privateKeyPem } = createKeyPair();
  const certificatePem = await issueAuthorityCertificate(cluster, privateKeyPem, new Date());
  // Reading it back proves that stores can use it.
  return new Authority(cluster, {
    keyPem: privateKeyPem,
    certificatePem: new X509Certificate(certificatePem).toString(),
  });
}

/** A small seeded generator (mulberry32): the same seed, the same run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}
