'use client';
// One screen of the wall: a click opens its console, a double click takes the keyboard there.
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { memo, useCallback, useEffect, useRef, useSyncExternalStore, type MouseEvent, type ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { StateShape } from '../ui/StateMark.tsx';
import { stateLook } from '../vms/vm-states.ts';
import { pictureKey, type WallPictures } from './wall-pictures.ts';

export interface WallTileProps {
  readonly vm: FleetVm;
  readonly node: string;
  readonly path: string;
  readonly pictures: WallPictures;
}

/** A second click within this time makes it a double one. */
const doubleMs = 250;

export const WallTile = memo(function WallTile({ vm, node, path, pictures }: WallTileProps): ReactElement {
  const router = useRouter();
  const key = pictureKey({ node, vm: vm.Id });
  const subscribe = useCallback((listener: () => void) => pictures.subscribe(key, listener), [pictures, key]);
  const url = useSyncExternalStore(
    subscribe,
    () => pictures.urlOf(key),
    () => null,
  );
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onClick = (event: MouseEvent) => {
    // The keyboard clicks too, without a count; and with a key held, the browser opens a tab.
    if (event.detail === 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    clearTimeout(timer.current);
    const isDouble = event.detail > 1;
    const to = isDouble ? `${path}${path.includes('?') ? '&' : '?'}keyboard=take` : path;
    timer.current = setTimeout(() => router.push(to), isDouble ? 0 : doubleMs);
  };
  return (
    <Link
      href={path}
      prefetch={false}
      onClick={onClick}
      className="flex h-full min-w-0 flex-col overflow-hidden rounded-md border bg-surface-1 hover:border-line-strong"
    >
      <span className="flex min-h-0 flex-1 items-center justify-center bg-surface-2">
        {url === null ? (
          <span className="text-sm text-fg-3">No picture yet</span>
        ) : (
          <img src={url} alt={`Screen of ${vm.Name}`} draggable={false} className="max-h-full max-w-full" />
        )}
      </span>
      <span className="flex h-8 shrink-0 items-center gap-2 border-t px-2 text-sm">
        <StateShape state={stateLook(vm).tone} />
        <span className="min-w-0 flex-1 truncate font-mono text-fg-1" title={vm.Name}>
          {vm.Name}
        </span>
        <span className="text-xs text-fg-2 max-md:sr-only">{stateLook(vm).word}</span>
        <span className="truncate font-mono text-xs text-fg-3">{node}</span>
      </span>
    </Link>
  );
});
