'use client';
// Which nodes the page of nodes lists, by what is in the URL: a search and a filter; and those ticked and selected.
import { useMemo } from 'react';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import { searchNodes } from '../fleet/search.ts';
import { useUrlState } from '../frame/use-url-state.ts';

type Filter = 'all' | 'in' | 'out';
export const nodeFilters = [
  { value: 'all', label: 'All' },
  { value: 'in', label: 'In the mesh' },
  { value: 'out', label: 'Not in it' },
] as const;

const fits: Readonly<Record<Filter, (node: MeshNode) => boolean>> = {
  all: () => true,
  in: (node) => node.facts.State === 'member',
  out: (node) => node.facts.State !== 'member',
};

export interface NodeChoice {
  /** With those that run no meshd yet, by name. */
  readonly all: readonly MeshNode[];
  readonly byName: ReadonlyMap<string, MeshNode>;
  /** Those that are listed. */
  readonly nodes: readonly MeshNode[];
  readonly search: string;
  readonly filter: Filter;
  readonly ticked: ReadonlySet<string>;
  readonly selected: MeshNode | null;
}

export function useNodeChoice(mesh: MeshView, added: readonly MeshNode[]): NodeChoice {
  const { get } = useUrlState();
  const search = get('q');
  const filter = nodeFilters.find(({ value }) => value === get('state'))?.value ?? 'all';
  const all = useMemo(
    () => (added.length === 0 ? mesh.nodes : [...mesh.nodes, ...added].sort((a, b) => compareNames(a.name, b.name))),
    [mesh.nodes, added],
  );
  const byName = useMemo(() => new Map(all.map((node) => [node.name, node])), [all]);
  const nodes = useMemo(() => searchNodes(all, search).filter(fits[filter]), [all, search, filter]);
  const tickedText = get('ticked');
  const ticked = useMemo(() => {
    const range = parseRange(tickedText);
    // A node that is gone cannot be acted on.
    return new Set(range.ok ? range.names.filter((name) => byName.has(name)) : []);
  }, [tickedText, byName]);
  const selected = byName.get(get('node')) ?? null;
  return { all, byName, nodes, search, filter, ticked, selected };
}
