'use client';
// The live mesh: the picture, the table of the same nodes, or both; one selection for all, in the URL.
import { Columns2, Rows3, Waypoints } from 'lucide-react';
import Link from 'next/link';
import { useMemo, useRef } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { criticalParts } from '../../core/topology/critical.ts';
import { countOf, listOf } from '../../lib/format.ts';
import { NodeInspector } from '../fleet/NodeInspector.tsx';
import { describeMesh } from '../fleet/mesh-view.ts';
import { searchNodes } from '../fleet/search.ts';
import { useMesh, useServerNow } from '../fleet/use-mesh.ts';
import { Inspected } from '../frame/Inspected.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { phoneScreen, useMedia, wideScreen } from '../frame/use-media.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { NodesTable } from '../nodes/NodesTable.tsx';
import type { ColumnName } from '../nodes/columns.tsx';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { SearchInput } from '../ui/SearchInput.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { MeshLegend } from './MeshLegend.tsx';
import { MeshPicture } from './MeshPicture.tsx';
import { MeshTools } from './MeshTools.tsx';
import type { Picture } from './picture.ts';

type View = 'picture' | 'both' | 'table';
const views = [
  { value: 'picture', label: 'Picture', icon: <Waypoints aria-hidden="true" /> },
  { value: 'both', label: 'Both', icon: <Columns2 aria-hidden="true" /> },
  { value: 'table', label: 'Table', icon: <Rows3 aria-hidden="true" /> },
] as const;
const tableColumns: readonly ColumnName[] = ['name', 'state', 'links', 'peers', 'version'];
const besideColumns: readonly ColumnName[] = ['name', 'state', 'links', 'peers'];

export function MeshPage(): ReactElement {
  const { mesh, fleet } = useMesh();
  const now = useServerNow();
  const { get, set } = useUrlState();
  const withCluster = useClusterPath();
  const isWide = useMedia(wideScreen);
  const isPhone = useMedia(phoneScreen);
  const picture = useRef<Picture | null>(null);

  const selectedName = get('node');
  const selected = mesh.byName.get(selectedName) ?? null;
  const search = get('q');
  const found = useMemo(() => searchNodes(mesh.nodes, search), [mesh.nodes, search]);
  const matching = useMemo(
    () => (search.trim() === '' ? null : new Set(found.map((node) => node.id))),
    [search, found],
  );
  const areCutsShown = get('cuts') === '1';
  const critical = useMemo(() => {
    const ids = mesh.nodes.filter((node) => node.facts.State === 'member').map((node) => node.id);
    return criticalParts(
      ids,
      mesh.links.filter((link) => link.State === 'up'),
    );
  }, [mesh.nodes, mesh.links]);
  const cutLinks = useMemo(() => new Set(critical.cutLinks.map((link) => `${link.A} ${link.B}`)), [critical]);

  const wantedView = get('view');
  // Side by side needs the room for it.
  const view: View = wantedView === 'table' ? 'table' : wantedView === 'both' && isWide ? 'both' : 'picture';
  const select = (name: string | null): void => set({ node: name });
  const onSearchKey = (event: KeyboardEvent): void => {
    const first = found[0];
    if (event.key !== 'Enter' || !first || search.trim() === '') return;
    select(first.name);
    picture.current?.zoomTo(first.id);
  };

  if (fleet.status === 'loading') return <SkeletonRows label="The mesh is loading" />;
  if (mesh.cluster === null || mesh.nodes.length === 0) {
    return (
      <>
        <PageHeader title="Mesh" />
        <EmptyState
          icon={<Waypoints />}
          title="No mesh yet"
          action={
            <Button variant="primary" render={<Link href={withCluster('/add-nodes')} />}>
              Add nodes
            </Button>
          }
        >
          Here stands the live picture of the cluster: every node, and the links that they hold with each other.
        </EmptyState>
      </>
    );
  }

  const summary = describeMesh(mesh);
  const up = mesh.links.filter((link) => link.State === 'up').length;
  const shownViews = isWide ? views : views.filter(({ value }) => value !== 'both');
  return (
    <Inspected
      inspector={
        selected === null
          ? null
          : {
              title: <span className="font-mono">{selected.name}</span>,
              body: (
                <NodeInspector
                  mesh={mesh}
                  node={selected}
                  now={now}
                  isCut={critical.cutNodes.has(selected.id)}
                  onSelect={(name) => {
                    select(name);
                    const peer = mesh.byName.get(name);
                    if (peer) picture.current?.zoomTo(peer.id);
                  }}
                />
              ),
            }
      }
      onClose={() => select(null)}
    >
      <PageHeader
        title="Mesh"
        state={
          <StateMark state={summary.state}>
            {summary.text}, {countOf(up, 'link')}
          </StateMark>
        }
        actions={
          <>
            <SearchInput
              label="Find nodes"
              placeholder="Name, range or address"
              value={search}
              onValueChange={(text) => set({ q: text })}
              onKeyDown={onSearchKey}
              found={search.trim() === '' ? '' : countOf(found.length, 'node')}
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
      {areCutsShown ? (
        <p role="status" className="border-t bg-warn-soft px-4 py-1.5 text-sm md:px-6">
          {describeCuts(
            [...critical.cutNodes].map((id) => mesh.byId.get(id)?.name ?? id),
            critical.cutLinks.length,
            critical.parts.length,
          )}
        </p>
      ) : null}
      <div className="flex min-h-0 flex-1 border-t">
        {view === 'table' ? null : (
          <div className="relative min-h-60 min-w-0 flex-1 bg-surface-1">
            <MeshPicture
              mesh={mesh}
              selected={selected?.id ?? null}
              matching={matching}
              cutNodes={areCutsShown ? critical.cutNodes : null}
              cutLinks={areCutsShown ? cutLinks : null}
              serverOffsetMs={fleet.serverOffsetMs}
              onSelect={select}
              pictureRef={picture}
              className="absolute inset-0"
            />
            <MeshTools
              mesh={mesh}
              pictureRef={picture}
              now={now}
              areCutsShown={areCutsShown}
              onCutsShown={(areShown) => set({ cuts: areShown ? '1' : null })}
            />
            <MeshLegend mesh={mesh} />
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
            <NodesTable
              label="Nodes of the mesh with their peers"
              mesh={mesh}
              nodes={found}
              show={view === 'both' && !isPhone ? besideColumns : tableColumns}
              sort={get('sort')}
              onSort={(sort) => set({ sort: sort === 'name' ? null : sort })}
              selected={selected?.name ?? ''}
              onSelect={(name) => {
                select(name);
                const node = name === null ? undefined : mesh.byName.get(name);
                if (node) picture.current?.zoomTo(node.id);
              }}
              now={now}
            />
          </div>
        )}
      </div>
    </Inspected>
  );
}

function describeCuts(nodes: readonly string[], links: number, parts: number): string {
  const split = parts > 1 ? `The mesh is in ${parts} parts. ` : '';
  if (nodes.length === 0 && links === 0)
    return `${split}Nothing hangs by a thread: any one node may go and the others keep each other.`;
  const nodeText = nodes.length === 0 ? '' : `Without ${listOf(nodes, 6)} others lose each other. `;
  const linkText = links === 0 ? '' : `${countOf(links, 'link')} without a way round.`;
  return `${split}${nodeText}${linkText}`;
}
