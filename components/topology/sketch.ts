// The first picture of the mesh, without WebGL, which takes up to half a second to start: nodes and links in the places and colours in
// which the real picture will have them. It stands still until that takes its place.
import type { MeshView } from '../fleet/mesh-view.ts';
import type { MeshColours } from './colours.ts';
import { drawLink, drawNode } from './looks.ts';
import { planLayout, type Point } from './positions.ts';

/** Pixels between the outermost nodes and the rim, as the picture has it. */
export const stagePadding = 48;
/** The least width and height of the plane that is shown. */
const leastSpan = 4;

/** Where nodes start: in the places that are known, and as a layout begins for the others. */
export function firstPlaces(mesh: MeshView, known: ReadonlyMap<string, Point>): ReadonlyMap<string, Point> {
  const links = [...mesh.links.values()].map((link) => [link.A, link.B] as const);
  const request = planLayout(
    mesh.nodes.map(({ id }) => id),
    links,
    known,
  );
  return request === null ? known : new Map(request.nodes.map(({ id, x, y }) => [id, { x, y }]));
}

/** From the plane of the layout to pixels: all of `places` fits, y is upwards there. */
export function fitInto(
  places: readonly Point[],
  { width, height }: { width: number; height: number },
): (place: Point) => Point {
  const spanOf = (axis: 'x' | 'y') => {
    const low = places.reduce((least, place) => Math.min(least, place[axis]), Infinity);
    const high = places.reduce((most, place) => Math.max(most, place[axis]), -Infinity);
    return { middle: (low + high) / 2, span: Math.max(leastSpan, high - low) };
  };
  const [x, y] = [spanOf('x'), spanOf('y')];
  const scale = Math.min((width - 2 * stagePadding) / x.span, (height - 2 * stagePadding) / y.span);
  return (place) => ({ x: width / 2 + (place.x - x.middle) * scale, y: height / 2 - (place.y - y.middle) * scale });
}

/** Draws over all of `container` until the returned function is called. */
export function drawSketch(
  container: HTMLElement,
  { mesh, known }: { mesh: MeshView; known: ReadonlyMap<string, Point> },
  { colours, now }: { colours: MeshColours; now: number },
): () => void {
  const canvas = document.createElement('canvas');
  const { clientWidth: width, clientHeight: height } = container;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  canvas.className = 'pointer-events-none absolute inset-0 size-full';
  const context = canvas.getContext('2d');
  if (context) {
    context.scale(devicePixelRatio, devicePixelRatio);
    paint(context, mesh, { places: firstPlaces(mesh, known), size: { width, height }, colours, now });
  }
  container.append(canvas);
  return () => canvas.remove();
}

function paint(
  context: CanvasRenderingContext2D,
  mesh: MeshView,
  parts: {
    places: ReadonlyMap<string, Point>;
    size: { width: number; height: number };
    colours: MeshColours;
    now: number;
  },
): void {
  const { places, size, colours, now } = parts;
  const inPixels = fitInto(
    mesh.nodes.flatMap(({ id }) => places.get(id) ?? []),
    size,
  );
  const nodeCount = mesh.nodes.length;
  const drawing = { colours, nodeCount, now, selected: null, cutNodes: null, cutLinks: null };
  for (const [key, link] of mesh.links) {
    const [a, b] = [places.get(link.A), places.get(link.B)];
    if (!a || !b) continue;
    const look = drawLink({ key, state: link.State, since: link.Since, goneAt: null }, drawing);
    const [from, to] = [inPixels(a), inPixels(b)];
    context.globalAlpha = look.fade;
    context.strokeStyle = look.color;
    context.lineWidth = look.size;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }
  for (const node of mesh.nodes) {
    const place = places.get(node.id);
    if (!place) continue;
    const look = drawNode(node, drawing);
    const { x, y } = inPixels(place);
    context.globalAlpha = look.fade;
    context.beginPath();
    if (look.isSquare) context.rect(x - look.size, y - look.size, 2 * look.size, 2 * look.size);
    else context.arc(x, y, 0.9 * look.size, 0, 2 * Math.PI);
    context.fillStyle = look.color;
    context.strokeStyle = look.color;
    if (look.isHollow) context.stroke();
    else context.fill();
  }
}
