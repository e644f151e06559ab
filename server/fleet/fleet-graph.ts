// The nodes of all clusters and the links between them as one graph, and what changed in it since the last flush. Owns
// FleetNode, FleetLink and events; where changes come from and when they go out is decided elsewhere.
//
// INVARIANT: a snapshot taken after a flush, with the deltas flushed after it, gives the graph (core/fleet-view.ts).
import { UndirectedGraph } from 'graphology';
import type {
  FleetCluster,
  FleetDelta,
  FleetEvent,
  FleetLink,
  FleetNode,
  FleetSnapshot,
} from '../../contract/fleet.ts';
import { HostFacts, type LinkView, type NodeView } from '../../contract/watch.ts';
import { clusterState, diffCluster, linkKey, type ClusterChange } from '../../core/cluster-view.ts';
import { keepRecent, maxEvents } from '../../core/fleet-view.ts';

type NodeChange = FleetDelta['Nodes'][number];

/**
 * Changes of host facts that go out in a second. Every host's load changes every second: of 1,000 nodes each is then shown
 * every 5 s, instead of 150 kB a second to every browser. Membership and links never wait.
 */
const maxFactsPerSecond = 200;

/** Events of one flush: more than that at once is one disaster, and the picture shows it. */
const maxEventsPerFlush = 100;

export class FleetGraph {
  /** Nodes by id, links by `linkKey`. */
  readonly graph = new UndirectedGraph<FleetNode, FleetLink>({ allowSelfLoops: false });
  private readonly clusters = new Map<string, FleetCluster>();
  private events: readonly FleetEvent[] = [];
  private revision = 0;
  private readonly now: () => number;

  private readonly changedNodes = new Map<string, NodeChange>();
  private readonly goneNodes = new Set<string>();
  private readonly changedLinks = new Set<string>();
  private readonly goneLinks = new Map<string, { A: string; B: string }>();
  private readonly changedClusters = new Set<string>();
  private readonly goneClusters = new Set<string>();
  private newEvents: FleetEvent[] = [];

  /** Facts that wait for their turn, by node id, the longest waiting first. They are not in the graph yet. */
  private readonly waitingFacts = new Map<string, NonNullable<NodeChange['Facts']>>();
  private factsLeft = maxFactsPerSecond;
  private factsAt: number;

  /** `now`: ms since 1970. */
  constructor(components: { now: () => number }) {
    this.now = components.now;
    this.factsAt = this.now();
  }

  cluster(id: string): FleetCluster | undefined {
    return this.clusters.get(id);
  }

  clusterIds(): string[] {
    return [...this.clusters.keys()];
  }

  /** Nodes of a cluster. */
  nodesOf(cluster: string): FleetNode[] {
    return this.graph.mapNodes((_, node) => node).filter((node) => node.Cluster === cluster);
  }

  node(id: string): FleetNode | undefined {
    return this.graph.hasNode(id) ? this.graph.getNodeAttributes(id) : undefined;
  }

  /** Ids of the nodes that a node has a link with. */
  neighbours(id: string): string[] {
    return this.graph.hasNode(id) ? this.graph.neighbors(id) : [];
  }

  putCluster(cluster: FleetCluster): void {
    this.clusters.set(cluster.Id, cluster);
    this.changedClusters.add(cluster.Id);
    this.goneClusters.delete(cluster.Id);
  }

  removeCluster(id: string): void {
    if (!this.clusters.delete(id)) return;
    this.changedClusters.delete(id);
    this.goneClusters.add(id);
    for (const node of this.nodesOf(id)) this.dropNode(node.Id);
  }

  /** Replaces a cluster by a node's snapshot of it. What we know and the node does not know yet stays. */
  applySnapshot(cluster: string, nodes: readonly NodeView[], links: readonly LinkView[]): void {
    const known = this.nodesOf(cluster);
    const before = clusterState(
      known,
      this.graph.mapEdges((_, link) => link).filter((link) => link.Cluster === cluster),
    );
    const now = clusterState(
      nodes.map((node) => this.withKnownFacts(node)),
      links,
    );
    const change = diffCluster(before, now);
    if (change) this.applyChange(cluster, change, { isFirst: known.length === 0 });
  }

  /** Applies what changed. Nodes and links that belong to another cluster are left alone: ids are random, so they are lies. */
  applyChange(cluster: string, change: ClusterChange, { isFirst = false } = {}): void {
    for (const link of change.GoneLinks) {
      if (this.isLinkOf(cluster, linkKey(link))) this.dropLink(linkKey(link), { isSilent: false });
    }
    for (const id of change.GoneNodes) {
      const node = this.node(id);
      if (node?.Cluster !== cluster) continue;
      this.dropNode(id);
      this.addEvent({ At: this.now(), Cluster: cluster, Kind: 'node-gone', Nodes: [node.Name] });
    }
    for (const partial of change.Nodes) this.putNode(cluster, partial, { isFirst });
    for (const link of change.Links) this.putLink(cluster, link, { isFirst });
  }

