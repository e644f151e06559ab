// A mesh in memory behind real command clients: nodes that greet, watch and answer, with faults. Tests and the bench drive
// the fleet with it; only processes and networks are missing.
import { CommandClient, type CommandTransport } from '../../../contract/command-client.ts';
import { responseEntry, type CommandResponse } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import type { LinkView, NodeView, WatchMessage } from '../../../contract/watch.ts';
import { applyChange, clusterState, diffCluster, linkKey, type ClusterState } from '../../../core/cluster-view.ts';
import type { NodeRoute } from './route.ts';
import type { OpenOptions, OpenSocket, SocketOpener } from './sockets.ts';

export interface MemoryMeshOptions {
  readonly meshId: string;
  readonly context: string;
}

/** What a node answers to a line; a text is its Response. */
export type Answerer = (node: string, line: string) => string | Promise<string> | Partial<CommandResponse>[];

export class MemoryMesh implements SocketOpener {
  readonly options: MemoryMeshOptions;
  state: ClusterState;
  answer: Answerer = (_, line) => line;
  /** Lines that arrived, as `node: line`. */
  readonly lines: string[] = [];
  readonly distrusted: string[] = [];
  /** Time from dialling to greeted. */
  dialMs = 0;
  private readonly dead = new Set<string>();
  private readonly silent = new Set<string>();
  private readonly connections = new Set<MemoryConnection>();

  constructor(options: MemoryMeshOptions, nodes: readonly NodeView[], links: readonly LinkView[]) {
    this.options = options;
    this.state = clusterState(nodes, links);
  }

  /** Changes the cluster; who watches gets the difference. */
  change(nodes: readonly NodeView[], goneNodes: readonly string[] = [], links?: readonly LinkView[]): void {
    const kept = [...this.state.nodes.values()].filter(
      ({ Id }) => !goneNodes.includes(Id) && !nodes.some((node) => node.Id === Id),
    );
    this.put(clusterState([...kept, ...nodes], links ?? [...this.state.links.values()]));
  }

  put(next: ClusterState): void {
    const change = diffCluster(this.state, next);
    this.state = next;
    if (change) for (const connection of this.connections) connection.push(change);
  }

  /** Applies a change without looking for it: at 1,000 nodes the search would cost more than what is measured. */
  push(change: NonNullable<ReturnType<typeof diffCluster>>): void {
    this.state = applyChange(this.state, change);
    for (const connection of this.connections) connection.push(change);
  }

  dropLinksOf(id: string): readonly LinkView[] {
    return [...this.state.links.values()].filter((link) => link.A !== id && link.B !== id);
  }

  /** Its connections end, and new ones are refused. */
  kill(name: string): void {
    this.dead.add(name);
    for (const connection of this.of(name)) connection.end();
  }

  /** It answers nothing more, and nobody says so: the power is off, or the network cut. */
  silence(name: string): void {
    this.silent.add(name);
    for (const connection of this.of(name)) connection.isSilent = true;
  }

  revive(name: string): void {
    this.dead.delete(name);
    this.silent.delete(name);
  }

  openConnections(): number {
    return this.connections.size;
  }

  async open(route: NodeRoute, { signal, timeoutMs }: OpenOptions): Promise<OpenSocket> {
    const name = route.via === 'socket' ? route.socketPath : route.host.name;
    if (this.dialMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(this.dialMs, timeoutMs)));
    if (this.dialMs > timeoutMs) throw new AppError('timeout', `${name}: no answer in time`);
    if (this.silent.has(name)) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      throw new AppError('timeout', `${name}: no SSH login`);
    }
    if (this.dead.has(name)) throw new AppError('unreachable', `${name}: it refuses SSH connections`);
    const connection: MemoryConnection = new MemoryConnection(name, this, () => this.connections.delete(connection));
    this.connections.add(connection);
    const client = new CommandClient({ canCancel: true }, { transport: connection });
    return { client, hello: await client.hello({ Product: 'test' }) };
  }

  distrust(routeKey: string): void {
    this.distrusted.push(routeKey);
  }

  forget(): void {
    // Nothing is shared between connections here.
  }

  close(): void {
    for (const connection of [...this.connections]) connection.close();
  }

  private of(name: string): MemoryConnection[] {
    return [...this.connections].filter((connection) => connection.node === name);
  }
}

