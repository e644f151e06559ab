// What happened to a cluster, as sentences for people.
import type { FleetEvent } from '../../contract/fleet.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import type { State } from '../ui/StateMark.tsx';

const sentences: Record<FleetEvent['Kind'], { state: State; before: string; after: string }> = {
  'node-up': { state: 'ok', before: '', after: 'is in the mesh' },
  'node-down': { state: 'bad', before: '', after: 'left the mesh' },
  'node-new': { state: 'ok', before: '', after: 'was added to the roster' },
  'node-gone': { state: 'lost', before: '', after: 'was removed from the roster' },
  'link-up': { state: 'ok', before: 'Link', after: 'is up' },
  'link-down': { state: 'warn', before: 'Link', after: 'is down' },
  attached: { state: 'ok', before: 'The console is attached to', after: '' },
  detached: { state: 'warn', before: 'The console lost', after: '' },
  'bridge-up': { state: 'ok', before: '', after: 'has a bridge now' },
  'bridge-gone': { state: 'lost', before: '', after: 'has no bridge now' },
  'bridge-alarm': { state: 'bad', before: '', after: 'has a problem with the bridge' },
  'bridge-well': { state: 'ok', before: '', after: 'has no problem with the bridge now' },
  'vm-lost': { state: 'bad', before: '', after: 'is lost' },
  'vm-failed': { state: 'bad', before: '', after: 'has failed' },
  'vm-paused': { state: 'warn', before: '', after: 'has paused' },
  'vm-ended': { state: 'warn', before: '', after: 'has ended' },
};

export interface EventLine {
  readonly at: number;
  readonly state: State;
  /** Words before the names, the names, words after. */
  readonly before: string;
  readonly nodes: readonly string[];
  /** The VMs of these nodes that it is about; null when it is about the nodes. */
  readonly vms: FleetEvent['Vms'] | null;
  readonly isLink: boolean;
  readonly after: string;
  /** How many events it stands for. */
  readonly count: number;
}

/** Events of one kind within this time are one line: a node that goes takes its links with it. */
const groupMs = 2000;
/** Names in one line; more are counted. */
export const shownNames = 6;

/** Newest first. Link events that follow from a node that came or went at the same time are left to that line. */
export function eventLines(events: readonly FleetEvent[], limit: number): EventLine[] {
  const lines: EventLine[] = [];
  let group: {
    kind: FleetEvent['Kind'];
    from: number;
    to: number;
    nodes: string[];
    vms: EventLine['vms'];
    count: number;
  } | null = null;
  const close = (): void => {
    if (group === null) return;
    const { state, before, after } = sentences[group.kind];
    const isLink = group.kind === 'link-up' || group.kind === 'link-down';
    const { to: at, nodes, vms, count } = group;
    lines.push({ at, state, before, after, isLink, nodes, vms, count });
    group = null;
  };
  for (let index = events.length - 1; index >= 0 && lines.length < limit; index -= 1) {
    const event = events[index];
    if (event === undefined || isCausedByNode(events, index)) continue;
    if (
      group !== null &&
      group.kind === event.Kind &&
      group.from - event.At <= groupMs &&
      !event.Kind.startsWith('link')
    ) {
      group.from = event.At;
      group.count += 1;
      group.nodes = [...new Set([...event.Nodes, ...group.nodes])];
      group.vms = joined(event.Vms, group.vms);
      continue;
    }
    close();
    const { Kind: kind, At: at, Nodes: nodes, Vms: vms = null } = event;
    group = { kind, from: at, to: at, nodes: [...nodes], vms, count: 1 };
  }
  if (lines.length < limit) close();
  return lines;
}

function joined(earlier: FleetEvent['Vms'] | null, later: FleetEvent['Vms'] | null): FleetEvent['Vms'] | null {
  if (!earlier || !later) return earlier ?? later;
  return { Count: earlier.Count + later.Count, Names: [...earlier.Names, ...later.Names] };
}

/** `web[1-3]`, `web[1-100] and 20 more`, of the VMs that a line is about; empty for one about nodes. */
export function eventVms({ vms }: Pick<EventLine, 'vms'>): string {
  if (!vms) return '';
  const more = vms.Count - vms.Names.length;
  return `${describeRange(vms.Names)}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Words after the names: `is in the mesh`, of several `are in the mesh`. */
export function eventAfter({ isLink, nodes, vms, after }: EventLine): string {
  const count = vms ? vms.Count : nodes.length;
  if (isLink || count < 2) return after;
  return after.replace(/^is /, 'are ').replace(/^was /, 'were ').replace(/^has /, 'have ');
}

function isCausedByNode(events: readonly FleetEvent[], at: number): boolean {
  const event = events[at];
  if (event === undefined || !event.Kind.startsWith('link')) return false;
  const cause = event.Kind === 'link-up' ? 'node-up' : 'node-down';
  const isCause = (other: FleetEvent): boolean =>
    other.Kind === cause && other.Nodes.some((name) => event.Nodes.includes(name));
  for (let index = at - 1; index >= 0; index -= 1) {
    const other = events[index];
    if (other === undefined || event.At - other.At > groupMs) break;
    if (isCause(other)) return true;
  }
  for (let index = at + 1; index < events.length; index += 1) {
    const other = events[index];
    if (other === undefined || other.At - event.At > groupMs) break;
    if (isCause(other)) return true;
  }
  return false;
}

/** Events per minute of the hour before `now`, oldest first: 60 numbers. */
export function eventsPerMinute(events: readonly Pick<FleetEvent, 'At'>[], now: number): number[] {
  const counts = new Array<number>(60).fill(0);
  for (const event of events) {
    const minute = 59 - Math.floor((now - event.At) / 60_000);
    if (minute >= 0 && minute < 60) counts[minute] = (counts[minute] ?? 0) + 1;
  }
  return counts;
}
