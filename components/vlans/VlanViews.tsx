'use client';
// The chosen VLANs as map, table or graph.
import { useMemo } from 'react';
import type { ReactElement } from 'react';
import type { ProbeMarks } from '../probe/probe-marks.ts';
import { DataTable } from '../table/DataTable.tsx';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import type { VlanChoice } from './use-vlan-choice.ts';
import { noNamespace } from './vlan-choice.ts';
import { vlanColumns, vlanLines } from './vlan-columns.tsx';
import type { VlanSource } from './vlan-source.ts';
import type { MapVlan, VlanMap } from './vlan-view.ts';
import { titleOf } from './vlan-words.ts';
import { VlanGraph } from './VlanGraph.tsx';
import { VlanMatrix } from './VlanMatrix.tsx';

export type VlanViewName = 'map' | 'table' | 'graph';

export interface VlanViewsProps {
  view: VlanViewName;
  map: VlanMap;
  source: VlanSource;
  choice: VlanChoice;
  /** Aliases of several namespaces are there. */
  hasNamespaces: boolean;
  /** Namespace as the URL has it; null: none. */
  brushed: string | null;
  /** All VLANs in words. */
  summary: string;
  /** Of the last probe; null: nobody probed. */
  marks: ProbeMarks | null;
  onShowAll: () => void;
}

const keyOf = ({ key }: MapVlan): string => key;

export function VlanViews(props: VlanViewsProps): ReactElement {
  const { view, map, source, choice, hasNamespaces, brushed, summary, marks, onShowAll } = props;
  const { vlans, selected, node, sort, select } = choice;
  const columns = useMemo(() => vlanColumns(map.nodes, hasNamespaces, marks), [map.nodes, hasNamespaces, marks]);
  const lines = useMemo(() => vlanLines(map.nodes, marks), [map.nodes, marks]);
  if (vlans.length === 0) {
    return (
      <EmptyState title="No VLAN fits" action={<Button onClick={onShowAll}>Show all {map.vlans.length}</Button>}>
        Search for part of an alias or namespace, a number, a range such as 100-199, or split, clash, unused, kept.
      </EmptyState>
    );
  }
  switch (view) {
    case 'graph':
      return (
        <VlanGraph
          source={source}
          summary={summary}
          vlan={selected?.key ?? null}
          node={node?.id ?? null}
          found={choice.found}
          onSelect={select}
        />
      );
    case 'table':
      return (
        <DataTable
          label="VLANs"
          columns={columns}
          rows={vlans}
          keyOf={keyOf}
          nameOf={titleOf}
          phone={lines}
          sort={sort}
          onSort={choice.setSort}
          selected={selected?.key ?? ''}
          onSelect={(key) => select(key, null)}
        />
      );
    case 'map':
      return (
        <VlanMatrix
          vlans={vlans}
          nodes={map.nodes}
          hasNamespaces={hasNamespaces}
          sort={sort}
          onSort={choice.sortBy}
          vlan={selected?.key ?? null}
          node={node?.id ?? null}
          onSelect={select}
          brushed={brushed === noNamespace ? '' : brushed}
          marks={marks}
        />
      );
  }
}
