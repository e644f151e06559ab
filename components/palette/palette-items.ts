// What the palette offers: the pages, what the reader's role may begin, for each node its page and its terminal, the VLANs, for each VM its page, and what
// can be done with the VM that is selected.
import type { FleetNode, FleetVlan } from '../../contract/fleet.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import { planKinds } from '../../core/plans/kinds.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { MeshNode } from '../fleet/mesh-view.ts';
import { fitFor, vmVerbs, type VmVerb } from '../vms/vm-commands.ts';
import { vmPath, type VmLine } from '../vms/vm-line.ts';
import { stateLook } from '../vms/vm-states.ts';
import { verbLooks } from '../vms/verbs.tsx';
import { vlanPath } from '../vlans/vlan-choice.ts';
import { compareVlans, nameOfRow } from '../vlans/vlan-view.ts';
import { titleOf } from '../vlans/vlan-words.ts';
import type { PaletteItem } from './rank-items.ts';

export interface PaletteEntry extends PaletteItem {
  /** Where it goes; empty for an action on the VM that is selected. */
  readonly path: string;
  readonly verb?: VmVerb;
}

export interface PaletteParts {
  readonly added: readonly MeshNode[];
  readonly role: Role;
  readonly kinds?: readonly PlanKindFacts[];
  readonly vms?: readonly VmLine[];
  /** The VM that the page shows, or has selected. */
  readonly selected?: VmLine | undefined;
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
  { label: 'Probe VLANs', hint: 'switches trunk ports untagged mtu', path: '/vlans/probe', least: 'operator' },
  { label: 'Trace a path between two VMs', hint: 'vlans tap bridge uplink', path: '/vlans/trace', least: 'operator' },
  { label: 'Audit log', hint: 'who did what', path: '/settings?tab=audit', least: 'admin' },
];

const states: Readonly<Record<FleetNode['State'], string>> = {
  member: 'in the mesh',
  absent: 'lost',
  revoked: 'revoked',
};

export interface PaletteParts {
  /** Nodes that run no meshd yet. */
  readonly added: readonly MeshNode[];
  readonly role: Role;
  /** Of the page's cluster. */
  readonly vlans?: Iterable<FleetVlan>;
  readonly kinds?: readonly PlanKindFacts[];
}

export function paletteEntries(
  pages: readonly { readonly path: string; readonly label: string }[],
  nodes: Iterable<FleetNode>,
  { added, role, kinds = planKinds, vlans = [], vms = [], selected }: PaletteParts,
): PaletteEntry[] {
  const plans = kinds.map(({ title, offer, page, role: least }): Action => ({
    label: title,
    ...offer,
    path: page.path,
    least,
  }));
  const sorted = [...nodes].sort((a, b) => compareNames(a.Name, b.Name));
  return [
    ...(selected === undefined || !isAtLeast(role, 'operator') ? [] : vmActions(selected)),
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
    ...vms.map((line) => ({
      id: `vm ${line.key}`,
      kind: 'vm' as const,
      label: line.vm.Name,
      hint: [stateLook(line.vm).word, line.node, line.vm.Namespace].join(' · '),
      path: vmPath(line),
    })),
    ...sorted.map((node) => ({
      id: `terminal ${node.Id}`,
      kind: 'node' as const,
      label: `${node.Name} terminal`,
      hint: 'commands',
      path: `/terminal?node=${encodeURIComponent(node.Name)}`,
    })),
    ...Array.from(vlans, nameOfRow)
      .sort(compareVlans)
      .map((vlan) => ({
        id: `vlan ${vlan.key}`,
        kind: 'vlan' as const,
        label: vlan.alias === '' ? titleOf(vlan) : `VLAN ${titleOf(vlan)}`,
        // `lan` is in every VLAN, and means the alias.
        searched: `${vlan.alias} ${vlan.vlan} vlan`.trim(),
        hint: vlan.alias === '' ? 'number without an alias' : vlan.namespace,
        path: vlanPath(vlan),
      })),
  ];
}

/** Those that its state takes. */
function vmActions(line: VmLine): PaletteEntry[] {
  return vmVerbs
    .filter((verb) => fitFor(verb, [line]).vms.length > 0)
    .map((verb) => ({
      id: `vm ${line.key} ${verb}`,
      kind: 'action',
      label: `${verbLooks[verb].label} ${line.vm.Name}`,
      hint: `vm ${verb} on ${line.node}`,
      path: '',
      verb,
    }));
}
