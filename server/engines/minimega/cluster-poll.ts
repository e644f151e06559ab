// The changes of a minimega cluster. minimega tells nobody anything, so it is asked: often while something moves or somebody acts, seldom
// otherwise, and never for more than a small part of the time. Two askers, on a connection each: what this node knows alone is asked while
// another node keeps all mesh commands waiting.
//
//   near asker: mesh, namespaces, VLANs, own load ──┐
//   far asker:  VMs, loads and files of all nodes ──┴─> picture ─> rows ─> what differs ─> changes
import { AppError, describeError } from '../../../contract/errors.ts';
import { keyOf } from '../../../contract/kind-keys.ts';
import type { Kind, KindChange, RowChanges } from '../../../contract/kinds.ts';
import { Rows } from '../../../core/rows.ts';
import type { ClusterChange, MeshIdentity } from '../engine.ts';
import type { Asker } from './asker.ts';
import { rowsOfPicture, type Picture } from './cluster-picture.ts';
import { askMesh, askNear, askOthers, askVms } from './questions.ts';

export interface PollTimes {
  /** Between two rounds while something moves or somebody acts, and how long that lasts. */
  readonly fastMs: number;
  readonly activeForMs: number;
  /** Between two rounds of this node's own, and of all nodes' answers, otherwise. */
  readonly nearMs: number;
  readonly farMs: number;
  /** Versions, degrees and files. */
  readonly rareMs: number;
  /** A round that is out for longer waits for a node. */
  readonly waitingMs: number;
  /** Pauses are at least so many times the round before: idle, and while something moves. */
  readonly idleShare: number;
  readonly activeShare: number;
}

/** A connection that only the poll asks on. */
export interface PolledClient extends Asker {
  close(): void;
}

/** Idle, a minimega spends less than a fiftieth of its time on the console. */
export const pollTimes: PollTimes = {
  ...{ fastMs: 1_000, activeForMs: 30_000, nearMs: 4_000, farMs: 15_000, rareMs: 60_000, waitingMs: 4_000 },
  ...{ idleShare: 50, activeShare: 4 },
};

/**
 * Milliseconds until the next round. The length of one that waited for a silent node says nothing about load: a share of it would keep
 * the console from seeing the node's return for many minutes. It is not repeated at once either, since minimega lets nobody else onto the mesh while it waits.
 */
export function pauseMs(
  { fastMs, farMs, waitingMs, idleShare, activeShare }: PollTimes,
  { idleMs, tookMs, isActive }: { readonly idleMs: number; readonly tookMs: number; readonly isActive: boolean },
): number {
  if (tookMs > waitingMs) return farMs;
  return isActive ? Math.max(fastMs, activeShare * tookMs) : Math.max(idleMs, idleShare * tookMs);
}

/** What users do on a cluster makes its watch ask again at once. */
export class Activity {
  private readonly listeners = new Set<() => void>();

  note(): void {
    for (const listener of [...this.listeners]) listener();
  }

  /** Returns what ends it. */
  onNoted(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }
}

export class ClusterPoll {
  private readonly times: PollTimes;
  private readonly identity: MeshIdentity;
  private readonly kinds: readonly Kind[];
  private readonly picture: Picture;
  private readonly tables: readonly Rows[];
  private readonly near: PolledClient;
  private readonly openFar: () => Promise<PolledClient>;
  private far: PolledClient | null = null;
  private readonly ready: ClusterChange[] = [];
  private wakeReader: () => void = () => undefined;
  private readonly sleepers = new Set<() => void>();
  private failure: AppError | null = null;
  private isOver = false;
  private activeUntil = 0;
  private farSince: number | null = null;
  private farProblems: readonly string[] = [];
  private trouble = '';

  constructor(
    options: { readonly times: PollTimes; readonly identity: MeshIdentity; readonly kinds: readonly Kind[] },
    components: {
      readonly near: PolledClient;
      readonly openFar: () => Promise<PolledClient>;
      readonly picture: Picture;
    },
  ) {
    this.times = options.times;
    this.identity = options.identity;
    this.kinds = options.kinds;
    this.near = components.near;
    this.openFar = components.openFar;
    this.picture = components.picture;
    this.tables = options.kinds.map((kind) => new Rows(kind));
  }

