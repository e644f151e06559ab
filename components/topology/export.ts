// The mesh as files to keep: a drawing (SVG) as it stands on the screen, and a graph for Graphviz (DOT). Pure.
import type { MeshView } from '../fleet/mesh-view.ts';
import type { MeshColours } from './colours.ts';
import { drawNode, numberOf } from './looks.ts';
import type { Point } from './positions.ts';

const margin = 40;
/** Pixels of the longer side of the drawing, without its margin. */
const span = 1200;

const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const fixed = (value: number): string => String(Math.round(value * 10) / 10);

/** Names of nodes are what machines call themselves: quoted, so that none can end the string. */
const quoteDot = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replace(/[\r\n]/g, ' ')}"`;

/** Graphviz: the head a box, lost nodes and half links dashed. */
export function dotFromMesh(mesh: MeshView): string {
  const nodes = mesh.nodes.map((node) => {
    const attributes = [
      node.facts.Head ? 'shape=box' : 'shape=ellipse',
      ...(node.facts.State === 'member' ? [] : ['style=dashed']),
    ];
    return `  ${quoteDot(node.name)} [${attributes.join(', ')}];`;
  });
  const nameOf = (id: string): string => quoteDot(mesh.byId.get(id)?.name ?? id);
  const links = [...mesh.links.values()].map(
    (link) => `  ${nameOf(link.A)} -- ${nameOf(link.B)}${link.State === 'half' ? ' [style=dashed]' : ''};`,
  );
  return ['graph mesh {', ...nodes, ...links, '}', ''].join('\n');
}

/** As on the screen: the same places and colours, every node with its name. `places` has y upwards. */
export function svgFromMesh(
  mesh: MeshView,
  places: ReadonlyMap<string, Point>,
  { colours, now, title }: { colours: MeshColours; now: number; title: string },
): string {
  const shown = mesh.nodes.flatMap((node) => {
    const place = places.get(node.id);
    return place ? [{ node, place }] : [];
  });
  const range = (axis: 'x' | 'y'): [number, number] => {
    const values = shown.map(({ place }) => place[axis]);
    return values.length === 0
      ? [0, 0]
      : [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  };
  const [left, right] = range('x');
  const [bottom, top] = range('y');
  const scale = span / Math.max(right - left, top - bottom, 1e-6);
  const x = (place: Point): number => margin + (place.x - left) * scale;
  const y = (place: Point): number => margin + (top - place.y) * scale;
  const width = 2 * margin + (right - left) * scale;
  const height = 2 * margin + (top - bottom) * scale;
  const context = { colours, nodeCount: shown.length, now, selected: null, cutNodes: null, cutLinks: null };
  const lines = [...mesh.links.values()].flatMap((link) => {
    const [from, to] = [places.get(link.A), places.get(link.B)];
    if (!from || !to) return [];
    const dash = link.State === 'half' ? ' stroke-dasharray="5 4"' : '';
    return [`<line x1="${fixed(x(from))}" y1="${fixed(y(from))}" x2="${fixed(x(to))}" y2="${fixed(y(to))}"${dash}/>`];
  });
  const nodes = shown.map(({ node, place }) => {
    const { color, size, isHollow, isSquare, fade } = drawNode(node, context);
    const [cx, cy] = [x(place), y(place)];
    const look = isHollow
      ? `fill="none" stroke="${color}" stroke-width="1.5" stroke-dasharray="3 3"`
      : `fill="${color}"`;
    const shape = isSquare
      ? `<rect x="${fixed(cx - size * 0.85)}" y="${fixed(cy - size * 0.85)}" width="${fixed(size * 1.7)}" height="${fixed(size * 1.7)}" rx="${fixed(size * 0.25)}" ${look}/>`
      : `<circle cx="${fixed(cx)}" cy="${fixed(cy)}" r="${fixed(size)}" ${look}/>`;
    const number = size >= 9 && !isHollow ? numberOf(node.name) : '';
    const inside =
      number === ''
        ? ''
        : `<text x="${fixed(cx)}" y="${fixed(cy + size * 0.25)}" font-size="${fixed(size * 0.7)}" font-weight="600" fill="${colours.onFill}">${number}</text>`;
    const below = `<text x="${fixed(cx)}" y="${fixed(cy + size + 13)}" font-size="11" fill="${colours.quietText}">${escapeXml(node.name)}</text>`;
    return `<g opacity="${fade}"><title>${escapeXml(`${node.name}: ${node.word}`)}</title>${shape}${inside}${below}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fixed(width)}" height="${fixed(height)}" viewBox="0 0 ${fixed(width)} ${fixed(height)}" font-family="monospace" text-anchor="middle">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" fill="${colours.surface}"/>`,
    `<g stroke="${colours.link}" stroke-width="1.5">`,
    ...lines,
    '</g>',
    ...nodes,
    '</svg>',
    '',
  ].join('\n');
}
