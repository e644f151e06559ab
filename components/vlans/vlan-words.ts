// VLANs in words: what they are called, what is odd about them, and all of them in one sentence. Pure.
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf } from '../../lib/format.ts';
import type { State } from '../ui/StateMark.tsx';
import type { MapNode, MapVlan, VlanMap, VlanName } from './vlan-view.ts';

/**
 * `split`: the alias has other numbers too. `clash`: the number has other holders too. `unlisted`: VMs use it, and the table does not
 * name it. `unused`: an alias without VMs. `kept`: a number that no alias gets, without VMs.
 */
export type VlanFlag = 'split' | 'clash' | 'unlisted' | 'unused' | 'kept';

export function flagsOf({ alias, isSplit, isClash, isListed, sum }: MapVlan): VlanFlag[] {
  return [
    ...(isClash ? (['clash'] as const) : []),
    ...(isSplit ? (['split'] as const) : []),
    ...(isListed ? [] : (['unlisted'] as const)),
    ...(sum.total > 0 ? [] : [alias === '' ? ('kept' as const) : ('unused' as const)]),
  ];
}

interface FlagLook {
  readonly word: string;
  /** Null: nothing is wrong with it. */
  readonly state: State | null;
  readonly meaning: string;
}

export const flagLooks: Readonly<Record<VlanFlag, FlagLook>> = {
  clash: { word: 'clash', state: 'bad', meaning: 'Another name has the same number: their VMs share one network.' },
  split: {
    word: 'split',
    state: 'warn',
    meaning: 'The alias has several numbers: its VMs are on networks that do not meet.',
  },
  unlisted: {
    word: 'not in the table',
    state: 'warn',
    meaning: 'VMs use it, and the table of VLANs does not name it.',
  },
  unused: { word: 'unused', state: null, meaning: 'No VM is on it.' },
  kept: { word: 'kept free', state: null, meaning: 'No alias gets this number.' },
};

/** `lan`, or `VLAN 150` for a number without an alias. */
export function shortName({ alias, vlan }: VlanName): string {
  return alias === '' ? `VLAN ${vlan}` : alias;
}

/** `lan (101)`, or `VLAN 150`. */
export function titleOf({ alias, vlan }: VlanName): string {
  return alias === '' ? `VLAN ${vlan}` : `${alias} (${vlan})`;
}

export interface VlanCounts {
  /** Aliases, and numbers that VMs use without one. A split alias is one. */
  readonly vlans: number;
  readonly unused: number;
  readonly split: number;
  /** Numbers with several holders. */
  readonly clash: number;
  readonly unlisted: number;
  readonly kept: number;
}

export function countVlans(vlans: readonly MapVlan[]): VlanCounts {
  const names = new Set<string>();
  const split = new Set<string>();
  const clash = new Set<number>();
  let [unused, unlisted, kept] = [0, 0, 0];
  for (const vlan of vlans) {
    const name = vlan.alias === '' ? vlan.key : `${vlan.namespace}//${vlan.alias}`;
    const flags = flagsOf(vlan);
    if (flags.includes('kept')) kept += 1;
    else names.add(name);
    if (flags.includes('unused')) unused += 1;
    if (flags.includes('unlisted')) unlisted += 1;
    if (vlan.isSplit) split.add(name);
    if (vlan.isClash) clash.add(vlan.vlan);
  }
  return { vlans: names.size, unused, split: split.size, clash: clash.size, unlisted, kept };
}

/** `14 VLANs, 2 unused, 1 split`, and how bad that is. */
export function describeVlans(counts: VlanCounts): { state: State; text: string } {
  const { vlans, unused, split, clash, unlisted, kept } = counts;
  const parts = [
    countOf(vlans, 'VLAN'),
    ...(clash === 0 ? [] : [countOf(clash, 'number clashes', 'numbers clash')]),
    ...(split === 0 ? [] : [`${split} split`]),
    ...(unlisted === 0 ? [] : [`${unlisted} not in the table`]),
    ...(unused === 0 ? [] : [`${unused} unused`]),
    ...(kept === 0 ? [] : [countOf(kept, 'number kept free', 'numbers kept free')]),
  ];
  const state = clash > 0 ? 'bad' : split + unlisted > 0 ? 'warn' : 'ok';
  return { state, text: parts.join(', ') };
}

/** Names of the nodes with VMs of a VLAN whose bridge has no uplink, when these VMs should meet others. */
export function withoutUplink({ nodes }: Pick<VlanMap, 'nodes'>, { cells }: Pick<MapVlan, 'cells'>): string[] {
  if (cells.size < 2) return [];
  return nodes.filter(({ id, uplink }) => cells.has(id) && uplink === '').map(({ name }) => name);
}

/** `node[1-3]`; empty without VMs. */
export function nodesOf({ nodes }: { nodes: readonly MapNode[] }, { cells }: Pick<MapVlan, 'cells'>): string {
  const names = nodes.filter(({ id }) => cells.has(id)).map(({ name }) => name);
  return names.length === 0 ? '' : describeRange(names);
}

/** Name of the node that decides on the number; a dash while it is not known. */
export function describeVlanOwner({ nodes }: { nodes: readonly MapNode[] }, { owner }: Pick<MapVlan, 'owner'>): string {
  return nodes.find(({ id }) => id === owner)?.name ?? '–';
}
