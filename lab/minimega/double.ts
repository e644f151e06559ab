// A minimega that behaves: a cluster with VMs, namespaces and VLANs in memory, each node with its command socket, answering in the forms of
// the recordings. For tests of what drives one. It dies of what minimega 3.1.0 dies of, and keeps the namespace and the flags for all its users.
import { createServer, type Server, type Socket } from 'node:net';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { describeError } from '../../contract/errors.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { hazardOf } from '../../core/minimega/hazards.ts';
import { minimegaTable } from '../../core/minimega/table.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { defaultOutputFlags, renderEntries, type OutputFlags } from '../../core/render.ts';
import { filterRows, selectColumns } from '../../core/transform.ts';
import { commandsOfDouble } from './double-commands.ts';
import { DoubleConsoles } from './double-consoles.ts';
import { newNode, type DoubleCall, type DoubleCluster, type DoubleNode, type DoubleVm } from './double-node.ts';

export interface DoubleOptions {
  readonly folder: string;
  readonly names: readonly string[];
  readonly context?: string;
}

export class DoubleMinimega implements DoubleCluster {
  readonly context: string;
  readonly nodes = new Map<string, DoubleNode>();
  /** Lines as they came, by node: `node1: .record false version`. */
  readonly lines: string[] = [];
  private readonly consoles = new DoubleConsoles();
  private readonly folder: string;
  private readonly servers = new Map<string, { server: Server; sockets: Set<Socket> }>();
  /** Who waits for silent nodes. */
  private readonly waiting = new Set<() => void>();

  private constructor({ folder, names, context = 'john' }: DoubleOptions) {
    this.folder = folder;
    this.context = context;
    for (const name of names) this.nodes.set(name, newNode(name, names));
  }

  static async start(options: DoubleOptions): Promise<DoubleMinimega> {
    const double = new DoubleMinimega(options);
    for (const name of options.names) await double.listen(name);
    return double;
  }

  baseOf(name: string): string {
    return join(this.folder, name);
  }

  socketOf(name: string): string {
    return join(this.baseOf(name), 'minimega');
  }

  /** The node as `kill -9` leaves it: gone from the mesh, its connections ended. */
  kill(name: string): void {
    const node = this.nodes.get(name);
    if (node) node.isAlive = false;
    const own = this.servers.get(name);
    for (const socket of own?.sockets ?? []) socket.destroy();
    own?.server.close();
    this.letGo();
  }

  /** `kill -STOP`: it takes connections and answers nothing, and its peers wait for it as long as `mesh timeout` says. */
  silence(name: string, isSilent: boolean): void {
    const node = this.nodes.get(name);
    if (node) node.isSilent = isSilent;
    this.letGo();
  }

