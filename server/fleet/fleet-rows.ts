// The rows of all clusters, and what changed in them since the last flush. Owns what the console adds to what nodes say: the
// cluster, ages and events; where changes come from and when they go out is decided elsewhere.
//
// INVARIANT: a snapshot taken after a flush, with the deltas flushed after it, gives the rows (core/fleet-view.ts).
import type { FleetChoice } from '../../contract/browser/fleet.ts';
import {
  bridges,
  hosts,
  links,
  nodes,
  vms,
  type LinkRow,
  type NodeRow,
  type VmRow,
} from '../../contract/cluster-kinds.ts';
import {
  clusters,
  fleetBridges,
  fleetKind,
  fleetKinds,
  fleetLinks,
  fleetNodes,
  type FleetBridge,
  type FleetCluster,
  type FleetDelta,
  type FleetEvent,
  type FleetLink,
  type FleetNode,
  type FleetSnapshot,
} from '../../contract/fleet.ts';
import { keyOf, type RowsKey } from '../../contract/kind-keys.ts';
import type { Kind, KindChange, RowChanges, RowData } from '../../contract/kinds.ts';
import { keepRecent, linkKey, maxEvents } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { PendingRows, Rows } from '../../core/rows.ts';

/**
 * Changes of hosts that go out in a second. Every host's load changes every second: of 1,000 nodes each is then shown every
 * 5 s, instead of 150 kB a second to every browser. Membership and links never wait.
 */
const maxHostsPerSecond = 200;

/** Events of one flush: more than that at once is one disaster, and the picture shows it. */
const maxEventsPerFlush = 100;

/** Names of VMs in one event: a node has up to 1,000, and the events of an hour go to each page. */
const maxVmNames = 100;
/** VMs whose node was lost longer ago were lost with it: their rows come late, as after another node was attached to. */
const freshLossMs = 60_000;

const none: KindChange = { put: [], gone: [] };

export class FleetRows {
  private readonly now: () => number;
  /** As nodes tell them. */
  private readonly told: readonly Kind[];
  private readonly tables: ReadonlyMap<string, Rows>;
  private readonly pending = new PendingRows();
  private events: readonly FleetEvent[] = [];
  private newEvents: FleetEvent[] = [];
  /** What happened to VMs in the change that is being applied: one event for each sort and node. */
  private readonly vmNews = new Map<string, { kind: FleetEvent['Kind']; node: string; names: string[] }>();
  private revision = 0;

  /** Changes of hosts that wait for their turn, by node id, the longest waiting first. They are in no table yet. */
  private readonly waitingHosts = new Map<string, { cluster: string; change: RowData }>();
  private hostsLeft = maxHostsPerSecond;
  private hostsAt: number;

  /** `now`: ms since 1970. `kinds`: what clusters may tell. */
  constructor(components: { now: () => number; kinds: readonly Kind[] }) {
    this.now = components.now;
    this.told = components.kinds;
    this.tables = new Map(fleetKinds(components.kinds).map((kind) => [kind.name, new Rows(kind)]));
    this.hostsAt = this.now();
  }

  cluster(id: string): FleetCluster | undefined {
    return this.table(clusters).get(id);
  }

  /** Nodes of a cluster. */
  nodesOf(cluster: string): FleetNode[] {
    return [...this.table(fleetNodes).values()].filter((node) => node.Cluster === cluster);
  }

  node(id: string): FleetNode | undefined {
    return this.table(fleetNodes).get(id);
  }

  /** A row of any kind as browsers get it, by its key; undefined also for a kind that this fleet was not made with. */
  row<Row extends RowData>({ name }: RowsKey<Row>, key: string): Row | undefined {
    return this.tables.get(name)?.get(key) as Row | undefined;
  }

  /** The rows of any kind as browsers get them. */
  rowsOf<Row extends RowData>(kind: Kind<Row>): Row[] {
    return [...this.table(kind).values()];
  }

  putCluster(cluster: FleetCluster): void {
    this.put(clusters, cluster);
  }

  removeCluster(id: string): void {
    for (const [name, table] of this.tables) {
      if (name === clusters.name) continue;
      for (const [key, row] of [...table.entries()]) if (row['Cluster'] === id) this.drop(table.kind, key);
    }
    for (const [node, { cluster }] of this.waitingHosts) if (cluster === id) this.waitingHosts.delete(node);
    this.drop(clusters, id);
  }

