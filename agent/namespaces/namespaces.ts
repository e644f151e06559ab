// Namespaces of the cluster, as the rest of meshd uses them: every node shows the same ones, with the same hosts. Its parts: state (memory and
// disk), tables/sharing (rows reach every node), clearing (ends what is in one). SPEC section N.
import { AppError } from '../../contract/errors.ts';
import { maxNamespaceHosts, maxNamespaceHostsInAll, maxNamespaces } from '../../contract/limits.ts';
import type { Roster, RosterNode } from '../../contract/roster.ts';
import {
  allHostsBut,
  hostsAmong,
  joinHosts,
  nobody,
  onlyHosts,
  removeHosts,
  type HostSet,
  type NamespaceRows,
  type PresentNamespace,
} from '../../core/namespace-table.ts';
import { defaultNamespace, isNamespaceName, namespaceNameRule } from '../../core/namespaces.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { LoadKind } from '../../core/vms/placement.ts';
import type { Clock } from '../mesh/clock.ts';
import { Sharing } from '../tables/sharing.ts';
import type { SharedStateComponents } from '../tables/shared-state.ts';
import { Clearing, type ClearingMesh, type ClearReport } from './clearing.ts';
import type { ClusterContent, NamespaceContent, NamespaceHosts } from './content.ts';
import { Rows, rowsKind, syncKind } from './messages.ts';
import { NamespaceState } from './state.ts';

export interface NamespacesOptions {
  /** How often tables are compared (`-msa`). */
  readonly checkMs: number;
}

export interface NamespacesComponents extends SharedStateComponents {
  readonly mesh: ClearingMesh;
  readonly roster: { readonly roster: Roster };
  readonly clock: Clock;
  readonly random: () => number;
  readonly clusterContent: ClusterContent;
}

export class Namespaces implements NamespaceHosts {
  readonly state: NamespaceState;
  private readonly components: NamespacesComponents;
  private readonly sharing: Sharing<NamespaceRows>;
  private readonly clearing: Clearing;
  /** By name: its first row is being written. */
  private readonly making = new Map<string, Promise<void>>();

  private constructor(state: NamespaceState, { checkMs }: NamespacesOptions, components: NamespacesComponents) {
    const { mesh, clock, random } = components;
    this.state = state;
    this.components = components;
    this.sharing = new Sharing({ checkMs, rowsKind, syncKind, shape: Rows }, { mesh, clock, random, state });
    this.clearing = new Clearing({ ...components, state, hostIds: (name) => this.hostIds(name) });
  }

  static async open(options: NamespacesOptions, components: NamespacesComponents): Promise<Namespaces> {
    return new Namespaces(await NamespaceState.open(components.mesh.nodeId, components), options, components);
  }

  start(): void {
    this.sharing.start();
  }

  /** What is known is on the disk then. */
  stop(): Promise<void> {
    this.sharing.stop();
    return this.state.stop();
  }

  /** Registers what a part keeps for namespaces on this node; ended in the order of registration. */
  register(content: NamespaceContent): void {
    this.clearing.register(content);
  }

  has(name: string): boolean {
    return name === defaultNamespace || this.state.table.get(name) !== null;
  }

  /** The default one first. */
  names(): string[] {
    const names = this.state.table.present().map(({ name }) => name);
    return [defaultNamespace, ...names.sort(compareNames)];
  }

  /**
   * Makes the namespace unless it exists: with all other nodes as its hosts, or with this one when there are no others.
   * @throws AppError `invalid` for a name that cannot be one, `refused` when there are too many, `failed` when it is not saved
   */
  async mention(name: string): Promise<void> {
    const making = this.making.get(name);
    if (making) return making;
    if (this.has(name)) return;
    if (!isNamespaceName(name))
      throw new AppError('invalid', `invalid namespace name \`${name.slice(0, 80)}\`: ${namespaceNameRule}`);
    if (this.state.table.present().length >= maxNamespaces)
      throw new AppError(
        'refused',
        `more than ${maxNamespaces} namespaces: remove some with \`clear namespace <name>\``,
      );
    const { nodeId } = this.components.mesh;
    const isAlone = this.memberIds().every((id) => id === nodeId);
    const hosts = isAlone ? onlyHosts([nodeId]) : allHostsBut([nodeId]);
    const made = this.write(name, { hosts, load: 'cpucommit', isConfigured: false }).finally(() =>
      this.making.delete(name),
    );
    this.making.set(name, made);
    return made;
  }

