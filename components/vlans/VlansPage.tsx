'use client';
// The VLANs of the cluster over its nodes: as a map, a table or a graph; one selection and one filter for all three, in the URL.
import { Grid3x3, Network, Plus, Radar, Rows3, Share2, SlidersHorizontal } from 'lucide-react';
import Link from 'next/link';
import { useCallback, useMemo, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { addNodesKind } from '../../core/plans/kinds.ts';
import { countOf } from '../../lib/format.ts';
import { useFleetPart, useReadable } from '../../lib/use-console.ts';
import { Inspected } from '../frame/Inspected.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { phoneScreen, useMedia } from '../frame/use-media.ts';
import { usePlanRefusal, useRefusal } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { ProbeMarks } from '../probe/probe-marks.ts';
import { useIsPast, useProbe } from '../probe/use-probes.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { SearchInput } from '../ui/SearchInput.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { loadOnOpen } from '../ui/load-on-open.tsx';
import { NamespaceChips } from './NamespaceChips.tsx';
import { ProbeLegend } from './ProbeLegend.tsx';
import { useSameList, useVlanChoice, type VlanChoice } from './use-vlan-choice.ts';
import { useVlanSource } from './use-vlans.ts';
import { namespaceChoices, noNamespace } from './vlan-choice.ts';
import { relativesOf } from './vlan-fixes.ts';
import type { VlanSource } from './vlan-source.ts';
import { emptyVlanMap, type MapVlan, type VlanMap } from './vlan-view.ts';
import { countVlans, describeVlans, shortName, titleOf } from './vlan-words.ts';
import type { VlanDialogsProps, VlanEdit } from './VlanDialogs.tsx';
import { VlanInspector } from './VlanInspector.tsx';
import { VlanNodeInspector } from './VlanNodeInspector.tsx';
import { VlanViews, type VlanViewName } from './VlanViews.tsx';

const views = [
  { value: 'map', label: 'Map', icon: <Grid3x3 aria-hidden="true" /> },
  { value: 'table', label: 'Table', icon: <Rows3 aria-hidden="true" /> },
  { value: 'graph', label: 'Graph', icon: <Share2 aria-hidden="true" /> },
] as const;

const VlanDialogs = loadOnOpen<VlanDialogsProps>(async () => (await import('./VlanDialogs.tsx')).VlanDialogs);

export function VlansPage(): ReactElement {
  const source = useVlanSource();
  const map = useReadable(source, emptyVlanMap);
  const status = useFleetPart((state) => state.status);
  const choice = useVlanChoice(map);
  const { set } = useUrlState();
  const refusal = useRefusal('operator');
  const [editing, setEditing] = useState<{ edit: VlanEdit; isOpen: boolean } | null>(null);
  const edit = useCallback((next: VlanEdit): void => setEditing({ edit: next, isOpen: true }), []);

  if (status === 'loading') return <SkeletonRows label="The VLANs are loading" count={10} />;
  if (map.cluster === '') return <NoCluster />;
  const addVlan = (
    <Button
      variant="primary"
      icon={<Plus className="size-4" />}
      disabledReason={refusal}
      onClick={() => edit({ is: 'add', namespace: choice.namespace === noNamespace ? '' : choice.namespace })}
    >
      Add a VLAN
    </Button>
  );
  const numbers = (
    <Button icon={<SlidersHorizontal className="size-4" />} onClick={() => edit({ is: 'numbers' })}>
      Numbers
    </Button>
  );
  return (
    <>
      {map.vlans.length === 0 ? (
        <>
          <PageHeader title="VLANs" actions={numbers} />
          <EmptyState icon={<Network />} title="No VLANs yet" action={addVlan}>
            A VLAN is made when a VM names it, or here. Then you see its number, and how many VMs of it run on which
            node.
          </EmptyState>
        </>
      ) : (
        <KnownVlans
          map={map}
          source={source}
          choice={choice}
          actions={
            <>
              {numbers}
              {addVlan}
            </>
          }
          onEdit={edit}
        />
      )}
      <VlanDialogs
        open={editing?.isOpen ?? false}
        onOpenChange={(isOpen) => {
          if (editing !== null) setEditing({ ...editing, isOpen });
        }}
        edit={editing?.edit ?? null}
        map={map}
        source={source}
        onChanged={(name) => set({ vlan: name, node: null })}
      />
    </>
  );
}

function NoCluster(): ReactElement {
  const withCluster = useClusterPath();
  const adding = usePlanRefusal(addNodesKind);
  return (
    <>
      <PageHeader title="VLANs" />
      <EmptyState
        icon={<Network />}
        title="No cluster yet"
        action={
          <Button variant="primary" disabledReason={adding} render={<Link href={withCluster('/add-nodes')} />}>
            Add nodes
          </Button>
        }
      >
        Here stands each VLAN of the cluster with its number, and how many VMs of it run on which node.
      </EmptyState>
    </>
  );
}

interface KnownVlansProps {
  map: VlanMap;
  source: VlanSource;
  choice: VlanChoice;
  actions: ReactNode;
  onEdit: (edit: VlanEdit) => void;
}

const none: readonly MapVlan[] = [];

function KnownVlans({ map, source, choice, actions, onEdit }: KnownVlansProps): ReactElement {
  const cluster = useCluster();
  const { get, set } = useUrlState();
  const isPhone = useMedia(phoneScreen);
  const [brushed, setBrushed] = useState<string | null>(null);
  const relatives = useSameList(choice.selected === null ? none : relativesOf(map, choice.selected));
  const choices = useMemo(() => namespaceChoices(map), [map]);
  const withCluster = useClusterPath();
  const probed = useProbe(map.cluster).last?.result ?? null;
  const isStale = useIsPast(probed?.staleAtMs ?? Infinity);
  const marks = useMemo(() => (probed === null ? null : new ProbeMarks(probed, isStale)), [probed, isStale]);
  const summary = useMemo(() => describeVlans(countVlans(map.vlans)), [map.vlans]);
  const text = `${summary.text}${cluster?.State === 'live' ? '' : ', as last seen'}`;
  const wanted = get('view');
  // A phone has no room for the map: the table is a list there, and says the same.
  const view: VlanViewName = wanted === 'graph' ? 'graph' : wanted === 'table' || isPhone ? 'table' : 'map';
  return (
    <Inspected
      inspector={inspectorOf({ map, source, choice, relatives, onEdit })}
      onClose={() => choice.select(null, null)}
    >
      <PageHeader
        title="VLANs"
        state={<StateMark state={cluster?.State === 'lost' ? 'lost' : summary.state}>{text}</StateMark>}
        actions={
          <>
            <Button icon={<Radar className="size-4" />} render={<Link href={withCluster('/vlans/probe')} />}>
              Probe
            </Button>
            {actions}
          </>
        }
      />
      <div className="flex flex-wrap items-center gap-2 px-4 pb-3 md:px-6">
        <SearchInput
          label="Find VLANs"
          placeholder="Alias, number, split…"
          value={choice.search}
          onValueChange={(typed) => set({ q: typed })}
          found={countOf(choice.vlans.length, 'VLAN')}
        />
        <NamespaceChips
          choices={choices}
          isCompact={isPhone}
          value={choice.namespace}
          onValueChange={(value) => set({ namespace: value })}
          onBrush={setBrushed}
        />
        <div className="ml-auto">
          <Segmented
            label="View"
            value={view}
            onValueChange={(next) => set({ view: next === 'map' ? null : next })}
            options={isPhone ? views.filter(({ value }) => value !== 'map') : views}
          />
        </div>
      </div>
      <div className="flex min-h-60 flex-1 flex-col border-t bg-surface-1">
        <VlanViews
          view={view}
          map={map}
          source={source}
          choice={choice}
          hasNamespaces={choices.filter(({ value }) => value !== noNamespace).length > 1}
          brushed={brushed}
          summary={text}
          marks={marks}
          onShowAll={() => set({ q: null, namespace: null })}
        />
        {probed === null || view !== 'map' ? null : <ProbeLegend result={probed} isStale={isStale} />}
      </div>
    </Inspected>
  );
}

function inspectorOf({
  map,
  source,
  choice,
  relatives,
  onEdit,
}: Omit<KnownVlansProps, 'actions'> & { relatives: readonly MapVlan[] }): { title: ReactNode; body: ReactNode } | null {
  const { selected, node, select } = choice;
  if (selected !== null) {
    return {
      title: (
        <span className="font-mono" title={titleOf(selected)}>
          {shortName(selected)}
          {selected.alias === '' ? null : <span className="text-fg-3"> {selected.vlan}</span>}
        </span>
      ),
      body: (
        <VlanInspector
          nodes={map.nodes}
          relatives={relatives}
          source={source}
          vlan={selected}
          node={node}
          onSelect={select}
          onEdit={onEdit}
        />
      ),
    };
  }
  if (node === null) return null;
  return {
    title: <span className="font-mono">{node.name}</span>,
    body: <VlanNodeInspector map={map} node={node} onSelectVlan={(vlan) => select(vlan.key, node.id)} />,
  };
}
