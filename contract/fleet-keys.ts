// The kinds as browsers get them, by their keys: what pages ask a view of the fleet for (core/fleet-view.ts). No schema, as in
// kind-keys.ts.
import type { FleetBridge, FleetCluster, FleetHost, FleetLink, FleetNode } from './fleet.ts';
import { clusterKeys, clustersKey, fleetKey, type KindKey, type RowsKey } from './kind-keys.ts';

interface FleetKeys extends Readonly<Record<keyof typeof clusterKeys, KindKey>> {
  readonly clusters: RowsKey<FleetCluster>;
  readonly nodes: RowsKey<FleetNode>;
  readonly links: RowsKey<FleetLink>;
  readonly hosts: RowsKey<FleetHost>;
  readonly bridges: RowsKey<FleetBridge>;
}

export const fleetKeys: FleetKeys = {
  clusters: clustersKey,
  nodes: fleetKey(clusterKeys.nodes),
  links: fleetKey(clusterKeys.links),
  hosts: fleetKey(clusterKeys.hosts),
  bridges: fleetKey(clusterKeys.bridges),
};

/** All of them, for who takes rows of every kind. */
export const allFleetKeys: readonly KindKey[] = Object.values(fleetKeys);