  hosts(name: string): readonly string[] {
    const ids = new Set(this.hostIds(name));
    return this.members()
      .flatMap((node) => (ids.has(node.id) ? [node.name] : []))
      .sort(compareNames);
  }

  load(name: string): LoadKind {
    return this.setting(name)?.load ?? 'cpucommit';
  }

  /** @throws AppError `invalid` when it is too much, `failed` when it is not saved */
  async addHosts(name: string, added: readonly RosterNode[] | 'all'): Promise<void> {
    const { nodeId } = this.components.mesh;
    // `all` is all others, as everywhere.
    const more = added === 'all' ? allHostsBut([nodeId]) : onlyHosts(added.map(({ id }) => id));
    await this.configure(name, ({ hosts, load }) => ({ hosts: joinHosts(hosts, more), load }));
  }

  /** @throws AppError as `addHosts` */
  async deleteHosts(name: string, gone: readonly RosterNode[] | 'all'): Promise<void> {
    await this.configure(name, ({ hosts, load }) => ({
      hosts:
        gone === 'all'
          ? nobody
          : removeHosts(
              hosts,
              gone.map(({ id }) => id),
            ),
      load,
    }));
  }

  async setLoad(name: string, load: LoadKind): Promise<void> {
    await this.configure(name, ({ hosts }) => ({ hosts, load }));
  }

  /**
   * Ends what is in a namespace on every node, then the namespace; null: in all of them, the default one included, which stays.
   * Where something is left, the namespace stays too.
   */
  clear(name: string | null, options: { readonly signal: AbortSignal }): Promise<ClearReport> {
    return this.clearing.clear(name === null ? this.names() : [name], options);
  }

  /** Members of the roster. */
  members(): RosterNode[] {
    return this.components.roster.roster.nodes.filter(({ state }) => state === 'member');
  }

  isInMesh(id: string): boolean {
    return this.components.mesh.memberIds().includes(id);
  }

  private memberIds(): string[] {
    return this.members().map(({ id }) => id);
  }

  private hostIds(name: string): string[] {
    return hostsAmong(this.setting(name)?.hosts ?? nobody, this.memberIds());
  }

  private setting(name: string): { hosts: HostSet; load: LoadKind } | null {
    return name === defaultNamespace ? this.state.own : this.state.table.get(name);
  }

  private async configure(
    name: string,
    change: (setting: { hosts: HostSet; load: LoadKind }) => { hosts: HostSet; load: LoadKind },
  ): Promise<void> {
    const setting = this.setting(name);
    if (setting === null) throw new AppError('not-found', `no such namespace \`${name}\``);
    const next = change(setting);
    this.assertFits(name, next.hosts);
    if (name === defaultNamespace) await this.state.setOwn(next);
    else await this.write(name, { ...next, isConfigured: true });
  }

  private assertFits(name: string, { ids }: HostSet): void {
    const others = this.state.table.present().filter((row) => row.name !== name);
    const inAll = others.reduce((sum, { hosts }) => sum + hosts.ids.length, ids.length);
    if (ids.length <= maxNamespaceHosts && inAll <= maxNamespaceHostsInAll) return;
    throw new AppError(
      'invalid',
      `too many hosts are named one by one (${maxNamespaceHosts} in a namespace, ${maxNamespaceHostsInAll} in all): ` +
        'begin with `ns add-hosts all`, then take out those that it shall not have',
    );
  }

  private write(name: string, fields: Pick<PresentNamespace, 'hosts' | 'load' | 'isConfigured'>): Promise<void> {
    const { table, nodeId } = this.state;
    return this.state.commit({
      rows: [{ name, state: 'present', ...fields, counter: table.counter(name) + 1, node: nodeId }],
    });
  }
}