  async stop(): Promise<void> {
    await this.consoles.stop();
    for (const { server, sockets } of this.servers.values()) {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
    this.letGo();
  }

  members(): DoubleNode[] {
    return [...this.nodes.values()].filter(({ isAlive }) => isAlive);
  }

  /** Runs one command; null ends the daemon. */
  async run(command: ParsedCommand, call: DoubleCall): Promise<ResponseEntry[] | null> {
    const { pattern, words, nested } = command;
    const { node } = call;
    if (nested) {
      if (pattern.pattern.startsWith('mesh send')) return this.send(words['hostname'] ?? '', nested, call);
      if (pattern.pattern.startsWith('namespace')) {
        const namespace = words['name'] ?? '';
        this.mention(node, namespace);
        return this.run(nested, { ...call, namespace });
      }
      const entries = await this.run(nested, call);
      if (entries === null) return null;
      if (pattern.pattern.startsWith('.columns')) return selectColumns(entries, words['columns'] ?? '');
      if (pattern.pattern.startsWith('.filter')) return filterRows(entries, words['filter'] ?? '');
      return entries;
    }
    return commandsOfDouble(this, command, call);
  }

  async onHosts(call: DoubleCall, act: (node: DoubleNode) => ResponseEntry | null): Promise<ResponseEntry[]> {
    if (call.isSent) return entriesOf([act(call.node)]);
    const hosts = [...(call.node.namespaces.get(call.namespace)?.hosts ?? [])];
    const answers = await Promise.all(hosts.map((host) => this.reach(call.node, host, (there) => act(there))));
    return entriesOf(answers.flat());
  }

  addConsoles(host: string, vm: DoubleVm): Promise<void> {
    return this.consoles.add(this.baseOf(host), vm);
  }

  pictureOf(vm: DoubleVm, maxSide: number | null): Buffer | null {
    return this.consoles.picture(vm, maxSide);
  }

  mention(node: DoubleNode, namespace: string): void {
    if (node.namespaces.has(namespace)) return;
    const others = this.members().filter((each) => each !== node);
    const hosts = (others.length > 0 ? others : [node]).map(({ name }) => name);
    node.namespaces.set(namespace, { hosts: new Set(hosts), vlans: new Map(), range: '', load: 'cpucommit' });
  }

  private async send(targets: string, command: ParsedCommand, call: DoubleCall): Promise<ResponseEntry[]> {
    const range = parseRange(targets);
    const names = targets === 'all' ? this.members().map(({ name }) => name) : range.ok ? range.names : [];
    const others = names.filter((name) => name !== call.node.name && this.nodes.get(name)?.isAlive === true);
    const answers = await Promise.all(
      others.map((name) =>
        this.reach(call.node, name, async (there) => {
          const entries = await this.run(command, { node: there, namespace: call.namespace, isSent: true });
          return entries?.[0] ?? null;
        }),
      ),
    );
    return entriesOf(answers);
  }

  /** Waits for a silent node as long as this one's `mesh timeout` says. */
  private async reach(
    from: DoubleNode,
    name: string,
    act: (node: DoubleNode) => ResponseEntry | null | Promise<ResponseEntry | null>,
  ): Promise<ResponseEntry | null> {
    const node = this.nodes.get(name);
    if (!node?.isAlive) return null;
    if (node === from || !node.isSilent) return act(node);
    const seconds = from.meshTimeout;
    await new Promise<void>((resolve) => {
      const timer = seconds > 0 ? setTimeout(resolve, seconds * 1_000) : null;
      const wake = () => {
        if (timer) clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
    });
    const isStill = this.nodes.get(name)?.isSilent === true;
    return isStill ? responseEntry(name, { Error: 'timed out' }) : act(node);
  }

  private letGo(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private async listen(name: string): Promise<void> {
    await mkdir(this.baseOf(name), { recursive: true });
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      void this.serve(name, socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.socketOf(name), resolve);
    });
    this.servers.set(name, { server, sockets });
  }

  private async serve(name: string, socket: Socket): Promise<void> {
    const splitter = new JsonSplitter(1_000_000);
    try {
      for await (const bytes of socket) {
        for (const text of splitter.push(bytes as Buffer).texts) {
          const { Command: line = '', Suggest: partial = '' } = JSON.parse(text) as Record<string, string>;
          const answer = partial === '' ? await this.answer(name, line) : suggestion(partial);
          if (answer === null) {
            this.kill(name);
            return;
          }
          while (this.nodes.get(name)?.isSilent === true)
            await new Promise<void>((resolve) => this.waiting.add(resolve));
          socket.write(`${JSON.stringify(answer)}\n`);
        }
      }
    } catch {
      // The client is gone.
    }
  }

  private async answer(name: string, line: string): Promise<object | null> {
    const node = this.nodes.get(name);
    if (!node) return null;
    this.lines.push(`${name}: ${line}`);
    const parsed = parseCommand(minimegaTable, line);
    let entries: ResponseEntry[] | null;
    if (!parsed.ok || parsed.command === null) {
      entries = [responseEntry(name, { Error: `invalid command: \`${line.trim()}\`` })];
    } else if (hazardOf(parsed.command) !== null) {
      return null;
    } else {
      try {
        entries = await this.run(parsed.command, { node, namespace: node.active, isSent: false });
      } catch (error) {
        entries = [responseEntry(name, { Error: describeError(error) })];
      }
    }
    if (entries === null) return null;
    const flags = parsed.ok && parsed.command ? flagsOf(parsed.command, node.flags) : node.flags;
    return { Resp: entries, Rendered: renderEntries(entries, flags), More: false, Status: false };
  }
}

const entriesOf = (answers: readonly (ResponseEntry | null)[]) => answers.flatMap((entry) => entry ?? []);

/** The outermost setting of a flag counts. */
function flagsOf(command: ParsedCommand, defaults: OutputFlags): OutputFlags {
  let flags: OutputFlags = command.nested ? flagsOf(command.nested, defaults) : { ...defaultOutputFlags, ...defaults };
  const [, name] = /^\.(annotate|compress|csv|headers|json|sort) <true/.exec(command.pattern.pattern) ?? [];
  if (name === undefined) return flags;
  const isOn = command.words['true'] !== undefined;
  if (name === 'csv' || name === 'json') flags = { ...flags, mode: isOn ? name : 'default' };
  else flags = { ...flags, [name]: isOn };
  return flags;
}

function suggestion(partial: string): object {
  const lines = minimegaTable.flatMap(({ items }) => {
    const words: string[] = [];
    for (const item of items) {
      if (item.kind === 'literal') words.push(item.text);
      else break;
    }
    const text = `${words.join(' ')} `;
    if (!text.startsWith(partial)) return [];
    const end = text.indexOf(' ', partial.length);
    return end < 0 ? [] : [text.slice(0, end + 1)];
  });
  return { Resp: null, Rendered: '', More: false, Status: false, Suggest: [...new Set(lines)].sort() };
}