  /**
   * Replaces a cluster by the rows that a node sends at the beginning. What we know and the node does not know yet stays: a
   * node that was just attached to has no rows of the other members for a second.
   */
  applySnapshot(cluster: string, rows: RowChanges): void {
    const isFirst = this.nodesOf(cluster).length === 0;
    const change = (kind: Kind<NodeRow> | Kind<LinkRow>, own: Rows) => {
      const { put } = rows[kind.name] ?? none;
      const keys = new Set(put.map((row) => keyOf(kind, row)));
      const gone = [...own.entries()].filter(([, row]) => row['Cluster'] === cluster).map(([key]) => key);
      return { put, gone: gone.filter((key) => !keys.has(key)) };
    };
    const changes: Record<string, KindChange> = {
      [nodes.name]: change(nodes, this.table(fleetNodes)),
      [links.name]: change(links, this.table(fleetLinks)),
    };
    for (const kind of this.told) {
      if (kind.name === nodes.name || kind.name === links.name) continue;
      const { put } = rows[kind.name] ?? none;
      if (kind.owner !== null) changes[kind.name] = { put, gone: [] };
      else {
        const keys = new Set(put.map((row) => keyOf(kind, row)));
        const own = [...this.tableOf(kind).values()].filter((row) => row['Cluster'] === cluster);
        changes[kind.name] = { put, gone: own.map((row) => keyOf(kind, row)).filter((key) => !keys.has(key)) };
      }
    }
    this.applyChange(cluster, changes, { isFirst });
    // A node that is not in the mesh says nothing; its VMs as the others know them are among these rows.
    const told = new Set((rows[vms.name] ?? none).put.map((row) => keyOf(vms, row)));
    for (const node of this.nodesOf(cluster)) if (node.State !== 'member') this.dropSaid(node.Id, told);
  }

  /** Applies what changed. Rows that belong to another cluster are left alone: ids are random, so they are lies. */
  applyChange(cluster: string, changes: RowChanges, { isFirst = false } = {}): void {
    const ofLinks = changes[links.name] ?? none;
    const ofNodes = changes[nodes.name] ?? none;
    for (const key of ofLinks.gone) this.dropLink(cluster, key);
    for (const id of ofNodes.gone) {
      const node = this.node(id);
      if (node?.Cluster !== cluster) continue;
      this.dropNode(node);
      this.addEvent({ At: this.now(), Cluster: cluster, Kind: 'node-gone', Nodes: [node.Name] });
    }
    for (const change of ofNodes.put) this.putNode(cluster, change, { isFirst });
    for (const change of ofLinks.put) this.putLink(cluster, change as LinkRow, { isFirst });
    for (const kind of this.told) {
      const { put, gone } = changes[kind.name] ?? none;
      if (kind.name === nodes.name || kind.name === links.name) continue;
      for (const key of gone) this.dropTold(cluster, kind, key);
      for (const change of put) this.putTold(cluster, kind, change);
    }
    if (!isFirst) this.tellVmNews(cluster);
    this.vmNews.clear();
  }

  addEvent(event: FleetEvent): void {
    if (this.newEvents.length < maxEventsPerFlush) this.newEvents.push(event);
  }

  /** Lets hosts through that have waited. Callers call it a few times a second. */
  releaseHosts(): void {
    for (const [id, { cluster, change }] of this.waitingHosts) {
      if (!this.takeHostTurn()) return;
      this.waitingHosts.delete(id);
      this.putOwned(cluster, hosts, change);
    }
  }

  get isWaiting(): boolean {
    return this.waitingHosts.size > 0;
  }

  /** What changed since the last one, numbered; null when nothing did. */
  flush(): FleetDelta | null {
    if (this.pending.size + this.newEvents.length === 0) return null;
    const now = this.now();
    const from = this.revision;
    this.revision += 1;
    const delta: FleetDelta = {
      From: from,
      Revision: this.revision,
      Now: now,
      Kinds: this.pending.take() as FleetDelta['Kinds'],
      Events: this.newEvents,
    };
    this.events = keepRecent([...this.events, ...this.newEvents], now).slice(-maxEvents);
    this.newEvents = [];
    return delta;
  }

  /** All of it, or the kinds that are chosen. Flush before: what is pending would come again with the next delta. */
  snapshot({ Only, Without = [] }: FleetChoice = {}): FleetSnapshot {
    const now = this.now();
    const isChosen = (name: string) => (Only?.includes(name) ?? true) && !Without.includes(name);
    const tables = [...this.tables].filter(([name, table]) => table.size > 0 && isChosen(name));
    return {
      Revision: this.revision,
      Now: now,
      Kinds: Object.fromEntries(tables.map(([name, table]) => [name, { put: [...table.values()], gone: [] }])),
      Events: [...keepRecent(this.events, now)],
    };
  }

  // ---- nodes

