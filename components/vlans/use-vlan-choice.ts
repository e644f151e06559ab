'use client';
// What of the map is shown, in which order, and what is selected: all of it in the URL.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useUrlState } from '../frame/use-url-state.ts';
import { nextSort, sortText, type Sort } from '../table/column.ts';
import { filterVlans, findVlan, mapOrder, parseVlanSort, sortVlans, vlanParam, type VlanSort } from './vlan-choice.ts';
import type { MapNode, MapVlan, VlanMap } from './vlan-view.ts';

export interface VlanChoice {
  readonly search: string;
  /** As in the URL; empty: all. */
  readonly namespace: string;
  readonly sort: VlanSort;
  /** Those that fit, in their order. */
  readonly vlans: readonly MapVlan[];
  /** Keys of those that fit; null: all do. The same set as long as the same VLANs are found. */
  readonly found: ReadonlySet<string> | null;
  readonly selected: MapVlan | null;
  readonly node: MapNode | null;
  readonly setSort: (sort: Sort) => void;
  /** As a click on a header sorts. */
  readonly sortBy: (column: VlanSort['column']) => void;
  /** By key of the VLAN and id of the node; null: none. The same function at each rendering. */
  readonly select: (vlan: string | null, node: string | null) => void;
}

export function useVlanChoice(map: VlanMap): VlanChoice {
  const { get, set } = useUrlState();
  const search = get('q');
  const namespace = get('namespace');
  const sort = parseVlanSort(get('sort'));
  const sorted = useSorted(map.vlans, sortText(sort));
  const vlans = useMemo(() => filterVlans(sorted, { text: search, namespace }), [sorted, search, namespace]);
  const isFiltered = search.trim() !== '' || namespace !== '';
  const foundText = isFiltered ? vlans.map(({ key }) => key).join('\n') : '';
  const found = useMemo(() => (isFiltered ? new Set(foundText.split('\n')) : null), [isFiltered, foundText]);
  const setSort = (next: Sort): void => {
    const text = sortText(next);
    set({ sort: text === sortText(mapOrder) ? null : text });
  };
  const latest = useRef(map);
  useEffect(() => {
    latest.current = map;
  });
  const select = useCallback(
    (key: string | null, nodeId: string | null) => {
      const { byKey, nodes } = latest.current;
      const vlan = key === null ? undefined : byKey.get(key);
      set({
        vlan: vlan === undefined ? null : vlanParam(vlan),
        node: nodes.find(({ id }) => id === nodeId)?.name ?? null,
      });
    },
    [set],
  );
  return {
    search,
    namespace,
    sort,
    vlans,
    found,
    selected: findVlan(map, get('vlan')),
    node: map.nodes.find(({ name }) => name === get('node')) ?? null,
    setSort,
    sortBy: (id) => {
      setSort(nextSort({ id, title: '', cell: () => null, align: id === 'vms' ? 'end' : 'start' }, sort));
    },
    select,
  };
}

/** The same list as long as its items are the same objects. */
export function useSameList<Item>(list: readonly Item[]): readonly Item[] {
  const [kept, setKept] = useState(list);
  const isSame = kept.length === list.length && kept.every((item, index) => item === list[index]);
  if (!isSame) setKept(list);
  return isSame ? kept : list;
}

/** While VLANs stay the same and only their VMs change, the order of before is kept where VMs do not matter for it. */
function useSorted(vlans: readonly MapVlan[], sort: string): readonly MapVlan[] {
  const before = useRef<{ sort: string; result: readonly MapVlan[] }>({ sort: '', result: [] });
  return useMemo(() => {
    const previous = before.current.sort === sort ? before.current.result : [];
    const result = sortVlans(vlans, parseVlanSort(sort), previous);
    before.current = { sort, result };
    return result;
  }, [vlans, sort]);
}
