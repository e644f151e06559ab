'use client';
// What Ctrl-K opens: any node, page or action by a few letters. A list under a field; the arrows move, Enter goes.
import { Dialog as Base } from '@base-ui/react/dialog';
import { CornerDownLeft, FileText, Search, Server, Zap } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useId, useMemo, useRef, useState, type ReactElement } from 'react';
import { useFleetPart } from '../../lib/use-console.ts';
import { useAddedNodes } from '../fleet/use-added.ts';
import { pages } from '../frame/pages.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { useSession } from '../frame/use-session.tsx';
import { backdropLook } from '../ui/backdrop-look.ts';
import { Kbd } from '../ui/Kbd.tsx';
import { type PaletteEntry, paletteEntries } from './palette-items.ts';
import { rankItems } from './rank-items.ts';

const icons = { node: Server, page: FileText, action: Zap } as const;
const kinds = { node: 'node', page: 'page', action: 'action' } as const;

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
          <Base.Title className="sr-only">Search nodes, pages and actions</Base.Title>
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
  const entries = useMemo(() => paletteEntries(pages, nodes.values(), { added, role }), [nodes, added, role]);
  const found = useMemo(() => rankItems(entries, typed), [entries, typed]);
  const chosen = Math.min(at, found.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, found]);
  const go = (entry: PaletteEntry | undefined) => {
    if (!entry) return;
    onDone();
    router.push(withCluster(entry.path));
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
          aria-label="Search nodes, pages and actions"
          {...(found.length > 0 ? { 'aria-activedescendant': `${listId}-${chosen}` } : {})}
          placeholder="Node, page or action"
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
              <span className={entry.kind === 'node' ? 'font-mono text-sm' : ''}>{entry.label}</span>
              <span className="min-w-0 flex-1 truncate text-sm text-fg-3">
                {entry.kind === 'node' ? entry.hint : kinds[entry.kind]}
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
