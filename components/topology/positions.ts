// Where nodes stand in the picture. A node stays where it was when others come and go, also after a reload: positions are
// kept per cluster in this browser. Pure but for `PositionStore`.

export interface Point {
  readonly x: number;
  readonly y: number;
}
export type Positions = ReadonlyMap<string, Point>;

/** More than this share of new nodes: what was known says little, so all may move. */
const freshShare = 0.34;
/** How far from its neighbours a new node starts, in units of the layout. */
const nudge = 1.5;

export interface LayoutRequest {
  readonly nodes: readonly { readonly id: string; readonly x: number; readonly y: number; readonly isFixed: boolean }[];
  /** Pairs of indexes into `nodes`. */
  readonly links: readonly (readonly [number, number])[];
  readonly iterations: number;
}

/** From an id to [0, 1): the same id starts at the same place in every browser. */
export function hashOf(id: string): number {
  let hash = 2166136261;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 16777619);
  // Ids that differ in their last character only must not land beside each other.
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489917);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
}

/**
 * What a layout has to settle so that every node has a place; null when all have one. `isAll`: all may move.
 * @param ids nodes in a stable order @param links pairs of ids
 */
export function planLayout(
  ids: readonly string[],
  links: readonly (readonly [string, string])[],
  known: Positions,
  isAll = false,
): LayoutRequest | null {
  const fresh = ids.filter((id) => !known.has(id));
  if (fresh.length === 0 && !isAll) return null;
  const mayAllMove = isAll || fresh.length > ids.length * freshShare;
  const indexes = new Map(ids.map((id, index) => [id, index]));
  const neighbours = new Map<string, Point[]>();
  for (const [a, b] of links) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const place = known.get(to);
      if (place) neighbours.set(from, [...(neighbours.get(from) ?? []), place]);
    }
  }
  const radius = 3 * Math.sqrt(ids.length);
  const nodes = ids.map((id, index) => {
    const place = isAll ? undefined : known.get(id);
    if (place) return { id, ...place, isFixed: !mayAllMove };
    const angle = hashOf(id) * 2 * Math.PI;
    const near = neighbours.get(id) ?? [];
    if (near.length > 0 && !isAll) {
      const x = near.reduce((sum, point) => sum + point.x, 0) / near.length + nudge * Math.cos(angle);
      const y = near.reduce((sum, point) => sum + point.y, 0) / near.length + nudge * Math.sin(angle);
      return { id, x, y, isFixed: false };
    }
    // On a circle in the order of names: neighbours by number start as neighbours.
    const turn = (index / ids.length) * 2 * Math.PI;
    return { id, x: radius * Math.cos(turn), y: radius * Math.sin(turn), isFixed: false };
  });
  const pairs = links.flatMap(([a, b]) => {
    const from = indexes.get(a);
    const to = indexes.get(b);
    return from === undefined || to === undefined ? [] : [[from, to] as const];
  });
  const iterations = ids.length > 500 ? 220 : ids.length > 100 ? 400 : 600;
  return { nodes, links: pairs, iterations: mayAllMove ? iterations : 120 };
}

/** Clusters whose positions are kept; the least recently used go first. */
const maxClusters = 8;
const prefix = 'meshdeck.positions.';
const indexKey = 'meshdeck.positions';

export class PositionStore {
  private readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  private readonly cluster: string;

  constructor(cluster: string, components: { storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> }) {
    this.cluster = cluster;
    this.storage = components.storage;
  }

  /** Empty when nothing is kept, or what is kept is not ours. */
  load(): Map<string, Point> {
    try {
      const kept: unknown = JSON.parse(this.storage.getItem(prefix + this.cluster) ?? '{}');
      if (typeof kept !== 'object' || kept === null || Array.isArray(kept)) return new Map();
      const entries = Object.entries(kept as Record<string, unknown>);
      if (!entries.every((entry): entry is [string, [number, number]] => isPair(entry[1]))) return new Map();
      return new Map(entries.map(([id, [x, y]]) => [id, { x, y }]));
    } catch {
      // Storage that is refused or broken: the layout settles from the start.
      return new Map();
    }
  }

  save(positions: Positions): void {
    const rounded = (value: number): number => Math.round(value * 100) / 100;
    const kept = Object.fromEntries([...positions].map(([id, { x, y }]) => [id, [rounded(x), rounded(y)]]));
    try {
      this.storage.setItem(prefix + this.cluster, JSON.stringify(kept));
      const known: unknown = JSON.parse(this.storage.getItem(indexKey) ?? '[]');
      const others = (Array.isArray(known) ? known : []).filter((id): id is string => typeof id === 'string');
      const order = [this.cluster, ...others.filter((id) => id !== this.cluster)];
      for (const id of order.slice(maxClusters)) this.storage.removeItem(prefix + id);
      this.storage.setItem(indexKey, JSON.stringify(order.slice(0, maxClusters)));
    } catch {
      // No room or no right: the picture works, and settles again at the next load.
    }
  }
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((part) => Number.isFinite(part));
}
