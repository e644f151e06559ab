// Rows between members. A node that has a watcher tells the others which kinds it wants, for the time of a lease. Each of them
// sends its rows once, in portions, and then what changes in them. Nothing is sent, nor observed, while nobody watches. SPEC K.
//
// INVARIANTS
// - What a watcher has of a member is what the member had at some time: a portion that is missing leads to all rows again.
// - A member keeps one entry per row for each watcher, however slow that is.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keyOf } from '../../contract/kind-keys.ts';
import { RowChanges, type Kind, type KindChange, type RowData } from '../../contract/kinds.ts';
import { parseRowChanges, PendingRows } from '../../core/rows.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { ClusterRows } from './cluster-rows.ts';
import type { RowSource } from './source.ts';

/** Interest is renewed at this period and lasts three of them: one lost notice changes nothing. */
export const renewMs = 5_000;
const leaseMs = 3 * renewMs;
/** Changes within this time are one portion. With the rows of a portion it bounds what heartbeats have to pass: 1 MB/s or less. */
const portionMs = 50;
const portionRows = 100;
/** A portion that is larger than this is sent in halves. */
const portionBytes = 48 * 1024;
/** A gap leads to a new beginning; this long after the last one, so that a broken member costs little. */
const askAgainMs = 1_000;

const wantedKind = 'rows-wanted';
const rowsKind = 'rows';

/** What the asker has: of which beginning (null: of none), and the last portion of it. */
const WantedNotice = z.object({
  kinds: z.array(z.string().max(64)).max(64),
  epoch: z.string().max(64).nullable(),
  portion: z.number().int().nonnegative(),
});
/** Portions of one beginning are numbered from 1. `more`: rows that were there at the beginning are still to come. */
const RowsNotice = z.object({
  epoch: z.string().max(64),
  portion: z.number().int().positive(),
  more: z.boolean(),
  rows: RowChanges,
});

/** What this needs of the mesh. */
export interface RowsMesh {
  memberIds(): string[];
  notify(nodeIds: readonly string[], kind: string, body: unknown): void;
  onNotice(kind: string, handler: (body: unknown, from: { nodeId: string }) => void): void;
}

export interface RowExchangeComponents {
  readonly mesh: RowsMesh;
  readonly clock: Clock;
  readonly rows: ClusterRows;
  /** Of the kinds that have an owner. */
  readonly sources: readonly RowSource[];
}

/** A member that wants our rows. */
interface Asker {
  until: number;
  readonly kinds: ReadonlySet<string>;
  readonly epoch: string;
  /** The last portion that was sent. */
  portion: number;
  /** The same, when the lease was renewed last: what the asker must have by the next time. */
  portionAtRenewal: number;
  readonly pending: PendingRows;
  /** Rows of the beginning that are still to be sent. */
  beginningLeft: number;
}

/** What we have of a member. */
interface Heard {
  epoch: string | null;
  portion: number;
  askedAt: number;
  /** Rows of a beginning that is not complete. */
  beginning: Map<string, Map<string, RowData>> | null;
}

export class RowExchange {
  private readonly selfId: string;
  private readonly components: RowExchangeComponents;
  private readonly ownedKinds: readonly Kind[];
  private readonly askers = new Map<string, Asker>();
  private readonly heard = new Map<string, Heard>();
  private isWatched = false;
  private isWanted = false;
  private beginnings = 0;
  private readonly life: string;
  private stops: (() => void)[] | null = null;
  private renewTimer: Timer | null = null;
  private portionTimer: Timer | null = null;
  private readonly ends: (() => void)[] = [];

  constructor(selfId: string, components: RowExchangeComponents) {
    this.selfId = selfId;
    this.components = components;
    this.ownedKinds = components.rows.kinds.filter(({ owner }) => owner !== null);
    const { mesh, clock, rows } = components;
    this.life = createHash('sha256').update(`${selfId} ${clock.wallNow()}`).digest('hex').slice(0, 16);
    mesh.onNotice(wantedKind, (body, from) => {
      this.onWanted(body, from.nodeId);
    });
    mesh.onNotice(rowsKind, (body, from) => {
      this.onRows(body, from.nodeId);
    });
    this.ends.push(
      rows.onChange((kind, key, change, owner) => {
        if (owner === selfId) this.onOwnChange(kind, key, change);
      }),
    );
  }

