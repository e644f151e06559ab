// What changed in the topology since the last look: nodes that came, went or have another degree, and links. Looks only at
// nodes whose state or place in the mesh is another one, and at their links: of 1,000 nodes a change concerns a handful.
import type { LinkStateEntry, LinkStateMap } from './link-states.ts';
import type { Topology } from './topology.ts';

export interface NodeChange {
  id: string;
  state: 'up' | 'changed' | 'down';
  degree: number | null;
}

export interface LinkChange {
  /** Node ids, the smaller first. */
  a: string;
  b: string;
  state: 'up' | 'half' | 'down';
}

interface Seen {
  /** The map gives the same list as long as a node's state is the same. */
  neighbours: readonly LinkStateEntry[];
  isMember: boolean;
  degree: number;
}

export class TopologyChanges {
  private readonly map: LinkStateMap;
  private readonly topology: Topology;
  private readonly seen = new Map<LinkStateEntry, Seen>();
  /** Both ways round, so that the links of a node are found from either end. */
  private readonly links = new Map<LinkStateEntry, Map<LinkStateEntry, 'up' | 'half'>>();

  constructor(map: LinkStateMap, topology: Topology) {
    this.map = map;
    this.topology = topology;
  }

  /** Nodes that came, then links, then nodes that went. */
  take(): { came: NodeChange[]; links: LinkChange[]; went: NodeChange[] } {
    const { map, topology, seen } = this;
    const came: NodeChange[] = [];
    const went: NodeChange[] = [];
    const touched: LinkStateEntry[] = [];
    for (const entry of topology.reached()) {
      const now: Seen = {
        neighbours: map.neighboursOf(entry),
        isMember: entry.isMember,
        degree: map.degreeOf(entry),
      };
      const before = seen.get(entry);
      if (before === undefined) came.push({ id: entry.id, state: 'up', degree: now.degree });
      else if (before.degree !== now.degree) came.push({ id: entry.id, state: 'changed', degree: now.degree });
      if (before?.neighbours !== now.neighbours || before.isMember !== now.isMember) touched.push(entry);
      if (before === undefined || before.degree !== now.degree || touched.at(-1) === entry) seen.set(entry, now);
    }
    for (const entry of seen.keys()) {
      if (topology.isReachable(entry)) continue;
      seen.delete(entry);
      touched.push(entry);
      went.push({ id: entry.id, state: 'down', degree: null });
    }
    return { came, links: this.linkChanges(touched), went };
  }

  private linkChanges(touched: readonly LinkStateEntry[]): LinkChange[] {
    const changes: LinkChange[] = [];
    for (const entry of touched) {
      const others = new Set([...this.map.neighboursOf(entry), ...(this.links.get(entry)?.keys() ?? [])]);
      others.delete(entry);
      for (const other of others) {
        const before = this.links.get(entry)?.get(other) ?? null;
        const now = this.topology.linkState(entry, other);
        if (before === now) continue;
        this.note(entry, other, now);
        this.note(other, entry, now);
        const [a, b] = entry.id < other.id ? [entry.id, other.id] : [other.id, entry.id];
        changes.push({ a, b, state: now ?? 'down' });
      }
    }
    return changes;
  }

  private note(entry: LinkStateEntry, other: LinkStateEntry, state: 'up' | 'half' | null): void {
    const links = this.links.get(entry) ?? new Map<LinkStateEntry, 'up' | 'half'>();
    if (state === null) links.delete(other);
    else links.set(other, state);
    if (links.size === 0) this.links.delete(entry);
    else this.links.set(entry, links);
  }
}
