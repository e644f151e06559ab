// What deleting a VLAN takes with it, and the lines that do it. Pure.
import type { FleetVm } from '../../contract/fleet.ts';
import { outcomeOf } from '../../core/vms/states.ts';
import { countOf } from '../../lib/format.ts';
import { deleteLine, netLines, nicsOn } from './vlan-commands.ts';
import { nameVms } from './vlan-fixes.ts';
import type { VlanSource } from './vlan-source.ts';
import type { MapVlan, VlanMap } from './vlan-view.ts';

/** An alias is deleted with all its numbers. */
export function holdersOf(
  { key, alias, namespace }: MapVlan,
  { vlans }: VlanMap,
  source: Pick<VlanSource, 'vmsOn'>,
): Holder[] {
  return vlans
    .filter((other) => other.key === key || (alias !== '' && other.alias === alias && other.namespace === namespace))
    .map((vlan) => ({ vlan, vms: source.vmsOn(vlan) }));
}

export interface Holder {
  readonly vlan: MapVlan;
  readonly vms: readonly FleetVm[];
}

export interface Deletion {
  readonly vms: readonly FleetVm[];
  /** Those that cannot be taken off it as they are. */
  readonly stuck: readonly FleetVm[];
  readonly consequences: readonly string[];
  readonly commands: readonly string[];
}

export function planDeletion(
  vlan: MapVlan,
  { map, holders, attached }: { map: VlanMap; holders: readonly Holder[]; attached: string },
): Deletion {
  const vms = holders.flatMap((holder) => [...holder.vms]);
  const stuck = vms.filter(({ State }) => outcomeOf('net disconnect', State).is !== 'works');
  const nics = holders.flatMap((holder) => nicsOn(holder.vms, holder.vlan, !holder.vlan.isClash));
  const nameOf = (id: string): string => map.nodes.find((node) => node.id === id)?.name ?? id;
  const numbers = holders.map((holder) => holder.vlan.vlan);
  const free =
    vlan.alias === ''
      ? `Aliases may get ${vlan.vlan} again.`
      : `${numbers.length === 1 ? 'Its number' : `Its numbers ${numbers.join(' and ')}`} may be given to another alias once every node knows.`;
  return {
    vms,
    stuck,
    consequences: [
      vms.length === 0
        ? 'No VM is on it.'
        : `${countOf(vms.length, 'VM')} ${vms.length === 1 ? 'is' : 'are'} taken off it, and ${vms.length === 1 ? 'loses' : 'lose'} this network: ${nameVms(vms)}.`,
      free,
    ],
    commands: [...netLines(nics, { to: null, attached, nameOf }), deleteLine(vlan)],
  };
}