  /** This node has a watcher, or no longer has one. */
  setWatched(isWatched: boolean): void {
    if (this.isWatched === isWatched) return;
    this.isWatched = isWatched;
    if (isWatched) {
      this.updateSources();
      this.renew();
      return;
    }
    this.renewTimer?.cancel();
    this.renewTimer = null;
    for (const id of this.heard.keys()) this.components.rows.forget(id);
    this.heard.clear();
    this.updateSources();
  }

  /** Members that get them by another way (exchange-1.ts) want this node's rows, or no longer. */
  setWanted(isWanted: boolean): void {
    this.isWanted = isWanted;
    this.updateSources();
  }

  /** The members changed: this node asks a new one at once, and forgets a lost one. */
  membersChanged(): void {
    const members = new Set(this.components.mesh.memberIds());
    for (const id of [...this.heard.keys()]) {
      if (members.has(id)) continue;
      this.heard.delete(id);
      this.components.rows.forget(id);
    }
    for (const id of [...this.askers.keys()]) if (!members.has(id)) this.askers.delete(id);
    this.updateSources();
    if (!this.isWatched) return;
    for (const id of members) if (id !== this.selfId && !this.heard.has(id)) this.ask(id);
  }

  /** Whether a member has sent rows: one of an earlier version does not. */
  hasHeard(nodeId: string): boolean {
    return (this.heard.get(nodeId)?.epoch ?? null) !== null;
  }

  /** Whether a member wants rows now. */
  isAsking(nodeId: string): boolean {
    return this.askers.has(nodeId);
  }

  stop(): void {
    for (const end of this.ends.splice(0)) end();
    this.renewTimer?.cancel();
    this.portionTimer?.cancel();
    for (const stop of this.stops ?? []) stop();
    this.stops = [];
  }

  // ---- asking

  private renew(): void {
    const { mesh, clock } = this.components;
    for (const id of mesh.memberIds()) if (id !== this.selfId) this.ask(id);
    this.renewTimer = clock.after(renewMs, () => {
      this.renew();
    });
  }

  private ask(id: string): void {
    let heard = this.heard.get(id);
    if (!heard) this.heard.set(id, (heard = { epoch: null, portion: 0, askedAt: 0, beginning: null }));
    heard.askedAt = this.components.clock.now();
    const kinds = this.ownedKinds.map(({ name }) => name);
    this.components.mesh.notify([id], wantedKind, { kinds, epoch: heard.epoch, portion: heard.portion });
  }

  private onRows(body: unknown, from: string): void {
    const heard = this.heard.get(from);
    const notice = RowsNotice.safeParse(body);
    if (!this.isWatched || !heard || !notice.success) return;
    const { epoch, portion, more, rows } = notice.data;
    if (portion === 1) {
      heard.epoch = epoch;
      heard.beginning = new Map();
    } else if (heard.epoch !== epoch || portion !== heard.portion + 1) {
      // One was lost.
      heard.epoch = null;
      heard.beginning = null;
      if (this.components.clock.now() - heard.askedAt >= askAgainMs) this.ask(from);
      return;
    }
    heard.portion = portion;
    let changes: RowChanges;
    try {
      changes = parseRowChanges(this.ownedKinds, rows, 2 * portionRows);
    } catch {
      // Of another version, or malicious: none of it counts.
      heard.epoch = null;
      return;
    }
    for (const kind of this.ownedKinds) {
      const change = changes[kind.name];
      if (heard.beginning !== null) this.keepBeginning(heard.beginning, kind, change);
      else if (change) this.components.rows.applyFrom(from, kind, change);
    }
    if (more || heard.beginning === null) return;
    for (const kind of this.ownedKinds) {
      this.components.rows.replace(kind, from, heard.beginning.get(kind.name)?.values() ?? []);
    }
    heard.beginning = null;
  }

  /** A row may change while others of the same beginning are on their way. */
  private keepBeginning(
    beginning: Map<string, Map<string, RowData>>,
    kind: Kind,
    change: KindChange | undefined,
  ): void {
    if (!change) return;
    const rows = beginning.get(kind.name) ?? new Map<string, RowData>();
    beginning.set(kind.name, rows);
    for (const key of change.gone) rows.delete(key);
    for (const row of change.put) {
      const key = keyOf(kind, row);
      if (rows.has(key) || rows.size < kind.bound) rows.set(key, { ...rows.get(key), ...row });
    }
  }

  // ---- telling

  private onWanted(body: unknown, from: string): void {
    const wanted = WantedNotice.safeParse(body);
    if (!wanted.success) return;
    const { kinds, epoch, portion } = wanted.data;
    const known = this.askers.get(from);
    const isSame =
      known?.epoch === epoch && kinds.length === known.kinds.size && kinds.every((k) => known.kinds.has(k));
    if (known && isSame && portion >= known.portionAtRenewal) {
      known.until = this.components.clock.now() + leaseMs;
      known.portionAtRenewal = known.portion;
      return;
    }
    this.begin(from, new Set(kinds));
  }

