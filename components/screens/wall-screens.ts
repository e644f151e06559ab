// Which screens a wall shows, and in which order.
import type { FleetNode, FleetVm } from '../../contract/fleet.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { hasScreen } from './vm-words.ts';

export interface WallScreen {
  readonly vm: FleetVm;
  /** Name of its node. */
  readonly node: string;
}

/** VMs of a cluster that have a QEMU, by namespace, name and node. */
export function screensOf(
  vms: Iterable<FleetVm>,
  { nodes, cluster }: { readonly nodes: ReadonlyMap<string, FleetNode>; readonly cluster: string },
): WallScreen[] {
  const screens: WallScreen[] = [];
  for (const vm of vms) {
    const node = nodes.get(vm.Node);
    if (node && vm.Cluster === cluster && hasScreen(vm)) screens.push({ vm, node: node.Name });
  }
  return screens.sort(
    (a, b) =>
      compareNames(a.vm.Namespace, b.vm.Namespace) ||
      compareNames(a.vm.Name, b.vm.Name) ||
      compareNames(a.node, b.node),
  );
}
