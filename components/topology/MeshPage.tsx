'use client';
// The live mesh: the picture, the table of the same nodes, or both; one selection for all, in the URL.
import { Columns2, Rows3, Waypoints } from 'lucide-react';
import Link from 'next/link';
import { useRef } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { addNodesKind } from '../../core/plans/kinds.ts';
import { countOf } from '../../lib/format.ts';
import type { Readable } from '../../lib/observable.ts';
import { useEarlyFleetPart, useReadablePart } from '../../lib/use-console.ts';
import { NodeInspector } from '../fleet/NodeInspector.tsx';
import type { NodeInspectorProps } from '../fleet/NodeInspector.tsx';
import { countLinks, describeMesh } from '../fleet/mesh-view.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import { useMeshSource, useServerNow } from '../fleet/use-mesh.ts';
import { Inspected } from '../frame/Inspected.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { useMedia, wideScreen } from '../frame/use-media.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { SearchInput } from '../ui/SearchInput.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { CutsNotice } from './CutsNotice.tsx';
import { MeshLegend } from './MeshLegend.tsx';
import { MeshPicture } from './MeshPicture.tsx';
import { MeshTable } from './MeshTable.tsx';
import { MeshTools } from './MeshTools.tsx';
import type { Picture } from './mesh-picture.ts';
import { useMeshChoice } from './use-mesh-choice.ts';

type View = 'picture' | 'both' | 'table';
const views = [
  { value: 'picture', label: 'Picture', icon: <Waypoints aria-hidden="true" /> },
  { value: 'both', label: 'Both', icon: <Columns2 aria-hidden="true" /> },
  { value: 'table', label: 'Table', icon: <Rows3 aria-hidden="true" /> },
] as const;

export function MeshPage(): ReactElement {
  const source = useMeshSource();
  const status = useEarlyFleetPart((state) => state.status);
  const { get, set } = useUrlState();
  const isWide = useMedia(wideScreen);
  const picture = useRef<Picture | null>(null);

  const inMesh = useMeshChoice(source);
  const { mesh, selectedName, selected, search, found, areCutsShown, critical } = inMesh;
  const isEmpty = useReadablePart(source, ({ cluster, nodes }) => cluster === null || nodes.length === 0);

  const wantedView = get('view');
  // Side by side needs the room for it.
  const view: View = wantedView === 'table' ? 'table' : wantedView === 'both' && isWide ? 'both' : 'picture';
  const select = (name: string | null): void => set({ node: name });
  const selectAndShow = (name: string | null): void => {
    select(name);
    const node = name === null ? undefined : source.get().byName.get(name);
    if (node) picture.current?.zoomTo(node.id);
  };
  const onSearchKey = (event: KeyboardEvent): void => {
    const first = found?.[0];
    if (event.key === 'Enter' && first) selectAndShow(first.name);
  };

  const isLoading = status === 'loading';
  if (isEmpty && !isLoading) return <NoMesh />;

  const shownViews = isWide ? views : views.filter(({ value }) => value !== 'both');
  return (
    <Inspected
      inspector={
        mesh === null || selected === null
          ? null
          : {
              title: <span className="font-mono">{selected.name}</span>,
              body: (
                <MeshInspector
                  mesh={mesh}
                  node={selected}
                  isCut={critical?.cutNodes.has(selected.id) ?? false}
                  onSelect={selectAndShow}
                />
              ),
            }
      }
      onClose={() => select(null)}
    >
      <PageHeader
        title="Mesh"
        state={isLoading ? <StateMark state="busy">The mesh is loading</StateMark> : <Summary source={source} />}
        actions={
          <>
            <SearchInput
              label="Find nodes"
              placeholder="Name, range or address"
              value={search}
              onValueChange={(text) => set({ q: text })}
              onKeyDown={onSearchKey}
              found={found === null ? '' : countOf(found.length, 'node')}
            />
            <Segmented
              label="View"
              value={view}
              onValueChange={(next) => set({ view: next === 'picture' ? null : next })}
              options={shownViews}
            />
          </>
        }
      />
      {areCutsShown && mesh !== null && critical !== null ? <CutsNotice mesh={mesh} critical={critical} /> : null}
      <div className="flex min-h-0 flex-1 border-t">
        {view === 'table' ? null : (
          <div className="relative min-h-60 min-w-0 flex-1 bg-surface-1">
            <MeshPicture
              source={source}
              selected={selected?.id ?? null}
              matching={inMesh.matching}
              cutNodes={areCutsShown && critical !== null ? critical.cutNodes : null}
              cutLinks={areCutsShown ? inMesh.cutLinks : null}
              onSelect={select}
              pictureRef={picture}
              className="absolute inset-0"
            />
            {isLoading ? null : (
              <>
                <MeshTools
                  source={source}
                  pictureRef={picture}
                  areCutsShown={areCutsShown}
                  onCutsShown={(areShown) => set({ cuts: areShown ? '1' : null })}
                />
                <MeshLegend source={source} />
              </>
            )}
          </div>
        )}
        {view === 'picture' ? null : (
          <div
            className={
              view === 'both'
                ? 'flex w-[46%] min-w-90 flex-col border-l bg-surface-1'
                : 'flex min-w-0 flex-1 flex-col bg-surface-1'
            }
          >
            {isLoading ? (
              <SkeletonRows label="The mesh is loading" />
            ) : (
              <MeshTable source={source} isBeside={view === 'both'} selected={selectedName} onSelect={selectAndShow} />
            )}
          </div>
        )}
      </div>
    </Inspected>
  );
}

function NoMesh(): ReactElement {
  const withCluster = useClusterPath();
  const adding = usePlanRefusal(addNodesKind);
  return (
    <>
      <PageHeader title="Mesh" />
      <EmptyState
        icon={<Waypoints />}
        title="No mesh yet"
        action={
          <Button variant="primary" disabledReason={adding} render={<Link href={withCluster('/add-nodes')} />}>
            Add nodes
          </Button>
        }
      >
        Here stands the live picture of the cluster: every node, and the links that they hold with each other.
      </EmptyState>
    </>
  );
}

function Summary({ source }: { source: Readable<MeshView> }): ReactElement {
  const state = useReadablePart(source, (mesh) => describeMesh(mesh).state);
  const text = useReadablePart(source, (mesh) => describeMesh(mesh).text);
  const up = useReadablePart(source, (mesh) => countLinks(mesh.links, 'up'));
  return (
    <StateMark state={state}>
      {text}, {countOf(up, 'link')}
    </StateMark>
  );
}

function MeshInspector(props: Omit<NodeInspectorProps, 'now'>): ReactElement {
  return <NodeInspector {...props} now={useServerNow()} />;
}
