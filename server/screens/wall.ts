// The wall: small pictures of many screens in one WebSocket for each page. Owns one stream to each node of which some page shows VMs, for all pages together.
//
// INVARIANTS: a node is asked for what pages show now, and nothing is kept of other VMs. A page that does not read gets the newest pictures when it does.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import {
  maxStreamUnsentBytes,
  maxWallNodes,
  maxWallPictureBytes,
  streamOpeningMs,
} from '../../contract/console-limits.ts';
import { WallWanted } from '../../contract/consoles.ts';
import { describeError } from '../../contract/errors.ts';
import { streamClose } from '../../contract/streams.ts';
import type { Fleet, Log } from '../ports.ts';
import { closeWith } from './join.ts';
import type { StreamService } from './service.ts';

/** A node that no page shows is kept so long: people scroll back. */
const lingerMs = 30_000;
/** Until a node that did not answer, or has no such service, is asked again. */
const retryMs = 10_000;
/** The most that a page may say: as many VMs as a display holds. */
const maxTextBytes = 64 * 1024;

interface WallPage {
  readonly socket: WebSocket;
  readonly cluster: string;
  /** By node: its VMs. */
  wanted: ReadonlyMap<string, ReadonlySet<number>>;
  /** Pictures that it could not take. */
  readonly late: Map<string, Buffer>;
}

interface WallNode {
  readonly cluster: string;
  readonly name: string;
  readonly giveUp: AbortController;
  stream: Duplex | null;
  /** Newest picture by VM, as pages get it. */
  readonly pictures: Map<number, Buffer>;
  timer: NodeJS.Timeout | null;
}

export function createWallService(
  { log }: { readonly log: Log },
  { fleet }: { readonly fleet: Pick<Fleet, 'openStream'> },
): StreamService {
  const wall = new Wall(log, fleet);
  return {
    role: 'viewer',
    args: z.null(),
    prepare: ({ cluster }) => ({
      what: 'wall of screens',
      whyNot: () => null,
      serve: (socket) => wall.join(socket, cluster),
    }),
  };
}

/** The nodes whose pictures somebody wants, each asked once, and the pages that want them. */
class Wall {
  private readonly log: Log;
  private readonly fleet: Pick<Fleet, 'openStream'>;
  private readonly pages = new Set<WallPage>();
  private readonly nodes = new Map<string, WallNode>();

  constructor(log: Log, fleet: Pick<Fleet, 'openStream'>) {
    this.log = log;
    this.fleet = fleet;
  }