  addEvent(event: FleetEvent): void {
    if (this.newEvents.length < maxEventsPerFlush) this.newEvents.push(event);
  }

  /** Lets facts through that have waited. Callers call it a few times a second. Returns true when some are left. */
  releaseFacts(): boolean {
    for (const [id, facts] of this.waitingFacts) {
      if (!this.takeFactsTurn()) return true;
      this.waitingFacts.delete(id);
      const node = this.node(id);
      if (node) this.putNode(node.Cluster, { Id: id, Facts: facts }, { isFirst: false, hasTurn: true });
    }
    return false;
  }

  get isWaiting(): boolean {
    return this.waitingFacts.size > 0;
  }

  get isChanged(): boolean {
    return (
      this.changedNodes.size +
        this.goneNodes.size +
        this.changedLinks.size +
        this.goneLinks.size +
        this.changedClusters.size +
        this.goneClusters.size +
        this.newEvents.length >
      0
    );
  }

  /** What changed since the last one, numbered; null when nothing did. */
  flush(): FleetDelta | null {
    if (!this.isChanged) return null;
    const now = this.now();
    const from = this.revision;
    this.revision += 1;
    const delta: FleetDelta = {
      From: from,
      Revision: this.revision,
      Now: now,
      Clusters: [...this.changedClusters].flatMap((id) => this.clusters.get(id) ?? []),
      GoneClusters: [...this.goneClusters],
      Nodes: [...this.changedNodes.values()],
      GoneNodes: [...this.goneNodes],
      Links: [...this.changedLinks].map((key) => this.graph.getEdgeAttributes(key)),
      GoneLinks: [...this.goneLinks.values()],
      Events: this.newEvents,
    };
    this.events = keepRecent([...this.events, ...this.newEvents], now).slice(-maxEvents);
    this.newEvents = [];
    for (const pending of [this.changedNodes, this.goneNodes, this.changedLinks, this.goneLinks]) pending.clear();
    this.changedClusters.clear();
    this.goneClusters.clear();
    return delta;
  }

  /** All of it. Flush before: what is pending would come again with the next delta. */
  snapshot(): FleetSnapshot {
    const now = this.now();
    return {
      Revision: this.revision,
      Now: now,
      Clusters: [...this.clusters.values()],
      Nodes: this.graph.mapNodes((_, node) => node),
      Links: this.graph.mapEdges((_, link) => link),
      Events: [...keepRecent(this.events, now)],
    };
  }

  private putNode(
    cluster: string,
    partial: NodeChange,
    { isFirst, hasTurn = false }: { isFirst: boolean; hasTurn?: boolean },
  ): void {
    const known = this.node(partial.Id);
    if (known && known.Cluster !== cluster) return;
    const now = this.now();
    const waiting = this.waitingFacts.get(partial.Id);
    const isFactsOnly =
      partial.Facts && known?.Facts && Object.keys(partial).every((key) => key === 'Id' || key === 'Facts');
    if (isFactsOnly && !hasTurn && (waiting || !this.takeFactsTurn())) {
      this.waitingFacts.set(partial.Id, { ...waiting, ...partial.Facts });
      return;
    }
    const { Facts: stated, ...rest } = partial;
    const sent = waiting && stated !== null ? { ...waiting, ...stated } : stated;
    this.waitingFacts.delete(partial.Id);
    // Facts of which we know nothing must come whole, or no page could parse them.
    const facts = sent && !known?.Facts && !HostFacts.safeParse(sent).success ? null : sent;
    const wholeFacts = facts && known?.Facts ? { ...known.Facts, ...facts } : facts;
    const state = partial.State ?? known?.State;
    const lostAt = state === 'member' ? null : (known?.LostAt ?? now);
    const dated = { AsOf: now, LostAt: lostAt };
    // A node that is new comes whole (contract/watch.ts), so the merge has every key.
    const node = {
      ...known,
      ...rest,
      ...(facts === undefined ? {} : { Facts: wholeFacts }),
      Cluster: cluster,
      ...dated,
    } as FleetNode;
    if (!known) {
      if (!isWhole(node)) return;
      this.graph.addNode(node.Id, node);
      this.changedNodes.set(node.Id, node);
      if (!isFirst) this.addEvent({ At: now, Cluster: cluster, Kind: 'node-new', Nodes: [node.Name] });
      return;
    }
    this.graph.replaceNodeAttributes(node.Id, node);
    this.noteChange({ ...rest, ...(facts === undefined ? {} : { Facts: facts }), ...dated });
    if (known.State !== node.State && (node.State === 'member' || known.State === 'member')) {
      const kind = node.State === 'member' ? 'node-up' : 'node-down';
      this.addEvent({ At: now, Cluster: cluster, Kind: kind, Nodes: [node.Name] });
    }
    for (const kind of bridgeChanges(known.Facts, node.Facts))
      this.addEvent({ At: now, Cluster: cluster, Kind: kind, Nodes: [node.Name] });
  }

