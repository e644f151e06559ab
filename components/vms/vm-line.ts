// One VM as pages show it: its row with the name of its node, its NICs with what their taps say, and its addresses. Pure.
import type { FleetTap, FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { keyOf } from '../../contract/kind-keys.ts';

export interface VmNic {
  /** From 0 up, as commands name it. */
  readonly index: number;
  /** -1: on no VLAN. */
  readonly vlan: number;
  /** Empty for a number without one. */
  readonly alias: string;
  readonly mac: string;
  /** Null where it is not known: the node is away, or the VM has more NICs than a row tells. */
  readonly tap: FleetTap | null;
}

export interface VmLine {
  /** Of its row in the fleet. */
  readonly key: string;
  /** Name of its node; its id as long as the node is not known. */
  readonly node: string;
  readonly vm: FleetVm;
  readonly nics: readonly VmNic[];
  /** What the guest says its addresses are, of each NIC the IPv4 address before the other. */
  readonly addresses: readonly string[];
}

export const vmKey = (vm: Pick<FleetVm, 'Node' | 'Id'>): string => keyOf(fleetKeys.vms, vm);

/** `taps`: those of this VM, in any order. */
export function vmLine(vm: FleetVm, node: string, taps: readonly FleetTap[]): VmLine {
  const nics = vm.Vlans.map((vlan, index) => ({
    index,
    vlan,
    alias: vm.Aliases[index] ?? '',
    mac: vm.Macs[index] ?? '',
    tap: taps.find(({ Nic: nic }) => nic === index) ?? null,
  }));
  const addresses = nics.flatMap(({ tap }) => [tap?.Ip4 ?? '', tap?.Ip6 ?? '']).filter((address) => address !== '');
  return { key: vmKey(vm), node, vm, nics, addresses };
}

/** Where its page is. An id is given once by its node, so the address means this VM for ever, whatever it is called. */
export function vmPath({ node, vm }: Pick<VmLine, 'node' | 'vm'>): string {
  return `/vms/${encodeURIComponent(node)}/${vm.Id}`;
}

/** How the address of a page names it: `node2/7`. */
export function vmAddress({ node, vm }: Pick<VmLine, 'node' | 'vm'>): string {
  return `${node}/${vm.Id}`;
}
