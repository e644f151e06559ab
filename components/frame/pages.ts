// The pages of the console in the order of the sidebar; a phone's bottom bar has the first five.
import {
  Activity,
  Box,
  LayoutDashboard,
  MonitorPlay,
  Network,
  Radio,
  Server,
  Settings,
  SquareTerminal,
  Waypoints,
} from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import { planKinds } from '../../core/plans/kinds.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';

export interface Page {
  readonly path: string;
  readonly label: string;
  readonly icon: LucideIcon;
  /** Where the pages of its entries are, when that is not below it. */
  readonly entries?: string;
  /** Wizards that belong to it: path and title. */
  readonly wizards?: Readonly<Record<string, string>>;
}

/** With the pages of these kinds of plans. */
export function pagesOf(kinds: readonly PlanKindFacts[]): readonly Page[] {
  const wizardsOf = (below: PlanKindFacts['page']['below']) =>
    Object.fromEntries(kinds.filter(({ page }) => page.below === below).map(({ page, title }) => [page.path, title]));
  return [
    { path: '/', label: 'Overview', icon: LayoutDashboard },
    { path: '/mesh', label: 'Mesh', icon: Waypoints },
    { path: '/nodes', label: 'Nodes', icon: Server, wizards: wizardsOf('/nodes') },
    { path: '/vlans', label: 'VLANs', icon: Network },
    { path: '/vms', label: 'VMs', icon: Box, wizards: wizardsOf('/vms') },
    { path: '/consoles', label: 'Consoles', icon: MonitorPlay, entries: '/console' },
    { path: '/captures', label: 'Captures', icon: Radio },
    { path: '/runs', label: 'Runs', icon: Activity },
    { path: '/terminal', label: 'Terminal', icon: SquareTerminal },
    { path: '/settings', label: 'Settings', icon: Settings, wizards: wizardsOf('/settings') },
  ];
}

export const pages = pagesOf(planKinds);

/** Entries of the bottom bar; the others are in the menu of the user there. */
export const bottomBarEntries = 5;

/** True if `path` is that page, below it, or a wizard of it. */
export function isOnPage(path: string, page: Page): boolean {
  if (page.path === '/') return path === '/';
  return path === page.path || below(path, page) !== null || wizardTitle(path, page) !== undefined;
}

/** Undefined: no wizard of that page is there. */
export function wizardTitle(path: string, page: Page): string | undefined {
  return page.wizards?.[path];
}

/** Parts of the path below a page's own: names and ids. */
export function partsBelow(path: string, page: Page): string[] {
  if (page.path === '/' || wizardTitle(path, page) !== undefined) return [];
  return (below(path, page) ?? '').split('/').filter(Boolean).map(decodeURIComponent);
}

/** What follows the page's own path, or that of its entries; null: it is elsewhere. */
function below(path: string, { path: own, entries = own }: Page): string | null {
  const start = [own, entries].find((each) => path.startsWith(`${each}/`));
  return start === undefined ? null : path.slice(start.length);
}
