// The fleet as a page holds it: what a snapshot and the deltas after it add up to. Owns the rule when a delta fits; the
// server owns numbering. Shared by the browser, by tests and by the bench.
import type { FleetCluster, FleetDelta, FleetEvent, FleetLink, FleetNode, FleetSnapshot } from '../contract/fleet.ts';
import { linkKey } from './cluster-view.ts';

/** Immutable: each delta makes a new one, and what it leaves alone stays the same object. */
export interface FleetView {
  readonly revision: number;
  /** The server's clock when this was so, ms since 1970. */
  readonly now: number;
  readonly clusters: readonly FleetCluster[];
  /** By node id. */
  readonly nodes: ReadonlyMap<string, FleetNode>;
  /** By `linkKey`. */
  readonly links: ReadonlyMap<string, FleetLink>;
  /** Of the last hour, newest last. */
  readonly events: readonly FleetEvent[];
}

/** What `what changed in the last hour` goes back to, and how many it holds. */
export const eventAgeMs = 3600 * 1000;
export const maxEvents = 500;

export const emptyFleet: FleetView = {
  revision: -1,
  now: 0,
  clusters: [],
  nodes: new Map(),
  links: new Map(),
  events: [],
};

export function fleetFromSnapshot(snapshot: FleetSnapshot): FleetView {
  return {
    revision: snapshot.Revision,
    now: snapshot.Now,
    clusters: snapshot.Clusters,
    nodes: new Map(snapshot.Nodes.map((node) => [node.Id, node])),
    links: new Map(snapshot.Links.map((link) => [linkKey(link), link])),
    events: snapshot.Events,
  };
}

/** `old`: the view has it already. `gap`: one before it is missing, so a new snapshot is needed. */
export function deltaFit(view: FleetView, delta: Pick<FleetDelta, 'From' | 'Revision'>): 'next' | 'old' | 'gap' {
  if (delta.From === view.revision) return 'next';
  return delta.Revision <= view.revision ? 'old' : 'gap';
}

/** The view after a delta that fits; maps that it does not touch stay the same objects. */
export function applyFleetDelta(view: FleetView, delta: FleetDelta): FleetView {
  return {
    revision: delta.Revision,
    now: delta.Now,
    clusters: mergeClusters(view.clusters, delta),
    nodes: delta.Nodes.length + delta.GoneNodes.length === 0 ? view.nodes : mergeNodes(view.nodes, delta),
    links: delta.Links.length + delta.GoneLinks.length === 0 ? view.links : mergeLinks(view.links, delta),
    events: keepRecent([...view.events, ...delta.Events], delta.Now),
  };
}

/** Events that are still worth showing. The same array when all are. */
export function keepRecent(events: readonly FleetEvent[], now: number): readonly FleetEvent[] {
  const from = Math.max(
    events.length - maxEvents,
    events.findIndex((event) => event.At > now - eventAgeMs),
  );
  const isAllOld = events.length > 0 && (events.at(-1)?.At ?? 0) <= now - eventAgeMs;
  if (isAllOld) return [];
  return from > 0 ? events.slice(from) : events;
}

function mergeClusters(
  clusters: readonly FleetCluster[],
  { Clusters: changed, GoneClusters: gone }: FleetDelta,
): readonly FleetCluster[] {
  if (changed.length + gone.length === 0) return clusters;
  const byId = new Map(clusters.map((cluster) => [cluster.Id, cluster]));
  for (const cluster of changed) byId.set(cluster.Id, cluster);
  for (const id of gone) byId.delete(id);
  return [...byId.values()];
}

function mergeNodes(nodes: ReadonlyMap<string, FleetNode>, delta: FleetDelta): ReadonlyMap<string, FleetNode> {
  const merged = new Map(nodes);
  for (const id of delta.GoneNodes) merged.delete(id);
  for (const { Facts: facts, ...partial } of delta.Nodes) {
    const known = merged.get(partial.Id);
    const wholeFacts = facts && known?.Facts ? { ...known.Facts, ...facts } : facts;
    // A node that is new comes whole (contract/fleet.ts), so the merge has every key.
    const node = { ...known, ...partial, ...(facts === undefined ? {} : { Facts: wholeFacts }) } as FleetNode;
    merged.set(partial.Id, node);
  }
  return merged;
}

function mergeLinks(links: ReadonlyMap<string, FleetLink>, delta: FleetDelta): ReadonlyMap<string, FleetLink> {
  const merged = new Map(links);
  for (const link of delta.GoneLinks) merged.delete(linkKey(link));
  for (const link of delta.Links) merged.set(linkKey(link), link);
  return merged;
}