  /** All rows of ours, in portions. */
  private begin(from: string, kinds: ReadonlySet<string>): void {
    const { clock, rows } = this.components;
    this.beginnings += 1;
    const pending = new PendingRows();
    const asker: Asker = {
      until: clock.now() + leaseMs,
      kinds,
      epoch: `${this.life}.${this.beginnings}`,
      portion: 0,
      portionAtRenewal: 0,
      pending,
      beginningLeft: 0,
    };
    // The sources put their rows when they start: none are there before that, and these come as changes.
    this.askers.set(from, asker);
    this.updateSources();
    pending.clear();
    for (const kind of this.ownedKinds) {
      if (!kinds.has(kind.name)) continue;
      const table = rows.table(kind);
      for (const key of table.keysOf(this.selfId)) {
        const row = table.get(key);
        if (row) pending.notePut(kind, row);
      }
    }
    asker.beginningLeft = pending.size;
    this.schedulePortions();
  }

  private onOwnChange(kind: Kind, key: string, change: RowData | null): void {
    for (const asker of this.askers.values()) {
      if (!asker.kinds.has(kind.name)) continue;
      if (change === null) asker.pending.noteGone(kind, key);
      else asker.pending.notePut(kind, change);
    }
    this.schedulePortions();
  }

  private schedulePortions(): void {
    this.portionTimer ??= this.components.clock.after(portionMs, () => {
      this.portionTimer = null;
      this.sendPortions();
    });
  }

  private sendPortions(): void {
    const now = this.components.clock.now();
    let isLeft = false;
    for (const [id, asker] of this.askers) {
      if (asker.until < now) {
        this.askers.delete(id);
        continue;
      }
      // The first portion says that there are no rows, too.
      if (asker.pending.size > 0 || asker.portion === 0) this.sendPortion(id, asker);
      isLeft ||= asker.pending.size > 0;
    }
    this.updateSources();
    if (isLeft) this.schedulePortions();
  }

  private sendPortion(id: string, asker: Asker): void {
    const { mesh } = this.components;
    const rows = asker.pending.take(portionRows);
    const count = Object.values(rows).reduce((sum, { put }) => sum + put.length, 0);
    // Those of the beginning are the oldest; some of them may have gone meanwhile.
    asker.beginningLeft = asker.pending.size === 0 ? 0 : Math.max(0, asker.beginningLeft - count);
    const parts = inParts(rows);
    parts.forEach((part, index) => {
      asker.portion += 1;
      const more = asker.beginningLeft > 0 || index < parts.length - 1;
      mesh.notify([id], rowsKind, { epoch: asker.epoch, portion: asker.portion, more, rows: part });
    });
  }

  // ---- sources

  /** Sources run while someone here or elsewhere wants their rows. */
  private updateSources(): void {
    const isWanted = this.isWatched || this.isWanted || this.askers.size > 0;
    if (isWanted === (this.stops !== null)) return;
    const { sources, rows } = this.components;
    if (!isWanted) {
      for (const stop of this.stops ?? []) stop();
      this.stops = null;
      rows.forget(this.selfId);
      return;
    }
    this.stops = [];
    this.stops.push(
      ...sources.map((source) =>
        source.start(
          {
            put: (change) => {
              rows.put(source.kind, change);
            },
            drop: (key) => {
              rows.drop(source.kind, key);
            },
          },
          rows,
        ),
      ),
    );
  }
}

/** A portion in parts, none of them far above `portionBytes`. */
function inParts(rows: RowChanges): RowChanges[] {
  const parts: RowChanges[] = [];
  const pending = Object.entries(rows).flatMap(([kind, { put, gone }]) => [
    ...gone.map((key) => ({ kind, key, row: null })),
    ...put.map((row) => ({ kind, key: '', row })),
  ]);
  let part: Record<string, { put: RowData[]; gone: string[] }> = {};
  let bytes = 0;
  for (const { kind, key, row } of pending) {
    const size = row === null ? key.length : JSON.stringify(row).length;
    if (bytes > 0 && bytes + size > portionBytes) {
      parts.push(part);
      part = {};
      bytes = 0;
    }
    bytes += size;
    const change = (part[kind] ??= { put: [], gone: [] });
    if (row === null) change.gone.push(key);
    else change.put.push(row);
  }
  return [...parts, part];
}
