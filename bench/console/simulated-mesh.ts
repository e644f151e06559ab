// A mesh of many nodes behind one command socket: what a meshd with that mesh would say to a watcher, with changes at a
// given rate. Only the mesh is simulated; who watches connects to a real socket and gets real messages.
import { createServer, type Server, type Socket } from 'node:net';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { responseEntry } from '../../contract/command-socket.ts';
import type { HostFacts, HostRow, LinkRow, NodeRow } from '../../contract/cluster-kinds.ts';
import { hosts, links as linkKind } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { RowChanges } from '../../contract/kinds.ts';
import { changedRows } from '../../core/rows.ts';
import { applyRows, type WatchedCluster } from '../../core/watched-cluster.ts';
import { createRandom, type Random } from './random.ts';
import { Crowd, crowdKinds, type CrowdSize } from './simulated-vms.ts';

export interface SimulatedMeshOptions {
  readonly nodes: number;
  readonly changesPerSecond: number;
  /** Every node's load and memory change once a second, as they do on real hosts. */
  readonly areFactsLive: boolean;
  /** VMs and VLANs over all nodes; every second change is then one of theirs. */
  readonly crowd?: CrowdSize;
  /** Calls with what changed and when (ms of performance.now), just before it is written. */
  readonly onChange?: (change: RowChanges, atMs: number) => void;
}

export interface SimulatedMesh {
  run(): void;
  /** How fast, from now on. */
  setRate(rate: { changesPerSecond: number; areFactsLive: boolean }): void;
  stop(): Promise<void>;
}

const maxRequestBytes = 1_000_000;
const factsEveryMs = 50;
const degree = 3;

/** Listens at `path`. The same options give the same mesh and the same changes. */
export async function startSimulatedMesh(path: string, options: SimulatedMeshOptions): Promise<SimulatedMesh> {
  const random = createRandom(options.nodes);
  let state = firstState(options.nodes);
  let hostRows = firstHosts(state, random);
  const crowd = options.crowd ? new Crowd([...state.nodes.values()], options.crowd, random) : null;
  let { changesPerSecond, areFactsLive } = options;
  const watchers = new Map<Socket, number>();
  const sockets = new Set<Socket>();
  const changer = new Changer(random);
  let changes = 0;
  let timers: NodeJS.Timeout[] = [];

  const tellOne = (socket: Socket, Kinds: RowChanges, More: boolean) => {
    const n = watchers.get(socket) ?? 0;
    watchers.set(socket, n + 1);
    const revisions = { From: { Epoch: 'bench', N: n }, Revision: { Epoch: 'bench', N: n + 1 } };
    socket.write(`${JSON.stringify({ Watch: 'rows', ...revisions, Kinds, More })}\n`);
  };
  const tell = (change: RowChanges) => {
    state = applyRows(state, change);
    crowd?.take(change);
    hostRows = changedRows(hosts, hostRows, change[hosts.name] ?? { put: [], gone: [] });
    options.onChange?.(change, performance.now());
    for (const socket of watchers.keys()) tellOne(socket, change, false);
  };
  const kinds = ['nodes', 'links', 'hosts', ...(crowd ? crowdKinds : [])];
  const answer = (socket: Socket, request: Record<string, unknown>) => {
    if ('Hello' in request) {
      const versions = { Product: 'meshd', Version: '0.1.0', ProtocolMin: 1, ProtocolMax: 1 };
      socket.write(`${JSON.stringify({ Hello: { ...versions, Features: ['Watch', 'Cancel'], Kinds: kinds } })}\n`);
    } else if ('Watch' in request) {
      watchers.set(socket, 0);
      const [self] = state.nodes.values();
      const head = { Watch: 'begin', Revision: { Epoch: 'bench', N: 0 }, Self: self?.Id, Cluster: 'bench' };
      const all = (rows: ReadonlyMap<string, unknown>) => ({ put: [...rows.values()], gone: [] });
      const Kinds = { nodes: all(state.nodes), links: all(state.links), hosts: all(hostRows) };
      const parts = crowd?.parts() ?? [];
      socket.write(`${JSON.stringify({ ...head, Context: 'bench', Kinds, More: parts.length > 0 })}\n`);
      parts.forEach((part, index) => tellOne(socket, part, index < parts.length - 1));
    } else {
      const entry = responseEntry('node1', { Error: 'this mesh is simulated: it takes no commands' });
      socket.write(`${JSON.stringify({ Resp: [entry], Rendered: '', More: false, Status: false })}\n`);
    }
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    const splitter = new JsonSplitter(maxRequestBytes);
    socket.on('data', (bytes) => {
      for (const text of splitter.push(bytes).texts) answer(socket, JSON.parse(text) as Record<string, unknown>);
    });
    const forget = () => {
      watchers.delete(socket);
      sockets.delete(socket);
    };
    socket.on('error', forget).on('close', forget);
  });
  await listen(server, path);

  const pause = () => {
    for (const timer of timers) clearInterval(timer);
    timers = [];
  };
  const run = () => {
    pause();
    let due = 0;
    let lastAt = performance.now();
    const onTick = () => {
      const now = performance.now();
      due += ((now - lastAt) / 1000) * changesPerSecond;
      lastAt = now;
      for (; due >= 1; due -= 1) {
        changes += 1;
        if (crowd && changes % 2 === 0) tell(crowd.next(changes / 2));
        else tell(changer.next(state, crowd ? (changes + 1) / 2 : changes));
      }
    };
    timers.push(setInterval(onTick, Math.max(1, 1000 / Math.max(1, changesPerSecond))));
    let turn = 0;
    const onFacts = () => {
      if (!areFactsLive) return;
      const rounds = 1000 / factsEveryMs;
      const told = [...hostRows.values()].filter((_, index) => index % rounds === turn);
      turn = (turn + 1) % rounds;
      tell({ hosts: { put: told.map(({ Node }) => ({ Node, ...liveFacts(random) })), gone: [] } });
    };
    timers.push(setInterval(onFacts, factsEveryMs));
  };
  return {
    run,
    setRate(rate) {
      ({ changesPerSecond, areFactsLive } = rate);
      if (timers.length > 0) run();
    },
    async stop() {
      pause();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, resolve);
  });
}

