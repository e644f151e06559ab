// The pages of the console in the order of the sidebar; a phone's bottom bar has the first five.
import { Activity, LayoutDashboard, Server, Settings, SquareTerminal, Waypoints } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';

export interface Page {
  readonly path: string;
  readonly label: string;
  readonly icon: LucideIcon;
}

export const pages: readonly Page[] = [
  { path: '/', label: 'Overview', icon: LayoutDashboard },
  { path: '/mesh', label: 'Mesh', icon: Waypoints },
  { path: '/nodes', label: 'Nodes', icon: Server },
  { path: '/runs', label: 'Runs', icon: Activity },
  { path: '/terminal', label: 'Terminal', icon: SquareTerminal },
  { path: '/settings', label: 'Settings', icon: Settings },
];

/** Entries of the bottom bar; Settings are in the menu of the user there. */
export const bottomBarEntries = 5;

/** True if `path` is that page or below it. */
export function isOnPage(path: string, page: Page): boolean {
  return page.path === '/' ? path === '/' : path === page.path || path.startsWith(`${page.path}/`);
}
