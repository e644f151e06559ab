// Rows of VMs for tests: what a test does not say is of no interest to it.
import type { FleetDelta, FleetNode, FleetTap, FleetVm } from '../../contract/fleet.ts';
import { fleetFromSnapshot, type FleetView } from '../../core/fleet-view.ts';
import { vmLine, type VmLine } from './vm-line.ts';

export function someVm(Name: string, change: Partial<FleetVm> = {}): FleetVm {
  return {
    ...{ Node: 'n1', Id: 1, Name, Namespace: 'lab', State: 'RUNNING', Reason: '', Uuid: `uuid-${Name}` },
    ...{
      Vcpus: 1,
      Memory: 512,
      Accelerator: 'kvm',
      SerialPorts: 1,
      Launched: 0,
      Vlans: [],
      Aliases: [],
      Macs: [],
      Tags: [],
    },
    ...{ Cluster: 'c', AsOf: 0 },
    ...change,
  };
}

export function someTap(Name: string, change: Partial<FleetTap> = {}): FleetTap {
  return {
    ...{ Node: 'n1', Name, Vm: 1, Nic: 0, Bridge: 'mega_bridge', Vlan: 101, Alias: 'lan', Mac: '00:00:00:00:00:01' },
    ...{ Ip4: '', Ip6: '', Qos: '', Carrier: true, Connected: true, Fault: '', Cluster: 'c', AsOf: 0 },
    ...change,
  };
}

export function someNode(Id: string, Name = Id.replace('n', 'node')): FleetNode {
  return {
    ...{ Id, Name, Addresses: [], State: 'member', Head: false, Degree: 2, Cluster: 'c', AsOf: 0, LostAt: null },
  };
}

/** On node1 unless `node` says otherwise. */
export function someLine(name: string, change: Partial<FleetVm> = {}, node = 'node1'): VmLine {
  return vmLine(someVm(name, change), node, []);
}

export function viewOf(rows: {
  readonly nodes?: readonly FleetNode[];
  readonly vms?: readonly FleetVm[];
  readonly taps?: readonly FleetTap[];
}): FleetView {
  const kinds = Object.entries(rows).map(
    ([name, put]: [string, readonly object[]]) =>
      [name, { put: put.map((row) => ({ ...row })), gone: [] as string[] }] as const,
  );
  return fleetFromSnapshot({ Revision: 1, Now: 0, Kinds: Object.fromEntries(kinds), Events: [] });
}

export function deltaOf(From: number, Kinds: FleetDelta['Kinds']): FleetDelta {
  return { From, Revision: From + 1, Now: 0, Kinds, Events: [] };
}
