// The console's hold on one cluster: attached to one node's command socket, watching; when that node or the way to it dies, it
// attaches to another node. Owns which node to try, when to give up on a node, and what state the cluster is in.
//
//   attaching --a node answered: hello, snapshot--> live --its watch ended, or a hello was not answered--> attaching
//   attaching --nobody answered--> lost --again, until someone does--> live
//
// INVARIANTS
// - What was known stays on the pages: a cluster that is lost keeps its nodes, with their age.
// - A node of another mesh is never taken for one of this: the mesh's id must be the cluster's, or for sockets of this machine
//   the one that was seen first.
import { nodes } from '../../contract/cluster-kinds.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import type { FleetCluster } from '../../contract/fleet.ts';
import type { Kind, RowChanges } from '../../contract/kinds.ts';
import { describeRoute, type NodeRoute } from '../engines/route.ts';
import type { ClusterChange, Engine, EngineConnection, MeshIdentity } from '../engines/engine.ts';
import { raceStaggered } from '../engines/race.ts';
import type { Log } from '../ports.ts';

export interface AttachmentTimes {
  /** Between two hellos to the node that we are attached to. */
  readonly helloEveryMs: number;
  /** How long a hello may stay unanswered: then the node counts as dead to us. With the line above, at worst 2.75 s. */
  readonly helloTimeoutMs: number;
  /** The same for the connection that they go over, which takes a program's start on the node; longer where the watch's took long. */
  readonly firstHelloTimeoutMs: number;
  /** From dialling a node to its snapshot. */
  readonly attachTimeoutMs: number;
  /** How long a node may be silent before another node is tried beside it. */
  readonly staggerMs: number;
  /** Pause after no node answered: the first value, doubled up to the last. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** How long a cluster may be without a node before the pages say `lost`; the search continues. */
  readonly lostAfterMs: number;
  /** Trouble that comes sooner than this after the last means slow, not dead: the deadlines above double. See `patience`. */
  readonly calmMs: number;
}

export const attachmentTimes: AttachmentTimes = {
  helloEveryMs: 750,
  helloTimeoutMs: 2_000,
  firstHelloTimeoutMs: 3_000,
  attachTimeoutMs: 8_000,
  staggerMs: 250,
  firstPauseMs: 500,
  maxPauseMs: 5_000,
  lostAfterMs: 5_000,
  calmMs: 30_000,
};

/** Deadlines grow up to this many times: a node that hangs while all others are dead holds up a round for so long. */
const maxPatience = 4;

/** Nodes tried in one round: when so many fail, the same way is probably closed to all. The next round continues with the next nodes. */
const maxPerRound = 16;

/** How the fleet takes what an attachment learns. */
export interface AttachmentSink {
  changed(state: Pick<FleetCluster, 'State' | 'AttachedTo' | 'RoundTripMs' | 'Reason'>): void;
  /** The cluster answered: what the console knows about it is current. */
  heard(roundTripMs: number): void;
  /** All rows that there are. */
  began(identity: MeshIdentity, rows: RowChanges): void;
  rowsChanged(rows: RowChanges): void;
  attached(node: string): void;
  detached(node: string): void;
  /** Why this mesh cannot be the cluster: another cluster here is it already. Null when it can. */
  claim(meshId: string): string | null;
  /** Every way to the cluster, the most promising first; `failed` is that which just died. */
  routes(failed: NodeRoute | null): readonly NodeRoute[];
}

export interface AttachmentComponents {
  readonly engine: Engine;
  readonly sink: AttachmentSink;
  readonly log: Log;
  /** What to watch, as far as the node knows it. */
  readonly kinds: readonly Kind[];
}

interface Attached {
  readonly route: NodeRoute;
  /** For hellos; the watch does not wait for it. */
  readonly opening: Promise<EngineConnection>;
  control: EngineConnection | null;
  readonly watch: EngineConnection;
  readonly changes: AsyncGenerator<ClusterChange, void, undefined>;
  readonly identity: MeshIdentity;
  readonly first: RowChanges;
}

export class Attachment {
  private readonly id: string;
  private readonly times: AttachmentTimes;
  private readonly components: AttachmentComponents;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private current: Attached | null = null;
  /** The mesh that this cluster is; null until the first node has answered, where only sockets of this machine are known. */
  private meshId: string | null;
  private wake: () => void = () => undefined;
  /**
   * By how much the deadlines are longer than `times` says. On a machine that is short of CPU every node is late: a console that
   * gave each one up after the same time, and began with all of them again, would add to the load and never be attached.
   */
  private patience = 1;
  /** Since when there was no trouble, or since patience was last changed. */
  private calmSince = -Infinity;
  /** Ways changed since the last try: there is nothing to wait for. */
  private hasNewRoutes = false;