class MemoryConnection implements CommandTransport {
  readonly node: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  isSilent = false;
  private readonly mesh: MemoryMesh;
  private readonly onEnd: () => void;
  private readonly chunks: (Uint8Array | null)[] = [];
  private wake: () => void = () => undefined;
  private watched = -1;

  constructor(node: string, mesh: MemoryMesh, onEnd: () => void) {
    this.node = node;
    this.mesh = mesh;
    this.onEnd = onEnd;
    this.bytes = this.read();
  }

  write(text: string): Promise<void> {
    const request = JSON.parse(text) as Record<string, unknown>;
    if (this.isSilent) return Promise.resolve();
    if ('Hello' in request) {
      const hello = {
        Product: 'meshd',
        Version: '0.1.0',
        ProtocolMin: 1,
        ProtocolMax: 1,
        Features: ['Watch', 'Cancel'],
      };
      this.send({ Hello: hello });
    } else if ('Watch' in request) {
      this.watched = 0;
      this.send(this.snapshot());
    } else if (typeof request['Command'] === 'string' && request['Command'] !== '') {
      void this.runLine(request['Command']);
    } else if (typeof request['Suggest'] === 'string') {
      this.send({ Resp: null, Rendered: '', More: false, Status: false, Suggest: [`${request['Suggest']}x `] });
    }
    return Promise.resolve();
  }

  push(change: NonNullable<ReturnType<typeof diffCluster>>): void {
    if (this.watched < 0 || this.isSilent) return;
    const from = { Epoch: 'e', N: this.watched };
    this.watched += 1;
    this.send({ Watch: 'delta', From: from, Revision: { Epoch: 'e', N: this.watched }, ...change });
  }

  end(): void {
    this.chunks.push(null);
    this.wake();
    this.onEnd();
  }

  close(): void {
    this.end();
  }

  private snapshot(): WatchMessage {
    const { state, options } = this.mesh;
    const self = [...state.nodes.values()].find((node) => node.Name === this.node);
    return {
      Watch: 'snapshot',
      Revision: { Epoch: 'e', N: 0 },
      Self: self?.Id ?? '',
      Cluster: options.meshId,
      Context: options.context,
      Nodes: [...state.nodes.values()],
      Links: [...state.links.values()],
    };
  }

  private async runLine(line: string): Promise<void> {
    this.mesh.lines.push(`${this.node}: ${line}`);
    const answer = await this.mesh.answer(this.node, line);
    const last = { More: false, Status: false };
    if (typeof answer === 'string') {
      this.send({ Resp: [responseEntry(this.node, { Response: answer })], Rendered: answer, ...last });
    } else for (const part of answer) this.send({ Resp: null, Rendered: '', ...last, ...part });
  }

  private send(message: unknown): void {
    this.chunks.push(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
    this.wake();
  }

  private async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.chunks.shift();
      if (chunk === null) return;
      if (chunk) yield chunk;
      else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}

/** `count` nodes node1, node2, … in a ring, each also linked to one across: every node has degree 3 or 4. */
export function ringOfNodes(count: number): { nodes: NodeView[]; links: LinkView[] } {
  const idOf = (index: number) => (index + 1).toString(16).padStart(32, '0');
  const nodes = Array.from({ length: count }, (_, index): NodeView => ({
    Id: idOf(index),
    Name: `node${index + 1}`,
    Addresses: [`10.0.${index >> 8}.${index & 255}`],
    State: 'member',
    Head: index === 0,
    Degree: 3,
    Version: '0.1.0',
    Facts: null,
  }));
  const links = new Map<string, LinkView>();
  const link = (a: number, b: number) => {
    const [low, high] = a < b ? [a, b] : [b, a];
    const view: LinkView = { A: idOf(low), B: idOf(high), State: 'up' };
    if (a !== b) links.set(linkKey(view), view);
  };
  for (let index = 0; index < count; index += 1) {
    link(index, (index + 1) % count);
    link(index, (index + (count >> 1)) % count);
  }
  return { nodes, links: [...links.values()] };
}
