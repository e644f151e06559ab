// Draws a Scene on a canvas. What is under the pointer or selected stands out with its lines; the rest is faint then.
import { paintNames } from './painter-names.ts';
import type { Context, Lit, Painting } from './painting.ts';
import type { Scene, SceneBox, SceneHub, SceneLeaf, SceneLink } from './scene.ts';
import { stateLook } from '../vms/vm-states.ts';
import type { MapVlan } from './vlan-view.ts';
import { flagLooks, flagsOf } from './vlan-words.ts';

/** Below this zoom VMs are too small to see. */
const leafScale = 0.3;
const faint = 0.16;

export function paint(context: Context, scene: Scene, painting: Painting): void {
  const { camera, width, height } = painting;
  context.clearRect(0, 0, width, height);
  context.save();
  context.translate(camera.x, camera.y);
  context.scale(camera.scale, camera.scale);
  const lit = litOf(scene, painting);
  const [bright, quiet] = lit.isAll ? [[], scene.links] : divided(scene.links, lit.link);
  const { colours } = painting;
  // Thousands of lines at once are a grey ground: each is the fainter for it.
  const alpha = lit.isAll ? (quiet.length > 2_000 ? 0.35 : 0.75) : faint;
  paintLinks(context, quiet, { colour: colours.link, alpha, width: 1 / camera.scale });
  for (const box of scene.boxes) paintBox(context, box, lit, painting);
  paintLinks(context, bright, { colour: colours.accent, alpha: 0.9, width: 1.75 / camera.scale });
  if (camera.scale >= leafScale) paintLeaves(context, scene.boxes, { lit, bright }, painting);
  for (const hub of scene.hubs) paintHub(context, hub, lit, painting);
  context.restore();
  paintNames(context, scene, lit, painting);
}

function litOf({ hubs }: Scene, { hovered, vlan, node, found }: Painting): Lit {
  const key = hovered === null ? vlan : hovered.is === 'hub' ? hovered.hub.vlan.key : null;
  const id = hovered === null ? node : hovered.is === 'hub' ? null : hovered.box.node.id;
  const of = key === null ? undefined : hubs.find((hub) => hub.vlan.key === key)?.vlan;
  if (of !== undefined) {
    return {
      isAll: false,
      hub: (each) => each.key === key,
      box: (nodeId) => of.cells.has(nodeId) || nodeId === id,
      link: ({ hub }) => hub.vlan.key === key,
    };
  }
  if (id !== null) {
    return {
      isAll: false,
      hub: (each) => each.cells.has(id),
      box: (nodeId) => nodeId === id,
      link: ({ box }) => box.node.id === id,
    };
  }
  const isFound = (each: MapVlan): boolean => found === null || found.has(each.key);
  return { isAll: found === null, hub: isFound, box: () => true, link: ({ hub }) => isFound(hub.vlan) };
}

function divided(links: readonly SceneLink[], isFirst: (link: SceneLink) => boolean): [SceneLink[], SceneLink[]] {
  return [links.filter(isFirst), links.filter((link) => !isFirst(link))];
}

function paintLinks(
  context: Context,
  links: readonly SceneLink[],
  { colour, alpha, width }: { colour: string; alpha: number; width: number },
): void {
  context.beginPath();
  for (const { hub, box, leaf } of links) {
    context.moveTo(hub.x, hub.y);
    context.lineTo(leaf?.x ?? box.x, leaf?.y ?? box.y);
  }
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.globalAlpha = 1;
}

/** Of a selected VLAN its own VMs stand out; of a selected node all. */
function paintLeaves(
  context: Context,
  boxes: readonly SceneBox[],
  { lit, bright }: { lit: Lit; bright: readonly SceneLink[] },
  painting: Painting,
): void {
  const meant = new Set(bright.map(({ leaf }) => leaf));
  for (const { leaves } of boxes)
    for (const leaf of leaves) {
      context.globalAlpha = lit.isAll || meant.has(leaf) ? 1 : 0.3;
      paintLeaf(context, leaf, painting);
    }
  context.globalAlpha = 1;
}

function paintBox(context: Context, box: SceneBox, lit: Lit, painting: Painting): void {
  const { colours, camera, node } = painting;
  const isSelected = box.node.id === node;
  const isAway = box.node.state !== 'member';
  context.globalAlpha = lit.box(box.node.id) ? 1 : 0.45;
  context.beginPath();
  context.roundRect(box.x - box.width / 2, box.y - box.height / 2, box.width, box.height, 6);
  context.fillStyle = colours.surface;
  context.fill();
  context.strokeStyle = isSelected ? colours.accent : isAway ? colours.state.lost : colours.link;
  context.lineWidth = (isSelected ? 2.5 : 1.25) / camera.scale;
  context.setLineDash(isAway ? [4 / camera.scale, 3 / camera.scale] : []);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** Full while it runs; a ring otherwise, broken when its node does not answer. */
function paintLeaf(context: Context, { vm, x, y, radius }: SceneLeaf, { colours }: Painting): void {
  const { tone } = stateLook(vm);
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  if (tone === 'ok') {
    context.fillStyle = colours.state.ok;
    context.fill();
    return;
  }
  context.fillStyle = colours.surface;
  context.fill();
  context.strokeStyle = colours.state[tone];
  context.lineWidth = radius * 0.4;
  context.setLineDash(vm.State === 'LOST' ? [radius * 0.7, radius * 0.5] : []);
  context.stroke();
  context.setLineDash([]);
  if (vm.State !== 'ERROR') return;
  context.beginPath();
  context.moveTo(x - radius / 2, y - radius / 2);
  context.lineTo(x + radius / 2, y + radius / 2);
  context.moveTo(x + radius / 2, y - radius / 2);
  context.lineTo(x - radius / 2, y + radius / 2);
  context.stroke();
}

/** A disc; hollow without VMs; a ring around it where something is wrong, doubled when it clashes. */
function paintHub(context: Context, { vlan, x, y, radius }: SceneHub, lit: Lit, painting: Painting): void {
  const { colours, camera } = painting;
  const isSelected = vlan.key === painting.vlan;
  const worst = flagsOf(vlan)
    .map((flag) => flagLooks[flag].state)
    .find((state) => state !== null);
  context.globalAlpha = lit.hub(vlan) ? 1 : 0.25;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = vlan.sum.total === 0 ? colours.surface : colours.accent;
  context.fill();
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5 / camera.scale;
  if (vlan.sum.total === 0) context.stroke();
  const rings = [...(worst === undefined ? [] : [colours.state[worst]]), ...(isSelected ? [colours.text] : [])];
  rings.forEach((colour, index) => {
    context.beginPath();
    context.arc(x, y, radius + (3 + 4 * index) / camera.scale, 0, 2 * Math.PI);
    context.strokeStyle = colour;
    context.lineWidth = 2.5 / camera.scale;
    context.setLineDash(index === 0 && worst === 'warn' ? [5 / camera.scale, 3 / camera.scale] : []);
    context.stroke();
    context.setLineDash([]);
  });
  context.globalAlpha = 1;
}
