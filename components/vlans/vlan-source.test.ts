import { expect, test, vi } from 'vitest';
import type { FleetDelta } from '../../contract/fleet.ts';
import { applyFleetDelta, emptyFleet, type FleetView } from '../../core/fleet-view.ts';
import { noFleet, type FleetState } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { testDelta, testFleet, testNode, testVlan, testVm, type TestRows } from './rows-for-tests.ts';
import { FleetVlans } from './vlan-source.ts';

/** A fleet as `lib/fleet.ts` has it: the state first, then who follows the deltas. */
function fleetOf(first: FleetView) {
  const state = new Observable<FleetState>({ ...noFleet, view: first });
  const listeners = new Set<(delta: FleetDelta | null) => void>();
  const put = (view: FleetView, delta: FleetDelta | null) => {
    state.set({ ...noFleet, view });
    for (const listener of [...listeners]) listener(delta);
  };
  return {
    state,
    onDelta: (listener: (delta: FleetDelta | null) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    listeners,
    change: (rows: TestRows) => {
      const delta = testDelta(state.get().view, rows);
      put(applyFleetDelta(state.get().view, delta), delta);
    },
    restart: (view: FleetView) => put(view, null),
  };
}

const rows: TestRows = { nodes: [testNode('node1')], vlans: [testVlan(101, 'lan')] };
const running = testVm('a1', 'node1', [[101, 'lan']]);

test('who follows learns what changed, and nothing else', () => {
  const fleet = fleetOf(testFleet(rows));
  const source = new FleetVlans('', { fleet });
  const listener = vi.fn();
  const end = source.subscribe(listener);
  const before = source.get();
  fleet.change({ nodes: [testNode('node1', { AsOf: 9 })] });
  expect([listener.mock.calls.length, source.get()]).toEqual([0, before]);
  fleet.change({ vms: [running] });
  expect(listener).toHaveBeenCalledTimes(1);
  expect(source.get().vlans[0]?.sum.RUNNING).toBe(1);
  expect(source.vmsOn(source.get().vlans[0]!).map(({ Name }) => Name)).toEqual(['a1']);
  end();
  expect(fleet.listeners.size).toBe(0);
});

test('what changed while nobody followed is there at the next look', () => {
  const fleet = fleetOf(testFleet(rows));
  const source = new FleetVlans('', { fleet });
  source.subscribe(() => undefined)();
  fleet.change({ vms: [running] });
  expect(source.get().vlans[0]?.sum.total).toBe(1);
  fleet.change({ vms: [{ ...running, State: 'PAUSED' }] });
  const end = source.subscribe(() => undefined);
  fleet.change({ vlans: [testVlan(102, 'dmz')] });
  expect(source.get().vlans.map(({ alias, sum }) => `${alias} ${sum.PAUSED}`)).toEqual(['dmz 0', 'lan 1']);
  end();
});

test('a new snapshot begins again, and a cluster that was not there yet is found', () => {
  const fleet = fleetOf(emptyFleet);
  const source = new FleetVlans('john', { fleet });
  const listener = vi.fn();
  source.subscribe(listener);
  expect(source.get().cluster).toBe('');
  fleet.restart(testFleet({ ...rows, vms: [running] }));
  expect(source.get().vlans[0]?.sum.total).toBe(1);
  fleet.restart(testFleet(rows));
  expect([listener.mock.calls.length, source.get().vlans[0]?.sum.total]).toEqual([2, 0]);
});
