// The VLANs of the cluster, as the rest of meshd uses them. Its parts: state (memory and disk), sharing (rows reach every
// node), confirmation (when a number may be given away), allocator (who gets which), joining (VMs of split aliases).
import { AppError } from '../../contract/errors.ts';
import { VlanPools } from '../../core/vlans/pool.ts';
import type { AliasName } from '../../core/vlans/names.ts';
import type { RangeRow, TableRows, VlanRange } from '../../core/vlans/table.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import { Allocator, type Resolved, type ResolveOptions } from './allocator.ts';
import { Confirmation } from './confirmation.ts';
import { describeUser, Joining, listed } from './joining.ts';
import { Sharing } from '../tables/sharing.ts';
import type { TextStore } from '../tables/store.ts';
import { Rows, rowsKind, syncKind, type VlansMesh } from './messages.ts';
import { VlanState } from './state.ts';
import { joinUsers, type VlanUsers } from './users.ts';

export interface VlansOptions {
  /** `-vlanrange`. */
  readonly range: VlanRange;
  /** How often tables are compared (`-msa`). */
  readonly checkMs: number;
}

export interface VlansComponents {
  readonly mesh: VlansMesh;
  readonly roster: RosterStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: TextStore;
  readonly log: Pick<Log, 'warn'>;
}

export class Vlans {
  readonly state: VlanState;
  readonly pools: VlanPools;
  readonly joining: Joining;
  private readonly components: VlansComponents;
  private readonly sharing: Sharing<TableRows>;
  private readonly confirmation: Confirmation;
  private readonly allocator: Allocator;
  private readonly users: VlanUsers[] = [];
  private readonly said = new Set<string>();

  private constructor(state: VlanState, { range, checkMs }: VlansOptions, components: VlansComponents) {
    const { mesh, roster, clock, random } = components;
    this.state = state;
    this.components = components;
    this.pools = new VlanPools(state.table, range);
    const users = () => joinUsers(this.users);
    const confirmation = new Confirmation({ mesh, clock, state, roster, users, log: components.log });
    this.confirmation = confirmation;
    const onMembers = (_came: readonly string[], went: readonly string[]) => {
      confirmation.membersWent(went);
      confirmation.kick();
    };
    this.sharing = new Sharing({ checkMs, rowsKind, syncKind, shape: Rows }, { mesh, clock, random, state, onMembers });
    this.allocator = new Allocator({ mesh, clock, state, pools: this.pools, confirmation: this.confirmation });
    this.joining = new Joining({ mesh, state, roster, allocator: this.allocator, users });
    state.onChange(() => {
      this.warn();
    });
  }

  static async open(options: VlansOptions, components: VlansComponents): Promise<Vlans> {
    return new Vlans(await VlanState.open(components.mesh.nodeId, components), options, components);
  }

  /** From now on it shares rows, and gains its numbers. */
  async start(): Promise<void> {
    this.components.roster.on('change', this.onRoster);
    this.sharing.start();
    await this.confirmation.gainIfConfirmed();
    this.confirmation.kick();
  }

  /** What is known is on the disk then. */
  async stop(): Promise<void> {
    this.components.roster.off('change', this.onRoster);
    this.sharing.stop();
    this.confirmation.stop();
    await this.state.stop();
  }

  /** Registers something that uses VLANs on this node, beside what is registered. */
  useBy(users: VlanUsers): void {
    this.users.push(users);
  }

  /**
   * The number of an alias or of a typed number, for an interface; a new alias gets one. Safe to call many times at once, and
   * answers within 15 s. Register the user (`useBy`) before the number counts on being kept.
   * @throws AppError `invalid`, `refused`, `failed`, `timeout` (unknown), `cancelled`
   */
  resolve(text: string, namespace: string, options: ResolveOptions): Promise<Resolved> {
    return this.allocator.resolve(text, namespace, options);
  }

  /** `vlans add`. @returns what a person should know */
  add(name: AliasName, wish: { vlan: number; force: boolean }, options: ResolveOptions): Promise<readonly string[]> {
    return this.allocator.add(name, wish, options);
  }

  blacklist(vlan: number, force: boolean, options: ResolveOptions): Promise<void> {
    return this.allocator.blacklist(vlan, force, options);
  }

  /** Null: it uses the default one again. @throws AppError `conflict` with minimega's text */
  async setRange(namespace: string, range: VlanRange | null): Promise<void> {
    const other = range === null ? null : this.pools.overlapping(namespace, range);
    if (other !== null) throw new AppError('conflict', `range overlaps with another namespace: ${other}`);
    await this.state.commit({ ranges: [this.rangeRow(namespace, range)] });
  }

  /**
   * Releases the aliases of a namespace whose names begin with `prefix`; null: of all namespaces, numbers that were used as
   * they are, and ranges. @throws AppError when VMs use one of them, or an owner is away; the others are released
   */
  async clear(scope: { namespace: string; prefix: string } | null, options: ResolveOptions): Promise<void> {
    const rows = this.state.table
      .heldRows()
      .filter(
        (row) =>
          scope === null ||
          (row.alias !== '' && row.namespace === scope.namespace && row.alias.startsWith(scope.prefix)),
      );
    const users = await this.joining.usersOf([...new Set(rows.map(({ vlan }) => vlan))], options);
    if (users.length > 0) {
      const said = listed(users.map(describeUser));
      throw new AppError('refused', `VMs use these VLANs: ${said}. Kill and flush them, or disconnect them first`);
    }
    const kept = await this.allocator.release(
      rows.map(({ vlan, namespace, alias }) => ({ vlan, name: { namespace, alias } })),
      options,
    );
    if (scope === null) {
      const ranges = this.state.table.ranges().filter(({ range }) => range !== null);
      if (ranges.length > 0)
        await this.state.commit({ ranges: ranges.map(({ namespace }) => this.rangeRow(namespace, null)) });
    }
    if (kept.size === 0) return;
    const reasons = [...kept].map(([vlan, why]) => `VLAN ${vlan}: ${why}`);
    throw new AppError('refused', `not all were released: ${listed(reasons)}`);
  }

  private rangeRow(namespace: string, range: VlanRange | null): RangeRow {
    const counter = (this.state.table.range(namespace)?.counter ?? 0) + 1;
    return { namespace, range, counter, node: this.components.mesh.nodeId };
  }

  private readonly onRoster = (): void => {
    this.state.follow();
    this.confirmation.kick();
  };

  /** Each split and each clash once in the log. */
  private warn(): void {
    const { table } = this.state;
    const now = new Set([
      ...table
        .splits()
        .map(
          ({ namespace, alias, vlans }) =>
            `the alias ${alias} of the namespace ${namespace} is split over VLANs ${vlans.join(' and ')}: see \`vlans join ${alias}\``,
        ),
      ...table
        .clashes()
        .map(
          ({ vlan, holders }) =>
            `VLAN ${vlan} was forced and has several aliases: ${holders.map(({ namespace, alias }) => (alias === '' ? 'used as a number' : `${namespace}//${alias}`)).join(', ')}`,
        ),
    ]);
    for (const text of this.said) if (!now.has(text)) this.said.delete(text);
    for (const text of now) {
      if (this.said.has(text)) continue;
      this.said.add(text);
      this.components.log.warn(`vlans: ${text}`);
    }
  }
}
