// Lines of the command language that change VLANs, for any node of the cluster. Pure.
import type { FleetVm } from '../../contract/fleet.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { namesOfVm, type VlanName } from './vlan-view.ts';

/** `vlan` null: any that is free. */
export function addLine({
  namespace,
  alias,
  vlan,
  force,
}: {
  namespace: string;
  alias: string;
  vlan: number | null;
  force: boolean;
}): string {
  const number = vlan === null ? '' : ` ${vlan}`;
  return inNamespace(namespace, `vlans add ${quoteWord(alias)}${number}${vlan !== null && force ? ' force' : ''}`);
}

/** Also for a number that is held without an alias. */
export function deleteLine({ namespace, alias, vlan }: VlanName): string {
  return alias === '' ? `vlans delete ${vlan}` : inNamespace(namespace, `vlans delete ${quoteWord(alias)}`);
}

/** `to` null: only says what would move. */
export function joinLine({ namespace, alias }: Omit<VlanName, 'key' | 'vlan'>, to: number | null): string {
  return inNamespace(namespace, `vlans join ${quoteWord(alias)}${to === null ? '' : ` ${to}`}`);
}

/** Both numbers belong to the range; the command names the first after it. */
export function rangeLine(namespace: string, first: number, last: number): string {
  return inNamespace(namespace, `vlans range ${first} ${last + 1}`);
}

export function blacklistLine(vlan: number, force: boolean): string {
  return `vlans blacklist ${vlan}${force ? ' force' : ''}`;
}

/** An interface of a VM on a VLAN. */
export interface UsedNic {
  readonly vm: FleetVm;
  /** From 0 up. */
  readonly nic: number;
}

/** Interfaces of these VMs on a VLAN, by the name that they are on it by. `isRaw`: also those by the number alone. */
export function nicsOn(vms: readonly FleetVm[], { key, vlan }: VlanName, isRaw: boolean): UsedNic[] {
  return vms.flatMap((vm) =>
    vm.Vlans.flatMap((number, nic) => {
      if (number !== vlan) return [];
      const [name] = namesOfVm({ ...vm, Vlans: [number], Aliases: [vm.Aliases[nic] ?? ''] });
      return name?.key === key || (isRaw && name?.alias === '') ? [{ vm, nic }] : [];
    }),
  );
}

/** Names in one line: it can be read, and other nodes take it. */
const maxNames = 200;

/**
 * Lines that take interfaces off their VLAN, or put them on another one (`to`). The hosts of a namespace find its VMs by name; the
 * default namespace is each node's own, so that other nodes than the `attached` one are sent the line.
 */
export function netLines(
  nics: readonly UsedNic[],
  { to, attached, nameOf }: { to: string | null; attached: string; nameOf: (nodeId: string) => string },
): string[] {
  const groups = new Map<string, { begin: string; end: string; names: string[] }>();
  for (const { vm, nic } of nics) {
    const node = nameOf(vm.Node);
    const isElsewhere = vm.Namespace === defaultNamespace && node !== attached;
    const begin = isElsewhere ? `mesh send ${quoteWord(node)} ` : inNamespace(vm.Namespace, '');
    const verb = `${begin}vm net ${to === null ? 'disconnect' : 'connect'}`;
    const end = to === null ? String(nic) : `${nic} ${quoteWord(to)}`;
    const key = `${verb} ${end}`;
    const group = groups.get(key) ?? { begin: verb, end, names: [] };
    group.names.push(vm.Name);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ begin, end, names }) => {
    const sorted = names.toSorted(compareNames);
    const parts: string[] = [];
    for (let at = 0; at < sorted.length; at += maxNames)
      parts.push(`${begin} ${describeRange(sorted.slice(at, at + maxNames))} ${end}`);
    return parts;
  });
}