  /** Leaving the loop ends it. @throws AppError when the node is gone */
  async *changes(activity: Activity): AsyncGenerator<ClusterChange, void, undefined> {
    const forget = activity.onNoted(() => this.stir());
    try {
      await askMesh(this.near, this.picture);
      await askNear(this.near, this.picture);
      yield { begins: this.identity, rows: this.compare({ isBeginning: true }) };
      this.keep(this.askNearAgain());
      this.keep(this.askFarAgain());
      for (;;) {
        const next = this.ready.shift();
        if (next) yield next;
        else if (this.failure !== null) throw this.failure;
        else await new Promise<void>((resolve) => (this.wakeReader = resolve));
      }
    } finally {
      forget();
      this.end();
    }
  }

  private keep(loop: Promise<void>): void {
    loop.catch((error: unknown) => {
      this.failure ??= error instanceof AppError ? error : new AppError('failed', describeError(error));
      this.wakeReader();
    });
  }

  end(): void {
    this.isOver = true;
    // Who reads the changes waits for the next one.
    this.failure ??= new AppError('unreachable', 'the connection was closed');
    this.wakeReader();
    this.near.close();
    this.far?.close();
    for (const wake of [...this.sleepers]) wake();
  }

  private async askNearAgain(): Promise<void> {
    let tookMs = 0;
    for (let round = 1; ; round += 1) {
      await this.pause(this.times.nearMs, tookMs);
      if (this.isOver) return;
      const startedAt = performance.now();
      await askMesh(this.near, this.picture);
      if (this.isActive() || round % 4 === 0) await askNear(this.near, this.picture);
      tookMs = performance.now() - startedAt;
      this.tell();
    }
  }

  private async askFarAgain(): Promise<void> {
    this.far = await this.openFar();
    let rareAt = -Infinity;
    while (!this.isOver) {
      const startedAt = performance.now();
      this.farSince = startedAt;
      const isRare = startedAt - rareAt >= this.times.rareMs;
      if (isRare) rareAt = startedAt;
      const vms = await askVms(this.far, this.picture);
      this.tell();
      const others = await askOthers(this.far, this.picture, { isRare });
      this.farSince = null;
      this.farProblems = [...new Set([...vms, ...others])];
      this.tell();
      await this.pause(this.times.farMs, performance.now() - startedAt);
    }
  }

  private isActive(): boolean {
    return performance.now() < this.activeUntil;
  }

  /** Something moves: ask at once, and often for a while. */
  private stir(): void {
    this.activeUntil = performance.now() + this.times.activeForMs;
    for (const wake of [...this.sleepers]) wake();
  }

  private async pause(idleMs: number, tookMs: number): Promise<void> {
    if (this.isOver) return;
    const delayMs = pauseMs(this.times, { idleMs, tookMs, isActive: this.isActive() });
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, delayMs);
      this.sleepers.add(wake);
    });
  }

  private tell(): void {
    const rows = this.compare({ isBeginning: false });
    const trouble = this.troubleNow();
    if (Object.keys(rows).length === 0 && trouble === this.trouble) return;
    // Loads change all the time; what else changes is likely to change again soon.
    if (Object.keys(rows).some((name) => name !== 'hosts' && name !== 'taps')) {
      if (this.isActive()) this.activeUntil = performance.now() + this.times.activeForMs;
      else this.stir();
    }
    this.trouble = trouble;
    this.ready.push({ begins: null, rows, trouble });
    this.wakeReader();
  }

  /** What keeps the picture from being whole, for people. */
  private troubleNow(): string {
    if (this.farSince !== null && performance.now() - this.farSince > this.times.waitingMs) {
      return 'a node does not answer the mesh: VMs and loads of other nodes are as they were before';
    }
    return this.farProblems.length === 0 ? '' : `no answer from ${this.farProblems.slice(0, 5).join('; ')}`;
  }

  /** What differs from what the console knows. */
  private compare({ isBeginning }: { isBeginning: boolean }): RowChanges {
    const all = rowsOfPicture(this.picture);
    const changes: Record<string, KindChange> = {};
    this.kinds.forEach((kind, at) => {
      const table = this.tables[at];
      if (!table) return;
      const rows = all[kind.name] ?? [];
      const keys = new Set(rows.map((row) => keyOf(kind, row)));
      const gone = [...table.keys()].filter((key) => !keys.has(key));
      for (const key of gone) table.drop(key);
      const put = rows.map((row) => table.put(row)).filter((row) => row !== null);
      if (isBeginning || put.length + gone.length > 0) changes[kind.name] = { put, gone };
    });
    return changes;
  }
}