  /** Serves one page; returns what ends that. */
  join(socket: WebSocket, cluster: string): () => void {
    const page: WallPage = { socket, cluster, wanted: new Map(), late: new Map() };
    this.pages.add(page);
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const parsed = isBinary || data.length > maxTextBytes ? null : WallWanted.safeParse(parseJson(data.toString()));
      if (parsed?.success === true) this.want(page, parsed.data.vms);
      else closeWith(socket, streamClose.failed, 'the page asks for pictures in another way: load it again');
    });
    return () => {
      this.want(page, []);
      this.pages.delete(page);
    };
  }

  private wantedOf({ cluster, name }: WallNode): number[] {
    const own = [...this.pages]
      .filter((page) => page.cluster === cluster)
      .flatMap(({ wanted }) => [...(wanted.get(name) ?? [])]);
    return [...new Set(own)].sort((a, b) => a - b);
  }

  /** Tells a node what is wanted of it, opens it, or lets it go after a while. */
  private update(node: WallNode): void {
    const wanted = this.wantedOf(node);
    for (const vm of node.pictures.keys()) if (!wanted.includes(vm)) node.pictures.delete(vm);
    node.stream?.write(`${JSON.stringify({ vms: wanted })}\n`);
    if (wanted.length === 0) {
      node.timer ??= setTimeout(() => this.drop(node), lingerMs).unref();
      return;
    }
    if (node.stream === null) return;
    if (node.timer) clearTimeout(node.timer);
    node.timer = null;
  }

  private drop(node: WallNode): void {
    this.nodes.delete(keyOf(node.cluster, node.name));
    if (node.timer) clearTimeout(node.timer);
    node.giveUp.abort();
    node.stream?.destroy();
    // One that waits for a place gets it.
    for (const page of this.pages) for (const name of page.wanted.keys()) this.need(page.cluster, name);
  }

  private async open(node: WallNode): Promise<void> {
    const { cluster, name, giveUp } = node;
    const again = () => {
      node.stream = null;
      if (this.nodes.get(keyOf(cluster, name)) !== node) return;
      node.timer = setTimeout(() => this.drop(node), retryMs).unref();
    };
    try {
      const call = { cluster, node: name, service: 'pictures', args: null, timeoutMs: streamOpeningMs };
      const stream = await this.fleet.openStream({ ...call, signal: giveUp.signal });
      if (giveUp.signal.aborted) {
        stream.destroy();
        return;
      }
      node.stream = stream;
      stream.on('close', again);
      stream.on('error', () => undefined);
      stream.on('end', () => stream.destroy());
      readPictures(stream, (vm, png) => this.show(node, vm, png));
      this.update(node);
    } catch (error) {
      if (!giveUp.signal.aborted) this.log.debug(`wall: ${name}: ${describeError(error)}`);
      again();
    }
  }

  private need(cluster: string, name: string): WallNode | null {
    const key = keyOf(cluster, name);
    const known = this.nodes.get(key);
    if (known) return known;
    if (this.nodes.size >= maxWallNodes) return null;
    const node: WallNode = {
      cluster,
      name,
      giveUp: new AbortController(),
      stream: null,
      pictures: new Map(),
      timer: null,
    };
    this.nodes.set(key, node);
    void this.open(node);
    return node;
  }

  private show(node: WallNode, vm: number, png: Buffer): void {
    const name = Buffer.from(node.name);
    const id = Buffer.alloc(4);
    id.writeUInt32BE(vm);
    const message = Buffer.concat([Buffer.of(name.length), name, id, png]);
    node.pictures.set(vm, message);
    for (const page of this.pages) {
      if (page.cluster === node.cluster && page.wanted.get(node.name)?.has(vm) === true)
        this.send(page, `${node.name} ${vm}`, message);
    }
  }

  private send(page: WallPage, key: string, message: Buffer): void {
    const { socket, late } = page;
    late.delete(key);
    if (socket.bufferedAmount > maxStreamUnsentBytes) {
      late.set(key, message);
      return;
    }
    socket.send(message, { binary: true }, () => {
      const [next] = late;
      if (next && socket.readyState === socket.OPEN) this.send(page, ...next);
    });
  }

  private want(page: WallPage, vms: readonly (readonly [string, number])[]): void {
    const before = page.wanted;
    const wanted = new Map<string, Set<number>>();
    for (const [node, vm] of vms) wanted.set(node, (wanted.get(node) ?? new Set()).add(vm));
    page.wanted = wanted;
    for (const key of page.late.keys()) {
      const [node = '', vm = ''] = key.split(' ');
      if (wanted.get(node)?.has(Number(vm)) !== true) page.late.delete(key);
    }
    for (const name of new Set([...before.keys(), ...wanted.keys()])) {
      const node = wanted.has(name) ? this.need(page.cluster, name) : this.nodes.get(keyOf(page.cluster, name));
      if (!node) continue;
      this.update(node);
      for (const vm of wanted.get(name) ?? []) {
        const picture = before.get(name)?.has(vm) === true ? undefined : node.pictures.get(vm);
        if (picture) this.send(page, `${name} ${vm}`, picture);
      }
    }
  }
}

const keyOf = (cluster: string, node: string) => `${cluster}\0${node}`;

/** Calls `onPicture` for each that comes. A node that sends more than a picture has ends its stream. */
function readPictures(stream: Duplex, onPicture: (vm: number, png: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 8) {
      const length = rest.readUInt32BE(4);
      if (length > maxWallPictureBytes) {
        stream.destroy();
        return;
      }
      if (rest.length < 8 + length) return;
      onPicture(rest.readUInt32BE(0), rest.subarray(8, 8 + length));
      rest = rest.subarray(8 + length);
    }
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
