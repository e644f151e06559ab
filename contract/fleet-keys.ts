// The kinds as browsers get them, by their keys: what pages ask a view of the fleet for (core/fleet-view.ts). No schema, as in
// kind-keys.ts.
import type {
  FleetBridge,
  FleetCapture,
  FleetCluster,
  FleetDhcp,
  FleetFile,
  FleetHost,
  FleetLease,
  FleetLink,
  FleetNamespace,
  FleetNode,
  FleetTap,
  FleetVlan,
  FleetVm,
} from './fleet.ts';
import { clusterKeys, clustersKey, fleetKey, type KindKey, type RowsKey } from './kind-keys.ts';

interface FleetKeys {
  readonly clusters: RowsKey<FleetCluster>;
  readonly nodes: RowsKey<FleetNode>;
  readonly links: RowsKey<FleetLink>;
  readonly hosts: RowsKey<FleetHost>;
  readonly bridges: RowsKey<FleetBridge>;
  readonly files: RowsKey<FleetFile>;
  readonly vlans: RowsKey<FleetVlan>;
  readonly vms: RowsKey<FleetVm>;
  readonly taps: RowsKey<FleetTap>;
  readonly dhcp: RowsKey<FleetDhcp>;
  readonly leases: RowsKey<FleetLease>;
  readonly captures: RowsKey<FleetCapture>;
  readonly namespaces: RowsKey<FleetNamespace>;
}

export const fleetKeys: FleetKeys = {
  clusters: clustersKey,
  nodes: fleetKey(clusterKeys.nodes),
  links: fleetKey(clusterKeys.links),
  hosts: fleetKey(clusterKeys.hosts),
  bridges: fleetKey(clusterKeys.bridges),
  files: fleetKey(clusterKeys.files),
  vlans: fleetKey(clusterKeys.vlans),
  vms: fleetKey(clusterKeys.vms),
  taps: fleetKey(clusterKeys.taps),
  dhcp: fleetKey(clusterKeys.dhcp),
  leases: fleetKey(clusterKeys.leases),
  captures: fleetKey(clusterKeys.captures),
  namespaces: fleetKey(clusterKeys.namespaces),
};

/** Those of all kinds, for who takes rows of every kind. */
export const allFleetKeys: readonly KindKey[] = [clustersKey, ...Object.values(clusterKeys).map(fleetKey)];
