// For tests: DHCP servers and leases of the cluster in vlans/rows-for-tests.ts.
import type { FleetDhcp, FleetLease } from '../../contract/fleet.ts';
import { testCluster } from '../vlans/rows-for-tests.ts';

const told = { Cluster: testCluster.Id, AsOf: 0 };

export function testDhcp(node: string, vlan: number, more: Partial<FleetDhcp> = {}): FleetDhcp {
  return {
    ...{ Node: `id-${node}`, Id: 0, Namespace: 'minimega', Vlan: vlan, Alias: 'lan', Bridge: 'mega_bridge' },
    ...{ Tap: 'mega_tap9', Address: '10.0.0.1/24', Low: '10.0.0.10', High: '10.0.0.209', Gateway: '', Dns: [] },
    ...{ Domain: '', LeaseSeconds: 3_600, State: 'running', Reason: '' },
    ...told,
    ...more,
  };
}

export function testLease(node: string, ip: string, mac: string, more: Partial<FleetLease> = {}): FleetLease {
  return { Node: `id-${node}`, Dhcp: 0, Mac: mac, Vlan: 101, Ip: ip, Name: '', Expires: 1, ...told, ...more };
}
