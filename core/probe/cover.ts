// The fewest vertices that touch every edge of a graph (a minimum vertex cover): exact as long as that takes few steps, as it does for the faults
// of a real network, else by the greatest degree. Owns no meaning of either.

/** Steps of the search for one connected part. Dozens of faults among hundreds of nodes take fewer. */
const stepsAtMost = 5_000;
/** In a larger part nobody is helped by a list of other choices. */
const choicesAtMost = 16;

type Graph = ReadonlyMap<number, ReadonlySet<number>>;

export interface Cover {
  readonly vertices: ReadonlySet<number>;
  /** For a vertex of it: those that may stand in its place, where the same number covers all without it. */
  readonly instead: ReadonlyMap<number, readonly number[]>;
}

/** Edges between different vertices. */
export function findCover(edges: readonly (readonly [number, number])[]): Cover {
  const vertices = new Set<number>();
  const instead = new Map<number, readonly number[]>();
  for (const part of connectedParts(edges)) {
    const best = coverPart(part, []);
    for (const vertex of best) {
      vertices.add(vertex);
      if (part.size > choicesAtMost) continue;
      const without = coverPart(part, [vertex]);
      if (without.length === best.length)
        instead.set(
          vertex,
          without.filter((other) => !best.includes(other)),
        );
    }
  }
  return { vertices, instead };
}

function connectedParts(edges: readonly (readonly [number, number])[]): Graph[] {
  const graph = new Map<number, Set<number>>();
  const join = (a: number, b: number) => graph.set(a, (graph.get(a) ?? new Set()).add(b));
  for (const [a, b] of edges) {
    join(a, b);
    join(b, a);
  }
  const parts: Graph[] = [];
  const seen = new Set<number>();
  // In order, so that the same faults give the same answer.
  for (const start of [...graph.keys()].sort((a, b) => a - b)) {
    if (seen.has(start)) continue;
    const part = new Set([start]);
    // A set is walked to its end while it grows.
    for (const vertex of part) for (const next of graph.get(vertex) ?? []) part.add(next);
    for (const vertex of part) seen.add(vertex);
    parts.push(
      new Map([...part].sort((a, b) => a - b).map((vertex) => [vertex, graph.get(vertex) ?? new Set<number>()])),
    );
  }
  return parts;
}

/** A smallest cover without the vertices of `left`. */
function coverPart(part: Graph, left: readonly number[]): number[] {
  const forced = new Set(left.flatMap((vertex) => [...(part.get(vertex) ?? [])]));
  const taken = new Set([...forced, ...left]);
  const search = new Search(part);
  search.run(taken, [...forced]);
  return search.best;
}

class Search {
  best: number[];
  private readonly graph: Graph;
  private steps = 0;

  constructor(graph: Graph) {
    this.graph = graph;
    this.best = [...graph.keys()];
  }

  /** `gone`: vertices whose edges are covered, or that may not be chosen and have no uncovered edge. */
  run(gone: ReadonlySet<number>, chosen: readonly number[]): void {
    if (chosen.length >= this.best.length) return;
    let widest: number | null = null;
    let degree = 0;
    let edges = 0;
    for (const [vertex, next] of this.graph) {
      if (gone.has(vertex)) continue;
      let own = 0;
      for (const other of next) if (!gone.has(other)) own += 1;
      edges += own;
      if (own > degree) [widest, degree] = [vertex, own];
    }
    if (widest === null) {
      this.best = [...chosen];
      return;
    }
    if (chosen.length + Math.ceil(edges / 2 / degree) >= this.best.length) return;
    this.steps += 1;
    const others = [...(this.graph.get(widest) ?? [])].filter((other) => !gone.has(other));
    this.run(new Set([...gone, widest]), [...chosen, widest]);
    // The first way down is the greedy one; the other choice is tried while there are steps left.
    if (degree > 1 && this.steps < stepsAtMost) this.run(new Set([...gone, widest, ...others]), [...chosen, ...others]);
  }
}
