// What this node knows of VLANs, in memory and on disk.
//
// INVARIANTS
// - A row that this node wrote reaches no other node, and no caller, before it is on the disk: a node that forgot whom it gave
//   a number would give it away again.
// - One write to the disk at a time; what comes meanwhile goes together into the next.
import { AppError, describeError } from '../../contract/errors.ts';
import type { Roster } from '../../contract/roster.ts';
import { Owners } from '../../core/vlans/owners.ts';
import { followRoster, ownedNumbers, type RosterView, type Standing } from '../../core/vlans/standing.ts';
import { VlanTable, type RangeRow, type TableRows, type VlanRow } from '../../core/vlans/table.ts';
import type { Log } from '../log.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { TextStore } from '../tables/store.ts';
import { loadVlans, storedText, type StoredVlans } from './store.ts';

/** Rows of others are saved together. They come again from the mesh, so nothing is lost with them. */
const saveSoonMs = 500;

/** `isOwn`: written here, just now. */
export type ChangeListener = (news: TableRows, isOwn: boolean) => void;

export interface StateComponents {
  readonly store: TextStore;
  readonly roster: { readonly roster: Roster };
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

export class VlanState {
  readonly nodeId: string;
  readonly table = new VlanTable();
  private readonly components: StateComponents;
  private readonly listeners = new Set<ChangeListener>();
  private readonly unsaved = new Set<object>();
  private known: Standing;
  private numbers: ReadonlySet<number>;
  private rosterSeen: Roster | null = null;
  private ownersNow = new Owners([]);
  private ownedNow: readonly number[] = [];
  private isDirty = false;
  private writing: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  private soon: Timer | null = null;

  private constructor(nodeId: string, stored: StoredVlans, components: StateComponents) {
    this.nodeId = nodeId;
    this.components = components;
    this.known = stored.standing;
    this.numbers = new Set(stored.standing.numbers);
    this.table.merge(stored.table);
  }

  static async open(nodeId: string, components: StateComponents): Promise<VlanState> {
    const onDamage = () => {
      components.log.warn('vlans: vlans.json is damaged and was set aside; the rows come again from the other nodes');
    };
    return new VlanState(nodeId, await loadVlans(components.store, { nodeId, onDamage }), components);
  }

  /** Who owns what by the roster in force. */
  get owners(): Owners {
    this.follow();
    return this.ownersNow;
  }

  /** Numbers that the roster in force gives to this node. */
  get owned(): readonly number[] {
    this.follow();
    return this.ownedNow;
  }

  get standing(): Standing {
    this.follow();
    return this.known;
  }

  set standing(next: Standing) {
    if (next === this.known) return;
    this.known = next;
    this.numbers = new Set(next.numbers);
    this.isDirty = true;
  }

  get rosterVersion(): number {
    return this.components.roster.roster.version;
  }

  /** Whether this node alone may say who holds this number. */
  mayGive(vlan: number): boolean {
    return this.standing.promised <= this.rosterVersion && this.numbers.has(vlan);
  }

  onChange(listener: ChangeListener): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /**
   * Writes rows: they count here at once, so that the next decision sees them, and others get them once they are on the
   * disk. @throws AppError `failed` when they are not, and count no more
   */
  async commit({ rows = [], ranges = [] }: Partial<TableRows>): Promise<void> {
    const befores = rows.map((row) => this.table.before(row));
    const rangesBefore = ranges.map(({ namespace }) => this.table.range(namespace));
    this.table.merge({ rows, ranges });
    for (const row of [...rows, ...ranges]) this.unsaved.add(row);
    this.isDirty = true;
    try {
      await this.save();
    } catch (cause) {
      rows.forEach((row, at) => {
        this.table.undo(row, befores[at]);
      });
      ranges.forEach((row, at) => {
        this.table.undoRange(row, rangesBefore[at]);
      });
      throw new AppError('failed', `VLANs cannot be saved, so nothing was changed: ${describeError(cause)}`, { cause });
    } finally {
      for (const row of [...rows, ...ranges]) this.unsaved.delete(row);
    }
    this.tell({ rows, ranges }, true);
  }

  /** Takes what another member says. */
  merge(heard: TableRows): TableRows {
    const news = this.table.merge(heard);
    if (news.rows.length + news.ranges.length === 0) return news;
    this.isDirty = true;
    this.soon ??= this.components.clock.after(saveSoonMs, () => {
      this.soon = null;
      this.save().catch((error: unknown) => {
        this.components.log.warn(`vlans: rows of other nodes are not saved: ${describeError(error)}`);
      });
    });
    this.tell(news, false);
    return news;
  }

  /** The rows of an alias that others may know: one that is being written is waited for. */
  async held(name: { namespace: string; alias: string }): Promise<VlanRow[]> {
    await this.settled(() => this.table.held(name));
    return this.table.held(name);
  }

  async holders(vlan: number): Promise<VlanRow[]> {
    await this.settled(() => this.table.holders(vlan));
    return this.table.holders(vlan);
  }

  /** Those of these rows that other nodes may get: not the ones that are being written. */
  saved({ rows, ranges }: TableRows): { rows: VlanRow[]; ranges: RangeRow[] } {
    return {
      rows: rows.filter((row) => !this.unsaved.has(row)),
      ranges: ranges.filter((row) => !this.unsaved.has(row)),
    };
  }

  /** All that this node knows, on the disk. */
  save(): Promise<void> {
    if (this.next) return this.next;
    if (!this.isDirty) return this.writing ?? Promise.resolve();
    this.next = this.writeNext();
    return this.next;
  }

  async stop(): Promise<void> {
    this.soon?.cancel();
    this.soon = null;
    this.listeners.clear();
    await this.save();
  }

  /** Works out what the roster in force means, once for each. Called for each one, no version is missed (`followRoster`). */
  follow(): void {
    const { roster } = this.components.roster;
    if (roster === this.rosterSeen) return;
    this.rosterSeen = roster;
    const view = viewOf(roster);
    this.ownersNow = new Owners(view.members);
    this.ownedNow = ownedNumbers(this.ownersNow, this.nodeId);
    this.standing = followRoster(this.known, view, this.ownedNow);
  }

  private async settled(rows: () => VlanRow[]): Promise<void> {
    // A write that fails takes its rows back; the writer gets the error.
    while (rows().some((row) => this.unsaved.has(row))) await this.save().catch(() => undefined);
  }

  private async writeNext(): Promise<void> {
    await this.writing?.catch(() => undefined);
    // All that is decided in this turn goes into one write.
    await Promise.resolve();
    this.next = null;
    this.isDirty = false;
    this.follow();
    const table = this.table.all();
    const writing = this.components.store.save(storedText(this.nodeId, { standing: this.known, table }));
    this.writing = writing;
    try {
      await writing;
    } catch (error) {
      this.isDirty = true;
      throw error;
    } finally {
      if (this.writing === writing) this.writing = null;
    }
  }

  private tell(news: TableRows, isOwn: boolean): void {
    for (const listener of [...this.listeners]) listener(news, isOwn);
  }
}

export function viewOf(roster: Roster): RosterView {
  return {
    version: roster.version,
    removals: roster.removals ?? null,
    ids: roster.nodes.map(({ id }) => id),
    members: roster.nodes.flatMap(({ id, state }) => (state === 'member' ? [id] : [])),
  };
}
