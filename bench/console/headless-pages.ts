// Pages without a picture: socket.io clients of the console that hold the fleet as a page does, and note when each change
// reaches them and how many bytes that takes.
import { io, type Socket } from 'socket.io-client';
import type { Ack } from '../../contract/method.ts';
import type { FleetDelta, FleetSnapshot } from '../../contract/fleet.ts';
import { links, nodes, type NodeRow } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { RowChanges } from '../../contract/kinds.ts';
import { applyFleetDelta, deltaFit, fleetFromSnapshot, type FleetView } from '../../core/fleet-view.ts';
import { AppError } from '../../contract/errors.ts';

/** When each state of a link or node was made, so that who sees it knows its age. Host facts are not followed. */
export class ChangeClock {
  private readonly madeAt = new Map<string, number>();

  note(change: RowChanges, atMs: number): void {
    for (const [thing, state] of statesIn(change)) this.madeAt.set(`${thing} ${state}`, atMs);
  }

  /** When each change between two moments was made. */
  madeBetween(fromMs: number, toMs: number): number[] {
    return [...this.madeAt.values()].filter((at) => at > fromMs && at <= toMs);
  }

  /** Ages of what a delta shows, ms. What was changed again meanwhile is not counted. */
  agesOf(delta: RowChanges, nowMs: number): number[] {
    return statesIn(delta).flatMap(([thing, state]) => {
      const at = this.madeAt.get(`${thing} ${state}`);
      return at === undefined ? [] : [nowMs - at];
    });
  }
}

/** Which links and nodes a change is about, and the state that each has then. */
function statesIn(change: RowChanges): [thing: string, state: string][] {
  const none = { put: [], gone: [] };
  const ofLinks = change[links.name] ?? none;
  const ofNodes = change[nodes.name] ?? none;
  return [
    ...ofLinks.put.map((link): [string, string] => [keyOf(links, link), String(link['State'])]),
    ...ofLinks.gone.map((key): [string, string] => [key, 'gone']),
    ...ofNodes.put.flatMap((change): [string, string][] => {
      const { Id = '', State, Degree } = change as Partial<NodeRow>;
      const states: string[] = State === undefined ? [] : [State];
      if (Degree !== undefined) states.push(`degree ${Degree ?? ''}`);
      return states.map((state) => [Id, state]);
    }),
  ];
}

export interface PagesReport {
  /** From the change to each client, ms, all clients together. */
  readonly latenciesMs: readonly number[];
  /** Bytes on the wire to one client, the mean. */
  readonly bytes: number;
  readonly gaps: number;
}

export class HeadlessPages {
  private readonly sockets: Socket[] = [];
  private readonly views: FleetView[] = [];
  private readonly clock: ChangeClock;
  private latencies: number[] = [];
  private gaps = 0;
  private bytesAtStart = 0;

  constructor(clock: ChangeClock) {
    this.clock = clock;
  }

  get count(): number {
    return this.sockets.length;
  }

  /** Connects `count` clients of one session; each has its snapshot when this resolves. */
  async connect(url: string, cookie: string, count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const socket = io(url, {
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
        extraHeaders: { cookie, origin: url },
      });
      this.sockets.push(socket);
      await new Promise<void>((resolve, reject) => {
        socket.on('connect', resolve).on('connect_error', reject);
      });
      socket.on('fleet.delta', (delta: FleetDelta) => this.receive(index, delta));
      const ack = (await socket.timeout(10_000).emitWithAck('fleet.subscribe', {})) as Ack<FleetSnapshot>;
      if (!ack.ok) throw new AppError('failed', ack.error.message);
      this.views[index] = fleetFromSnapshot(ack.data);
    }
  }

  /** From here on is counted. */
  begin(): void {
    [this.latencies, this.gaps] = [[], 0];
    this.bytesAtStart = this.bytesRead();
  }

  report(): PagesReport {
    return {
      latenciesMs: this.latencies,
      bytes: (this.bytesRead() - this.bytesAtStart) / this.count,
      gaps: this.gaps,
    };
  }

  close(): void {
    for (const socket of this.sockets.splice(0)) socket.disconnect();
  }

  private receive(index: number, delta: FleetDelta): void {
    const view = this.views[index];
    // Its snapshot is still under way.
    if (!view) return;
    this.latencies.push(...this.clock.agesOf(delta.Kinds, performance.now()));
    if (deltaFit(view, delta) === 'gap') this.gaps += 1;
    this.views[index] = applyFleetDelta(view, delta);
  }

  private bytesRead(): number {
    return this.sockets.reduce((sum, socket) => sum + bytesRead(socket), 0);
  }
}

/** Bytes that came over the wire: engine.io's transport in Node is a `ws` socket over a net.Socket, which counts them. */
export function bytesRead(socket: Socket): number {
  const { ws } = socket.io.engine.transport as unknown as { ws: { _socket: { bytesRead: number } } };
  return ws._socket.bytesRead;
}
