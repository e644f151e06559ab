'use client';
// The first pages, within reach of a thumb.
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';
import { bottomBarEntries, isOnPage, pages } from './pages.ts';
import { useClusterPath } from './use-cluster.ts';
import { usePrefetch } from './use-prefetch.ts';

export function BottomBar(): ReactElement {
  const path = usePathname();
  const withCluster = useClusterPath();
  const prefetch = usePrefetch();
  return (
    <nav
      aria-label="Pages"
      className="flex h-(--bottom-bar-height) shrink-0 border-t bg-surface-1 pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {pages.slice(0, bottomBarEntries).map((page) => {
        const isCurrent = isOnPage(path, page);
        return (
          <Link
            key={page.path}
            href={withCluster(page.path)}
            prefetch={prefetch}
            {...(isCurrent ? { 'aria-current': 'page' as const } : {})}
            className={cx(
              'flex min-w-0 flex-1 flex-col items-center justify-center gap-1 text-xs font-medium',
              isCurrent ? 'text-accent' : 'text-fg-2',
            )}
          >
            <page.icon aria-hidden="true" className="size-5" />
            {page.label}
          </Link>
        );
      })}
    </nav>
  );
}
