'use client';
// What Ctrl-K opens: any node, VLAN, VM, page or action by a few letters. A list under a field; the arrows move, Enter goes.
import { Dialog as Base } from '@base-ui/react/dialog';
import { Box, CornerDownLeft, FileText, Network, Search, Server, Zap } from 'lucide-react';
import { usePathname, useRouter } from 'next/navigation';
import { useEffect, useId, useMemo, useRef, useState, type ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { useConsole, useFleetPart } from '../../lib/use-console.ts';
import { useAddedNodes } from '../fleet/use-added.ts';
import { pages } from '../frame/pages.ts';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { useSession } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { backdropLook } from '../ui/backdrop-look.ts';
import { Kbd } from '../ui/Kbd.tsx';
import { askForAction } from '../vms/asked-actions.ts';
import { vmAddress, vmLine, type VmLine } from '../vms/vm-line.ts';
import { type PaletteEntry, paletteEntries } from './palette-items.ts';
import { rankItems } from './rank-items.ts';

const icons = { node: Server, vlan: Network, vm: Box, page: FileText, action: Zap } as const;
/** These have a name in mono, and say more than what they are. */
const named = new Set(['node', 'vlan', 'vm']);

export interface PalettePopupProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function PalettePopup({ open, onOpenChange }: PalettePopupProps): ReactElement {
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className={backdropLook} />
        <Base.Popup className="fixed top-[10dvh] left-1/2 z-50 flex max-h-[70dvh] w-[calc(100vw-24px)] max-w-140 -translate-x-1/2 flex-col overflow-hidden rounded-md border border-line bg-surface-1 shadow-overlay outline-none">
          <Base.Title className="sr-only">Search nodes, VLANs, VMs, pages and actions</Base.Title>
          <Finder
            onDone={() => {
              onOpenChange(false);
            }}
          />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

function Finder({ onDone }: { onDone: () => void }): ReactElement {
  const nodes = useFleetPart(({ view }) => view.nodes);
  const router = useRouter();
  const withCluster = useClusterPath();
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const listId = useId();
  const list = useRef<HTMLUListElement>(null);
  const role = useSession()?.user.role ?? 'viewer';
  const added = useAddedNodes();
  const cluster = useCluster()?.Id ?? '';
  const vms = usePaletteVms();
  const selected = useSelectedVm(vms);
  const rows = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vlans));
  const entries = useMemo(() => {
    const vlans = [...rows.values()].filter(({ Cluster }) => Cluster === cluster);
    return paletteEntries(pages, nodes.values(), { added, role, vlans, vms, selected });
  }, [nodes, added, role, rows, cluster, vms, selected]);
  const found = useMemo(() => rankItems(entries, typed), [entries, typed]);
  const chosen = Math.min(at, found.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, found]);
  const go = (entry: PaletteEntry | undefined) => {
    if (!entry) return;
    onDone();
    if (entry.verb === undefined) router.push(withCluster(entry.path));
    else if (selected) askForAction({ key: selected.key, verb: entry.verb });
  };
  const move = (by: number) => {
    if (found.length > 0) setAt((chosen + by + found.length) % found.length);
  };
  return (
    <>
      <div className="flex items-center gap-2 border-b px-3">
        <Search aria-hidden="true" className="size-4 shrink-0 text-fg-3" />
        <input
          // The palette opens to be typed into.
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-autocomplete="list"
          aria-label="Search nodes, VLANs, VMs, pages and actions"
          {...(found.length > 0 ? { 'aria-activedescendant': `${listId}-${chosen}` } : {})}
          placeholder="Node, VLAN, VM, page or action"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown') move(1);
            else if (event.key === 'ArrowUp') move(-1);
            else if (event.key === 'Enter') go(found[chosen]);
            else return;
            event.preventDefault();
          }}
          className="h-12 min-w-0 flex-1 bg-transparent text-lg outline-none"
        />
        <Kbd>Esc</Kbd>
      </div>
      <ul ref={list} id={listId} role="listbox" aria-label="Found" className="min-h-0 flex-1 scroller p-1">
        {found.map((entry, index) => {
          const Icon = icons[entry.kind];
          return (
            <li
              key={entry.id}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onClick={() => {
                go(entry);
              }}
              onPointerMove={() => {
                setAt(index);
              }}
              className={`flex min-h-9 cursor-default items-center gap-2 rounded-sm px-2 max-md:min-h-11 ${index === chosen ? 'bg-surface-2' : ''}`}
            >
              <Icon aria-hidden="true" className="size-4 shrink-0 text-fg-3" />
              <span className={named.has(entry.kind) ? 'font-mono text-sm' : ''}>{entry.label}</span>
              <span className="min-w-0 flex-1 truncate text-sm text-fg-3">
                {named.has(entry.kind) || entry.verb !== undefined ? entry.hint : entry.kind}
              </span>
              {index === chosen ? <CornerDownLeft aria-hidden="true" className="size-3.5 text-fg-3" /> : null}
            </li>
          );
        })}
      </ul>
      <p role="status" className={found.length === 0 ? 'px-4 py-6 text-center text-fg-2' : 'sr-only'}>
        {found.length === 0 ? `Nothing fits “${typed}”.` : `${found.length} found`}
      </p>
    </>
  );
}

/** The VMs as they are when the palette opens: 10,000 that change are not ranked again and again. */
function usePaletteVms(): readonly VmLine[] {
  const console = useConsole();
  const cluster = useCluster()?.Id ?? '';
  return useMemo(() => {
    const view = console?.fleet.state.get().view;
    if (view === undefined) return [];
    const own = [...rowsOf(view, fleetKeys.vms).values()].filter((vm) => vm.Cluster === cluster);
    return own
      .map((vm) => vmLine(vm, view.nodes.get(vm.Node)?.Name ?? vm.Node, []))
      .sort((a, b) => compareNames(a.vm.Name, b.vm.Name));
  }, [console, cluster]);
}

/** Of the page of a VM, or of the list of VMs. */
function useSelectedVm(vms: readonly VmLine[]): VmLine | undefined {
  const path = usePathname();
  const { get } = useUrlState();
  const address = path === '/vms' ? get('vm') : (/^\/vms\/(.+)$/.exec(path)?.[1] ?? '');
  return address === '' ? undefined : vms.find((line) => vmAddress(line) === decodeURIComponent(address));
}