  constructor(
    options: { id: string; meshId: string | null; times?: AttachmentTimes },
    components: AttachmentComponents,
  ) {
    this.id = options.id;
    this.meshId = options.meshId;
    this.times = options.times ?? attachmentTimes;
    this.components = components;
  }

  /** The way by which it is attached now. */
  get route(): NodeRoute | null {
    return this.current?.route ?? null;
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new AppError('cancelled', 'the console is stopping'));
    this.close(this.current);
    this.wake();
    await this.running;
  }

  /** Nodes were added or their logins changed: a waiting attachment tries again at once, and lets go of a lost route. */
  routesChanged(): void {
    const { route } = this;
    const keys = this.components.sink.routes(null).map(({ key }) => key);
    if (route && !keys.includes(route.key)) this.close(this.current);
    this.hasNewRoutes = true;
    this.wake();
  }

  private async run(): Promise<void> {
    const { sink, log } = this.components;
    let failed: NodeRoute | null = null;
    let pauseMs = this.times.firstPauseMs;
    for (let round = 0; !this.isStopped(); round += 1) {
      let attached: Attached;
      this.hasNewRoutes = false;
      try {
        attached = await this.attach(ofRound(sink.routes(failed), round));
      } catch (error) {
        if (this.isStopped()) return;
        if (isTimeout(error)) this.noteTrouble();
        sink.changed({ State: 'lost', AttachedTo: '', RoundTripMs: null, Reason: describeError(error) });
        await this.pause(pauseMs);
        pauseMs = Math.min(2 * pauseMs, this.times.maxPauseMs);
        continue;
      }
      if (this.isStopped()) {
        this.close(attached);
        return;
      }
      // The login that was taken away may be the one that reached it.
      if (this.takesNewRoutes()) {
        this.close(attached);
        continue;
      }
      pauseMs = this.times.firstPauseMs;
      round = -1;
      const name = nodeNameOf(attached);
      log.info(`cluster ${this.id}: attached to ${name}`);
      const reason = await this.follow(attached, name);
      failed = attached.route;
      sink.detached(name);
      if (this.isStopped()) return;
      log.warn(`cluster ${this.id}: ${reason}; trying other nodes`);
      sink.changed({ State: 'attaching', AttachedTo: '', RoundTripMs: null, Reason: reason });
    }
  }

  private async attach(routes: readonly NodeRoute[]): Promise<Attached> {
    if (routes.length === 0) {
      throw new AppError(
        'unreachable',
        'the console knows no way to a node of this cluster: add its nodes with Add nodes',
      );
    }
    const late = setTimeout(() => {
      const reason = `no node has answered for ${this.times.lostAfterMs / 1000} s; trying ${routes.length}`;
      this.components.sink.changed({ State: 'lost', AttachedTo: '', RoundTripMs: null, Reason: reason });
    }, this.times.lostAfterMs);
    try {
      return await raceStaggered(routes, (route, signal) => this.attachTo(route, signal), {
        staggerMs: this.times.staggerMs * this.patience,
        signal: this.stopping.signal,
        discard: (tooLate) => {
          this.close(tooLate);
        },
      });
    } finally {
      clearTimeout(late);
    }
  }

  private async attachTo(route: NodeRoute, signal: AbortSignal): Promise<Attached> {
    const { engine } = this.components;
    const { attachTimeoutMs: connectTimeoutMs, firstHelloTimeoutMs } = this.times;
    const startedAt = performance.now();
    const endAt = startedAt + connectTimeoutMs * this.patience;
    const leftMs = () => Math.max(1, Math.ceil(endAt - performance.now()));
    // A node that accepts no connection shows no sign of life: patience does not apply to it.
    const watch = await engine.open(route, { connectTimeoutMs, timeoutMs: leftMs(), signal });
    const openedMs = performance.now() - startedAt;
    const closing: Promise<EngineConnection>[] = [];
    const close = () => {
      watch.close();
      for (const opening of closing) closeOnceOpen(opening);
    };
    signal.addEventListener('abort', close, { once: true });
    try {
      // Not by `signal`, which also tells the winner of a race that the race is over.
      const opening = engine.open(route, {
        // A second one takes no longer than the first, within reason.
        timeoutMs: Math.max(firstHelloTimeoutMs, 2 * openedMs),
        signal: this.stopping.signal,
      });
      opening.catch(() => undefined);
      closing.push(opening);
      const changes = watch.changes(this.components.kinds);
      const first = await withDeadline(changes.next(), leftMs(), describeRoute(route));
      const change = first.done ? null : first.value;
      if (change?.begins == null) {
        throw new AppError('failed', `${describeRoute(route)} began without the rows that there are`);
      }
      this.assertSameMesh(route, change.begins);
      if (signal.aborted) throw new AppError('cancelled', 'another node was faster');
      const { begins: identity, rows } = change;
      return { route, opening, control: null, watch, changes, identity, first: rows };
    } catch (error) {
      close();
      throw error;
    } finally {
      signal.removeEventListener('abort', close);
    }
  }

  private assertSameMesh(route: NodeRoute, { mesh: meshId, context }: MeshIdentity): void {
    if (this.meshId !== null && this.meshId !== meshId) {
      throw new AppError(
        'refused',
        `${describeRoute(route)} is in another mesh (context ${context}): deploy it into this one, or remove it here`,
      );
    }
    // Only for a mesh that can be this cluster: otherwise the cluster that owns the mesh would be kept out of it.
    const taken = this.components.sink.claim(meshId);
    if (taken !== null) throw new AppError('conflict', `${describeRoute(route)}: ${taken}`);
  }

  /** Until the node or the way to it is gone. @returns why */
  private async follow(attached: Attached, name: string): Promise<string> {
    const { sink } = this.components;
    this.current = attached;
    this.meshId ??= attached.identity.mesh;
    const startedAt = performance.now();
    sink.changed({ State: 'live', AttachedTo: name, RoundTripMs: null, Reason: '' });
    sink.attached(name);
    sink.began(attached.identity, attached.first);
    const greeting = this.greet(attached, name);
    let reason = `${name} ended the connection`;
    try {
      for await (const { begins, rows, trouble } of attached.changes) {
        if (trouble !== undefined)
          sink.changed({ State: 'live', AttachedTo: name, RoundTripMs: null, Reason: trouble });
        if (begins) {
          this.assertSameMesh(attached.route, begins);
          sink.began(begins, rows);
        } else sink.rowsChanged(rows);
      }
    } catch (error) {
      reason = error instanceof AppError && error.code === 'unreachable' ? reason : `${name}: ${describeError(error)}`;
    } finally {
      this.close(attached);
      this.current = null;
    }
    const late = await greeting;
    // A node that takes us and drops us at once would be tried without a pause.
    if (performance.now() - startedAt < this.times.firstPauseMs) await this.pause(this.times.firstPauseMs);
    return late ?? reason;
  }

  /** Says hello until the connection is closed; closes it when there is no answer. @returns why it did */
  private async greet(attached: Attached, name: string): Promise<string | null> {
    const { sink, engine } = this.components;
    while (this.current === attached) {
      const sentAt = performance.now();
      try {
        if (attached.control) {
          const deadline = AbortSignal.timeout(this.times.helloTimeoutMs * this.patience);
          await attached.control.greet({ deadline });
          sink.heard(performance.now() - sentAt);
          this.noteCalm();
        } else {
          attached.control = await attached.opening;
          continue;
        }
      } catch (error) {
        if (this.current !== attached) return null;
        this.close(attached);
        if (!isTimeout(error)) return null;
        this.noteTrouble();
        // Its connection may be dead without any notice.
        engine.distrust(attached.route.key);
        return `${name} did not answer for ${Math.round((performance.now() - sentAt) / 100) / 10} s`;
      }
      await this.sleep(this.times.helloEveryMs, attached);
    }
    return null;
  }

  private noteTrouble(): void {
    const now = performance.now();
    if (now - this.calmSince < this.times.calmMs) this.patience = Math.min(2 * this.patience, maxPatience);
    this.calmSince = now;
  }

  private noteCalm(): void {
    const now = performance.now();
    if (this.patience === 1 || now - this.calmSince < this.times.calmMs) return;
    this.patience /= 2;
    this.calmSince = now;
  }

  private takesNewRoutes(): boolean {
    return this.hasNewRoutes;
  }

  private isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private close(attached: Attached | null): void {
    if (attached) closeOnceOpen(attached.opening);
    attached?.watch.close();
  }

  /** Ends early when the attachment does. */
  private async sleep(delayMs: number, attached: Attached): Promise<void> {
    const endAt = performance.now() + delayMs;
    while (this.current === attached && performance.now() < endAt) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(100, delayMs)));
    }
  }

  private async pause(delayMs: number): Promise<void> {
    if (this.isStopped() || this.hasNewRoutes) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = () => undefined;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof AppError && error.code === 'timeout';
}

function closeOnceOpen(opening: Promise<EngineConnection>): void {
  opening.then(
    (connection) => {
      connection.close();
    },
    () => undefined,
  );
}

function ofRound(routes: readonly NodeRoute[], round: number): readonly NodeRoute[] {
  if (routes.length <= maxPerRound) return routes;
  const from = (round * maxPerRound) % routes.length;
  return [...routes.slice(from), ...routes.slice(0, from)].slice(0, maxPerRound);
}

/** The name of the node that answered, as its mesh has it. */
function nodeNameOf({ first, identity, route }: Attached): string {
  const self = first[nodes.name]?.put.find((node) => node['Id'] === identity.self);
  return self === undefined ? describeRoute(route) : String(self['Name']);
}

async function withDeadline<T>(promise: Promise<T>, timeoutMs: number, place: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new AppError('timeout', `${place}: no snapshot of its cluster in time`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
