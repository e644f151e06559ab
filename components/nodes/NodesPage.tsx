'use client';
// All nodes as a table: find, filter, sort, tick many and act on them. What is shown and ticked is in the URL.
import { Plus, Server } from 'lucide-react';
import Link from 'next/link';
import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { addNodesKind, bridgeKind, deployKind } from '../../core/plans/kinds.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { countOf } from '../../lib/format.ts';
import { NodeInspector } from '../fleet/NodeInspector.tsx';
import { describeMesh } from '../fleet/mesh-view.ts';
import type { MeshNode } from '../fleet/mesh-view.ts';
import { searchNodes } from '../fleet/search.ts';
import { useAddedNodes } from '../fleet/use-added.ts';
import { useMesh, useServerNow } from '../fleet/use-mesh.ts';
import { Inspected } from '../frame/Inspected.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { SearchInput } from '../ui/SearchInput.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { CommandOnMany } from './CommandOnMany.tsx';
import { NodesTable } from './NodesTable.tsx';
import type { ColumnName } from './columns.tsx';

type Filter = 'all' | 'in' | 'out';
const filters = [
  { value: 'all', label: 'All' },
  { value: 'in', label: 'In the mesh' },
  { value: 'out', label: 'Not in it' },
] as const;

const shown: readonly ColumnName[] = [
  'name',
  'state',
  'links',
  'bridge',
  'vms',
  'load',
  'memory',
  'address',
  'version',
  'uptime',
];

const fits: Readonly<Record<Filter, (node: MeshNode) => boolean>> = {
  all: () => true,
  in: (node) => node.facts.State === 'member',
  out: (node) => node.facts.State !== 'member',
};

export function NodesPage(): ReactElement {
  const { mesh, status } = useMesh();
  const now = useServerNow();
  const { get, set } = useUrlState();
  const withCluster = useClusterPath();
  const adding = usePlanRefusal(addNodesKind);
  const deploying = usePlanRefusal(deployKind);
  const bridging = usePlanRefusal(bridgeKind);
  const [isCommanding, setIsCommanding] = useState(false);

  const search = get('q');
  const filter = filters.find(({ value }) => value === get('state'))?.value ?? 'all';
  const added = useAddedNodes();
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
  const select = (name: string | null): void => set({ node: name });

  const addNodes = (
    <Button
      variant="primary"
      icon={<Plus className="size-4" />}
      disabledReason={adding}
      render={<Link href={withCluster('/add-nodes')} />}
    >
      Add nodes
    </Button>
  );
  if (status === 'loading') return <SkeletonRows label="The nodes are loading" count={10} />;
  if (all.length === 0) {
    return (
      <>
        <PageHeader title="Nodes" />
        <EmptyState icon={<Server />} title="No nodes yet" action={addNodes}>
          Here you will see each machine of the cluster with its load, its VMs and its place in the mesh.
        </EmptyState>
      </>
    );
  }

  const summary = describeMesh(mesh);
  const range = describeRange(ticked);
  const withoutMeshd = [...ticked].filter((name) => byName.get(name)?.added);
  return (
    <Inspected
      inspector={
        selected === null
          ? null
          : {
              title: <span className="font-mono">{selected.name}</span>,
              body: <NodeInspector mesh={mesh} node={selected} now={now} isCut={false} onSelect={select} />,
            }
      }
      onClose={() => select(null)}
    >
      <PageHeader
        title="Nodes"
        state={
          <span className="flex flex-wrap items-center gap-x-3">
            <StateMark state={summary.state}>{summary.text}</StateMark>
            {added.length === 0 ? null : <span>{countOf(added.length, 'node')} added, without meshd yet</span>}
          </span>
        }
        actions={addNodes}
      />
      <div className="flex flex-wrap items-center gap-2 px-4 pb-3 md:px-6">
        <SearchInput
          label="Find nodes"
          placeholder="Name, range or address"
          value={search}
          onValueChange={(text) => set({ q: text })}
          found={countOf(nodes.length, 'node')}
        />
        <Segmented
          label="Mesh state"
          value={filter}
          onValueChange={(next) => set({ state: next === 'all' ? null : next })}
          options={filters}
        />
        <span className="text-sm text-fg-3 numbers">{countOf(nodes.length, 'node')}</span>
        {ticked.size === 0 ? null : (
          <div className="ml-auto flex flex-wrap items-center gap-2 rounded-md border border-accent/40 bg-accent-soft px-2 max-md:w-full max-md:py-2 md:py-px max-md:[&_:is(a,button)]:h-11">
            <span className="text-sm">
              {ticked.size} ticked: <span className="font-mono break-all">{range}</span>
            </span>
            <Button
              size="sm"
              disabledReason={
                withoutMeshd.length === 0 ? '' : `${describeRange(withoutMeshd)} runs no meshd: it takes no commands.`
              }
              onClick={() => setIsCommanding(true)}
            >
              Run a command…
            </Button>
            <Button
              size="sm"
              disabledReason={deploying}
              render={<Link href={withCluster(`/deploy?nodes=${encodeURIComponent(range)}`)} />}
            >
              Deploy…
            </Button>
            <Button
              size="sm"
              disabledReason={bridging}
              render={<Link href={withCluster(`/bridge?nodes=${encodeURIComponent(range)}`)} />}
            >
              Bridge…
            </Button>
            <Button size="sm" variant="ghost" onClick={() => set({ ticked: null })}>
              Clear
            </Button>
          </div>
        )}
      </div>
      <div className="flex min-h-60 flex-1 flex-col border-t bg-surface-1">
        {nodes.length === 0 ? (
          <EmptyState
            title="No node fits"
            action={<Button onClick={() => set({ q: null, state: null })}>Show all {all.length}</Button>}
          >
            {search.trim() === ''
              ? 'None is in that state.'
              : 'Search for part of a name or address, or a range such as node[2-10].'}
          </EmptyState>
        ) : (
          <NodesTable
            label="Nodes"
            mesh={mesh}
            nodes={nodes}
            show={shown}
            sort={get('sort')}
            onSort={(sort) => set({ sort: sort === 'name' ? null : sort })}
            selected={selected?.name ?? ''}
            onSelect={select}
            ticked={ticked}
            onTick={(names) => set({ ticked: describeRange(names) })}
            now={now}
          />
        )}
      </div>
      {mesh.cluster === null ? null : (
        <CommandOnMany
          open={isCommanding}
          onOpenChange={setIsCommanding}
          cluster={mesh.cluster.Id}
          names={[...ticked]}
        />
      )}
    </Inspected>
  );
}
