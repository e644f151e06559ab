import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HostFacts, LinkView, NodeView } from '../contract/watch.ts';
import { applyChange, clusterState, diffCluster, type ClusterState } from './cluster-view.ts';

const facts: fc.Arbitrary<HostFacts> = fc.record({
  Name: fc.constant('n'),
  CPUs: fc.constantFrom(2, 4),
  Load: fc.constantFrom('0.10 0.10 0.10', '1.00 0.50 0.10'),
  MemTotal: fc.constant(1000),
  MemUsed: fc.nat(3),
  RxBps: fc.nat(3),
  TxBps: fc.constant(0),
  VMs: fc.constant(0),
  AndroidVMs: fc.constant(0),
  Limit: fc.constant(-1),
  CPUCommit: fc.constant(0),
  MemCommit: fc.constant(0),
  NetworkCommit: fc.constant(0),
  Uptime: fc.nat(3),
});
const node = (id: string): fc.Arbitrary<NodeView> =>
  fc.record({
    Id: fc.constant(id),
    Name: fc.constantFrom(`${id}a`, `${id}b`),
    Addresses: fc.subarray(['10.0.0.1', '10.0.0.2']),
    State: fc.constantFrom('member', 'absent', 'revoked'),
    Head: fc.boolean(),
    Degree: fc.option(fc.nat(3)),
    Version: fc.option(fc.constant('0.1.0')),
    Facts: fc.option(facts),
  });
const ids = ['1', '2', '3', '4'];
const state: fc.Arbitrary<ClusterState> = fc
  .subarray(ids)
  .chain((present) =>
    fc.tuple(
      fc.tuple(...present.map(node)),
      fc.uniqueArray(
        fc.record({ A: fc.constantFrom('1', '2'), B: fc.constantFrom('3', '4'), State: fc.constantFrom('up', 'half') }),
        { selector: ({ A, B }) => A + B },
      ) as fc.Arbitrary<LinkView[]>,
    ),
  )
  .map(([nodes, links]) => clusterState(nodes, links));

test('a diff turns the one state into the other, and nothing differs afterwards', () => {
  fc.assert(
    fc.property(state, state, (before, after) => {
      const change = diffCluster(before, after);
      const reached = change === null ? before : applyChange(before, change);
      expect(reached).toEqual(after);
      expect(diffCluster(reached, after)).toBeNull();
    }),
  );
});

test('a change of one fact sends that fact alone', () => {
  const [sample] = fc.sample(
    node('1').filter((n) => n.Facts !== null),
    { numRuns: 1, seed: 1 },
  );
  const before = sample!;
  const after: NodeView = { ...before, Facts: { ...before.Facts!, MemUsed: 999 } };
  expect(diffCluster(clusterState([before], []), clusterState([after], []))?.Nodes).toEqual([
    { Id: '1', Facts: { MemUsed: 999 } },
  ]);
});