  private putNode(cluster: string, change: Partial<NodeRow>, { isFirst }: { isFirst: boolean }): void {
    const known = this.node(change.Id ?? '');
    if (known && known.Cluster !== cluster) return;
    const now = this.now();
    const state = change.State ?? known?.State;
    const lostAt = state === 'member' ? null : (known?.LostAt ?? now);
    // A member that is known as it is has nothing new to say.
    const isNew = known === undefined || Object.entries(change).some(([field, value]) => !isSame(known, field, value));
    if (!isNew) return;
    this.put(fleetNodes, { ...change, Cluster: cluster, AsOf: now, LostAt: lostAt });
    const node = this.node(change.Id ?? '');
    if (!node) return;
    const event = (kind: FleetEvent['Kind']) =>
      this.addEvent({ At: now, Cluster: cluster, Kind: kind, Nodes: [node.Name] });
    if (!known) {
      if (!isFirst) event('node-new');
      return;
    }
    if (known.State === node.State) return;
    if (node.State === 'member' || known.State === 'member') event(node.State === 'member' ? 'node-up' : 'node-down');
    if (node.State !== 'member') this.dropSaid(node.Id);
  }

  private dropNode({ Id: id }: FleetNode): void {
    for (const link of this.rowsOf(fleetLinks)) {
      if (link.A === id || link.B === id) this.drop(fleetLinks, linkKey(link));
    }
    this.dropOwned(id);
    this.drop(fleetNodes, id);
  }

  // ---- links

  private putLink(cluster: string, link: LinkRow, { isFirst }: { isFirst: boolean }): void {
    const [a, b] = [this.node(link.A), this.node(link.B)];
    // Half a link to a node that is not, or no longer, in the roster, or a node's link to itself: nothing to draw.
    if (a?.Cluster !== cluster || b?.Cluster !== cluster || link.A === link.B) return;
    const now = this.now();
    const known = this.table(fleetLinks).get(linkKey(link));
    if (known?.State === link.State) return;
    // The same two the other way round are the same link.
    if (!known && this.table(fleetLinks).get(linkKey({ A: link.B, B: link.A }))) return;
    const next: FleetLink = { A: link.A, B: link.B, State: link.State, Cluster: cluster, Since: now };
    this.put(fleetLinks, next);
    if (isFirst) return;
    const kind = next.State === 'up' ? 'link-up' : 'link-down';
    if (known || next.State === 'up') this.addEvent({ At: now, Cluster: cluster, Kind: kind, Nodes: [a.Name, b.Name] });
  }

  private dropLink(cluster: string, key: string): void {
    const link = this.table(fleetLinks).get(key);
    if (link?.Cluster !== cluster) return;
    this.drop(fleetLinks, key);
    if (link.State !== 'up') return;
    const names = [this.node(link.A)?.Name ?? '', this.node(link.B)?.Name ?? ''];
    this.addEvent({ At: this.now(), Cluster: cluster, Kind: 'link-down', Nodes: names });
  }

  // ---- other kinds

  private putTold(cluster: string, kind: Kind, change: RowData): void {
    if (kind.owner === null) {
      this.put(this.tableOf(kind).kind, { ...change, Cluster: cluster, AsOf: this.now() });
      return;
    }
    const id = String(change[kind.owner]);
    if (this.node(id)?.Cluster !== cluster) return;
    const waiting = this.waitingHosts.get(id)?.change;
    const isKnown = this.tableOf(kind).get(keyOf(kind, change)) !== undefined;
    if (kind.name === hosts.name && isKnown && (waiting || !this.takeHostTurn())) {
      this.waitingHosts.set(id, { cluster, change: { ...waiting, ...change } });
      return;
    }
    this.putOwned(cluster, kind, change);
  }

  private putOwned(cluster: string, kind: Kind, change: RowData): void {
    const node = kind.owner === null ? undefined : this.node(String(change[kind.owner]));
    if (node?.Cluster !== cluster) return;
    const before = this.table(fleetBridges).get(node.Id);
    const rowBefore = this.tableOf(kind).get(keyOf(kind, change));
    this.put(this.tableOf(kind).kind, { ...change, Cluster: cluster, AsOf: this.now() });
    if (kind.name === vms.name) {
      const row = this.table(fleetKind(vms)).get(keyOf(kind, change));
      if (row) this.noteVm(rowBefore as VmRow | undefined, row, node);
    }
    if (kind.name !== bridges.name) return;
    for (const event of bridgeEvents(before, this.table(fleetBridges).get(node.Id)))
      this.addEvent({ At: this.now(), Cluster: cluster, Kind: event, Nodes: [node.Name] });
  }

  private noteVm(before: VmRow | undefined, row: VmRow, node: FleetNode): void {
    const kind = vmEvent(before, row, node.LostAt === null ? null : this.now() - node.LostAt);
    if (kind === null) return;
    const key = `${kind} ${node.Id}`;
    const news = this.vmNews.get(key) ?? { kind, node: node.Name, names: [] };
    news.names.push(row.Name);
    this.vmNews.set(key, news);
  }

