// Named pipes of the cluster: what is written to one on any node goes to its readers on all nodes. SPEC.md, section W.
//
//   write → (via, once for each reader) → readers of this node, and a request `pipe-data` to each node with readers
//   a reader comes or goes → notice `pipe-readers` {pipe, count} to all members
//   first write after a member appeared → request `pipe-readers` to it: its counts
//
// INVARIANTS
// - Messages of one writer's node reach a reader in their order: those to one node wait for each other, and its answer.
// - Nothing waits without bound: what a node or a reader does not take is left out, and logged once until it takes some again.
// - A node without pipes sends nothing and is asked nothing.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxPipeBacklogBytes, maxPipeLineBytes, maxPipeReaders, maxPipes } from '../../contract/limits.ts';
import { readersOf, type PipeMode } from '../../core/pipes/delivery.ts';
import { namespaceOf } from '../../core/pipes/names.ts';
import type { Mesh } from '../mesh/mesh.ts';

const dataKind = 'pipe-data';
const readersKind = 'pipe-readers';
/** How long another node may take for what it is sent, and for how many readers it has. */
const sendMs = 10_000;
const askMs = 2_000;
/** Messages in one request. */
const maxBatch = 64;
const maxBatchBytes = 256 * 1024;

const Name = z
  .string()
  .max(140)
  .regex(/^[^/]+\/\/[^/]+$/);
const Text = z.string().max(maxPipeLineBytes + 1);
/** `to`: which reader gets it; all of them without. */
const Item = z.object({ pipe: Name, text: Text, to: z.number().int().min(0).max(maxPipeReaders).optional() });
type Item = z.infer<typeof Item>;
const Data = z.object({ items: z.array(Item).max(maxBatch) });
const Readers = z.object({
  readers: z.array(z.tuple([Name, z.number().int().min(0).max(maxPipeReaders)])).max(maxPipes),
});

export type PipesMesh = Pick<Mesh, 'nodeId' | 'memberIds' | 'nameOf' | 'request' | 'serve' | 'notify' | 'onNotice'>;

/** Gets a message with its newline. False: it is slow, and the message was left out. */
export type PipeReader = { readonly deliver: (text: string) => boolean; readonly onEnd: () => void };

export interface PipesComponents {
  readonly mesh: PipesMesh;
  readonly random: () => number;
  readonly log: { readonly info: (text: string) => void; readonly warn: (text: string) => void };
  /** Runs a program over one message; what it says. @throws AppError */
  readonly runVia: (argv: readonly string[], text: string) => Promise<string>;
}

/** What `pipe` shows. */
export interface PipeState {
  readonly name: string;
  readonly mode: PipeMode;
  /** On all nodes, as far as this one knows. */
  readonly readers: number;
  /** Of this node. */
  readonly writers: number;
  /** Messages that were written here. */
  readonly count: number;
  readonly via: readonly string[];
  readonly previous: string;
}

interface Pipe {
  readonly name: string;
  mode: PipeMode;
  isLogged: boolean;
  via: readonly string[];
  readonly readers: PipeReader[];
  writers: number;
  count: number;
  turn: number;
  previous: string;
  /** Messages are sent one after the other. */
  last: Promise<void>;
  waitingBytes: number;
}

/** Another node: what it said about its readers, and what is on its way to it. */
interface Other {
  readonly readers: Map<string, number>;
  queue: Item[];
  queuedBytes: number;
  isSending: boolean;
  isBehind: boolean;
}

export class Pipes {
  private readonly components: PipesComponents;
  private readonly pipes = new Map<string, Pipe>();
  private readonly others = new Map<string, Other>();
  private isStopped = false;

  constructor(components: PipesComponents) {
    this.components = components;
    const { mesh } = components;
    mesh.serve(dataKind, (body) => {
      for (const item of Data.parse(body).items) this.deliverHere(item);
      return Promise.resolve({});
    });
    mesh.serve(readersKind, () => Promise.resolve({ readers: this.ownReaders() }));
    mesh.onNotice(readersKind, (body, from) => {
      const told = Readers.safeParse(body);
      if (told.success) this.hear(from.nodeId, told.data.readers);
    });
  }

