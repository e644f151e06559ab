// Lines that act on VMs: as few as reach exactly these VMs, for the node that the console is attached to. Pure.
//
//   namespace lab vm start web[1-3]                      its hosts look for the names, which a namespace has once
//   mesh send node2 vm start web1                        the namespace `minimega` is each node's own
//   namespace lab mesh send node4 vm start old1          node4 is not a host of the namespace
//   namespace lab vm start 1f0c…                         by UUID, where a name alone would mean two VMs
import type { FleetNamespace } from '../../contract/fleet.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { maxShutdownSeconds } from '../../core/commands/vm-patterns.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { outcomeOf, type VmAction, type VmState } from '../../core/vms/states.ts';
import type { VmLine } from './vm-line.ts';
import { stateWord } from './vm-states.ts';

export const vmVerbs = [
  'start',
  'stop',
  'shutdown',
  'reboot',
  'kill',
  'flush',
  'save',
  'tag',
  'net connect',
  'net disconnect',
] as const;
export type VmVerb = (typeof vmVerbs)[number] & VmAction;

/** An action with what it needs beside the VMs. */
export type VmWish =
  | { readonly verb: 'start' | 'stop' | 'shutdown' | 'reboot' | 'kill' | 'flush' }
  /** Folder below `saved`; empty for none. */
  | { readonly verb: 'save'; readonly folder: string }
  | { readonly verb: 'tag'; readonly key: string; readonly value: string }
  | { readonly verb: 'net connect'; readonly nic: number; readonly vlan: string }
  | { readonly verb: 'net disconnect'; readonly nic: number };

export interface VmCommand {
  readonly line: string;
  readonly vms: readonly VmLine[];
  readonly timeoutMs: number;
}

/** What tells how to reach VMs. */
export interface VmReach {
  /** Name of the node that runs the lines. */
  readonly attached: string;
  readonly namespaces: ReadonlyMap<string, Pick<FleetNamespace, 'AllBut' | 'Hosts'>>;
  /** All VMs of the cluster: names may be there twice after a split. */
  readonly all: Iterable<Pick<VmLine, 'key' | 'vm'>>;
}

/** A range of scattered names stays a line that can be read, and below what the mesh takes. */
const maxNames = 250;
const actMs = 120_000;
const shutdownMs = 60_000;
/** A large memory takes minutes; the console waits for no line longer than ten. */
const saveMs = 590_000;
const marginMs = 10_000;

export function vmCommands(wish: VmWish, vms: readonly VmLine[], reach: VmReach): VmCommand[] {
  const holders = countNames(reach.all);
  const groups = new Map<string, { prefix: string; vms: VmLine[]; isByUuid: boolean }>();
  for (const line of vms) {
    const { prefix, isByUuid } = wayTo(line, reach, holders);
    // `vm save` takes one VM.
    const key = isByUuid || wish.verb === 'save' ? `${prefix} ${line.key}` : prefix;
    const group = groups.get(key);
    if (group) group.vms.push(line);
    else groups.set(key, { prefix, vms: [line], isByUuid });
  }
  const timeoutMs = marginMs + longestMs(wish);
  return [...groups.values()]
    .sort((a, b) => compareNames(a.prefix, b.prefix))
    .flatMap(({ prefix, vms: of, isByUuid }) =>
      chunks(of.toSorted((a, b) => compareNames(a.vm.Name, b.vm.Name))).map((part) => {
        const target = isByUuid ? (part[0]?.vm.Uuid ?? '') : describeRange(part.map(({ vm }) => vm.Name));
        return { line: `${prefix}${lineOf(wish, target, part[0]?.vm.Name ?? '')}`, vms: part, timeoutMs };
      }),
    );
}

function longestMs({ verb }: VmWish): number {
  if (verb === 'save') return saveMs;
  return verb === 'shutdown' ? Math.min(shutdownMs, maxShutdownSeconds * 1000) : actMs;
}

