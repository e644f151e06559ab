// Checks of what a person types for VLANs, from the rows that the page has: meshd decides, and these say beforehand what it would.
// Pure.
import { defaultNamespace, isNamespaceName, namespaceNameRule } from '../../core/namespaces.ts';
import { maxVlan, minVlan, parseAlias, parseVlan } from '../../core/vlans/names.ts';
import { countOf } from '../../lib/format.ts';
import type { MapVlan, VlanMap } from './vlan-view.ts';
import { describeVms } from './vm-count.ts';

export interface FieldCheck {
  /** It would be refused; empty: it would not, as far as the page can tell. */
  readonly error: string;
  /** What to know before one continues; empty: nothing. */
  readonly note: string;
}

const fine: FieldCheck = { error: '', note: '' };
const refused = (error: string): FieldCheck => ({ error, note: '' });
const noted = (note: string): FieldCheck => ({ error: '', note });

export type KnownVlans = Pick<VlanMap, 'vlans' | 'namespaces'>;

export function checkNamespace(name: string, { namespaces }: KnownVlans): FieldCheck {
  if (name === '') return fine;
  if (!isNamespaceName(name)) return refused(`A namespace has ${namespaceNameRule}.`);
  if (name === defaultNamespace || namespaces.some((known) => known.name === name)) return fine;
  return noted('A new namespace: using its name makes it, on all nodes.');
}

/** Of a new alias. */
export function checkAlias(alias: string, namespace: string, { vlans }: KnownVlans): FieldCheck {
  if (alias === '') return fine;
  if (alias.includes('//')) return refused('Write the namespace into its own field.');
  const parsed = parseAlias(alias, namespace);
  if (!parsed.ok) return refused(sentence(parsed.message));
  const known = vlans.filter((vlan) => vlan.alias === alias && vlan.namespace === namespace && vlan.isListed);
  if (known.length === 0) return fine;
  return refused(`${alias} has the number ${known.map(({ vlan }) => vlan).join(' and ')} already.`);
}

/** Of the number that a new alias is to get; empty: any. */
export function checkNumber(text: string, namespace: string, known: KnownVlans): FieldCheck {
  if (text === '') return fine;
  const number = numberFrom(text);
  if (typeof number === 'string') return refused(number);
  const holder = holderOf(number, known);
  if (holder !== null) return refused(describeHolder(holder));
  const other = known.namespaces.find(
    ({ name, range }) => name !== namespace && name !== defaultNamespace && isWithin(number, range),
  );
  if (other) return refused(`${number} is in the range of the namespace ${other.name}.`);
  const range = rangeOf(namespace, known);
  if (range === null || isWithin(number, range)) return fine;
  return noted(`Outside of the range ${range[0]} to ${range[1]}. That is allowed: for VLANs of your switches.`);
}

/** Of a number that no alias is to get. */
export function checkKept(text: string, known: KnownVlans): FieldCheck {
  if (text === '') return fine;
  const number = numberFrom(text);
  if (typeof number === 'string') return refused(number);
  const holder = holderOf(number, known);
  return holder === null ? fine : refused(describeHolder(holder));
}

/** Of a namespace's first and last number. */
export function checkRange(
  { first, last }: { first: string; last: string },
  namespace: string,
  known: KnownVlans,
): { readonly first: FieldCheck; readonly last: FieldCheck } {
  const [from, to] = [first === '' ? null : numberFrom(first), last === '' ? null : numberFrom(last)];
  if (typeof from === 'string') return { first: refused(from), last: fine };
  if (typeof to === 'string') return { first: fine, last: refused(to) };
  if (from === null || to === null) return { first: fine, last: fine };
  if (to < from) return { first: fine, last: refused('The last number is below the first.') };
  const other =
    namespace === defaultNamespace
      ? undefined
      : known.namespaces.find(
          ({ name, range }) =>
            name !== namespace && name !== defaultNamespace && range !== null && range[0] <= to && from <= range[1],
        );
  if (other?.range) {
    const [otherFirst, otherLast] = other.range;
    return {
      first: fine,
      last: refused(`The range of ${other.name}, ${otherFirst} to ${otherLast}, shares numbers with it.`),
    };
  }
  const outside = known.vlans.filter(
    (vlan) => vlan.namespace === namespace && (vlan.vlan < from || vlan.vlan > to),
  ).length;
  const foreign = known.vlans.filter(
    (vlan) => vlan.namespace !== namespace && vlan.alias !== '' && vlan.vlan >= from && vlan.vlan <= to,
  ).length;
  const notes = [
    ...(outside === 0 ? [] : [`${countOf(outside, 'alias', 'aliases')} outside of it: numbers that are given stay.`]),
    ...(foreign === 0 || namespace === defaultNamespace
      ? []
      : [`Other namespaces hold ${countOf(foreign, 'number')} in it, and keep ${foreign === 1 ? 'it' : 'them'}.`]),
  ];
  return { first: fine, last: noted(notes.join(' ')) };
}

/** First and last number that aliases of a namespace get; null while it is not known. */
export function rangeOf(namespace: string, { namespaces }: KnownVlans): readonly [number, number] | null {
  const own = namespaces.find(({ name }) => name === namespace)?.range;
  return own ?? namespaces.find(({ name }) => name === defaultNamespace)?.range ?? null;
}

/** The lowest number that a new alias of the namespace may get, as far as the page can tell; null: none, or no range is known. */
export function freeNumber(namespace: string, known: KnownVlans): number | null {
  const range = rangeOf(namespace, known);
  if (range === null) return null;
  const held = new Set(known.vlans.map(({ vlan }) => vlan));
  const others = known.namespaces.filter(({ name }) => name !== namespace && name !== defaultNamespace);
  for (let vlan = range[0]; vlan <= Math.min(range[1], maxVlan); vlan += 1)
    if (!held.has(vlan) && !others.some((other) => isWithin(vlan, other.range))) return vlan;
  return null;
}

function isWithin(vlan: number, range: readonly [number, number] | null): boolean {
  return range !== null && vlan >= range[0] && vlan <= range[1];
}

/** The number, or what is wrong with the text. */
function numberFrom(text: string): number | string {
  const parsed = parseVlan(text.trim());
  if (parsed.ok) return parsed.value;
  if (Number(text) === 0) return '0 is a frame without VLAN: VMs there would be on the network of the nodes.';
  if (Number(text) === maxVlan + 1) return `${maxVlan + 1} is reserved by 802.1Q.`;
  return `A number from ${minVlan} to ${maxVlan}.`;
}

function holderOf(number: number, { vlans }: KnownVlans): MapVlan | null {
  return vlans.find(({ vlan }) => vlan === number) ?? null;
}

function describeHolder({ vlan, alias, namespace, sum, isListed }: MapVlan): string {
  if (!isListed) return `VMs use ${vlan}, though the table does not name it: ${describeVms(sum)}.`;
  if (alias !== '') return `${vlan} is the number of ${alias} in the namespace ${namespace}.`;
  return sum.total === 0
    ? `${vlan} is kept from aliases.`
    : `${vlan} is used as a number, without an alias: ${describeVms(sum)}.`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
