// The VLANs of the cluster, as the rest of meshd uses them. Its parts: state (memory and disk), sharing (rows reach every
// node), confirmation (when a number may be given away), allocator (who gets which), joining (VMs of split aliases).
import { AppError } from '../../contract/errors.ts';
import { VlanPools } from '../../core/vlans/pool.ts';
import { parseAlias, rawName, sameAlias, type AliasName } from '../../core/vlans/names.ts';
import type { RangeRow, TableRows, VlanRange, VlanRow } from '../../core/vlans/table.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import { Allocator, type Resolved, type ResolveOptions } from './allocator.ts';
import { Confirmation } from './confirmation.ts';
import { describeUser, Joining, listed, type NodeUser } from './joining.ts';
import { Sharing } from '../tables/sharing.ts';
import type { TextStore } from '../tables/table-store.ts';
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

  /** Gives a new alias a free number. @throws AppError as `resolve`; `conflict`: it has one */
  async addFree(name: AliasName, options: ResolveOptions): Promise<Resolved> {
    if ((await this.state.held(name)).length > 0) throw new AppError('conflict', 'alias already in use');
    return this.allocator.resolve(`${name.namespace}//${name.alias}`, name.namespace, options);
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
    assertUnused(await this.joining.usersOf(numbersOf(rows), options));
    const kept = await this.release(rows, options);
    if (scope === null) {
      const ranges = this.state.table.ranges().filter(({ range }) => range !== null);
      if (ranges.length > 0)
        await this.state.commit({ ranges: ranges.map(({ namespace }) => this.rangeRow(namespace, null)) });
    }
    assertReleased(kept);
  }

  /**
   * Releases all numbers of one alias, or a number that is held without one. On a number that clashes, VMs of the other holders
   * stay as they are. @throws AppError when nobody holds it, VMs use it, or the owner is away
   */
  async delete(what: AliasName | number, options: ResolveOptions): Promise<void> {
    const name = typeof what === 'number' ? rawName : what;
    const rows =
      typeof what === 'number'
        ? (await this.state.holders(what)).filter((row) => sameAlias(row, rawName))
        : await this.state.held(what);
    if (rows.length === 0) {
      const said =
        typeof what === 'number'
          ? `VLAN ${what} is not held without an alias`
          : `no alias ${what.alias} in the namespace ${what.namespace}`;
      throw new AppError('not-found', said);
    }
    const { table } = this.state;
    const users = await this.joining.usersOf(numbersOf(rows), options);
    assertUnused(users.filter((user) => !table.isClash(user.vlan) || isBy(user, name)));
    assertReleased(await this.release(rows, options));
  }

  private release(rows: readonly VlanRow[], options: ResolveOptions): Promise<Map<number, string>> {
    return this.allocator.release(
      rows.map(({ vlan, namespace, alias }) => ({ vlan, name: { namespace, alias } })),
      options,
    );
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

const numbersOf = (rows: readonly VlanRow[]): number[] => [...new Set(rows.map(({ vlan }) => vlan))];

function assertUnused(users: readonly NodeUser[]): void {
  if (users.length === 0) return;
  const said = listed(users.map(describeUser));
  throw new AppError('refused', `VMs use these VLANs: ${said}. Kill and flush them, or disconnect them first`);
}

function assertReleased(kept: ReadonlyMap<number, string>): void {
  if (kept.size === 0) return;
  const reasons = [...kept].map(([vlan, why]) => `VLAN ${vlan}: ${why}`);
  throw new AppError('refused', `not all were released: ${listed(reasons)}`);
}

/** By this holder; also when its node does not say by which. */
function isBy({ alias, namespace }: NodeUser, name: AliasName): boolean {
  if (alias === undefined) return true;
  if (alias === '') return name.alias === '';
  const parsed = parseAlias(alias, namespace);
  return parsed.ok && sameAlias(parsed.value, name);
}
