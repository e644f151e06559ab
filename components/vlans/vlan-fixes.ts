// What is odd about a VLAN, what that means, and how to fix it, with the commands. Pure.
import type { FleetVm } from '../../contract/fleet.ts';
import { countOf, listOf } from '../../lib/format.ts';
import type { State } from '../ui/StateMark.tsx';
import { addLine, deleteLine, joinLine, netLines, nicsOn } from './vlan-commands.ts';
import type { MapVlan, VlanMap, VlanName } from './vlan-view.ts';
import { flagsOf, titleOf, withoutUplink, type VlanFlag } from './vlan-words.ts';
import { describeVms } from './vm-count.ts';

export interface VlanFix {
  readonly flag: VlanFlag | 'no-uplink';
  readonly state: State;
  readonly title: string;
  readonly text: string;
  /** In their order; they do it. */
  readonly commands: readonly string[];
  /** What the page can do about it itself. */
  readonly action: 'join' | 'delete' | null;
}

export interface FixContext {
  /** `vlans`: at least those that `relativesOf` gives. */
  readonly map: Pick<VlanMap, 'vlans' | 'nodes'>;
  readonly vmsOn: (vlan: VlanName) => readonly FleetVm[];
  /** Name of the node that commands are typed on. */
  readonly attached: string;
}

const shownVms = 6;

export function fixesOf(vlan: MapVlan, context: FixContext): VlanFix[] {
  return [...flagsOf(vlan).map((flag) => fixOf(flag, vlan, context)), ...uplinkFix(vlan, context)];
}

/** What is said of a VLAN depends on these, itself among them: the same alias, or the same number. */
export function relativesOf({ vlans }: Pick<VlanMap, 'vlans'>, { vlan, namespace, alias }: VlanName): MapVlan[] {
  return vlans.filter((other) => other.vlan === vlan || (other.alias === alias && other.namespace === namespace));
}

/** All numbers of a split alias, the lowest first. */
export function numbersOf({ vlans }: Pick<VlanMap, 'vlans'>, { namespace, alias }: MapVlan): MapVlan[] {
  return vlans.filter((other) => other.alias === alias && other.namespace === namespace && other.isListed);
}

/** Which VMs move when a split alias becomes one number. */
export function movedBy(numbers: readonly MapVlan[], to: number, vmsOn: FixContext['vmsOn']): FleetVm[] {
  return numbers.filter(({ vlan }) => vlan !== to).flatMap((other) => [...vmsOn(other)]);
}

/** The number with the most VMs: then the fewest move. */
export function fewestMoves(numbers: readonly MapVlan[]): number | null {
  return numbers.toSorted((a, b) => b.sum.total - a.sum.total)[0]?.vlan ?? null;
}

export function nameVms(vms: readonly FleetVm[]): string {
  return listOf(
    vms.map(({ Name }) => Name),
    shownVms,
  );
}

function fixOf(flag: VlanFlag, vlan: MapVlan, { map, vmsOn, attached }: FixContext): VlanFix {
  const { alias, namespace } = vlan;
  switch (flag) {
    case 'split': {
      const numbers = numbersOf(map, vlan);
      const ways = numbers.map(({ vlan: to }) => {
        const vms = movedBy(numbers, to, vmsOn);
        return `${to}: ${vms.length === 0 ? 'no VM moves' : `${countOf(vms.length, 'VM')} would move (${nameVms(vms)})`}.`;
      });
      return {
        flag,
        state: 'warn',
        title: `${alias} has the numbers ${listOf(
          numbers.map((other) => String(other.vlan)),
          8,
        )}`,
        text: `Two sides of a split of the mesh decided on it. VMs on one number do not meet those on another. Join it to ${ways.join(' Join it to ')}`,
        commands: [joinLine(vlan, fewestMoves(numbers))],
        action: 'join',
      };
    }
    case 'clash': {
      const others = map.vlans.filter((other) => other.vlan === vlan.vlan && other.key !== vlan.key);
      const nics = nicsOn(vmsOn(vlan), vlan, false);
      const other = `${alias}-2`;
      const isMovable = alias !== '';
      const names = listOf(
        others.map((each) => (each.alias === '' ? 'the bare number' : `${each.namespace}//${each.alias}`)),
      );
      return {
        flag,
        state: 'bad',
        title: `${vlan.vlan} is also the number of ${names}`,
        text: `Somebody took it by force while the node that decides on it was away. Their VMs share one network. ${
          isMovable
            ? `To part them, move those of ${alias} to a new alias: ${nics.length === 0 ? 'no VM moves' : `${nameVms(nics.map(({ vm }) => vm))} would move`}.`
            : 'To part them, move the VMs of the alias, or let no VM use the bare number.'
        }`,
        commands: isMovable
          ? [
              addLine({ namespace, alias: other, vlan: null, force: false }),
              ...netLines(nics, { to: other, attached, nameOf: (id) => nodeName(map, id) }),
              deleteLine(vlan),
            ]
          : [],
        action: nics.length === 0 && isMovable ? 'delete' : null,
      };
    }
    case 'unlisted':
      return {
        flag,
        state: 'warn',
        title: 'The table of VLANs does not name it',
        text: `${describeVms(vlan.sum)}. Perhaps the alias was released while the node of these VMs was away; then the node that decides on ${vlan.vlan} gives it back when all nodes are there.`,
        commands: alias === '' ? [] : [addLine({ namespace, alias, vlan: vlan.vlan, force: false })],
        action: null,
      };
    case 'unused':
      return {
        flag,
        state: 'lost',
        title: 'No VM is on it',
        text: `Its number stays taken until it is deleted.`,
        commands: [deleteLine(vlan)],
        action: 'delete',
      };
    case 'kept':
      return {
        flag,
        state: 'lost',
        title: `No alias gets ${vlan.vlan}`,
        text: 'It is blacklisted, or an interface named it as a number. Deleting it gives it back to the aliases.',
        commands: [deleteLine(vlan)],
        action: 'delete',
      };
  }
}

function uplinkFix(vlan: MapVlan, { map }: FixContext): VlanFix[] {
  const nodes = withoutUplink(map, vlan);
  if (nodes.length === 0) return [];
  return [
    {
      flag: 'no-uplink',
      state: 'warn',
      title: `No uplink on ${listOf(nodes)}`,
      text: `VMs of ${titleOf(vlan)} there meet only each other: the bridge of ${nodes.length === 1 ? 'this node' : 'these nodes'} holds no NIC that leads to the others.`,
      commands: [],
      action: null,
    },
  ];
}

function nodeName({ nodes }: FixContext['map'], id: string): string {
  return nodes.find((node) => node.id === id)?.name ?? id;
}