/** What happens in a mesh, in turns: links go and come, one side drops a link, a degree is changed, a node goes and returns. */
class Changer {
  private readonly random: Random;
  private readonly out: { node: NodeRow; links: LinkRow[] }[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  next(state: WatchedCluster, count: number): RowChanges {
    const links = [...state.links.values()];
    const link = this.random.of(links);
    const put = (...rows: LinkRow[]): RowChanges => ({ links: { put: rows, gone: [] } });
    switch (count % 10) {
      case 0:
        return this.leave(state, links);
      case 5:
        return this.comeBack();
      case 1:
      case 4:
      case 7:
        return { links: { put: [], gone: [keyOf(linkKind, link)] } };
      case 2:
      case 6:
      case 8:
        return put(this.newLink(state));
      case 3:
        return put({ ...link, State: link.State === 'up' ? 'half' : 'up' });
      default: {
        const node = this.random.of([...state.nodes.values()].filter((each) => each.State === 'member'));
        const Degree = node.Degree === degree ? degree + 1 : degree;
        return { nodes: { put: [{ Id: node.Id, Degree }], gone: [] } };
      }
    }
  }

  private leave(state: WatchedCluster, links: readonly LinkRow[]): RowChanges {
    const members = [...state.nodes.values()].filter((node) => node.State === 'member' && !node.Head);
    const node = this.random.of(members);
    const own = links.filter((link) => link.A === node.Id || link.B === node.Id);
    this.out.push({ node, links: own });
    return {
      nodes: { put: [{ Id: node.Id, State: 'absent', Degree: null }], gone: [] },
      links: { put: [], gone: own.map((link) => keyOf(linkKind, link)) },
      hosts: { put: [], gone: [node.Id] },
    };
  }

  private comeBack(): RowChanges {
    const back = this.out.shift();
    if (!back) return {};
    const { Id, State, Degree, Name } = back.node;
    const isOut = (id: string) => this.out.some(({ node }) => node.Id === id);
    return {
      nodes: { put: [{ Id, State, Degree }], gone: [] },
      links: { put: back.links.filter(({ A, B }) => !isOut(A) && !isOut(B)), gone: [] },
      hosts: { put: [hostRow(Id, Name, this.random)], gone: [] },
    };
  }

  /** Between two members that have none yet. */
  private newLink(state: WatchedCluster): LinkRow {
    const members = [...state.nodes.values()].filter((node) => node.State === 'member');
    for (;;) {
      const [a, b] = [this.random.of(members).Id, this.random.of(members).Id];
      const link: LinkRow = a < b ? { A: a, B: b, State: 'up' } : { A: b, B: a, State: 'up' };
      if (a !== b && !state.links.has(keyOf(linkKind, link))) return link;
    }
  }
}

/** Every node linked to the next and to one some way on: each holds four links and wants three. */
function firstState(count: number): WatchedCluster {
  const idOf = (index: number) => ((index + 1) * 2654435761).toString(16).padStart(32, '0');
  const nodes = Array.from({ length: count }, (_, index): NodeRow => ({
    Id: idOf(index),
    Name: `node${index + 1}`,
    Addresses: [`10.0.${index >> 8}.${index & 255}`],
    State: 'member',
    Head: index === 0,
    Degree: degree,
  }));
  const links = new Map<string, LinkRow>();
  for (let index = 0; index < count; index += 1) {
    for (const other of [index + 1, index + 37]) {
      const [a, b] = [idOf(index), idOf(other % count)].sort() as [string, string];
      if (a !== b) links.set(keyOf(linkKind, { A: a, B: b }), { A: a, B: b, State: 'up' });
    }
  }
  return { nodes: new Map(nodes.map((node) => [node.Id, node])), links };
}

function firstHosts({ nodes }: WatchedCluster, random: Random): ReadonlyMap<string, HostRow> {
  return new Map([...nodes.values()].map(({ Id, Name }) => [Id, hostRow(Id, Name, random)]));
}

const hostRow = (Node: string, Name: string, random: Random): HostRow => ({
  ...{ Node, Name, Version: '0.1.0' },
  ...fixedFacts,
  ...liveFacts(random),
});

const fixedFacts: Omit<HostFacts, 'Name' | 'Load' | 'MemUsed' | 'RxBps' | 'TxBps' | 'Uptime'> = {
  CPUs: 16,
  MemTotal: 65_536,
  VMs: 4,
  AndroidVMs: 0,
  Limit: -1,
  CPUCommit: 8,
  MemCommit: 16_384,
  NetworkCommit: 8,
};

function liveFacts(random: Random): Pick<HostFacts, 'Load' | 'MemUsed' | 'RxBps' | 'TxBps' | 'Uptime'> {
  const load = () => (random.below(800) / 100).toFixed(2);
  return {
    Load: `${load()} ${load()} ${load()}`,
    MemUsed: 8_192 + random.below(8_192),
    RxBps: random.below(100),
    TxBps: random.below(100),
    Uptime: 1e15 + random.below(1e9) * 1e6,
  };
}
