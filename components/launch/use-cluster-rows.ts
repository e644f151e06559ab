'use client';
// The rows of this page's cluster, live.
import { useMemo } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import type { RowsKey } from '../../contract/kind-keys.ts';
import type { RowData } from '../../contract/kinds.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import type { ClusterRows } from './cluster-facts.ts';

function useRows<Row extends RowData>(key: RowsKey<Row>): ReadonlyMap<string, Row> {
  return useFleetPart(({ view }) => rowsOf(view, key));
}

export function useClusterRows(): ClusterRows {
  const cluster = useCluster();
  const nodes = useRows(fleetKeys.nodes);
  const hosts = useRows(fleetKeys.hosts);
  const files = useRows(fleetKeys.files);
  const vlans = useRows(fleetKeys.vlans);
  const vms = useRows(fleetKeys.vms);
  const namespaces = useRows(fleetKeys.namespaces);
  const [id, attachedTo] = [cluster?.Id ?? '', cluster?.AttachedTo ?? ''];
  return useMemo(
    () => ({ cluster: id, attachedTo, nodes, hosts, files, vlans, vms, namespaces }),
    [id, attachedTo, nodes, hosts, files, vlans, vms, namespaces],
  );
}
