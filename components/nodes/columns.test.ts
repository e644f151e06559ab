import { expect, test } from 'vitest';
import type { FleetHost, FleetNode } from '../../contract/fleet.ts';
import { meshView } from '../fleet/mesh-view.ts';
import { parseSort } from '../table/column.ts';
import { sortedColumns, sortNodes } from './columns.tsx';

function node(name: string): [string, FleetNode] {
  const facts: FleetNode = {
    Id: name,
    Name: name,
    Addresses: [],
    State: 'member',
    Head: false,
    Degree: 1,
    Cluster: 'c',
    AsOf: 0,
    LostAt: null,
  };
  return [name, facts];
}
const host = (name: string, Version: string): [string, FleetHost] => [
  name,
  {
    ...{ Node: name, Cluster: 'c', AsOf: 0, Name: name, Version, CPUs: 2, Load: '0 0 0', MemTotal: 1, MemUsed: 1 },
    ...{ RxBps: 0, TxBps: 0, VMs: 0, AndroidVMs: 0, Limit: 0, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 0 },
  },
];
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
    nodes: new Map(['node10', 'node2', 'node1', 'node3'].map(node)),
    links: new Map(),
    hosts: new Map([host('node10', '1.10'), host('node2', '1.9'), host('node3', '1.9')]),
    bridges: new Map(),
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
  expect(sortNodes(nodes, parseSort(sortedColumns, sort, 'name')).map(({ name }) => name)).toEqual(names);
});
