// Where a VM's screen and serial line are shown. Pure.
import type { VmLine } from './vm-line.ts';

export function consolePath({ node, vm }: Pick<VmLine, 'node' | 'vm'>, kind: 'vnc' | 'serial'): string {
  const query = new URLSearchParams({ namespace: vm.Namespace, kind });
  return `/console/${encodeURIComponent(node)}/${encodeURIComponent(vm.Name)}?${query.toString()}`;
}
