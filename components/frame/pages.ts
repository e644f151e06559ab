// The pages of the console in the order of the sidebar; a phone's bottom bar has the first five.
import { Activity, LayoutDashboard, Server, Settings, SquareTerminal, Waypoints } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';

export interface Page {
  readonly path: string;
  readonly label: string;
  readonly icon: LucideIcon;
  /** Paths of wizards that belong to it. Each is the kind of its plan: below /nodes one could be the name of a node. */
  readonly wizards?: readonly string[];
}

export const pages: readonly Page[] = [
  { path: '/', label: 'Overview', icon: LayoutDashboard },
  { path: '/mesh', label: 'Mesh', icon: Waypoints },
  {
    path: '/nodes',
    label: 'Nodes',
    icon: Server,
    wizards: [
      '/add-nodes',
      '/bridge',
      '/bridge/remove',
      '/deploy',
      '/passwordless-root',
      '/remove-node',
      '/replace-node',
    ],
  },
  { path: '/runs', label: 'Runs', icon: Activity },
  { path: '/terminal', label: 'Terminal', icon: SquareTerminal },
  { path: '/settings', label: 'Settings', icon: Settings, wizards: ['/rotate-key'] },
];

/** Entries of the bottom bar; Settings are in the menu of the user there. */
export const bottomBarEntries = 5;

/** True if `path` is that page, below it, or a wizard of it. */
export function isOnPage(path: string, page: Page): boolean {
  if (page.path === '/') return path === '/';
  return path === page.path || path.startsWith(`${page.path}/`) || page.wizards?.includes(path) === true;
}

/** What stands below a page's name: parts of the path, or the wizard. */
export function partsBelow(path: string, page: Page): string[] {
  const below = page.wizards?.includes(path) === true ? path : page.path === '/' ? '' : path.slice(page.path.length);
  return below.split('/').filter(Boolean).map(decodeURIComponent);
}
