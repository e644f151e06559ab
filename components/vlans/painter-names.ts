// Names on the graph: as large at any zoom, the most important first, and only where there is room; what is selected or under the pointer
// has its name in any case.
import { shortNode } from './matrix-layout.ts';
import type { Context, Lit, Painting } from './painting.ts';
import type { Scene } from './scene.ts';
import { stateLook } from '../vms/vm-states.ts';
import { titleOf } from './vlan-words.ts';

const textFont = '500 12px "Inter Variable", sans-serif';
const monoFont = '500 12px "JetBrains Mono Variable", monospace';

interface Name {
  readonly text: string;
  readonly font: string;
  /** Of the screen: its middle. */
  readonly x: number;
  readonly y: number;
  readonly rank: number;
  readonly isForced: boolean;
  readonly isLit: boolean;
}

const nameHeight = 16;

/** @param painting where the scene stands on the screen */
export function paintNames(context: Context, scene: Scene, lit: Lit, painting: Painting): void {
  const { camera, width, height, colours, vlan, node, hovered } = painting;
  const names: Name[] = [];
  for (const { vlan: of, x, y, radius } of scene.hubs) {
    const isForced = of.key === vlan || (hovered?.is === 'hub' && hovered.hub.vlan.key === of.key);
    names.push({
      text: titleOf(of),
      font: monoFont,
      x: x * camera.scale + camera.x,
      y: (y + radius) * camera.scale + camera.y + 11,
      rank: 10 + Math.log2(1 + of.sum.total),
      isForced,
      isLit: lit.hub(of),
    });
  }
  for (const { node: of, x, y, height: high, vms } of scene.boxes) {
    const isHovered = hovered !== null && hovered.is !== 'hub' && hovered.box.node.id === of.id;
    names.push({
      text: shortNode(of.name),
      font: monoFont,
      x: x * camera.scale + camera.x,
      // In the head of the box; above it while the box is too small for a name.
      y: (y - high / 2) * camera.scale + camera.y + (camera.scale < 0.8 ? -9 : 12),
      rank: 12 + Math.log2(1 + vms),
      isForced: of.id === node || isHovered,
      isLit: lit.box(of.id),
    });
  }
  if (hovered?.is === 'leaf') {
    const { leaf } = hovered;
    const text = `${leaf.vm.Name}, ${stateLook(leaf.vm).word}`;
    const place = { x: leaf.x * camera.scale + camera.x, y: (leaf.y - leaf.radius) * camera.scale + camera.y - 12 };
    names.push({ text, font: textFont, ...place, rank: 100, isForced: true, isLit: true });
  }
  const inSight = names.filter(({ x, y }) => x > -60 && y > -20 && x < width + 60 && y < height + 20);
  const order = (name: Name): number => name.rank + (name.isForced ? 1_000 : name.isLit ? 100 : 0);
  const taken = new TakenPlaces();
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  for (const name of inSight.sort((a, b) => order(b) - order(a))) {
    context.font = name.font;
    const half = widthOf(context, name.text) / 2;
    if (!taken.take(name.x - half, name.y, 2 * half) && !name.isForced) continue;
    context.globalAlpha = name.isLit ? 1 : 0.4;
    context.lineWidth = 4;
    context.strokeStyle = colours.surface;
    context.strokeText(name.text, name.x, name.y);
    context.fillStyle = name.isForced ? colours.text : colours.quietText;
    context.fillText(name.text, name.x, name.y);
  }
  context.globalAlpha = 1;
}

/** Of names in their font, which are few and drawn again and again. */
const widths = new Map<string, number>();
const maxWidths = 20_000;

function widthOf(context: Context, text: string): number {
  const key = `${context.font} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size >= maxWidths) widths.clear();
    widths.set(key, (width = context.measureText(text).width));
  }
  return width;
}

/** Names that are drawn, by the cells of the screen that they cover. */
class TakenPlaces {
  private readonly cells = new Set<string>();

  take(left: number, middle: number, width: number): boolean {
    const keys: string[] = [];
    const rows = [
      Math.floor((middle - nameHeight / 2) / nameHeight),
      Math.floor((middle + nameHeight / 2) / nameHeight),
    ];
    for (const row of rows)
      for (let x = Math.floor((left - 6) / 24); x <= Math.floor((left + width + 6) / 24); x += 1)
        keys.push(`${row} ${x}`);
    if (keys.some((key) => this.cells.has(key))) return false;
    for (const key of keys) this.cells.add(key);
    return true;
  }
}
