// Where the nodes of a forming mesh stand: a ring in the order of their names, so that nobody moves while links come.

export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** Spots of `count` nodes on a ring of this radius around the middle of a square; the first is on top. */
export function ringSpots(count: number, size: number, radius: number): Spot[] {
  return Array.from({ length: count }, (_, at) => {
    const angle = (2 * Math.PI * at) / Math.max(1, count) - Math.PI / 2;
    return { x: size / 2 + radius * Math.cos(angle), y: size / 2 + radius * Math.sin(angle) };
  });
}

export interface MeshCount {
  readonly here: number;
  readonly wanted: number;
  readonly links: number;
  /** Names that are not in the mesh yet, in the order given. */
  readonly missing: readonly string[];
}

/** How far a mesh has formed: of `wanted` names, who is a member, and the whole links among them. */
export function countMesh(
  wanted: readonly string[],
  members: ReadonlySet<string>,
  links: readonly { readonly a: string; readonly b: string }[],
): MeshCount {
  const here = wanted.filter((name) => members.has(name));
  const inside = new Set(here);
  return {
    here: here.length,
    wanted: wanted.length,
    links: links.filter(({ a, b }) => inside.has(a) && inside.has(b)).length,
    missing: wanted.filter((name) => !members.has(name)),
  };
}
