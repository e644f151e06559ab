'use client';
// The pages, with their names on a wide screen and as icons on a narrow one. Absent on a phone.
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';
import { Mark } from './Mark.tsx';
import { isOnPage, pages } from './pages.ts';
import { useClusterPath } from './use-cluster.ts';
import { usePrefetch } from './use-prefetch.ts';

export function Sidebar(): ReactElement {
  const path = usePathname();
  const withCluster = useClusterPath();
  const prefetch = usePrefetch();
  return (
    <nav aria-label="Pages" className="flex w-14 shrink-0 flex-col border-r bg-surface-1 max-md:hidden xl:w-48">
      <Link
        href={withCluster('/')}
        prefetch={prefetch}
        className="flex h-(--top-height) shrink-0 items-center gap-2.5 px-4 font-semibold tracking-tight"
      >
        <Mark className="size-6 shrink-0 text-accent" />
        <span className="max-xl:sr-only">Meshdeck</span>
      </Link>
      <ul className="flex flex-col gap-0.5 p-2">
        {pages.map((page) => {
          const isCurrent = isOnPage(path, page);
          return (
            <li key={page.path}>
              <Link
                href={withCluster(page.path)}
                prefetch={prefetch}
                title={page.label}
                {...(isCurrent ? { 'aria-current': 'page' as const } : {})}
                className={cx(
                  'flex h-8 items-center gap-2.5 rounded-md px-3 font-medium transition-colors max-xl:justify-center max-xl:px-0',
                  isCurrent ? 'bg-accent-soft text-accent' : 'text-fg-2 hover:bg-surface-2 hover:text-fg-1',
                )}
              >
                <page.icon aria-hidden="true" className="size-4 shrink-0" />
                <span className="max-xl:sr-only">{page.label}</span>
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
