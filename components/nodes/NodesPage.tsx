'use client';
// All nodes as a table: find, filter, sort, tick many and act on them. What is shown and ticked is in the URL.
import { Plus, Server } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import type { ReactElement } from 'react';
import { addNodesKind } from '../../core/plans/kinds.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf } from '../../lib/format.ts';
import { NodeInspector } from '../fleet/NodeInspector.tsx';
import { describeMesh } from '../fleet/mesh-view.ts';
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
import { TickedNodes } from './TickedNodes.tsx';
import { fewNodeColumns, nodeColumns, nodeLines } from './columns.tsx';
import { nodeFilters, useNodeChoice } from './use-node-choice.ts';

export function NodesPage(): ReactElement {
  const { mesh, status } = useMesh();
  const now = useServerNow();
  const { set } = useUrlState();
  const added = useAddedNodes();
  const withCluster = useClusterPath();
  const adding = usePlanRefusal(addNodesKind);
  const [isCommanding, setIsCommanding] = useState(false);

  const { all, nodes, search, filter, ticked, selected, byName } = useNodeChoice(mesh, added);
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
          options={nodeFilters}
        />
        <span className="text-sm text-fg-3 numbers">{countOf(nodes.length, 'node')}</span>
        {ticked.size === 0 ? null : (
          <TickedNodes
            names={ticked}
            withoutMeshd={[...ticked].filter((name) => byName.get(name)?.added)}
            onCommand={() => setIsCommanding(true)}
            onClear={() => set({ ticked: null })}
          />
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
            columns={selected === null ? nodeColumns : fewNodeColumns}
            phone={nodeLines}
            nodes={nodes}
            selected={selected?.name ?? ''}
            onSelect={select}
            marks={ticked}
            onMark={(names) => set({ ticked: describeRange(names) })}
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
