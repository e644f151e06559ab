// What is wrong with a VLAN that one is about to make, said while it is typed.
import { vlanNumberRule } from '../../core/plans/vms/rules.ts';
import { invalidVlan, isVlan, parseVlanOrAlias } from '../../core/vlans/names.ts';
import { holderOf, type ClusterRows, type LanChoice } from './cluster-facts.ts';

export interface NewLan {
  readonly alias: string;
  /** Empty: any number. */
  readonly vlan: string;
}

export function findNewLanIssue(
  { alias, vlan }: NewLan,
  facts: {
    readonly rows: Pick<ClusterRows, 'cluster' | 'vlans'>;
    readonly lans: readonly LanChoice[];
    readonly chosen: { readonly networks: readonly string[]; readonly vlans: Readonly<Record<string, string>> };
  },
): { readonly field: 'alias' | 'vlan'; readonly message: string } | null {
  const { rows, lans, chosen } = facts;
  if (alias === '')
    return vlan === '' ? null : { field: 'alias', message: 'a VLAN with a number of yours needs a name' };
  const name = alias.includes(',') ? null : parseVlanOrAlias(alias, 'x');
  if (name === null) return { field: 'alias', message: 'a name has no comma' };
  if (!name.ok) return { field: 'alias', message: name.message === invalidVlan ? vlanNumberRule : name.message };
  if (chosen.networks.includes(alias)) return { field: 'alias', message: 'a NIC is on it already' };
  const isNumber = typeof name.value === 'number';
  if (isNumber && vlan !== '') return { field: 'vlan', message: 'the name is a number already' };
  const known = lans.find((lan) => lan.alias === alias);
  if (known) return { field: 'alias', message: `${alias} is there already, as VLAN ${known.vlan}: choose it above` };
  if (vlan === '') return null;
  if (!/^\d+$/.test(vlan) || !isVlan(Number(vlan))) return { field: 'vlan', message: vlanNumberRule };
  const holder = holderOf(rows, Number(vlan));
  if (holder !== undefined) {
    return { field: 'vlan', message: holder === '' ? 'blacklisted, or used without a name' : `taken by ${holder}` };
  }
  const other = Object.entries(chosen.vlans).find(([of, number]) => number === vlan && chosen.networks.includes(of));
  return other ? { field: 'vlan', message: `the number of ${other[0]} here` } : null;
}
