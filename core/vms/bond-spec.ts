// Bond specs of `vm config bonds`: `IDX,IDX[,…],MODE[,LACP][,no-lacp-fallback][,qinq][,name]` [facts 5.4]. Owns reading and printing.
import type { NetSpec } from './net-spec.ts';
import { bad, good, type Result } from './result.ts';

const modes = ['active-backup', 'balance-slb', 'balance-tcp'] as const;
const lacps = ['active', 'passive', 'off'] as const;

export interface BondSpec {
  /** Positions in `networks`, at least two. */
  readonly interfaces: readonly number[];
  readonly mode: (typeof modes)[number];
  readonly lacp: (typeof lacps)[number];
  readonly hasFallback: boolean;
  readonly qinq: boolean;
  readonly name: string;
}

const malformed = bad('malformed bondspec');

/** Reads one spec. Unlike minimega's, its optional fields have the same meaning for any number of interfaces. */
export function parseBondSpec(text: string): Result<BondSpec> {
  const fields = text.split(',', 64);
  const interfaces: number[] = [];
  while (/^[0-9]{1,4}$/.test(fields[0] ?? '')) interfaces.push(Number(fields.shift()));
  const mode = modes.find((known) => known === fields[0]);
  if (interfaces.length < 2 || new Set(interfaces).size < interfaces.length || !mode) return malformed;
  fields.shift();
  const lacp = lacps.find((known) => known === fields[0]);
  if (lacp) fields.shift();
  if (mode === 'balance-tcp' && lacp === 'off') return bad('balance-tcp needs LACP: write active or passive');
  const take = (word: string) => fields[0]?.toLowerCase() === word && fields.shift() !== undefined;
  const hasFallback = !take('no-lacp-fallback');
  const qinq = take('qinq');
  const name = fields.shift() ?? '';
  if (fields.length > 0 || !/^(?:[\w.-]{1,15})?$/.test(name)) return malformed;
  return good({ interfaces, mode, lacp: lacp ?? 'active', hasFallback, qinq, name });
}

/** Why these networks cannot be bonded so; null when they can. */
export function findBondIssue(bonds: readonly BondSpec[], networks: readonly NetSpec[]): string | null {
  const bonded = new Set<number>();
  const names = new Set<string>();
  for (const bond of bonds) {
    const text = `bond ${describeBondSpec(bond)}`;
    const [first] = bond.interfaces.map((index) => networks[index]);
    for (const index of bond.interfaces) {
      const net = networks[index];
      if (!net || !first) return `${text}: there is no network ${index}, \`vm config networks\` has ${networks.length}`;
      if (bonded.has(index)) return `${text}: network ${index} is in another bond already`;
      if (net.bridge !== first.bridge) return `${text}: its networks are on different bridges`;
      if (net.vlan !== first.vlan || net.qinq !== first.qinq) return `${text}: its networks are on different VLANs`;
      bonded.add(index);
    }
    if (bond.name !== '' && names.has(bond.name)) return `${text}: another bond has that name`;
    names.add(bond.name);
  }
  return null;
}

/** Text of one spec, without what is default [obs: `0,1,active-backup,active` prints as `0,1,active-backup`]. */
export function describeBondSpec(spec: BondSpec): string {
  const parts = [
    ...spec.interfaces.map(String),
    spec.mode,
    spec.lacp === 'active' ? '' : spec.lacp,
    spec.hasFallback ? '' : 'no-lacp-fallback',
    spec.qinq ? 'qinq' : '',
    spec.name,
  ];
  return parts.filter((part) => part !== '').join(',');
}
