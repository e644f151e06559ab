import { expect, test } from 'vitest';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import type { Point } from '../topology/positions.ts';
import { testFleet, testNode, testVlan, testVm, type TestRows } from './rows-for-tests.ts';
import { allLeavesUpTo, boundsOf, hitAt, hubKey, layoutIds, nodeKey, sameHit, sceneOf, spacing } from './scene.ts';
import { VlanIndex } from './vlan-index.ts';
import type { VlanName } from './vlan-view.ts';

function made(rows: TestRows) {
  const view = testFleet(rows);
  const index = new VlanIndex('c1', view);
  const vmsOn = (name: VlanName) => [...index.vmsOn(name)].flatMap((key) => rowsOf(view, fleetKeys.vms).get(key) ?? []);
  const map = index.current;
  // On a grid, one unit apart.
  const places = new Map<string, Point>(layoutIds(map).map((id, at) => [id, { x: at % 10, y: Math.floor(at / 10) }]));
  return { map, scene: (selected: string | null) => sceneOf(map, { places, selected, vmsOn }), places, vmsOn };
}

const small: TestRows = {
  nodes: ['node1', 'node2'].map((name) => testNode(name)),
  vlans: [testVlan(101, 'lan'), testVlan(102, 'dmz'), testVlan(103, 'idle')],
  vms: [
    testVm('a1', 'node1', [
      [101, 'lan'],
      [102, 'dmz'],
    ]),
    testVm('a2', 'node2', [[101, 'lan']]),
  ],
};

test('a small cluster shows each VM in the box of its node, with a line to each of its VLANs', () => {
  const { scene } = made(small);
  const { boxes, links, hubs } = scene(null);
  expect(boxes.map(({ node, leaves }) => `${node.name}: ${leaves.map(({ vm }) => vm.Name).join()}`)).toEqual([
    'node1: a1',
    'node2: a2',
  ]);
  expect(links.map(({ hub, leaf }) => `${hub.vlan.alias}-${leaf?.vm.Name ?? 'all'}`).sort()).toEqual([
    'dmz-a1',
    'lan-a1',
    'lan-a2',
  ]);
  expect(hubs.map(({ vlan }) => vlan.alias)).toEqual(['dmz', 'lan', 'idle']);
  // What nobody is on stands below all else.
  const lowest = Math.max(...boxes.map(({ y, height }) => y + height / 2));
  expect(hubs.at(-1)!.y).toBeGreaterThan(lowest);
  for (const box of boxes)
    for (const leaf of box.leaves)
      expect(Math.abs(leaf.x - box.x) <= box.width / 2 && Math.abs(leaf.y - box.y) <= box.height / 2).toBe(true);
});

test('a large cluster has one line for a VLAN and a node; leaves only of the selected VLAN', () => {
  const vms = Array.from({ length: allLeavesUpTo + 40 }, (_, at) =>
    testVm(`vm${at}`, at % 2 === 0 ? 'node1' : 'node2', [at < 30 ? [102, 'dmz'] : [101, 'lan']]),
  );
  const { map, scene } = made({ ...small, vms });
  expect(scene(null).boxes.flatMap(({ leaves }) => leaves)).toEqual([]);
  expect(scene(null).links).toHaveLength(4);
  const { boxes, links } = scene(map.vlans.find(({ alias }) => alias === 'dmz')!.key);
  expect(boxes.map(({ leaves }) => leaves.length)).toEqual([15, 15]);
  expect(links.filter(({ leaf }) => leaf === null).map(({ hub }) => hub.vlan.alias)).toEqual(['lan', 'lan']);
  // Their places are of the box, however many there are.
  const last = boxes[0]!.leaves.at(-1)!;
  expect(Math.abs(last.y - boxes[0]!.y)).toBeLessThan(boxes[0]!.height / 2);
});

test('neighbours stand apart whatever unit the layout has, and what has no place is left out', () => {
  const { map, places, vmsOn } = made(small);
  const far = new Map([...places].map(([id, { x, y }]) => [id, { x: x * 1000, y: y * 1000 }]));
  const at = (of: ReadonlyMap<string, Point>) =>
    sceneOf(map, { places: of, selected: null, vmsOn }).boxes.map(({ x }) => x);
  expect(at(far)).toEqual(at(places));
  expect(Math.abs(at(places)[1]! - at(places)[0]!)).toBeGreaterThan(spacing / 2);
  places.delete(hubKey(map.vlans[0]!));
  places.delete(nodeKey(map.nodes[0]!));
  const scene = sceneOf(map, { places, selected: null, vmsOn });
  expect([scene.boxes.length, scene.hubs.length, scene.links.length]).toEqual([1, 2, 1]);
});

test('what is at a point: a VM in its box before the box, a hub from a little beside it', () => {
  const { scene } = made(small);
  const drawn = scene(null);
  const [box] = drawn.boxes;
  const leaf = box!.leaves[0]!;
  expect(hitAt(drawn, leaf, 2)).toMatchObject({ is: 'leaf', leaf });
  expect(hitAt(drawn, { x: box!.x - box!.width / 2 + 1, y: box!.y }, 2)).toMatchObject({ is: 'box', box });
  const hub = drawn.hubs[1]!;
  expect(hitAt(drawn, { x: hub.x + hub.radius + 1, y: hub.y }, 2)).toMatchObject({ is: 'hub', hub });
  expect(hitAt(drawn, { x: -9_999, y: 0 }, 2)).toBeNull();
  const again = scene(null);
  expect(sameHit(hitAt(drawn, leaf, 2), hitAt(again, leaf, 2))).toBe(true);
  expect(sameHit(hitAt(drawn, leaf, 2), null)).toBe(false);
});

test('bounds hold all of it', () => {
  const { scene } = made(small);
  const bounds = boundsOf(scene(null))!;
  for (const { x, y } of [...scene(null).boxes, ...scene(null).hubs])
    expect(x > bounds.left && x < bounds.right && y > bounds.top && y < bounds.bottom).toBe(true);
  expect(boundsOf({ boxes: [], hubs: [] })).toBeNull();
});
