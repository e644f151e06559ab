// The two VMs of a trace: who may be chosen, and the line of the command language. Pure.
import type { FleetVm } from '../../contract/fleet.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';

export interface TraceEnds {
  readonly namespace: string;
  readonly from: string;
  readonly to: string;
}

export const traceLine = ({ namespace, from, to }: TraceEnds): string =>
  inNamespace(namespace, `vlans trace ${quoteWord(from)} ${quoteWord(to)}`);

/** The page that traces the path from a VM, and to another one if it is given. */
export function tracePath({ namespace, from = '', to = '' }: Partial<TraceEnds>): string {
  const params = new URLSearchParams();
  if (namespace !== undefined && namespace !== defaultNamespace) params.set('namespace', namespace);
  if (from !== '') params.set('from', from);
  if (to !== '') params.set('to', to);
  const text = params.toString();
  return `/vlans/trace${text === '' ? '' : `?${text}`}`;
}

/** Of a list of choices; more of them are found by typing. */
export const shownChoices = 50;

/** VMs of a namespace whose name has the typed text, those first that it begins. */
export function vmChoices(
  vms: Iterable<FleetVm>,
  { namespace, typed, other }: { namespace: string; typed: string; other: string },
): FleetVm[] {
  const text = typed.trim().toLowerCase();
  // Of thousands those that come first are enough, and no more than these are sorted.
  const begun: FleetVm[] = [];
  const others: FleetVm[] = [];
  for (const vm of vms) {
    if (vm.Namespace !== namespace || vm.Name === other) continue;
    const at = vm.Name.toLowerCase().indexOf(text);
    if (at === 0) begun.push(vm);
    else if (at > 0 && others.length < shownChoices) others.push(vm);
    if (begun.length >= shownChoices) break;
  }
  const byName = (a: FleetVm, b: FleetVm): number => compareNames(a.Name, b.Name);
  return [...begun.sort(byName), ...others.sort(byName)].slice(0, shownChoices);
}

export interface EndCheck {
  readonly vm: FleetVm | null;
  /** Empty while nothing is typed, or nothing is wrong. */
  readonly error: string;
}

export function checkEnd(vms: Iterable<FleetVm>, { namespace, name }: { namespace: string; name: string }): EndCheck {
  if (name === '') return { vm: null, error: '' };
  const found = [...vms].filter((vm) => vm.Namespace === namespace && vm.Name === name);
  const [vm] = found;
  if (!vm) return { vm: null, error: `No VM of the namespace ${namespace} is called ${name}.` };
  // The default namespace is each node's own, and a line there means one of them.
  if (found.length > 1)
    return { vm: null, error: `${found.length} nodes have a VM ${name}: a trace cannot tell them apart.` };
  return { vm, error: '' };
}

/** Namespaces with VMs, by name. */
export const vmNamespaces = (vms: Iterable<FleetVm>): string[] =>
  [...new Set([...vms].map(({ Namespace }) => Namespace))].sort(compareNames);

/** Two VMs of a VLAN that a trace between says most about: of one namespace, on different nodes if there are such. */
export function usualEnds(vms: readonly FleetVm[]): TraceEnds | null {
  for (const isFar of [true, false])
    for (const a of vms.slice(0, shownChoices)) {
      const b = vms.find((vm) => vm.Namespace === a.Namespace && vm.Name !== a.Name && (!isFar || vm.Node !== a.Node));
      if (b) return { namespace: a.Namespace, from: a.Name, to: b.Name };
    }
  return null;
}
