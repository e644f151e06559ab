// For tests: a fleet with VLANs and VMs, and the deltas that change it, as the server would send them.
import type { FleetCluster, FleetDelta, FleetNamespace, FleetNode, FleetVlan, FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { RowData } from '../../contract/kinds.ts';
import { fleetFromSnapshot, type FleetView } from '../../core/fleet-view.ts';

export const testCluster: FleetCluster = {
  Id: 'c1',
  Context: 'john',
  Engine: 'meshd',
  State: 'live',
  AttachedTo: 'node1',
  RoundTripMs: 1,
  AsOf: 0,
  Reason: '',
};

const told = { Cluster: testCluster.Id, AsOf: 0 };

export function testNode(name: string, more: Partial<FleetNode> = {}): FleetNode {
  return {
    Id: `id-${name}`,
    Name: name,
    Addresses: [],
    State: 'member',
    Head: false,
    Degree: 3,
    LostAt: null,
    ...told,
    ...more,
  };
}

/** `lab//lan` is an alias of a namespace, `lan` of the default one; empty: the number alone. */
export function testVlan(vlan: number, name = '', more: Partial<FleetVlan> = {}): FleetVlan {
  const [first = '', second] = name.split('//');
  const [Namespace, Alias] = second === undefined ? [name === '' ? '' : 'minimega', first] : [first, second];
  const row = { Vlan: vlan, Namespace, Alias, Owner: 'id-node1', Pinned: false, Split: false, Clash: false };
  return { ...row, ...told, ...more };
}

/** One for each name. */
function idOf(name: string): number {
  return Array.from(name).reduce((id, letter) => (31 * id + letter.charCodeAt(0)) % 1_000_003, 0);
}

/** `nics`: `[number, alias]` each. */
export function testVm(
  name: string,
  node: string,
  nics: readonly (readonly [number, string])[],
  more: Partial<FleetVm> = {},
): FleetVm {
  return {
    Node: `id-${node}`,
    Id: idOf(name),
    Name: name,
    Namespace: 'minimega',
    State: 'RUNNING',
    Reason: '',
    Uuid: name,
    Vcpus: 1,
    Memory: 512,
    Accelerator: 'kvm',
    SerialPorts: 1,
    Launched: 0,
    Vlans: nics.map(([vlan]) => vlan),
    Aliases: nics.map(([, alias]) => alias),
    Macs: nics.map(() => ''),
    Tags: [],
    ...told,
    ...more,
  };
}

export function testNamespace(Name: string, range: readonly [number, number] | null = null): FleetNamespace {
  const [VlanMin, VlanMax] = range ?? [null, null];
  return { Name, AllBut: true, Hosts: [], Load: '', VlanMin, VlanMax, Vms: 0, ...told };
}

export type TestRows = Readonly<
  Partial<Record<'nodes' | 'vlans' | 'vms' | 'namespaces' | 'bridges' | 'dhcp' | 'leases', readonly RowData[]>>
>;

/** A FleetDelta's part of one kind. */
interface WireChange {
  put: RowData[];
  gone: string[];
}

export function testFleet(rows: TestRows): FleetView {
  const kinds: Record<string, WireChange> = { clusters: { put: [{ ...testCluster }], gone: [] } };
  for (const [kind, put] of Object.entries(rows)) kinds[kind] = { put: [...put], gone: [] };
  return fleetFromSnapshot({ Revision: 1, Now: 0, Kinds: kinds, Events: [] });
}

/** What the server would send for these rows, and for those that are gone. */
export function testDelta(view: FleetView, put: TestRows, gone: TestRows = {}): FleetDelta {
  const kinds: Record<string, WireChange> = {};
  const names = [...Object.keys(put), ...Object.keys(gone)] as (keyof TestRows)[];
  for (const kind of new Set(names)) {
    const keys = (gone[kind] ?? []).map((row) => keyOf(fleetKeys[kind], row));
    kinds[kind] = { put: [...(put[kind] ?? [])], gone: keys };
  }
  return { From: view.revision, Revision: view.revision + 1, Now: 0, Kinds: kinds, Events: [] };
}
