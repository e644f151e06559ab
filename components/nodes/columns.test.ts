import { expect, test } from 'vitest';
import type { FleetNode } from '../../contract/fleet.ts';
import { meshView } from '../fleet/mesh-view.ts';
import { parseSort, sortNodes } from './columns.tsx';

function node(name: string, version: string | null): [string, FleetNode] {
  const facts: FleetNode = {
    Id: name,
    Name: name,
    Addresses: [],
    State: 'member',
    Head: false,
    Degree: 1,
    Version: version,
    Facts: null,
    Cluster: 'c',
    AsOf: 0,
    LostAt: null,
  };
  return [name, facts];
}
const cluster = {
  Id: 'c',
  Context: 'c',
  Engine: 'meshd',
  State: 'live',
  AttachedTo: '',
  RoundTripMs: null,
  AsOf: 0,
  Reason: '',
} as const;
const { nodes } = meshView(
  {
    nodes: new Map([node('node10', '1.10'), node('node2', '1.9'), node('node1', null), node('node3', '1.9')]),
    links: new Map(),
  },
  cluster,
);

test.each([
  ['', ['node1', 'node2', 'node3', 'node10']],
  ['-name', ['node10', 'node3', 'node2', 'node1']],
  // What has no value stands last both ways, and equal ones stay in the order of their names.
  ['version', ['node2', 'node3', 'node10', 'node1']],
  ['-version', ['node10', 'node2', 'node3', 'node1']],
  ['nonsense', ['node1', 'node2', 'node3', 'node10']],
])('sorted by %j', (sort, names) => {
  expect(sortNodes(nodes, parseSort(sort)).map(({ name }) => name)).toEqual(names);
});
