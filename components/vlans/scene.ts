// The graph of VLANs as things to draw: nodes are boxes that hold their VMs, VLANs are hubs, and lines lead from a hub to where its VMs are.
// A large cluster shows one line for each VLAN and node, and the VMs of the selected VLAN alone. VLANs without VMs stand in rows below; nodes
// without VMs are left out. Pure; units of the plane.
import type { FleetVm } from '../../contract/fleet.ts';
import type { Point } from '../topology/positions.ts';
import type { MapNode, MapVlan, VlanMap, VlanName } from './vlan-view.ts';
import type { VmCount } from './vm-count.ts';

export interface SceneBox {
  readonly node: MapNode;
  /** Its middle. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** VMs on VLANs. */
  readonly vms: number;
  readonly leaves: readonly SceneLeaf[];
  /** VMs that are meant, and have no leaf. */
  readonly more: number;
}

export interface SceneHub {
  readonly vlan: MapVlan;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

export interface SceneLeaf {
  readonly vm: FleetVm;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

export interface SceneLink {
  readonly hub: SceneHub;
  readonly box: SceneBox;
  /** Null: it stands for all VMs of the VLAN there. */
  readonly leaf: SceneLeaf | null;
  readonly count: VmCount;
}

export interface Scene {
  readonly boxes: readonly SceneBox[];
  readonly hubs: readonly SceneHub[];
  readonly links: readonly SceneLink[];
}

export const emptyScene: Scene = { boxes: [], hubs: [], links: [] };

/** Between neighbours on the plane, on average. */
export const spacing = 160;
const boxWidth = 104;
const boxHeight = 72;
/** The upper part of a box, for its name. */
const boxHead = 22;
const boxPadding = 8;
const mostLeafRadius = 6;
const maxLeaves = 400;
/** A cluster with at most so many VMs on VLANs shows each of them. */
export const allLeavesUpTo = 200;

export const nodeKey = ({ id }: Pick<MapNode, 'id'>): string => `n ${id}`;
export const hubKey = ({ key }: VlanName): string => `v ${key}`;

/** What the layout has to place: what VMs hold together. */
export function layoutIds({ nodes, vlans }: VlanMap): readonly string[] {
  const used = new Set(vlans.flatMap(({ cells }) => [...cells.keys()]));
  return [
    ...nodes.filter(({ id }) => used.has(id)).map(nodeKey),
    ...vlans.filter(({ cells }) => cells.size > 0).map(hubKey),
  ];
}

/** What draws it together. */
export function layoutLinks({ vlans }: VlanMap): readonly (readonly [string, string])[] {
  return vlans.flatMap((vlan) => [...vlan.cells.keys()].map((id) => [nodeKey({ id }), hubKey(vlan)] as const));
}

export interface SceneParts {
  /** By `nodeKey` and `hubKey`, in any unit; those without a place are left out. */
  readonly places: ReadonlyMap<string, Point>;
  /** Key of the selected VLAN; null: none. */
  readonly selected: string | null;
  readonly vmsOn: (vlan: VlanName) => readonly FleetVm[];
}

export function sceneOf(map: VlanMap, { places, selected, vmsOn }: SceneParts): Scene {
  const scale = scaleOf(layoutIds(map).flatMap((id) => places.get(id) ?? []));
  const isIdle = ({ cells }: MapVlan): boolean => cells.size === 0;
  const at = (id: string): Point | null => {
    const place = places.get(id);
    return place === undefined ? null : { x: place.x * scale, y: place.y * scale };
  };
  const used = map.vlans.flatMap((vlan): SceneHub[] => {
    const place = isIdle(vlan) ? null : at(hubKey(vlan));
    return place === null ? [] : [{ vlan, ...place, radius: radiusOf(vlan) }];
  });
  const shown = shownVms(map, { selected, vmsOn });
  const byNode = new Map<string, FleetVm[]>();
  for (const vm of shown.keys()) {
    const list = byNode.get(vm.Node);
    if (list) list.push(vm);
    else byNode.set(vm.Node, [vm]);
  }
  const vmsOfNode = new Map<string, number>();
  for (const { cells } of map.vlans)
    for (const [id, { total }] of cells) vmsOfNode.set(id, (vmsOfNode.get(id) ?? 0) + total);
  const boxes = map.nodes.flatMap((node): SceneBox[] => {
    const place = vmsOfNode.has(node.id) ? at(nodeKey(node)) : null;
    if (place === null) return [];
    const vms = byNode.get(node.id) ?? [];
    const leaves = leavesIn(place, vms.slice(0, maxLeaves));
    const size = { width: boxWidth, height: boxHeight };
    return [{ node, ...place, ...size, vms: vmsOfNode.get(node.id) ?? 0, leaves, more: vms.length - leaves.length }];
  });
  const bounds = boundsOf({ boxes, hubs: used });
  const hubs = [...used, ...rowsBelow(bounds, map.vlans.filter(isIdle))];
  return { boxes, hubs, links: linksOf(hubs, boxes, shown) };
}

const idleWidth = 140;
const idleHeight = 56;
const leastIdleColumns = 6;

/** VLANs that nothing holds anywhere, in their order. */
function rowsBelow(bounds: Bounds | null, vlans: readonly MapVlan[]): SceneHub[] {
  const { left, right, bottom } = bounds ?? { left: 0, right: 0, bottom: 0 };
  const columns = Math.min(vlans.length, Math.max(leastIdleColumns, Math.floor((right - left) / idleWidth)));
  const first = (left + right - (columns - 1) * idleWidth) / 2;
  return vlans.map((vlan, index) => ({
    vlan,
    x: first + (index % columns) * idleWidth,
    y: bottom + (0.75 + Math.floor(index / columns)) * idleHeight,
    radius: radiusOf(vlan),
  }));
}

/** VMs that have leaves, each with the keys of its VLANs. */
function shownVms(
  { vlans }: VlanMap,
  { selected, vmsOn }: Pick<SceneParts, 'selected' | 'vmsOn'>,
): ReadonlyMap<FleetVm, ReadonlySet<string>> {
  const total = vlans.reduce((sum, vlan) => sum + vlan.sum.total, 0);
  const of = total <= allLeavesUpTo ? vlans : vlans.filter(({ key }) => key === selected);
  const shown = new Map<FleetVm, Set<string>>();
  for (const vlan of of) for (const vm of vmsOn(vlan)) shown.set(vm, (shown.get(vm) ?? new Set()).add(vlan.key));
  return shown;
}

function linksOf(
  hubs: readonly SceneHub[],
  boxes: readonly SceneBox[],
  shown: ReadonlyMap<FleetVm, ReadonlySet<string>>,
): SceneLink[] {
  const byNode = new Map(boxes.map((box) => [box.node.id, box]));
  return hubs.flatMap((hub) =>
    [...hub.vlan.cells].flatMap(([id, count]): SceneLink[] => {
      const box = byNode.get(id);
      if (!box) return [];
      const leaves = box.leaves.filter(({ vm }) => shown.get(vm)?.has(hub.vlan.key));
      if (leaves.length === 0) return [{ hub, box, leaf: null, count }];
      return leaves.map((leaf) => ({ hub, box, leaf, count }));
    }),
  );
}

/** So that neighbours stand `spacing` apart. */
function scaleOf(places: readonly Point[]): number {
  if (places.length < 2) return 1;
  const extent = (axis: 'x' | 'y'): number => {
    let [least, most] = [Infinity, -Infinity];
    for (const place of places) {
      least = Math.min(least, place[axis]);
      most = Math.max(most, place[axis]);
    }
    return most - least;
  };
  const [width, height] = [extent('x'), extent('y')];
  // In a line, area says nothing.
  const apart = Math.max(Math.sqrt((width * height) / places.length), Math.max(width, height) / places.length);
  return apart > 0 ? spacing / apart : 1;
}

function radiusOf({ sum }: MapVlan): number {
  return sum.total === 0 ? 9 : 12 + 4 * Math.min(4, Math.log2(1 + sum.total) / 2);
}

/** Rows in the lower part of a box, as large as they fit. */
function leavesIn({ x, y }: Point, vms: readonly FleetVm[]): SceneLeaf[] {
  if (vms.length === 0) return [];
  const [width, height] = [boxWidth - 2 * boxPadding, boxHeight - boxHead - boxPadding];
  const columns = Math.ceil(Math.sqrt((vms.length * width) / height));
  const rows = Math.ceil(vms.length / columns);
  const step = Math.min(width / columns, height / rows, 2.6 * mostLeafRadius);
  const left = x - ((Math.min(columns, vms.length) - 1) * step) / 2;
  const top = y - boxHeight / 2 + boxHead + height / 2 - ((rows - 1) * step) / 2;
  return vms.map((vm, index) => ({
    vm,
    x: left + (index % columns) * step,
    y: top + Math.floor(index / columns) * step,
    radius: Math.min(mostLeafRadius, step * 0.38),
  }));
}

export type SceneHit =
  | { readonly is: 'hub'; readonly hub: SceneHub }
  | { readonly is: 'box'; readonly box: SceneBox }
  | { readonly is: 'leaf'; readonly box: SceneBox; readonly leaf: SceneLeaf };

/** What is at a point of the plane, the smallest first. `reach`: so far beside a hub or a leaf still counts. */
export function hitAt({ hubs, boxes }: Scene, { x, y }: Point, reach: number): SceneHit | null {
  const box = boxes.find((each) => Math.abs(each.x - x) <= each.width / 2 && Math.abs(each.y - y) <= each.height / 2);
  const leaf = box?.leaves.find((each) => Math.hypot(each.x - x, each.y - y) <= each.radius + reach / 2);
  if (box && leaf) return { is: 'leaf', box, leaf };
  const hub = hubs.find((each) => Math.hypot(each.x - x, each.y - y) <= each.radius + reach);
  if (hub) return { is: 'hub', hub };
  return box ? { is: 'box', box } : null;
}

export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Null: nothing is there. */
export function boundsOf({ boxes, hubs }: Pick<Scene, 'boxes' | 'hubs'>): Bounds | null {
  if (boxes.length + hubs.length === 0) return null;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const grow = (x: number, y: number, width: number, height: number): void => {
    left = Math.min(left, x - width / 2);
    right = Math.max(right, x + width / 2);
    top = Math.min(top, y - height / 2);
    bottom = Math.max(bottom, y + height / 2);
  };
  for (const box of boxes) grow(box.x, box.y, box.width, box.height);
  for (const hub of hubs) grow(hub.x, hub.y, 2 * hub.radius + 40, 2 * hub.radius + 40);
  return { left, top, right, bottom };
}

/** The same thing, perhaps as another object. */
export function sameHit(a: SceneHit | null, b: SceneHit | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.is === 'hub' || b.is === 'hub') return a.is === 'hub' && b.is === 'hub' && a.hub.vlan.key === b.hub.vlan.key;
  return a.is === b.is && a.box.node.id === b.box.node.id && leafOf(a) === leafOf(b);
}

const leafOf = (hit: SceneHit): string => (hit.is === 'leaf' ? hit.leaf.vm.Uuid : '');
