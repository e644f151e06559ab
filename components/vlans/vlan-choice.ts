// Which VLANs are shown, in which order, and how the URL names them. Pure.
import { compareValues, type Sort, type SortValue } from '../table/column.ts';
import type { MapVlan, VlanMap, VlanName } from './vlan-view.ts';
import { flagLooks, flagsOf } from './vlan-words.ts';

export const sortColumns = ['alias', 'vlan', 'namespace', 'vms', 'running', 'nodes'] as const;
export type SortColumn = (typeof sortColumns)[number];

export interface VlanSort extends Sort {
  readonly column: SortColumn;
}

/** By namespace and alias within it, as the map has them. */
export const mapOrder: VlanSort = { column: 'namespace', isDescending: false };

/** `vms` or `-vms`, as the URL has it; anything else: as the map has them. */
export function parseVlanSort(text: string): VlanSort {
  const isDescending = text.startsWith('-');
  const column = sortColumns.find((name) => name === (isDescending ? text.slice(1) : text));
  return column === undefined ? mapOrder : { column, isDescending };
}

/** What each column sorts by; undefined stands last both ways. */
export const sortValues: Readonly<Record<SortColumn, (vlan: MapVlan) => SortValue>> = {
  alias: ({ alias }) => (alias === '' ? undefined : alias),
  vlan: ({ vlan }) => vlan,
  namespace: ({ namespace }) => (namespace === '' ? undefined : namespace),
  vms: ({ sum }) => sum.total,
  running: ({ sum }) => sum.RUNNING,
  nodes: ({ cells }) => cells.size,
};

/** By these VLANs are ordered whatever VMs do. */
const lasting: ReadonlySet<SortColumn> = new Set(['alias', 'vlan', 'namespace']);

/**
 * `vlans` come as the map has them, and those with equal values stay so. `previous`: what was given for the same order; when there are
 * the same VLANs, and VMs do not matter for the order, nothing is compared.
 */
export function sortVlans(
  vlans: readonly MapVlan[],
  { column, isDescending }: VlanSort,
  previous: readonly MapVlan[] = [],
): readonly MapVlan[] {
  if (column === 'namespace' && !isDescending) return vlans;
  if (lasting.has(column) && vlans.length === previous.length) {
    const byKey = new Map(vlans.map((vlan) => [vlan.key, vlan]));
    const same = previous.flatMap(({ key }) => byKey.get(key) ?? []);
    if (same.length === vlans.length) return same;
  }
  const valueOf = sortValues[column];
  const sign = isDescending ? -1 : 1;
  return vlans
    .map((vlan) => ({ vlan, value: valueOf(vlan) }))
    .sort((a, b) => compareValues(a.value, b.value, sign))
    .map(({ vlan }) => vlan);
}

/** Namespace in the URL that stands for numbers without an alias. */
export const noNamespace = '-';

/**
 * Those of a namespace (empty: of all) that every typed word fits: part of an alias or of its namespace, a number or how it begins, a
 * range of numbers such as 100-199, or `split`, `clash`, `unused`, `unlisted`, `kept`.
 */
export function filterVlans(
  vlans: readonly MapVlan[],
  { text, namespace }: { text: string; namespace: string },
): readonly MapVlan[] {
  const tests = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(testOf);
  if (tests.length === 0 && namespace === '') return vlans;
  const wanted = namespace === noNamespace ? '' : namespace;
  return vlans.filter((vlan) => (namespace === '' || vlan.namespace === wanted) && tests.every((fits) => fits(vlan)));
}

function testOf(word: string): (vlan: MapVlan) => boolean {
  const range = /^(\d+)-(\d+)$/.exec(word);
  if (range) {
    const [first, last] = [Number(range[1]), Number(range[2])];
    return ({ vlan }) => vlan >= first && vlan <= last;
  }
  const flag = Object.keys(flagLooks).find((name) => name === word);
  return (vlan) =>
    flagsOf(vlan).some((each) => each === flag) ||
    vlan.alias.toLowerCase().includes(word) ||
    vlan.namespace.toLowerCase().includes(word) ||
    String(vlan.vlan).startsWith(word);
}

/** How the URL names a VLAN: `101,lab//lan`; a number without an alias: `150`. */
export function vlanParam({ vlan, namespace, alias }: VlanName): string {
  return alias === '' ? String(vlan) : `${vlan},${namespace}//${alias}`;
}

/** Also `101` for whatever holds the number, and `lab//lan` for an alias whatever its number. Null: there is no such VLAN, or the text names none. */
export function findVlan(map: Pick<VlanMap, 'vlans' | 'byKey'>, param: string): MapVlan | null {
  const [, number, namespace, alias] = /^(?:(\d+),?)?(?:([^,]*?)\/\/(.+))?$/.exec(param) ?? [];
  if (number !== undefined && alias !== undefined)
    return map.byKey.get(`${number} ${namespace ?? ''} ${alias}`) ?? null;
  if (number !== undefined) {
    const holders = map.vlans.filter(({ vlan }) => vlan === Number(number));
    return holders.find((vlan) => vlan.alias === '') ?? holders[0] ?? null;
  }
  if (alias === undefined) return null;
  return map.vlans.find((vlan) => vlan.namespace === namespace && vlan.alias === alias) ?? null;
}

/** The page of the map with this VLAN selected. */
export function vlanPath(name: VlanName): string {
  return `/vlans?vlan=${encodeURIComponent(vlanParam(name))}`;
}

export interface NamespaceChoice {
  /** As the URL has it. */
  readonly value: string;
  readonly label: string;
  readonly count: number;
}

/** Each namespace with how many VLANs it has, in the map's order; numbers without an alias last. */
export function namespaceChoices({ vlans, namespaces }: Pick<VlanMap, 'vlans' | 'namespaces'>): NamespaceChoice[] {
  const counts = new Map<string, number>();
  for (const { namespace } of vlans) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  const named = namespaces.flatMap(({ name }) => {
    const count = counts.get(name) ?? 0;
    return count === 0 ? [] : [{ value: name, label: name, count }];
  });
  const numbers = counts.get('') ?? 0;
  return numbers === 0 ? named : [...named, { value: noNamespace, label: 'no alias', count: numbers }];
}
