// What this node knows of VLANs, in memory and on disk: the table that all share, and which numbers this node may give away.
import type { Roster } from '../../contract/roster.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { Owners } from '../../core/vlans/owners.ts';
import { followRoster, ownedNumbers, type RosterView, type Standing } from '../../core/vlans/standing.ts';
import { maxRanges, VlanTable, type RangeRow, type TableRows, type VlanRow } from '../../core/vlans/table.ts';
import { SharedState, type NewsLists, type SharedStateComponents } from '../tables/shared-state.ts';
import { maxRowsSent } from './messages.ts';
import { loadVlans, storedText, type StoredVlans } from './vlan-store.ts';

const lists: NewsLists<TableRows> = {
  all: ({ rows, ranges }) => [...rows, ...ranges],
  filter: ({ rows, ranges }, keep) => ({ rows: rows.filter(keep), ranges: ranges.filter(keep) }),
  join: (first, second) => ({
    rows: [...first.rows, ...second.rows],
    ranges: [...first.ranges, ...second.ranges],
  }),
  cut: ({ rows, ranges }) => ({ rows: rows.slice(0, maxRowsSent), ranges: ranges.slice(0, maxRanges) }),
};

export interface StateComponents extends SharedStateComponents {
  readonly roster: { readonly roster: Roster };
}

export class VlanState extends SharedState<TableRows> {
  readonly table: VlanTable;
  private readonly roster: { readonly roster: Roster };
  private known: Standing;
  private numbers: ReadonlySet<number>;
  private rosterSeen: Roster | null = null;
  private ownersNow = new Owners([]);
  private ownedNow: readonly number[] = [];

  private constructor(nodeId: string, stored: StoredVlans, components: StateComponents) {
    const table = new VlanTable();
    super({ nodeId, what: 'VLANs' }, table, { ...components, lists });
    this.table = table;
    this.roster = components.roster;
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
    return this.roster.roster.version;
  }

  /** Whether this node alone may say who holds this number. */
  mayGive(vlan: number): boolean {
    return this.standing.promised <= this.rosterVersion && this.numbers.has(vlan);
  }

  override commit({ rows = [], ranges = [] }: Partial<TableRows>): Promise<void> {
    return super.commit({ rows, ranges });
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

  /** What decides which numbers aliases of a namespace get, as others may know it. */
  async rangesFor(namespace: string): Promise<RangeRow[]> {
    const find = () => [...new Set([namespace, defaultNamespace])].flatMap((name) => this.table.range(name) ?? []);
    await this.settled(find);
    return find();
  }

  /** Works out what the roster in force means, once for each. Called for each one, no version is missed (`followRoster`). */
  follow(): void {
    const { roster } = this.roster;
    if (roster === this.rosterSeen) return;
    this.rosterSeen = roster;
    const view = viewOf(roster);
    this.ownersNow = new Owners(view.members);
    this.ownedNow = ownedNumbers(this.ownersNow, this.nodeId);
    this.standing = followRoster(this.known, view, this.ownedNow);
  }

  protected override text(): string {
    this.follow();
    return storedText(this.nodeId, { standing: this.known, table: this.table.all() });
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
