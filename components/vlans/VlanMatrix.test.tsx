// @vitest-environment happy-dom
import { act, useState, type ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ProbeResult } from '../../contract/probe.ts';
import { applyFleetDelta } from '../../core/fleet-view.ts';
import { ProbeMarks } from '../probe/probe-marks.ts';
import { pageForTests } from '../page-for-tests.ts';
import { testDelta, testFleet, testNode, testVlan, testVm } from './rows-for-tests.ts';
import { parseVlanSort } from './vlan-choice.ts';
import { VlanIndex } from './vlan-index.ts';
import { VlanMatrix } from './VlanMatrix.tsx';
import type { VlanMap } from './vlan-view.ts';

vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams('') }));

const page = pageForTests();

beforeEach(() => {
  // Nothing is laid out here: a screen of ten rows and some nodes.
  for (const side of ['offsetHeight', 'clientHeight'] as const)
    vi.spyOn(HTMLElement.prototype, side, 'get').mockReturnValue(360);
  for (const side of ['offsetWidth', 'clientWidth'] as const)
    vi.spyOn(HTMLElement.prototype, side, 'get').mockReturnValue(900);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const nodes = Array.from({ length: 200 }, (_, at) => testNode(`node${at + 1}`));
const vlans = Array.from({ length: 500 }, (_, at) => testVlan(101 + at, `exp${at % 2}//net${at + 1}`));
const vms = [testVm('a1', 'node2', [[101, 'net1']], { Namespace: 'exp0' })];
let view = testFleet({ nodes, vlans, vms });
let index = new VlanIndex('c1', view);

let held: { vlan: string | null; node: string | null; sorted: string[] };
let show: (map: VlanMap) => void;

function Page({ brushed, marks }: { brushed: string | null; marks: ProbeMarks | null }): ReactElement {
  const [map, setMap] = useState(index.current);
  const [selected, select] = useState<{ vlan: string | null; node: string | null }>({ vlan: null, node: null });
  show = setMap;
  held = { ...held, ...selected };
  return (
    <VlanMatrix
      vlans={map.vlans}
      nodes={map.nodes}
      hasNamespaces
      sort={parseVlanSort('')}
      onSort={(column) => held.sorted.push(column)}
      vlan={selected.vlan}
      node={selected.node}
      onSelect={(vlan, node) => select({ vlan, node })}
      brushed={brushed}
      marks={marks}
    />
  );
}

function draw(brushed: string | null = null, marks: ProbeMarks | null = null): void {
  view = testFleet({ nodes, vlans, vms });
  index = new VlanIndex('c1', view);
  held = { vlan: null, node: null, sorted: [] };
  page.draw(<Page brushed={brushed} marks={marks} />);
}

const grid = () => page.box.querySelector<HTMLElement>('[role=grid]')!;
const rows = () => [...page.box.querySelectorAll<HTMLElement>('[role=row]')];
const active = () => page.box.querySelector<HTMLElement>(`[id="${grid().getAttribute('aria-activedescendant')!}"]`);
const press = (...keys: string[]) => {
  for (const key of keys)
    act(() => {
      const ctrlKey = key.startsWith('Ctrl-');
      const init = { key: ctrlKey ? key.slice(5) : key, ctrlKey, bubbles: true, cancelable: true };
      grid().dispatchEvent(new KeyboardEvent('keydown', init));
    });
};

test('of 500 VLANs and 200 nodes it draws what is in sight, and says how many there are', () => {
  draw();
  expect(grid().getAttribute('aria-rowcount')).toBe('501');
  expect(grid().getAttribute('aria-colcount')).toBe('204');
  expect(rows().length).toBeLessThan(40);
  const first = rows()[1]!;
  expect(first.querySelectorAll('[role=gridcell]').length).toBeLessThan(25);
  expect(first.querySelector('[role=rowheader]')?.textContent).toBe('net1');
  const cell = first.querySelector('[aria-colindex="6"]');
  expect([cell?.textContent, cell?.getAttribute('aria-label')]).toEqual(['1', '1 VM, running']);
  expect(first.querySelector('[aria-colindex="5"]')?.getAttribute('aria-label')).toBe('no VMs');
});

test('a click selects a VLAN, a cell or a node, and then again nothing', () => {
  draw();
  const click = (selector: string) => act(() => page.box.querySelector<HTMLElement>(selector)?.click());
  click('[role=rowheader]');
  expect([held.vlan, held.node]).toEqual(['101 exp0 net1', null]);
  click('[role=row][aria-rowindex="2"] [aria-colindex="6"]');
  expect([held.vlan, held.node]).toEqual(['101 exp0 net1', 'id-node2']);
  click('[role=columnheader][aria-colindex="5"]');
  expect([held.vlan, held.node]).toEqual([null, 'id-node1']);
  click('[role=columnheader][aria-colindex="5"]');
  expect([held.vlan, held.node]).toEqual([null, null]);
  // Beside the last node of a small cluster.
  click('[role=row][aria-rowindex="2"]');
  expect([held.vlan, held.node]).toEqual(['101 exp0 net1', null]);
  click('[role=row][aria-rowindex="2"]');
  expect([held.vlan, held.node]).toEqual([null, null]);
  click('[role=columnheader][aria-colindex="2"]');
  expect(held.sorted).toEqual(['vlan']);
});

test('arrows move a cell, which stays in the document, and Enter selects it', () => {
  draw();
  expect(active()?.textContent).toBe('net1');
  press('ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight');
  expect(active()?.getAttribute('aria-colindex')).toBe('6');
  press('Enter');
  expect([held.vlan, held.node]).toEqual(['103 exp0 net3', 'id-node2']);
  press('Ctrl-End');
  expect(active()?.getAttribute('aria-colindex')).toBe('204');
  expect(active()?.closest('[role=row]')?.getAttribute('aria-rowindex')).toBe('501');
  press('Enter');
  expect(held.node).toBe('id-node200');
  press('Ctrl-Home', 'ArrowUp', 'Enter');
  expect(held.sorted).toEqual(['alias']);
});

test('a change draws the row that it concerns, and no other', () => {
  draw();
  const before = rows().map((row) => row.innerHTML);
  const touched: Node[] = [];
  const observer = new MutationObserver((records) => touched.push(...records.map(({ target }) => target)));
  observer.observe(page.box, { subtree: true, childList: true, attributes: true, characterData: true });
  const delta = testDelta(view, { vms: [{ ...vms[0]!, State: 'PAUSED' }] });
  view = applyFleetDelta(view, delta);
  act(() => show(index.follow(delta.Kinds, view)));
  touched.push(...observer.takeRecords().map(({ target }) => target));
  observer.disconnect();
  expect(rows()[1]?.querySelector('[aria-colindex="6"]')?.getAttribute('aria-label')).toBe('1 VM, paused');
  expect(touched.length).toBeGreaterThan(0);
  expect(touched.every((node) => rows()[1]!.contains(node))).toBe(true);
  expect(
    rows()
      .slice(2)
      .map((row) => row.innerHTML),
  ).toEqual(before.slice(2));
});

test('a cell has the verdict of the last probe in words beside its mark, and unknown once that is stale', () => {
  const node = (name: string, state: 'ok' | 'silent' = 'ok') => ({
    ...{ name, state, reason: '', bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
  });
  const result: ProbeResult = {
    ...{ atMs: 0, staleAtMs: 1, bigBytes: 1_514, unsteady: [], flooded: [], unshielded: [] },
    nodes: [node('node1'), node('node2'), node('node3'), node('node4', 'silent')],
    vlans: [{ vlan: 101, alias: 'net1' }],
    bad: [{ vlan: 101, from: 'node2', to: 'node1', verdict: 'untagged', arrivedOn: [0] }],
    causes: [
      {
        ...{ kind: 'port', symptom: 'untagged', vlans: [101], groups: [['node2']] },
        ...{ direction: 'from', arrivedOn: 0, or: [] },
      },
    ],
  };
  const labels = () =>
    [5, 6, 7, 8, 9].map((at) => rows()[1]?.querySelector(`[aria-colindex="${at}"]`)?.getAttribute('aria-label'));
  draw(null, new ProbeMarks(result, false));
  expect(labels()).toEqual([
    ...['no VMs; probe: ok here, and bad to another node', '1 VM, running; probe: untagged on arrival'],
    ...['no VMs; probe: ok', 'no VMs; probe: node silent', 'no VMs'],
  ]);
  expect(rows()[2]?.querySelector('[aria-colindex="6"]')?.getAttribute('aria-label')).toBe('no VMs');
  draw(null, new ProbeMarks(result, true));
  expect(labels()[1]).toBe('1 VM, running; probe: unknown');
});

test('rows of other namespaces are faint while one is brushed', () => {
  draw('exp1');
  const isFaint = (row: HTMLElement) => row.querySelector('[role=rowheader]')!.className.includes('opacity');
  expect(rows().slice(1, 5).map(isFaint)).toEqual([true, true, true, true]);
  draw();
  expect(rows().slice(1).some(isFaint)).toBe(false);
});
