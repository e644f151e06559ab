// Rows of a small cluster for tests: node1 is the head and has the console.
import type { FleetFile, FleetHost, FleetNode, FleetVlan, FleetVm } from '../../contract/fleet.ts';
import type { ClusterRows } from './cluster-facts.ts';

const told = { Cluster: 'c', AsOf: 0 };

export function testNode(name: string, parts: Partial<FleetNode> = {}): FleetNode {
  const own = { Id: `id-${name}`, Name: name, Addresses: [], Head: name === 'node1', Degree: 3 };
  return { ...own, ...told, State: 'member', LostAt: null, ...parts };
}

export function testHost(node: string, parts: Partial<FleetHost> = {}): FleetHost {
  const facts = {
    ...{ Name: node, CPUs: 4, Load: '', MemTotal: 4_096, MemUsed: 0, RxBps: 0, TxBps: 0, VMs: 0, AndroidVMs: 0 },
    ...{ Limit: 1_000, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 0, Version: '0' },
  };
  return { ...facts, ...told, Node: `id-${node}`, ...parts };
}

export function testVm(name: string, node: string, parts: Partial<FleetVm> = {}): FleetVm {
  return {
    ...told,
    ...{ Node: `id-${node}`, Id: 0, Name: name, Namespace: 'lab', State: 'RUNNING', Reason: '', Uuid: '' },
    ...{ Vcpus: 1, Memory: 256, Accelerator: 'kvm', SerialPorts: 1, Launched: 0, Vlans: [], Aliases: [], Macs: [] },
    Tags: [],
    ...parts,
  };
}

export function testFile(name: string, node: string, parts: Partial<FleetFile> = {}): FleetFile {
  const own = { Size: 1_000, Modified: 0, Format: 'qcow2', Hash: 'aa', State: 'here', Done: 1_000, Error: '' } as const;
  return { ...told, ...own, Node: `id-${node}`, Name: name, ...parts };
}

export function testVlan(alias: string, vlan: number, parts: Partial<FleetVlan> = {}): FleetVlan {
  const own = { Owner: '', Pinned: false, Split: false, Clash: false };
  return { ...told, ...own, Vlan: vlan, Namespace: 'lab', Alias: alias, ...parts };
}

const keyed = <Row>(rows: readonly Row[]) => new Map(rows.map((row, at) => [String(at), row]));

export function testRows(parts: {
  readonly nodes?: readonly FleetNode[];
  readonly hosts?: readonly FleetHost[];
  readonly files?: readonly FleetFile[];
  readonly vlans?: readonly FleetVlan[];
  readonly vms?: readonly FleetVm[];
  readonly namespaces?: ClusterRows['namespaces'];
}): ClusterRows {
  const nodes = parts.nodes ?? ['node1', 'node2', 'node3'].map((name) => testNode(name));
  const hosts = parts.hosts ?? nodes.map(({ Name }) => testHost(Name));
  return {
    cluster: 'c',
    attachedTo: 'node1',
    nodes: new Map(nodes.map((node) => [node.Id, node])),
    hosts: new Map(hosts.map((host) => [host.Node, host])),
    files: keyed(parts.files ?? []),
    vlans: keyed(parts.vlans ?? []),
    vms: keyed(parts.vms ?? []),
    namespaces: parts.namespaces ?? new Map(),
  };
}
