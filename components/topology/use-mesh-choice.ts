'use client';
// What of the mesh is pointed out, by what is in the URL: a node, what a search finds, and what the mesh hangs by.
import { useMemo } from 'react';
import type { FleetLink } from '../../contract/fleet.ts';
import { linkKey } from '../../core/fleet-view.ts';
import { criticalParts, type CriticalParts } from '../../core/topology/critical.ts';
import type { Readable } from '../../lib/observable.ts';
import { useReadablePart } from '../../lib/use-console.ts';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import { searchNodes } from '../fleet/search.ts';
import { useUrlState } from '../frame/use-url-state.ts';

export interface MeshChoice {
  /** Null while nothing is pointed out: who draws it follows the mesh on its own. */
  readonly mesh: MeshView | null;
  readonly selectedName: string;
  readonly selected: MeshNode | null;
  readonly search: string;
  /** Null: nothing is searched for. */
  readonly found: readonly MeshNode[] | null;
  /** Ids of what was found. */
  readonly matching: ReadonlySet<string> | null;
  readonly areCutsShown: boolean;
  readonly critical: CriticalParts<FleetLink> | null;
  readonly cutLinks: ReadonlySet<string>;
}

export function useMeshChoice(source: Readable<MeshView>): MeshChoice {
  const { get } = useUrlState();
  const selectedName = get('node');
  const search = get('q');
  const areCutsShown = get('cuts') === '1';
  // The picture follows the mesh on its own. The page renders with each change only while it says something about all of it.
  const isFollowed = selectedName !== '' || search.trim() !== '' || areCutsShown;
  const mesh = useReadablePart(source, (whole) => (isFollowed ? whole : null));
  const selected = mesh?.byName.get(selectedName) ?? null;
  const found = useMemo(
    () => (mesh === null || search.trim() === '' ? null : searchNodes(mesh.nodes, search)),
    [mesh, search],
  );
  const matching = useMemo(() => (found === null ? null : new Set(found.map((node) => node.id))), [found]);
  const critical = useMemo(() => {
    if (mesh === null || !(areCutsShown || selectedName !== '')) return null;
    const ids = mesh.nodes.filter((node) => node.facts.State === 'member').map((node) => node.id);
    return criticalParts(
      ids,
      [...mesh.links.values()].filter((link) => link.State === 'up'),
    );
  }, [mesh, areCutsShown, selectedName]);
  const cutLinks = useMemo(() => new Set(critical?.cutLinks.map(linkKey)), [critical]);
  return { mesh, selectedName, selected, search, found, matching, areCutsShown, critical, cutLinks };
}
