// A mesh in memory behind real command clients: nodes that greet, watch and answer, with faults. Tests and the bench drive
// the fleet with it; only processes and networks are missing.
import { CommandClient, type CommandTransport } from '../../../contract/command-client.ts';
import { responseEntry, type CommandResponse } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import { clusterKinds, links as linkKind, nodes as nodeKind } from '../../../contract/cluster-kinds.ts';
import type { LinkRow, NodeRow } from '../../../contract/cluster-kinds.ts';
import { keyOf } from '../../../contract/kind-keys.ts';
import type { Kind, RowChanges, RowData } from '../../../contract/kinds.ts';
import type { WatchMessage } from '../../../contract/watch-messages.ts';
import { PendingRows, Rows } from '../../../core/rows.ts';
import type { NodeRoute } from '../route.ts';
import type { OpenOptions } from '../engine.ts';
import type { OpenSocket, SocketOpener } from './sockets.ts';

export interface MemoryMeshOptions {
  readonly meshId: string;
  readonly context: string;
  /** What its nodes tell; `clusterKinds` unless given. */
  readonly kinds?: readonly Kind[];
}

/** What a node answers to a line; a text is its Response. */
export type Answerer = (
  node: string,
  line: string,
) => string | Partial<CommandResponse>[] | Promise<string | Partial<CommandResponse>[]>;

export class MemoryMesh implements SocketOpener {
  readonly options: MemoryMeshOptions;
  readonly tables: ReadonlyMap<string, Rows>;
  /** Nodes that it names at the beginning beside its own, however many. */
  more: readonly NodeRow[] = [];
  answer: Answerer = (_, line) => line;
  /** Lines that arrived, as `node: line`. */
  readonly lines: string[] = [];
  readonly distrusted: string[] = [];
  /** Time from dialling to greeted. */
  dialMs = 0;
  private readonly dead = new Set<string>();
  private readonly silent = new Set<string>();
  private readonly connections = new Set<MemoryConnection>();

  constructor(options: MemoryMeshOptions, nodes: readonly NodeRow[], links: readonly LinkRow[]) {
    this.options = options;
    this.tables = new Map((options.kinds ?? clusterKinds).map((kind) => [kind.name, new Rows(kind)]));
    for (const node of nodes) this.table(nodeKind).put(node);
    for (const link of links) this.table(linkKind).put(link);
  }

  /** The nodes now. */
  get nodes(): NodeRow[] {
    return [...this.table(nodeKind).values()];
  }

  /** The links now. */
  get links(): LinkRow[] {
    return [...this.table(linkKind).values()];
  }

  /** Changes the cluster; who watches gets the difference. `links`: all that there are then. */
  change(nodes: readonly NodeRow[], goneNodes: readonly string[] = [], links?: readonly LinkRow[]): void {
    const kept = new Set(links?.map((link) => keyOf(linkKind, link)));
    const gone = links === undefined ? [] : [...this.table(linkKind).keys()].filter((key) => !kept.has(key));
    this.push({ nodes: { put: nodes, gone: goneNodes }, links: { put: links ?? [], gone } });
  }

  /** A row of any kind, or changed fields of one. */
  put<Row extends RowData>(kind: Kind<Row>, ...rows: Partial<Row>[]): void {
    this.push({ [kind.name]: { put: rows, gone: [] } });
  }

  /** Applies changes; who watches gets what is new in them. */
  push(changes: RowChanges): void {
    const pending = new PendingRows();
    for (const table of this.tables.values()) {
      const { put, gone } = changes[table.kind.name] ?? { put: [], gone: [] };
      for (const key of gone) if (table.drop(key)) pending.noteGone(table.kind, key);
      for (const row of put) {
        const changed = table.put(row);
        if (changed) pending.notePut(table.kind, changed);
      }
    }
    if (pending.size === 0) return;
    const told = pending.take();
    for (const connection of this.connections) connection.push(told);
  }

  dropLinksOf(id: string): readonly LinkRow[] {
    return this.links.filter((link) => link.A !== id && link.B !== id);
  }

  private table<Row extends RowData>(kind: Kind<Row>): Rows<Row> {
    const table = this.tables.get(kind.name);
    if (!table) throw new RangeError(`no kind ${kind.name} here`);
    return table as unknown as Rows<Row>;
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
  private kinds: readonly string[] = [];

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
        Kinds: [...this.mesh.tables.keys()],
      };
      this.send({ Hello: hello });
    } else if ('Watch' in request) {
      const { Kinds } = request['Watch'] as { Kinds?: string[] };
      this.kinds = Kinds ?? [];
      this.watched = 0;
      this.send(this.beginning());
    } else if (typeof request['Command'] === 'string' && request['Command'] !== '') {
      void this.runLine(request['Command']);
    } else if (typeof request['Suggest'] === 'string') {
      this.send({ Resp: null, Rendered: '', More: false, Status: false, Suggest: [`${request['Suggest']}x `] });
    }
    return Promise.resolve();
  }

  push(changes: RowChanges): void {
    if (this.watched < 0 || this.isSilent) return;
    const Kinds = Object.fromEntries(Object.entries(changes).filter(([name]) => this.kinds.includes(name)));
    if (Object.keys(Kinds).length === 0) return;
    const from = { Epoch: 'e', N: this.watched };
    this.watched += 1;
    this.send({ Watch: 'rows', From: from, Revision: { Epoch: 'e', N: this.watched }, Kinds, More: false });
  }

  end(): void {
    this.chunks.push(null);
    this.wake();
    this.onEnd();
  }

  close(): void {
    this.end();
  }

  private beginning(): WatchMessage {
    const { tables, nodes, options } = this.mesh;
    const put = (table: Rows) => ({
      put: [...table.values(), ...(table.kind.name === nodeKind.name ? this.mesh.more : [])],
      gone: [],
    });
    return {
      Watch: 'begin',
      Revision: { Epoch: 'e', N: 0 },
      Self: nodes.find((node) => node.Name === this.node)?.Id ?? '',
      Cluster: options.meshId,
      Context: options.context,
      Kinds: Object.fromEntries(
        this.kinds.flatMap((name) => {
          const table = tables.get(name);
          return table ? [[name, put(table)]] : [];
        }),
      ),
      More: false,
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
export function ringOfNodes(count: number): { nodes: NodeRow[]; links: LinkRow[] } {
  const idOf = (index: number) => (index + 1).toString(16).padStart(32, '0');
  const nodes = Array.from({ length: count }, (_, index): NodeRow => ({
    Id: idOf(index),
    Name: `node${index + 1}`,
    Addresses: [`10.0.${index >> 8}.${index & 255}`],
    State: 'member',
    Head: index === 0,
    Degree: 3,
  }));
  const links = new Map<string, LinkRow>();
  const link = (a: number, b: number) => {
    const [low, high] = a < b ? [a, b] : [b, a];
    const row: LinkRow = { A: idOf(low), B: idOf(high), State: 'up' };
    if (a !== b) links.set(keyOf(linkKind, row), row);
  };
  for (let index = 0; index < count; index += 1) {
    link(index, (index + 1) % count);
    link(index, (index + (count >> 1)) % count);
  }
  return { nodes, links: [...links.values()] };
}
