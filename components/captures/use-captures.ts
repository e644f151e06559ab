'use client';
// The captures of this page's cluster, and where packets can be taken in it.
import { useMemo } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { describeVlan } from '../../core/vms/vlan-words.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { vmLine } from '../vms/vm-line.ts';
import { captureLine, compareCaptures, type CaptureLine, type CaptureTarget } from './capture-line.ts';

/** Those that run first, then the newest. */
export function useCaptures(): readonly CaptureLine[] {
  const cluster = useCluster()?.Id ?? '';
  const captures = useFleetPart(({ view }) => rowsOf(view, fleetKeys.captures));
  const nodes = useFleetPart(({ view }) => rowsOf(view, fleetKeys.nodes));
  return useMemo(
    () =>
      [...captures.values()]
        .filter((capture) => capture.Cluster === cluster)
        .map((capture) => captureLine(capture, nodes.get(capture.Node)?.Name ?? capture.Node))
        .sort(compareCaptures),
    [captures, nodes, cluster],
  );
}

/** VMs that run, and bridges that have any. */
export function useCaptureTargets(): readonly CaptureTarget[] {
  const cluster = useCluster()?.Id ?? '';
  const nodes = useFleetPart(({ view }) => rowsOf(view, fleetKeys.nodes));
  const vms = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const taps = useFleetPart(({ view }) => rowsOf(view, fleetKeys.taps));
  const bridges = useFleetPart(({ view }) => rowsOf(view, fleetKeys.bridges));
  return useMemo(() => {
    const nameOf = (node: string): string => nodes.get(node)?.Name ?? node;
    const ofVms = [...vms.values()]
      .filter(({ Cluster: of, State: state }) => of === cluster && state !== 'LOST' && state !== 'QUIT')
      .map((vm): CaptureTarget => {
        const { nics } = vmLine(vm, '', []);
        const labels = nics.map((nic) => ({ index: nic.index, label: `NIC ${nic.index}: ${describeVlan(nic)}` }));
        return { kind: 'vm', node: nameOf(vm.Node), namespace: vm.Namespace, vm: vm.Name, nics: labels };
      });
    const named = [
      ...[...taps.values()].map((tap) => ({ of: tap.Cluster, node: tap.Node, bridge: tap.Bridge })),
      ...[...bridges.values()].map((row) => ({ of: row.Cluster, node: row.Node, bridge: row.Bridge })),
    ].filter(({ of, bridge }) => of === cluster && bridge !== '');
    const ofBridges = new Map(
      named.map(({ node, bridge }): [string, CaptureTarget] => [
        `${node} ${bridge}`,
        { kind: 'bridge', node: nameOf(node), bridge },
      ]),
    );
    const title = (target: CaptureTarget): string => (target.kind === 'vm' ? target.vm : target.bridge);
    return [...ofVms, ...ofBridges.values()].sort(
      (a, b) =>
        (a.kind === b.kind ? 0 : a.kind === 'vm' ? -1 : 1) ||
        compareNames(title(a), title(b)) ||
        compareNames(a.node, b.node),
    );
  }, [cluster, nodes, vms, taps, bridges]);
}