/** `name`: of the first VM. */
function lineOf(wish: VmWish, target: string, name: string): string {
  switch (wish.verb) {
    case 'save':
      return `vm save ${target} ${quoteWord(wish.folder === '' ? name : `${wish.folder}/${name}`)}`;
    case 'tag':
      return `vm tag ${target} ${quoteWord(wish.key)} ${quoteWord(wish.value)}`;
    case 'net connect':
      return `vm net connect ${target} ${wish.nic} ${quoteWord(wish.vlan)}`;
    case 'net disconnect':
      return `vm net disconnect ${target} ${wish.nic}`;
    default:
      return `vm ${wish.verb} ${target}`;
  }
}

const nameIn = ({ Namespace: namespace, Name: name }: VmLine['vm']): string => `${namespace} ${name}`;

function countNames(all: VmReach['all']): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { vm } of all) counts.set(nameIn(vm), (counts.get(nameIn(vm)) ?? 0) + 1);
  return counts;
}

function wayTo(
  { vm, node }: VmLine,
  { attached, namespaces }: VmReach,
  holders: ReadonlyMap<string, number>,
): { prefix: string; isByUuid: boolean } {
  const isDefault = vm.Namespace === defaultNamespace;
  const prefix = inNamespace(vm.Namespace, '');
  const isOnly = (holders.get(nameIn(vm)) ?? 0) < 2;
  const hosts = namespaces.get(vm.Namespace);
  // A namespace that is not known yet: its hosts are asked, as the command language does.
  const isHost = hosts === undefined || hosts.Hosts.includes(vm.Node) !== hosts.AllBut;
  if (!isDefault && isHost && isOnly) return { prefix, isByUuid: false };
  // A node sends nothing to itself.
  if (node === attached) return { prefix, isByUuid: !isOnly };
  return { prefix: `${prefix}mesh send ${quoteWord(node)} `, isByUuid: false };
}

function chunks(vms: readonly VmLine[]): VmLine[][] {
  const parts: VmLine[][] = [];
  for (let at = 0; at < vms.length; at += maxNames) parts.push(vms.slice(at, at + maxNames));
  return parts;
}

export interface Fit {
  /** Those that the action is for, in their state. */
  readonly vms: readonly VmLine[];
  /** Why it is for none of them; empty otherwise. */
  readonly reason: string;
  /** Why some are left out: `2 are running already`; empty otherwise. */
  readonly rest: string;
}

/** Which of these VMs an action is for, by the table of states (core/vms/states.ts). `nic`: the action is on that one. */
export function fitFor(verb: VmVerb, vms: readonly VmLine[], nic: number | null = null): Fit {
  const fitting: VmLine[] = [];
  const left = new Map<VmState, number>();
  let withoutNic = 0;
  for (const line of vms) {
    const { is } = outcomeOf(verb, line.vm.State);
    if (is === 'skip' || is === 'refuse') left.set(line.vm.State, (left.get(line.vm.State) ?? 0) + 1);
    else if (nic !== null && nic >= line.nics.length) withoutNic += 1;
    else fitting.push(line);
  }
  const parts = [...left].map(([state, count]) => `${count} ${count === 1 ? 'is' : 'are'} ${stateWord(state)}`);
  if (withoutNic > 0) parts.push(`${withoutNic} ${withoutNic === 1 ? 'has' : 'have'} no NIC ${nic ?? 0}`);
  const rest = parts.join(', ');
  const [only] = vms;
  if (fitting.length > 0) return { vms: fitting, reason: '', rest };
  const isOne = vms.length === 1 && only !== undefined;
  return {
    vms: [],
    reason: isOne ? `${only.vm.Name} ${rest.replace(/^1 /, '')}. ${needs[verb]}` : `${rest}. ${needs[verb]}`,
    rest,
  };
}

const needs: Readonly<Record<VmVerb, string>> = {
  start: 'Only VMs that do not run and whose node answers can be started.',
  stop: 'Only running VMs can be stopped.',
  shutdown: 'Only the guest of a running VM hears its power button.',
  reboot: 'Only running VMs can be reset.',
  kill: 'Only VMs whose QEMU runs can be killed.',
  flush: 'Only VMs that have quit or failed can be flushed: kill them first.',
  save: 'Only VMs whose QEMU runs have a memory to save.',
  tag: 'Only VMs whose node answers can be tagged.',
  'net connect': 'Only VMs whose QEMU runs can be connected.',
  'net disconnect': 'Only VMs whose QEMU runs can be disconnected.',
};