  /** Those of a namespace, by name. */
  list(namespace: string): PipeState[] {
    return [...this.pipes.values()]
      .filter(({ name }) => namespaceOf(name) === namespace)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, mode, writers, count, via, previous }) => {
        const readers = [...this.readersByNode(name).values()].reduce((sum, some) => sum + some, 0);
        return { name, mode, readers, writers, count, via, previous };
      });
  }

  has(name: string): boolean {
    return this.pipes.has(name);
  }

  set(name: string, change: Partial<Pick<Pipe, 'mode' | 'isLogged' | 'via'>>): void {
    Object.assign(this.pipe(name), change);
  }

  /** Writes a message, with a newline at its end. Resolves when it was sent. @throws AppError `refused` when too many wait */
  write(name: string, text: string): Promise<void> {
    const pipe = this.pipe(name);
    const message = text.endsWith('\n') ? text : `${text}\n`;
    if (message.length > maxPipeLineBytes + 1)
      throw new AppError('invalid', `a message of more than ${maxPipeLineBytes} characters`);
    if (pipe.waitingBytes + message.length > maxPipeBacklogBytes)
      throw new AppError('refused', `the pipe ${name} is full: its readers, or the program of \`via\`, are slow`);
    pipe.waitingBytes += message.length;
    const sent = pipe.last.then(() => this.send(pipe, message));
    pipe.last = sent
      .catch((error: unknown) => this.components.log.warn(`pipe ${name}: ${describeError(error)}`))
      .finally(() => (pipe.waitingBytes -= message.length));
    return sent;
  }

  /** Somebody writes from now on, until the returned function is called. */
  addWriter(name: string): () => void {
    const pipe = this.pipe(name);
    pipe.writers += 1;
    return once(() => (pipe.writers -= 1));
  }

  /** Messages go to this reader, until the returned function is called. @throws AppError `refused` when there are too many */
  addReader(name: string, reader: PipeReader): () => void {
    const pipe = this.pipe(name);
    if (pipe.readers.length >= maxPipeReaders)
      throw new AppError('refused', `more than ${maxPipeReaders} readers of the pipe ${name} on this node`);
    pipe.readers.push(reader);
    this.tell();
    return once(() => {
      pipe.readers.splice(pipe.readers.indexOf(reader), 1);
      if (this.pipes.get(name) === pipe) this.tell();
    });
  }

  /** Forgets a pipe: its readers end. @throws AppError `not-found` */
  remove(name: string): void {
    const pipe = this.pipes.get(name);
    if (!pipe) throw new AppError('not-found', `no such pipe: ${name}`);
    this.pipes.delete(name);
    this.tell();
    for (const reader of [...pipe.readers]) reader.onEnd();
  }

  stop(): void {
    this.isStopped = true;
    for (const name of [...this.pipes.keys()]) this.remove(name);
  }

  private pipe(name: string): Pipe {
    const known = this.pipes.get(name);
    if (known) return known;
    if (this.isStopped) throw new AppError('refused', 'this meshd is stopping');
    if (this.pipes.size >= maxPipes)
      throw new AppError('refused', `more than ${maxPipes} pipes on this node: \`clear pipe <pipe>\` removes one`);
    const pipe: Pipe = {
      ...{ name, mode: 'all', isLogged: false, via: [], readers: [], writers: 0 },
      ...{ count: 0, turn: 0, previous: '', last: Promise.resolve(), waitingBytes: 0 },
    };
    this.pipes.set(name, pipe);
    return pipe;
  }

  private async send(pipe: Pipe, text: string): Promise<void> {
    await this.askOthers();
    pipe.count += 1;
    pipe.previous = text.trimEnd();
    if (pipe.isLogged) this.components.log.info(`pipe ${pipe.name}: ${pipe.previous}`);
    const { random } = this.components;
    const readers = this.readersByNode(pipe.name);
    const places = readersOf(readers, { mode: pipe.mode, turn: pipe.turn, random });
    pipe.turn += 1;
    if (pipe.via.length === 0 && pipe.mode === 'all') {
      for (const nodeId of readers.keys()) this.pass(nodeId, { pipe: pipe.name, text });
      return;
    }
    // Each reader gets what the program makes of the message for it, and for nobody else.
    for (const { nodeId, index } of places) {
      const made = pipe.via.length === 0 ? text : await this.components.runVia(pipe.via, text);
      if (made !== '') this.pass(nodeId, { pipe: pipe.name, text: made.slice(0, maxPipeLineBytes), to: index });
    }
  }

  private pass(nodeId: string, item: Item): void {
    if (nodeId === this.components.mesh.nodeId) {
      this.deliverHere(item);
      return;
    }
    const other = this.other(nodeId);
    if (other.queuedBytes + item.text.length > maxPipeBacklogBytes) {
      if (!other.isBehind)
        this.components.log.warn(`pipe ${item.pipe}: ${this.nameOf(nodeId)} is slow, messages are left out`);
      other.isBehind = true;
      return;
    }
    other.queue.push(item);
    other.queuedBytes += item.text.length;
    void this.drain(nodeId, other);
  }

  /** Messages to a node in their order; the next ones once it has answered. */
  private async drain(nodeId: string, other: Other): Promise<void> {
    if (other.isSending) return;
    other.isSending = true;
    while (other.queue.length > 0 && !this.isStopped) {
      const items = takeBatch(other.queue);
      const results = await this.components.mesh.request([nodeId], dataKind, { items }, { timeoutMs: sendMs });
      for (const { text } of items) other.queuedBytes -= text.length;
      const result = results.get(nodeId);
      if (result?.ok !== true) {
        this.components.log.warn(
          `pipe ${items[0]?.pipe ?? ''}: ${this.nameOf(nodeId)} did not take a message: ${result?.message ?? 'it is gone'}`,
        );
        // It is asked again before the next message.
        this.others.delete(nodeId);
        break;
      }
      other.isBehind = false;
    }
    other.isSending = false;
  }

  private deliverHere({ pipe: name, text, to }: Item): void {
    const readers = this.pipes.get(name)?.readers ?? [];
    const chosen = to === undefined || readers.length === 0 ? [...readers] : [readers[to % readers.length]];
    for (const reader of chosen) reader?.deliver(text);
  }

  /** How many readers each node has, this one included. */
  private readersByNode(name: string): Map<string, number> {
    const found = new Map<string, number>();
    const own = this.pipes.get(name)?.readers.length ?? 0;
    if (own > 0) found.set(this.components.mesh.nodeId, own);
    const members = new Set(this.components.mesh.memberIds());
    for (const [nodeId, { readers }] of this.others) {
      const count = readers.get(name) ?? 0;
      if (count > 0 && members.has(nodeId)) found.set(nodeId, count);
    }
    return found;
  }

  /** Members that have said nothing yet since they came. */
  private async askOthers(): Promise<void> {
    const { mesh } = this.components;
    const members = mesh.memberIds().filter((id) => id !== mesh.nodeId);
    for (const id of this.others.keys()) if (!members.includes(id)) this.others.delete(id);
    const unknown = members.filter((id) => !this.others.has(id));
    if (unknown.length === 0) return;
    const results = await mesh.request(unknown, readersKind, {}, { timeoutMs: askMs });
    for (const id of unknown) {
      const result = results.get(id);
      const told = Readers.safeParse(result?.ok === true ? result.body : null);
      // One that is too old, or silent, has none until it says otherwise.
      if (told.success || !this.others.has(id)) this.hear(id, told.data?.readers ?? []);
    }
  }

  private hear(nodeId: string, readers: readonly (readonly [string, number])[]): void {
    const other = this.other(nodeId);
    other.readers.clear();
    for (const [name, count] of readers) if (count > 0) other.readers.set(name, count);
  }

  private other(nodeId: string): Other {
    const known = this.others.get(nodeId);
    if (known) return known;
    const other: Other = { readers: new Map(), queue: [], queuedBytes: 0, isSending: false, isBehind: false };
    this.others.set(nodeId, other);
    return other;
  }

  private ownReaders(): [string, number][] {
    return [...this.pipes.values()]
      .filter(({ readers }) => readers.length > 0)
      .map(({ name, readers }) => [name, readers.length]);
  }

  private tell(): void {
    const { mesh } = this.components;
    mesh.notify(
      mesh.memberIds().filter((id) => id !== mesh.nodeId),
      readersKind,
      { readers: this.ownReaders() },
    );
  }

  private nameOf(nodeId: string): string {
    return this.components.mesh.nameOf(nodeId);
  }
}

/** Takes the first ones that fit one request. */
function takeBatch(queue: Item[]): Item[] {
  let bytes = 0;
  const most = queue.findIndex(({ text }, at) => {
    bytes += text.length;
    return at >= maxBatch || (at > 0 && bytes > maxBatchBytes);
  });
  return queue.splice(0, most < 0 ? queue.length : most);
}

function once(run: () => unknown): () => void {
  let isDone = false;
  return () => {
    if (!isDone) run();
    isDone = true;
  };
}
