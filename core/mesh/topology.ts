// The topology: which nodes are reachable and by which neighbour, from the link-state map. An edge counts when both
// sides list it and both are members. Computed on demand and only when the map changed since.
import type { LinkStateEntry, LinkStateMap } from './link-states.ts';

/** How many links a route's set of equal first hops distinguishes; the rest route by the first one found. */
const maskedHops = 30;

export interface TopologyLink {
  /** Node ids, the smaller first. */
  a: string;
  b: string;
  /** `half`: only one side lists it (yet or still). */
  state: 'up' | 'half';
}

export class Topology {
  private readonly map: LinkStateMap;
  private computedVersion = -1;
  private mark = 0;
  private reachedNow: LinkStateEntry[] = [];

  constructor(map: LinkStateMap) {
    this.map = map;
  }

  /** Reachable nodes, ourselves first, nearest first. */
  reached(): readonly LinkStateEntry[] {
    this.refresh();
    return this.reachedNow;
  }

  isReachable(entry: LinkStateEntry): boolean {
    this.refresh();
    return entry.searchMark === this.mark;
  }

  /** As of the last search, which may be old: for preferences only. */
  wasReachable(entry: LinkStateEntry): boolean {
    return entry.searchMark === this.mark;
  }

  /** The neighbour to send to, or null. While several are equally short, the one used before stays. */
  nextHop(entry: LinkStateEntry): LinkStateEntry | null {
    this.refresh();
    return entry.searchMark === this.mark ? entry.hop : null;
  }

  /** Neighbours with whom the edge counts. */
  effectiveNeighbours(entry: LinkStateEntry): LinkStateEntry[] {
    return this.map.neighboursOf(entry).filter((other) => this.isEdge(entry, other));
  }

  /** All links of reachable nodes, each once. */
  links(): TopologyLink[] {
    const links: TopologyLink[] = [];
    for (const entry of this.reached()) {
      for (const other of this.map.neighboursOf(entry)) {
        if (other === entry) continue;
        const isUp = this.isEdge(entry, other);
        if (isUp && other.id < entry.id) continue;
        const [a, b] = entry.id < other.id ? [entry.id, other.id] : [other.id, entry.id];
        links.push({ a, b, state: isUp ? 'up' : 'half' });
      }
    }
    return links;
  }

  /** How the link of two nodes counts: `half` when only one side lists it; null when no reachable one does. */
  linkState(a: LinkStateEntry, b: LinkStateEntry): TopologyLink['state'] | null {
    if (a === b) return null;
    const isListed = (from: LinkStateEntry, to: LinkStateEntry) =>
      this.isReachable(from) && this.map.neighboursOf(from).includes(to);
    const [forth, back] = [isListed(a, b), isListed(b, a)];
    if (forth && back && a.isMember && b.isMember) return 'up';
    return forth || back ? 'half' : null;
  }

  /** A shortest path to `target` around `avoided`, ourselves first; null without such a path. */
  pathTo(target: LinkStateEntry, avoided: ReadonlySet<LinkStateEntry>): LinkStateEntry[] | null {
    const { self } = this.map;
    const cameFrom = new Map<LinkStateEntry, LinkStateEntry>([[self, self]]);
    const queue: LinkStateEntry[] = [self];
    for (const entry of queue) {
      for (const other of this.map.neighboursOf(entry)) {
        if (cameFrom.has(other) || avoided.has(other) || !this.isEdge(entry, other)) continue;
        cameFrom.set(other, entry);
        queue.push(other);
      }
      if (cameFrom.has(target)) break;
    }
    const path: LinkStateEntry[] = [];
    for (let at = cameFrom.get(target) && target; at; at = at === self ? undefined : cameFrom.get(at)) path.unshift(at);
    return path.length > 1 ? path : null;
  }

  /** True if `neighbour` stays reachable when our link to it goes. */
  isReachableWithout(neighbour: LinkStateEntry): boolean {
    const { self } = this.map;
    const seen = new Set<LinkStateEntry>([self]);
    const queue: LinkStateEntry[] = [self];
    for (const entry of queue) {
      for (const other of this.map.neighboursOf(entry)) {
        if (seen.has(other) || !this.isEdge(entry, other)) continue;
        if (entry === self && other === neighbour) continue;
        if (other === neighbour) return true;
        seen.add(other);
        queue.push(other);
      }
    }
    return false;
  }

  private isEdge(a: LinkStateEntry, b: LinkStateEntry): boolean {
    return a !== b && a.isMember && b.isMember && this.map.neighboursOf(b).includes(a);
  }

  /** Breadth first from ourselves; `hopSlots` collects, by bit, all first hops with which a node is equally near. */
  private refresh(): void {
    if (this.computedVersion === this.map.version) return;
    const { map } = this;
    const { self } = map;
    this.mark += 1;
    const { mark } = this;
    const queue: LinkStateEntry[] = [self];
    const firstHops: LinkStateEntry[] = [];
    self.searchMark = mark;
    self.distance = 0;
    self.hopSlots = 0;
    for (const entry of queue) {
      const previous = entry.hop;
      if (entry.distance > 1 && previous) {
        // Its set is whole now: all nodes one step nearer were expanded before it.
        const slot = firstHops.indexOf(previous);
        if (slot < 0 || slot >= maskedHops || (entry.hopSlots & (1 << slot)) === 0) {
          entry.hop = firstHops[31 - Math.clz32(entry.hopSlots & -entry.hopSlots)] ?? entry.hop;
        }
      }
      for (const other of map.neighboursOf(entry)) {
        if (!this.isEdge(entry, other)) continue;
        if (other.searchMark !== mark) {
          other.searchMark = mark;
          other.distance = entry.distance + 1;
          if (entry === self) {
            other.hop = other;
            other.hopSlots = firstHops.length < maskedHops ? 1 << firstHops.length : 0;
            firstHops.push(other);
          } else {
            other.hop = this.previousHop(other) ?? entry.hop;
            other.hopSlots = entry.hopSlots;
            if (entry.hopSlots === 0) other.hop = entry.hop;
          }
          queue.push(other);
        } else if (other.distance === entry.distance + 1) {
          other.hopSlots |= entry.hopSlots;
        }
      }
    }
    self.hop = self;
    this.reachedNow = queue;
    this.computedVersion = map.version;
  }

  /** The hop of the last search, if that is still a reachable neighbour of ours; the search decides whether it stays. */
  private previousHop(entry: LinkStateEntry): LinkStateEntry | null {
    return entry.hop?.searchMark === this.mark ? entry.hop : null;
  }
}
