'use client';
// The screens of all VMs that run, side by side. What is not on the display is not drawn, and no picture of it is asked for.
import { useVirtualizer } from '@tanstack/react-virtual';
import { MonitorPlay } from 'lucide-react';
import { useEffect, useMemo, useRef, useState, type ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { countOf } from '../../lib/format.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useLack } from '../fleet/use-lack.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SearchInput } from '../ui/SearchInput.tsx';
import { Select } from '../ui/Select.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { LaunchButton } from '../vms/LaunchButton.tsx';
import { consolePath } from './console-path.ts';
import { useWall } from './use-wall.ts';
import { screensOf, type WallScreen } from './wall-screens.ts';
import { WallTile } from './WallTile.tsx';

const allNamespaces = '';

export function WallPage(): ReactElement {
  const status = useFleetPart((fleet) => fleet.status);
  const vms = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const nodes = useFleetPart(({ view }) => view.nodes);
  const cluster = useCluster();
  const url = useUrlState();
  const [namespace, query] = [url.get('namespace'), url.get('q')];
  const all = useMemo(() => screensOf(vms.values(), { nodes, cluster: cluster?.Id ?? '' }), [vms, nodes, cluster?.Id]);
  const namespaces = useMemo(() => [...new Set(all.map(({ vm }) => vm.Namespace))].sort(), [all]);
  const shown = useMemo(
    () =>
      all.filter(
        ({ vm, node }) =>
          (namespace === allNamespaces || vm.Namespace === namespace) &&
          (query === '' || vm.Name.includes(query) || node.includes(query)),
      ),
    [all, namespace, query],
  );
  const options = [allNamespaces, ...new Set([...namespaces, ...(namespace === '' ? [] : [namespace])])];
  return (
    <>
      <PageHeader
        title="Consoles"
        state={status === 'loading' ? undefined : `${countOf(all.length, 'VM')} with a screen`}
        actions={
          all.length === 0 ? undefined : (
            <>
              <div className="w-44">
                <Select
                  aria-label="Namespace"
                  value={namespace}
                  onValueChange={(next) => url.set({ namespace: next })}
                  options={options.map((value) => ({
                    value,
                    label: value === allNamespaces ? 'All namespaces' : value,
                  }))}
                />
              </div>
              <SearchInput
                label="Find VMs"
                placeholder="VM or node"
                value={query}
                onValueChange={(next) => url.set({ q: next })}
                found={query === '' ? '' : countOf(shown.length, 'VM')}
              />
            </>
          )
        }
      />
      {status === 'loading' ? (
        <SkeletonRows label="The screens are loading" />
      ) : shown.length === 0 ? (
        <NoScreens isFiltered={all.length > 0} onClear={() => url.set({ namespace: null, q: null })} />
      ) : (
        <Wall screens={shown} cluster={cluster?.Id ?? null} />
      )}
    </>
  );
}

function NoScreens({
  isFiltered,
  onClear,
}: {
  readonly isFiltered: boolean;
  readonly onClear: () => void;
}): ReactElement {
  return isFiltered ? (
    <EmptyState title="No screen matches" action={<Button onClick={onClear}>Show all</Button>} />
  ) : (
    <EmptyState icon={<MonitorPlay />} title="No VM runs" action={<LaunchButton />}>
      Screens of VMs appear here as soon as some run.
    </EmptyState>
  );
}

const gap = 12;
/** Least width of a tile, and its height. On a phone two fit side by side. */
const wide = { width: 240, height: 182 };
const narrow = { width: 160, height: 136 };
/** Of the wall: what is less is a phone. */
const narrowBelow = 600;

function Wall({
  screens,
  cluster,
}: {
  readonly screens: readonly WallScreen[];
  readonly cluster: string | null;
}): ReactElement {
  'use no memo';
  const withCluster = useClusterPath();
  const scroller = useRef<HTMLDivElement>(null);
  const [wallWidth, setWallWidth] = useState(0);
  const tile = wallWidth < narrowBelow ? narrow : wide;
  const columns = Math.max(1, Math.floor((wallWidth + gap) / (tile.width + gap)));
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWallWidth(entry?.contentRect.width ?? 0));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const virtual = useVirtualizer({
    count: Math.ceil(screens.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => tile.height + gap,
    overscan: 1,
  });
  useEffect(() => virtual.measure(), [virtual, tile]);
  const rows = virtual.getVirtualItems();
  const [first, last] = [(rows[0]?.index ?? 0) * columns, ((rows.at(-1)?.index ?? -1) + 1) * columns];
  const drawn = screens.slice(first, last);
  const lack = useLack('pictures');
  const { pictures, link } = useWall(
    lack === '' ? cluster : null,
    drawn.map(({ vm, node }) => [node, vm.Id] as const),
  );
  return (
    <>
      {lack === '' ? null : (
        <div className="px-4 pb-2 md:px-6">
          <Notice state="warn">{lack}.</Notice>
        </div>
      )}
      {link.at === 'waiting' ? (
        <div className="px-4 pb-2 md:px-6">
          <Notice state="warn">{link.reason.replace(/\.$/, '')}. The pictures are as of then.</Notice>
        </div>
      ) : null}
      <div ref={scroller} className="min-h-0 flex-1 scroller px-4 pb-4 md:px-6" tabIndex={0} aria-label="Screens">
        <ul className="relative" style={{ height: virtual.getTotalSize() }}>
          {drawn.map((screen, at) => {
            const [row, column] = [Math.floor((first + at) / columns), (first + at) % columns];
            const { vm, node } = screen;
            return (
              <li
                key={`${vm.Node} ${vm.Id}`}
                className="absolute"
                style={{
                  top: row * (tile.height + gap),
                  height: tile.height,
                  left: `calc((100% + ${gap}px) / ${columns} * ${column})`,
                  width: `calc((100% + ${gap}px) / ${columns} - ${gap}px)`,
                }}
              >
                <WallTile
                  vm={vm}
                  node={node}
                  path={withCluster(consolePath({ node, name: vm.Name, namespace: vm.Namespace }))}
                  pictures={pictures}
                />
              </li>
            );
          })}
        </ul>
      </div>
    </>
  );
}
