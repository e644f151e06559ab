// Where a mesh hangs by a thread: nodes and links whose loss would split it (articulation points and bridges), and its
// separate parts. Tarjan's low-link, without recursion: a chain of 5,000 nodes would be 5,000 calls deep.

/** A link between two node ids. Direction means nothing; a second link between the same two counts. */
export interface Edge {
  readonly A: string;
  readonly B: string;
}

export interface CriticalParts<E extends Edge> {
  /** Ids of nodes without which others would lose each other. */
  readonly cutNodes: ReadonlySet<string>;
  /** Links without which both their sides would lose each other. */
  readonly cutLinks: readonly E[];
  /** Node ids of each part that holds together, the largest first. */
  readonly parts: readonly (readonly string[])[];
}

/** Links to ids that are not in `ids`, and of a node to itself, count for nothing. Time: nodes + links. */
export function criticalParts<E extends Edge>(ids: Iterable<string>, links: readonly E[]): CriticalParts<E> {
  const neighbours = new Map<string, { to: string; link: E }[]>();
  for (const id of ids) neighbours.set(id, []);
  for (const link of links) {
    const [a, b] = [neighbours.get(link.A), neighbours.get(link.B)];
    if (!a || !b || link.A === link.B) continue;
    a.push({ to: link.B, link });
    b.push({ to: link.A, link });
  }
  const cutNodes = new Set<string>();
  const cutLinks: E[] = [];
  const parts: string[][] = [];
  /** When a node was first seen, and the earliest seen node that its subtree reaches without the way it came by. */
  const seenAt = new Map<string, number>();
  const low = new Map<string, number>();
  const lowOf = (id: string) => low.get(id) ?? 0;

  for (const root of neighbours.keys()) {
    if (seenAt.has(root)) continue;
    const part: string[] = [];
    parts.push(part);
    let childrenOfRoot = 0;
    const path: { id: string; by: E | null; next: number }[] = [];
    const enter = (id: string, by: E | null) => {
      seenAt.set(id, seenAt.size);
      low.set(id, seenAt.size - 1);
      part.push(id);
      path.push({ id, by, next: 0 });
    };
    enter(root, null);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const step = neighbours.get(top.id)?.[top.next];
      top.next += 1;
      if (step) {
        // The link it came by does not lead back; a second link between the same two nodes does.
        if (step.link === top.by) continue;
        const at = seenAt.get(step.to);
        if (at === undefined) enter(step.to, step.link);
        else low.set(top.id, Math.min(lowOf(top.id), at));
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (!parent || !top.by) continue;
      const reached = lowOf(top.id);
      low.set(parent.id, Math.min(lowOf(parent.id), reached));
      const parentAt = seenAt.get(parent.id) ?? 0;
      if (reached > parentAt) cutLinks.push(top.by);
      if (parent.id === root) childrenOfRoot += 1;
      else if (reached >= parentAt) cutNodes.add(parent.id);
    }
    if (childrenOfRoot > 1) cutNodes.add(root);
  }
  parts.sort((a, b) => b.length - a.length);
  return { cutNodes, cutLinks, parts };
}
