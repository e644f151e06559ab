import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { FleetDelta, FleetTap, FleetVm } from '../../contract/fleet.ts';
import { applyFleetDelta, type FleetView } from '../../core/fleet-view.ts';
import type { FleetState } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { compareValues } from '../table/column.ts';
import { VmIndex, type VmOrder } from './vm-index.ts';
import { VmSource } from './vm-source.ts';
import { deltaOf, someNode, someTap, someVm, viewOf } from './vms-for-tests.ts';

const nodes = ['n1', 'n2', 'n3'].map((id) => someNode(id));
const byState: VmOrder = (a, b) => compareValues(a.vm.State, b.vm.State, 1);
const names = (index: VmIndex) => index.rows().map(({ vm }) => vm.Name);

test('a change moves one VM to its place, and leaves the others the objects that they were', () => {
  const index = new VmIndex('c');
  index.arrange({ order: byState, fits: () => true });
  const vms = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name, at) => someVm(name, { Id: at }));
  const view = viewOf({ nodes, vms });
  index.reset(view);
  const before = index.rows();
  const delta = deltaOf(1, { vms: { put: [{ Node: 'n1', Id: 4, State: 'PAUSED' }], gone: [] } });
  expect(index.apply(delta, applyFleetDelta(view, delta))).toBe(true);
  expect(names(index).join('')).toBe('eabcdfghi');
  expect(index.rows().filter((line) => before.includes(line))).toHaveLength(8);
  expect(index.counts().states).toEqual(
    new Map([
      ['RUNNING', 8],
      ['PAUSED', 1],
    ]),
  );
});

test('a row that only says again what it said changes nothing', () => {
  const index = new VmIndex('c');
  const view = viewOf({ nodes, vms: [someVm('a', { Vlans: [1] })] });
  index.reset(view);
  const delta = deltaOf(1, { vms: { put: [{ Node: 'n1', Id: 1, AsOf: 9, Vlans: [1] }], gone: [] } });
  expect(index.apply(delta, applyFleetDelta(view, delta))).toBe(false);
});

test('what a tap says is in the line of its VM; another cluster is not', () => {
  const index = new VmIndex('c');
  let view = viewOf({
    nodes,
    vms: [someVm('a', { Vlans: [101], Aliases: ['lan'] }), someVm('z', { Node: 'n9', Cluster: 'other' })],
    taps: [someTap('t0'), someTap('t9', { Node: 'n9', Cluster: 'other' })],
  });
  index.reset(view);
  expect(names(index)).toEqual(['a']);
  const tell = (kinds: FleetDelta['Kinds']) => {
    const delta = deltaOf(view.revision, kinds);
    view = applyFleetDelta(view, delta);
    index.apply(delta, view);
    return index.rows()[0]?.addresses;
  };
  expect(tell({ taps: { put: [{ Node: 'n1', Name: 't0', Ip4: '10.0.0.1' }], gone: [] } })).toEqual(['10.0.0.1']);
  expect(tell({ taps: { put: [], gone: ['n1 t0'] } })).toEqual([]);
  tell({ nodes: { put: [{ Id: 'n1', Name: 'renamed' }], gone: [] } });
  expect(index.rows()[0]?.node).toBe('renamed');
});

const VmChange = fc.record({
  node: fc.constantFrom('n1', 'n2'),
  id: fc.integer({ min: 0, max: 12 }),
  gone: fc.boolean(),
  name: fc.constantFrom('a', 'b', 'web10', 'web2'),
  state: fc.constantFrom<FleetVm['State']>('RUNNING', 'PAUSED', 'QUIT'),
});

test('after any changes it is as if it had been made at the end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(VmChange, { maxLength: 4 }), { maxLength: 30 }),
      fc.boolean(),
      (deltas, isFiltered) => {
        const arrangement = {
          order: byState,
          fits: (line: { vm: FleetVm }) => !isFiltered || line.vm.State !== 'QUIT',
        };
        const index = new VmIndex('c');
        index.arrange(arrangement);
        let view: FleetView = viewOf({ nodes });
        index.reset(view);
        for (const changes of deltas) {
          const put = new Map<string, FleetVm>();
          const gone = new Set<string>();
          const taps: FleetTap[] = [];
          for (const { node, id, gone: isGone, name, state } of changes) {
            const key = `${node} ${id}`;
            if (isGone) {
              put.delete(key);
              gone.add(key);
            } else put.set(key, someVm(name, { Node: node, Id: id, State: state }));
            taps.push(someTap(`t${id}`, { Node: node, Vm: id, Ip4: `10.0.0.${id}` }));
          }
          const delta = deltaOf(view.revision, {
            vms: { put: [...put.values()], gone: [...gone] },
            taps: { put: taps, gone: [] },
          });
          view = applyFleetDelta(view, delta);
          index.apply(delta, view);
        }
        const rebuilt = new VmIndex('c');
        rebuilt.arrange(arrangement);
        rebuilt.reset(view);
        expect(index.rows()).toEqual(rebuilt.rows());
        expect(index.counts()).toEqual(rebuilt.counts());
      },
    ),
  );
});

function fleetOf(view: FleetView) {
  const state = new Observable<FleetState>({ status: 'live', view, asOf: 0, serverOffsetMs: 0, error: '' });
  const listeners = new Set<(delta: FleetDelta | null) => void>();
  return {
    state,
    onDelta: (listener: (delta: FleetDelta | null) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell: (delta: FleetDelta) => {
      state.set({ ...state.get(), view: applyFleetDelta(state.get().view, delta) });
      for (const listener of listeners) listener(delta);
    },
  };
}

test('many changes are drawn once, in the next frame', () => {
  const frames: (() => void)[] = [];
  const fleet = fleetOf(viewOf({ nodes, vms: [someVm('a')] }));
  const source = new VmSource('c', { fleet, onFrame: (run) => frames.push(run) });
  const heard = vi.fn();
  const end = source.state.subscribe(heard);
  for (const [at, State] of (['PAUSED', 'RUNNING', 'QUIT'] as const).entries())
    fleet.tell(deltaOf(at + 1, { vms: { put: [{ Node: 'n1', Id: 1, State }], gone: [] } }));
  expect([heard.mock.calls.length, frames.length]).toEqual([0, 1]);
  frames.pop()?.();
  expect(heard).toHaveBeenCalledOnce();
  expect(source.state.get().rows[0]?.vm.State).toBe('QUIT');
  end();
  // What comes while nobody listens is there when somebody listens again.
  fleet.tell(deltaOf(4, { vms: { put: [], gone: ['n1 1'] } }));
  source.state.subscribe(heard);
  frames.pop()?.();
  expect(source.state.get().total).toBe(0);
});
