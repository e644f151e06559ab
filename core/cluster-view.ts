// The cluster as a watcher sees it: nodes and links by id, the difference of two states, and its application. Daemon and
// console share it, so that what one side leaves out the other fills in.
import type { LinkView, NodeView, WatchDelta } from '../contract/watch.ts';

export interface ClusterState {
  readonly nodes: ReadonlyMap<string, NodeView>;
  /** By `linkKey`. */
  readonly links: ReadonlyMap<string, LinkView>;
}

/** What changed, without revisions. */
export type ClusterChange = Pick<WatchDelta, 'Nodes' | 'GoneNodes' | 'Links' | 'GoneLinks'>;

export const linkKey = (link: { A: string; B: string }): string => `${link.A} ${link.B}`;

export function clusterState(nodes: readonly NodeView[], links: readonly LinkView[]): ClusterState {
  return {
    nodes: new Map(nodes.map((node) => [node.Id, node])),
    links: new Map(links.map((link) => [linkKey(link), link])),
  };
}

const isEqual = (a: unknown, b: unknown): boolean =>
  a === b || (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => item === b[i]));

/** The keys of `next` that differ from `previous`, or null when none does. */
function changedKeys<T extends object>(previous: T, next: T): Partial<T> | null {
  const changed: Partial<T> = {};
  let any = false;
  for (const key of Object.keys(next) as (keyof T)[]) {
    if (isEqual(previous[key], next[key])) continue;
    changed[key] = next[key];
    any = true;
  }
  return any ? changed : null;
}

function changeOfNode(previous: NodeView | undefined, next: NodeView): WatchDelta['Nodes'][number] | null {
  if (previous === undefined) return next;
  if (previous === next) return null;
  const { Facts: factsBefore, ...before } = previous;
  const { Facts: factsAfter, ...after } = next;
  const changed: Partial<NodeView> = changedKeys(before, after) ?? {};
  const facts = factsBefore && factsAfter ? changedKeys(factsBefore, factsAfter) : factsAfter;
  const isFactsChanged = factsBefore && factsAfter ? facts !== null : factsBefore !== factsAfter;
  if (Object.keys(changed).length === 0 && !isFactsChanged) return null;
  return { ...changed, Id: next.Id, ...(isFactsChanged ? { Facts: facts } : {}) };
}

/** What turns `previous` into `next`; null when nothing does. */
export function diffCluster(previous: ClusterState, next: ClusterState): ClusterChange | null {
  const change: ClusterChange = { Nodes: [], GoneNodes: [], Links: [], GoneLinks: [] };
  for (const [id, node] of next.nodes) {
    const changed = changeOfNode(previous.nodes.get(id), node);
    if (changed) change.Nodes.push(changed);
  }
  for (const id of previous.nodes.keys()) if (!next.nodes.has(id)) change.GoneNodes.push(id);
  for (const [key, link] of next.links) if (previous.links.get(key)?.State !== link.State) change.Links.push(link);
  for (const [key, link] of previous.links) if (!next.links.has(key)) change.GoneLinks.push({ A: link.A, B: link.B });
  const isEmpty = Object.values(change).every((list: readonly unknown[]) => list.length === 0);
  return isEmpty ? null : change;
}

/** `state` after `change`. Keys that a change leaves out stay as they were. */
export function applyChange(state: ClusterState, change: ClusterChange): ClusterState {
  const nodes = new Map(state.nodes);
  const links = new Map(state.links);
  for (const partial of change.Nodes) {
    const known = nodes.get(partial.Id);
    const { Facts: facts, ...rest } = partial;
    const merged = facts && known?.Facts ? { ...known.Facts, ...facts } : facts;
    // A node that is new to the receiver comes whole (contract/watch.ts), so the merge has every key.
    const node = { ...known, ...rest, ...(facts === undefined ? {} : { Facts: merged }) } as NodeView;
    nodes.set(partial.Id, node);
  }
  for (const id of change.GoneNodes) nodes.delete(id);
  for (const link of change.Links) links.set(linkKey(link), link);
  for (const link of change.GoneLinks) links.delete(linkKey(link));
  return { nodes, links };
}
