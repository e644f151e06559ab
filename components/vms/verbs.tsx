// What can be done with VMs, in words and icons. Which state it fits is core/vms/states.ts.
import { Cable, Pause, Play, Power, RotateCcw, Save, Tag, Trash2, Unplug, Zap, type LucideIcon } from 'lucide-react';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf } from '../../lib/format.ts';
import type { VmVerb } from './vm-commands.ts';
import type { VmLine } from './vm-line.ts';

export interface VerbLook {
  readonly label: string;
  /** What it does, for a tooltip. */
  readonly hint: string;
  /** `Starting 3 VMs`. */
  readonly doing: string;
  /** `3 started`. */
  readonly done: string;
  readonly icon: LucideIcon;
  /** Asked before: `confirm` with a name to type, `form` with what it needs. */
  readonly asks: 'confirm' | 'form' | null;
}

const look = (
  [label, doing, done]: readonly [string, string, string],
  icon: LucideIcon,
  hint: string,
  asks: VerbLook['asks'] = null,
): VerbLook => ({ label, doing, done, icon, hint, asks });

export const verbLooks: Readonly<Record<VmVerb, VerbLook>> = {
  start: look(['Start', 'Starting', 'started'], Play, 'Runs them; those that have quit boot again'),
  stop: look(['Stop', 'Stopping', 'stopped'], Pause, 'Pauses them: their processors stand still'),
  shutdown: look(
    ['Shut down', 'Shutting down', 'shut down'],
    Power,
    'Presses the power button and waits for the guests',
  ),
  reboot: look(['Reboot', 'Rebooting', 'reset'], RotateCcw, 'Resets them; the guests are not asked'),
  kill: look(['Kill', 'Killing', 'killed'], Zap, 'Ends them at once, as pulling the plug does', 'confirm'),
  flush: look(['Flush', 'Flushing', 'flushed'], Trash2, 'Forgets them, with what they wrote to their disks', 'confirm'),
  save: look(['Save', 'Saving', 'saved'], Save, 'Writes memory and disks to files on their nodes', 'form'),
  tag: look(['Tag', 'Tagging', 'tagged'], Tag, 'Sets a tag', 'form'),
  'net connect': look(['Connect', 'Connecting', 'connected'], Cable, 'Puts a NIC on a VLAN', 'form'),
  'net disconnect': look(['Disconnect', 'Disconnecting', 'disconnected'], Unplug, 'Takes a NIC off its VLAN', 'form'),
};

/** `3 VMs on 2 nodes`, `web1 on node2`. */
export function describeTargets(vms: readonly VmLine[]): string {
  const [only] = vms;
  if (only !== undefined && vms.length === 1) return `${only.vm.Name} on ${only.node}`;
  return `${countOf(vms.length, 'VM')} on ${countOf(new Set(vms.map(({ node }) => node)).size, 'node')}`;
}

const shownNames = 200;

/** What goes with it, before it is done. */
export function consequencesOf(verb: 'kill' | 'flush', vms: readonly VmLine[]): string[] {
  const [only] = vms;
  if (only !== undefined && vms.length === 1) {
    const name = `${only.vm.Name} on ${only.node}`;
    return verb === 'kill'
      ? [`${name} ends at once, as when the plug is pulled: what its guest has not written is lost.`, 'Its disks stay.']
      : [`Meshdeck forgets ${name}, with what it wrote to snapshots.`, 'Its images stay.'];
  }
  const byNode = new Map<string, string[]>();
  for (const { vm, node } of vms) byNode.set(node, [...(byNode.get(node) ?? []), vm.Name]);
  const nodes = [...byNode].map(([node, names]) => `${clip(describeRange(names))} on ${node}`);
  const listed = nodes.slice(0, 5);
  if (nodes.length > listed.length) listed.push(`and VMs on ${countOf(nodes.length - listed.length, 'more node')}`);
  const what =
    verb === 'kill'
      ? 'They end at once, as when the plug is pulled: what the guests have not written is lost. Their disks stay.'
      : 'Meshdeck forgets them, with what they wrote to snapshots. Images stay.';
  return [`${describeTargets(vms)}: ${listed.join('; ')}.`, what];
}

function clip(text: string): string {
  return text.length > shownNames ? `${text.slice(0, shownNames)}…` : text;
}
