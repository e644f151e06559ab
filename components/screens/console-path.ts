// Where a console of a VM is: other pages link to it by this.
import type { FleetVm } from '../../contract/fleet.ts';
import { defaultNamespace } from '../../core/namespaces.ts';

export type ConsoleKind = 'vnc' | 'serial';

/** The page of a VM's console. `name`: of the VM, or its id. */
export function consolePath(
  { node, name, namespace }: { readonly node: string; readonly name: string; readonly namespace: string },
  kind: ConsoleKind = 'vnc',
): string {
  const params = new URLSearchParams({
    ...(namespace === defaultNamespace ? {} : { namespace }),
    ...(kind === 'vnc' ? {} : { kind }),
  });
  const query = params.size === 0 ? '' : `?${params.toString()}`;
  return `/console/${encodeURIComponent(node)}/${encodeURIComponent(name)}${query}`;
}

/** The VM that such a path means: its name in the namespace, or its id. Null while there is no such VM. */
export function vmOfPath(
  vms: Iterable<FleetVm>,
  { nodeId, name, namespace }: { readonly nodeId: string; readonly name: string; readonly namespace: string },
): FleetVm | null {
  let byId: FleetVm | null = null;
  for (const vm of vms) {
    if (vm.Node !== nodeId || vm.Namespace !== namespace) continue;
    if (vm.Name === name) return vm;
    if (String(vm.Id) === name) byId = vm;
  }
  return byId;
}
