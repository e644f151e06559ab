// What the palette offers: the pages, the wizards, and for each node its page, its terminal and what can be done with it.
import type { FleetNode } from '../../contract/fleet.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { PaletteItem } from './rank-items.ts';

export interface PaletteEntry extends PaletteItem {
  /** Where it goes. */
  readonly path: string;
}

const actions: readonly { readonly label: string; readonly hint: string; readonly path: string }[] = [
  { label: 'Add nodes', hint: 'onboard keys ssh password', path: '/add-nodes' },
  { label: 'Deploy', hint: 'launch meshd upgrade head', path: '/deploy' },
  { label: 'Bridge', hint: 'open vswitch mega_bridge uplink nic network', path: '/bridge' },
  { label: 'Take the bridge away', hint: 'open vswitch undo remove mega_bridge', path: '/bridge/remove' },
  { label: 'New console key', hint: 'rotate revoke ssh', path: '/rotate-key' },
  { label: 'Replace node', hint: 'reinstalled host key changed', path: '/replace-node' },
  { label: 'Remove node', hint: 'revoke delete', path: '/remove-node' },
  { label: 'Open root login', hint: 'guide isolated password less', path: '/passwordless-root' },
  { label: 'Add a user', hint: 'users role', path: '/settings?tab=users' },
  { label: 'Sessions', hint: 'sign out elsewhere tokens', path: '/settings?tab=sessions' },
  { label: 'Audit log', hint: 'who did what', path: '/settings?tab=audit' },
];

const states: Readonly<Record<FleetNode['State'], string>> = {
  member: 'in the mesh',
  absent: 'lost',
  revoked: 'revoked',
};

export function paletteEntries(
  pages: readonly { readonly path: string; readonly label: string }[],
  nodes: Iterable<FleetNode>,
): PaletteEntry[] {
  const sorted = [...nodes].sort((a, b) => compareNames(a.Name, b.Name));
  return [
    ...actions.map((action) => ({ ...action, id: `action ${action.label}`, kind: 'action' as const })),
    ...pages.map(({ path, label }) => ({ id: `page ${path}`, kind: 'page' as const, label, hint: '', path })),
    ...sorted.map((node) => ({
      id: `node ${node.Id}`,
      kind: 'node' as const,
      label: node.Name,
      hint: [states[node.State], ...node.Addresses.slice(0, 1)].join(' · '),
      path: `/nodes/${encodeURIComponent(node.Name)}`,
    })),
    ...sorted.map((node) => ({
      id: `terminal ${node.Id}`,
      kind: 'node' as const,
      label: `${node.Name} terminal`,
      hint: 'commands',
      path: `/terminal?node=${encodeURIComponent(node.Name)}`,
    })),
  ];
}
