// The pages of the console in the order of the sidebar; a phone's bottom bar has the first five.
import { Activity, LayoutDashboard, Server, Settings, SquareTerminal, Waypoints } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';

export interface Page {
  readonly path: string;
  readonly label: string;
  readonly icon: LucideIcon;
  /** Wizards that belong to it: path and title. The path is the kind of its plan: below /nodes it could be a node's name. */
  readonly wizards?: Readonly<Record<string, string>>;
}

export const pages: readonly Page[] = [
  { path: '/', label: 'Overview', icon: LayoutDashboard },
  { path: '/mesh', label: 'Mesh', icon: Waypoints },
  {
    path: '/nodes',
    label: 'Nodes',
    icon: Server,
    wizards: {
      '/add-nodes': 'Add nodes',
      '/bridge': 'Bridge',
      '/bridge/remove': 'Take the bridge away',
      '/deploy': 'Deploy',
      '/passwordless-root': 'Root without a password',
      '/remove-node': 'Remove nodes',
      '/replace-node': 'Replace node',
    },
  },
  { path: '/runs', label: 'Runs', icon: Activity },
  { path: '/terminal', label: 'Terminal', icon: SquareTerminal },
  { path: '/settings', label: 'Settings', icon: Settings, wizards: { '/rotate-key': 'New console key' } },
];

/** Entries of the bottom bar; Settings are in the menu of the user there. */
export const bottomBarEntries = 5;

/** True if `path` is that page, below it, or a wizard of it. */
export function isOnPage(path: string, page: Page): boolean {
  if (page.path === '/') return path === '/';
  return path === page.path || path.startsWith(`${page.path}/`) || wizardTitle(path, page) !== undefined;
}

/** Undefined: no wizard of that page is there. */
export function wizardTitle(path: string, page: Page): string | undefined {
  return page.wizards?.[path];
}

/** Parts of the path below a page's own: names and ids. */
export function partsBelow(path: string, page: Page): string[] {
  if (page.path === '/' || wizardTitle(path, page) !== undefined) return [];
  return path.slice(page.path.length).split('/').filter(Boolean).map(decodeURIComponent);
}