  private takeFactsTurn(): boolean {
    const now = this.now();
    const earned = ((now - this.factsAt) / 1000) * maxFactsPerSecond;
    // A clock that was set back earns nothing.
    this.factsLeft = Math.min(maxFactsPerSecond, this.factsLeft + Math.max(0, earned));
    this.factsAt = now;
    if (this.factsLeft < 1) return false;
    this.factsLeft -= 1;
    return true;
  }

  /** Adds a change to what is pending for its node. */
  private noteChange(change: NodeChange): void {
    const pending = this.changedNodes.get(change.Id);
    const { Facts: facts, ...rest } = change;
    const merged = facts && pending?.Facts ? { ...pending.Facts, ...facts } : facts;
    this.changedNodes.set(change.Id, { ...pending, ...rest, ...(facts === undefined ? {} : { Facts: merged }) });
  }

  private putLink(cluster: string, link: LinkView, { isFirst }: { isFirst: boolean }): void {
    const [a, b] = [this.node(link.A), this.node(link.B)];
    // Half a link to a node that is not, or no longer, in the roster, or a node's link to itself: nothing to draw.
    if (a?.Cluster !== cluster || b?.Cluster !== cluster || link.A === link.B) return;
    const key = linkKey(link);
    const now = this.now();
    const next: FleetLink = { A: link.A, B: link.B, State: link.State, Cluster: cluster, Since: now };
    const known = this.graph.hasEdge(key) ? this.graph.getEdgeAttributes(key) : null;
    if (known?.State === next.State) return;
    if (known) this.graph.replaceEdgeAttributes(key, next);
    else if (this.graph.hasEdge(link.A, link.B)) return;
    else this.graph.addUndirectedEdgeWithKey(key, link.A, link.B, next);
    this.changedLinks.add(key);
    if (isFirst) return;
    const kind = next.State === 'up' ? 'link-up' : 'link-down';
    if (known || next.State === 'up') this.addEvent({ At: now, Cluster: cluster, Kind: kind, Nodes: [a.Name, b.Name] });
  }

  private isLinkOf(cluster: string, key: string): boolean {
    return this.graph.hasEdge(key) && this.graph.getEdgeAttribute(key, 'Cluster') === cluster;
  }

  private dropLink(key: string, { isSilent }: { isSilent: boolean }): void {
    const link = this.graph.getEdgeAttributes(key);
    this.graph.dropEdge(key);
    this.changedLinks.delete(key);
    this.goneLinks.set(key, { A: link.A, B: link.B });
    if (isSilent || link.State !== 'up') return;
    const names = [this.node(link.A)?.Name ?? '', this.node(link.B)?.Name ?? ''];
    this.addEvent({ At: this.now(), Cluster: link.Cluster, Kind: 'link-down', Nodes: names });
  }

  private dropNode(id: string): void {
    for (const key of this.graph.edges(id)) this.dropLink(key, { isSilent: true });
    this.graph.dropNode(id);
    this.waitingFacts.delete(id);
    this.changedNodes.delete(id);
    this.goneNodes.add(id);
  }

  /** A node that was just attached to has no facts of the others for a second: what was known is better than nothing. */
  private withKnownFacts(node: NodeView): NodeView {
    const known = this.node(node.Id);
    if (!known || node.State !== 'member') return node;
    return { ...node, Facts: node.Facts ?? known.Facts, Version: node.Version ?? known.Version };
  }
}

/** A change of an unknown node lacks fields that a node needs. */
function isWhole(node: Partial<FleetNode>): boolean {
  return (
    node.Name !== undefined &&
    node.Addresses !== undefined &&
    node.State !== undefined &&
    node.Head !== undefined &&
    node.Degree !== undefined &&
    node.Version !== undefined &&
    node.Facts !== undefined
  );
}

/** What happened to a node's bridge between two reports. A bridge that is reported for the first time does not count as a change. */
function bridgeChanges(before: FleetNode['Facts'], now: FleetNode['Facts']): FleetEvent['Kind'][] {
  if (before?.Bridge === undefined || now?.Bridge === undefined) return [];
  const changes: FleetEvent['Kind'][] = [];
  if (before.Bridge === '' && now.Bridge !== '') changes.push('bridge-up');
  if (before.Bridge !== '' && now.Bridge === '') changes.push('bridge-gone');
  const [hadAlarm, hasAlarm] = [(before.BridgeAlarms ?? '') !== '', (now.BridgeAlarms ?? '') !== ''];
  if (hadAlarm !== hasAlarm) changes.push(hasAlarm ? 'bridge-alarm' : 'bridge-well');
  return changes;
}
