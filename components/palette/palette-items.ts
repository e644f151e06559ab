// What the palette offers: the pages, what the reader's role may begin, and for each node its page, its terminal and what can be done with it.
import type { FleetNode } from '../../contract/fleet.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import { planKinds } from '../../core/plans/kinds.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { MeshNode } from '../fleet/mesh-view.ts';
import type { PaletteItem } from './rank-items.ts';

export interface PaletteEntry extends PaletteItem {
  /** Where it goes. */
  readonly path: string;
}

interface Action {
  readonly label: string;
  readonly hint: string;
  readonly path: string;
  /** The least role that it is offered to. */
  readonly least: Role;
}

const actions: readonly Action[] = [
  { label: 'Add a user', hint: 'users role', path: '/settings?tab=users', least: 'admin' },
  {
    label: 'Account',
    hint: 'password sessions sign out elsewhere tokens',
    path: '/settings?tab=sessions',
    least: 'viewer',
  },
  { label: 'Audit log', hint: 'who did what', path: '/settings?tab=audit', least: 'admin' },
];

const states: Readonly<Record<FleetNode['State'], string>> = {
  member: 'in the mesh',
  absent: 'lost',
  revoked: 'revoked',
};

export function paletteEntries(
  pages: readonly { readonly path: string; readonly label: string }[],
  nodes: Iterable<FleetNode>,
  { added, role, kinds = planKinds }: { added: readonly MeshNode[]; role: Role; kinds?: readonly PlanKindFacts[] },
): PaletteEntry[] {
  const plans = kinds.map(({ title, offer, page, role: least }): Action => ({
    label: title,
    ...offer,
    path: page.path,
    least,
  }));
  const sorted = [...nodes].sort((a, b) => compareNames(a.Name, b.Name));
  return [
    ...[...plans, ...actions]
      .filter(({ least }) => isAtLeast(role, least))
      .map(({ label, hint, path }) => ({ id: `action ${label}`, kind: 'action' as const, label, hint, path })),
    ...pages.map(({ path, label }) => ({ id: `page ${path}`, kind: 'page' as const, label, hint: '', path })),
    ...sorted.map((node) => ({
      id: `node ${node.Id}`,
      kind: 'node' as const,
      label: node.Name,
      hint: [states[node.State], ...node.Addresses.slice(0, 1)].join(' · '),
      path: `/nodes/${encodeURIComponent(node.Name)}`,
    })),
    ...added.map(({ id, name, word, facts }) => ({
      id: `node ${id}`,
      kind: 'node' as const,
      label: name,
      hint: [word, ...facts.Addresses.slice(0, 1)].join(' · '),
      path: `/nodes/${encodeURIComponent(name)}`,
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
