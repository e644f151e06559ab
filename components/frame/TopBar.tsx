'use client';
// The cluster, where the reader is in it, runs under way, and the reader's menu.
import { Activity, ChevronsUpDown } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactElement, ReactNode } from 'react';
import type { FleetCluster } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf, type FleetView } from '../../core/fleet-view.ts';
import { isActiveRun } from '../../core/plans/run-state.ts';
import { countOf } from '../../lib/format.ts';
import { useFleetPart, useRuns } from '../../lib/use-console.ts';
import { Menu, MenuChoice } from '../ui/Menu.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { StateShape } from '../ui/StateMark.tsx';
import type { State } from '../ui/StateMark.tsx';
import { cx } from '../ui/cx.ts';
import { isOnPage, pages, partsBelow, wizardTitle } from './pages.ts';
import { clusterKey, clusterName, useCluster, useClusterPath } from './use-cluster.ts';
import { useUrlState } from './use-url-state.ts';
import { UserMenu } from './UserMenu.tsx';

export function TopBar({ palette }: { palette?: ReactNode }): ReactElement {
  return (
    <header className="flex h-(--top-height) shrink-0 items-center gap-1 border-b bg-surface-1 pr-2 pl-2 md:pl-4">
      <ClusterMenu />
      <Path />
      <span className="flex-1" />
      {palette}
      <ActiveRuns />
      <UserMenu />
    </header>
  );
}

export const clusterStates: Record<FleetCluster['State'], { state: State; word: string }> = {
  live: { state: 'ok', word: 'live' },
  attaching: { state: 'busy', word: 'attaching' },
  lost: { state: 'bad', word: 'lost' },
};

const triggerLook =
  'inline-flex h-8 min-w-0 items-center gap-2 rounded-md px-2 font-medium hover:bg-surface-2 data-popup-open:bg-surface-2 max-md:h-10';

function ClusterMenu(): ReactElement | null {
  const clusters = useFleetPart(({ view }) => view.clusters);
  const cluster = useCluster();
  const { set } = useUrlState();
  if (cluster === null) return null;
  const { state, word } = clusterStates[cluster.State];
  return (
    <Menu
      align="start"
      trigger={
        <button type="button" className={triggerLook} aria-label={`Cluster ${clusterName(cluster)}, ${word}`}>
          <StateShape state={state} />
          <span className="truncate font-mono text-sm">{clusterName(cluster)}</span>
          <ChevronsUpDown aria-hidden="true" className="size-3.5 shrink-0 text-fg-3" />
        </button>
      }
    >
      <MenuChoice
        label="Cluster"
        value={cluster.Id}
        onValueChange={(id) => {
          const chosen = clusters.find((other) => other.Id === id);
          // What was selected belongs to the cluster that is left.
          if (chosen)
            set(
              { [clusterKey]: chosen.Context === '' ? chosen.Id : chosen.Context, node: null, vm: null, vlan: null },
              { isStep: true },
            );
        }}
        options={clusters.map((other) => ({
          value: other.Id,
          label: clusterName(other),
          detail: <span className="text-sm text-fg-3">{clusterStates[other.State].word}</span>,
        }))}
      />
    </Menu>
  );
}

/** Where this page is, below the entry of the sidebar; that one is enough on a phone. */
function Path(): ReactElement {
  const path = usePathname();
  const withCluster = useClusterPath();
  const page = pages.find((candidate) => isOnPage(path, candidate));
  const rest = page === undefined ? [] : partsBelow(path, page);
  const wizard = page === undefined ? undefined : wizardTitle(path, page);
  const hasCluster = useCluster() !== null;
  return (
    <nav aria-label="Where you are" className="flex min-w-0 items-center gap-1.5 pl-1 text-fg-3 max-md:hidden">
      {page === undefined ? null : (
        <>
          {hasCluster ? <span aria-hidden="true">/</span> : null}
          <Link href={withCluster(page.path)} className="text-fg-2 hover:text-fg-1">
            {page.label}
          </Link>
        </>
      )}
      {wizard === undefined ? null : (
        <>
          <span aria-hidden="true">/</span>
          <span className="truncate text-fg-1">{wizard}</span>
        </>
      )}
      {rest.map((part) => (
        <span key={part} className="flex min-w-0 items-center gap-1.5">
          <span aria-hidden="true">/</span>
          {page?.path === '/runs' ? (
            <RunName id={part} />
          ) : page?.path === '/vms' ? (
            <VmPart part={part} parts={rest} />
          ) : (
            <span className="truncate font-mono text-sm text-fg-1">{part}</span>
          )}
        </span>
      ))}
    </nav>
  );
}

/** The node of a VM as it is, and its id as the VM's name. */
function VmPart({ part, parts }: { part: string; parts: readonly string[] }): ReactElement {
  const [node, id] = parts;
  const name = useFleetPart(({ view }) => (part === id ? nameOfVm(view, node ?? '', id) : part));
  return <span className="truncate font-mono text-sm text-fg-1">{name}</span>;
}

function nameOfVm(view: FleetView, node: string, id: string): string {
  for (const { Id: nodeId, Name: name } of view.nodes.values()) {
    const vm = name === node ? rowsOf(view, fleetKeys.vms).get(`${nodeId} ${id}`) : undefined;
    if (vm) return vm.Name;
  }
  return id;
}

/** As much of an id as tells runs of one title apart. */
const shortIdLength = 8;

/** What a run does, and which one it is; an old run that is no longer in the list shows its id alone. */
function RunName({ id }: { id: string }): ReactElement {
  const { runs } = useRuns();
  const title = runs.find((run) => run.id === id)?.title;
  return (
    <>
      {title === undefined ? null : <span className="truncate text-fg-1">{title}</span>}
      <span className={cx('font-mono text-sm', title === undefined && 'text-fg-1')} title={id}>
        {id.slice(0, shortIdLength)}
      </span>
    </>
  );
}

function ActiveRuns(): ReactElement | null {
  const { runs } = useRuns();
  const withCluster = useClusterPath();
  const active = runs.filter((run) => isActiveRun(run.state));
  if (active.length === 0) return null;
  const waiting = active.filter((run) => run.state !== 'running').length;
  const only = active.length === 1 ? active[0] : undefined;
  const label =
    waiting > 0 ? `${countOf(active.length, 'run')}, ${waiting} waiting for you` : countOf(active.length, 'run');
  return (
    <Link
      href={withCluster(only ? `/runs/${encodeURIComponent(only.id)}` : '/runs')}
      className="inline-flex h-8 items-center gap-2 rounded-md px-2 text-fg-2 hover:bg-surface-2 hover:text-fg-1 max-md:h-10"
    >
      {waiting > 0 ? <StateShape state="warn" /> : <Spinner className="text-busy" />}
      <Activity aria-hidden="true" className="size-4 sm:hidden" />
      <span className="max-sm:sr-only">{label}</span>
    </Link>
  );
}
