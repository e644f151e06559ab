// From what is known of a node or a link to how the picture draws it. Pure; sizes in pixels at the start's zoom.
import type { MeshNode } from '../fleet/mesh-view.ts';
import type { MeshColours } from './colours.ts';
import type { LinkLook, NodeLook } from './programs.ts';

/** A lost link is drawn dashed and gone after this. */
export const lostLinkMs = 30_000;
/** A new link stands out this long. */
export const newLinkMs = 1_500;
/** A lost node fades over this time, and stays faint. */
const lostNodeMs = 10 * 60_000;
const faintest = 0.45;

export interface NodeDrawing extends NodeLook {
  readonly color: string;
  readonly size: number;
  readonly label: string;
  /** Named whatever the zoom; the others' names thin out by their size. */
  readonly forceLabel: boolean;
  readonly zIndex: number;
}

export interface LinkDrawing extends LinkLook {
  color: string;
  size: number;
  /** Above 0: drawn over the others. */
  zIndex: number;
}

/** Radius of a node without VMs, by how many nodes there are. */
export function baseSize(nodeCount: number): number {
  if (nodeCount <= 12) return 17;
  if (nodeCount <= 40) return 13;
  if (nodeCount <= 150) return 9;
  if (nodeCount <= 400) return 6;
  return 3.5;
}

/** In a mesh of at most so many nodes each has its name beside it. */
const alwaysNamed = 40;

export interface DrawingContext {
  readonly colours: MeshColours;
  readonly nodeCount: number;
  /** The server's clock. */
  readonly now: number;
  readonly selected: string | null;
  readonly cutNodes: ReadonlySet<string> | null;
  readonly cutLinks: ReadonlySet<string> | null;
}

export function drawNode(node: MeshNode, context: DrawingContext): NodeDrawing {
  const { colours, now, selected, cutNodes, nodeCount } = context;
  const { facts } = node;
  const isIn = facts.State === 'member';
  const vms = node.host?.VMs ?? 0;
  const lostFor = facts.LostAt === null ? 0 : Math.max(0, now - facts.LostAt);
  const isSelected = node.id === selected;
  const isCut = cutNodes?.has(node.id) === true;
  // In twentieths: a fade that changed by less is not worth a new frame.
  const fade = isIn ? 1 : Math.round(20 * Math.max(faintest, 1 - lostFor / lostNodeMs)) / 20;
  return {
    color: colours.state[node.state],
    ringColor: colours.state[node.state],
    haloColor: isSelected ? colours.accent : colours.cut,
    isSquare: facts.Head,
    isHollow: !isIn,
    wanted: isIn ? (node.wanted ?? 0) : 0,
    held: node.peers.length,
    halo: isSelected ? 'solid' : isCut ? 'dotted' : 'none',
    fade,
    size: baseSize(nodeCount) * (1 + 0.5 * Math.min(1, Math.log2(1 + vms) / 6)) * (facts.Head ? 1.1 : 1),
    label: node.name,
    forceLabel: nodeCount <= alwaysNamed || isSelected || facts.Head,
    zIndex: isSelected ? 2 : 1,
  };
}

export function drawLink(
  link: { readonly key: string; readonly state: 'up' | 'half'; readonly since: number; readonly goneAt: number | null },
  context: DrawingContext,
): LinkDrawing {
  const { colours, now, cutLinks, nodeCount } = context;
  const size = nodeCount > 150 ? 1 : 1.5;
  if (link.goneAt !== null) {
    const left = 1 - Math.max(0, now - link.goneAt) / lostLinkMs;
    return {
      color: colours.lostLink,
      size,
      line: 'dashed',
      fade: Math.max(0, Math.round(20 * left) / 20),
      zIndex: 0,
    };
  }
  const line = link.state === 'half' ? 'half' : 'solid';
  if (now - link.since < newLinkMs) return { color: colours.newLink, size: size * 2.2, line, fade: 1, zIndex: 1 };
  if (cutLinks?.has(link.key) === true) return { color: colours.cut, size: size * 2, line, fade: 1, zIndex: 1 };
  return { color: colours.link, size, line, fade: nodeCount > 400 ? 0.55 : 0.9, zIndex: 0 };
}

/** The number at the end of a name: what fits in a disc. Empty when the name has no number, or a long one. */
export function numberOf(name: string): string {
  const digits = /(\d+)$/.exec(name)?.[1] ?? '';
  return digits.length <= 4 ? digits : '';
}