  private tellVmNews(cluster: string): void {
    for (const { kind, node, names } of this.vmNews.values()) {
      const vmsOf = { Count: names.length, Names: names.sort(compareNames).slice(0, maxVmNames) };
      this.addEvent({ At: this.now(), Cluster: cluster, Kind: kind, Nodes: [node], Vms: vmsOf });
    }
  }

  private dropTold(cluster: string, kind: Kind, key: string): void {
    const own = this.tableOf(kind);
    const fleetKey = kind.owner === null ? `${cluster} ${key}` : key;
    if (own.get(fleetKey)?.['Cluster'] === cluster) this.drop(own.kind, fleetKey);
    if (kind.name === hosts.name && this.waitingHosts.get(key)?.cluster === cluster) this.waitingHosts.delete(key);
  }

  /**
   * Forgets what a node said: it left the mesh. That its VMs are lost is what the others say, and stays; `told`: of these VMs alone.
   */
  private dropSaid(id: string, told: ReadonlySet<string> | null = null): void {
    this.dropOwned(id, (name, key, row) => name === vms.name && row['State'] === 'LOST' && (told?.has(key) ?? true));
  }

  private dropOwned(id: string, stays: (kind: string, key: string, row: RowData) => boolean = () => false): void {
    this.waitingHosts.delete(id);
    for (const table of this.tables.values()) {
      if (table.kind.owner === null) continue;
      for (const key of table.keysOf(id)) {
        const row = table.get(key);
        if (row && !stays(table.kind.name, key, row)) this.drop(table.kind, key);
      }
    }
  }

  private takeHostTurn(): boolean {
    const now = this.now();
    const earned = ((now - this.hostsAt) / 1000) * maxHostsPerSecond;
    // A clock that was set back earns nothing.
    this.hostsLeft = Math.min(maxHostsPerSecond, this.hostsLeft + Math.max(0, earned));
    this.hostsAt = now;
    if (this.hostsLeft < 1) return false;
    this.hostsLeft -= 1;
    return true;
  }

  // ---- tables

  /** @throws RangeError for a kind that this fleet was not made with */
  private table<Row extends RowData>(kind: Kind<Row>): Rows<Row> {
    return this.tableOf(kind) as unknown as Rows<Row>;
  }

  private tableOf(kind: Pick<Kind, 'name'>): Rows {
    const table = this.tables.get(kind.name);
    if (!table) throw new RangeError(`no kind ${kind.name} here`);
    return table;
  }

  private put<Row extends RowData>(kind: Kind<Row>, change: Partial<Row>): void {
    const changed = this.table(kind).put(change);
    if (changed !== null) this.pending.notePut(kind, changed);
  }

  private drop<Row extends RowData>(kind: Kind<Row>, key: string): void {
    if (this.table(kind).drop(key) !== undefined) this.pending.noteGone(kind, key);
  }
}

function isSame(known: RowData, field: string, value: unknown): boolean {
  const before = known[field];
  return before === value || JSON.stringify(before) === JSON.stringify(value);
}

/** What happened to a VM where nobody asked for it. `lostMs`: since when its node is lost; null while it is not. A VM that is new is not an event, unless it is LOST. */
function vmEvent(
  before: VmRow | undefined,
  { State: state, Reason: reason }: VmRow,
  lostMs: number | null,
): FleetEvent['Kind'] | null {
  if (state === 'LOST') {
    if (before !== undefined) return before.State === 'LOST' ? null : 'vm-lost';
    return lostMs !== null && lostMs < freshLossMs ? 'vm-lost' : null;
  }
  if (before === undefined || (before.State === state && before.Reason === reason)) return null;
  if (state === 'ERROR') return 'vm-failed';
  if (reason === '') return null;
  return state === 'PAUSED' ? 'vm-paused' : state === 'QUIT' ? 'vm-ended' : null;
}

/** What happened to a node's bridge between two reports. A bridge that is reported for the first time does not count as a change. */
function bridgeEvents(before: FleetBridge | undefined, now: FleetBridge | undefined): FleetEvent['Kind'][] {
  if (!before || !now) return [];
  const changes: FleetEvent['Kind'][] = [];
  if (before.Bridge === '' && now.Bridge !== '') changes.push('bridge-up');
  if (before.Bridge !== '' && now.Bridge === '') changes.push('bridge-gone');
  const [hadAlarm, hasAlarm] = [before.Alarms.length > 0, now.Alarms.length > 0];
  if (hadAlarm !== hasAlarm) changes.push(hasAlarm ? 'bridge-alarm' : 'bridge-well');
  return changes;
}
