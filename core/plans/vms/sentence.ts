// A plan of a launch as one sentence that could be read aloud, and as a script for a shell: both from its steps.
import type { Plan } from '../../../contract/plans.ts';
import { describeRange } from '../../ranges/describe-range.ts';
import { readCall } from '../actions.ts';
import { launchActions } from './actions.ts';
import { namesOf } from './form.ts';

/** Groups of nodes that are named with their counts; beyond this, the least and the most. */
const maxCounts = 4;

/** What the steps put where. */
export interface LaunchShape {
  /** Names by node, in the order of the plan. */
  readonly byNode: ReadonlyMap<string, readonly string[]>;
  /** As people read them: `lan (101)`. */
  readonly networks: readonly string[];
  /** Nodes by the files that they lack, each list as one text. */
  readonly copies: ReadonlyMap<string, readonly string[]>;
  readonly namespace: string;
}

export function shapeOf({ steps }: Pick<Plan, 'steps'>): LaunchShape {
  const byNode = new Map<string, string[]>();
  const copies = new Map<string, string[]>();
  let networks: readonly string[] = [];
  let namespace = '';
  for (const step of steps) {
    const launch = readCall(launchActions, 'launchVms', step.do);
    if (launch) {
      byNode.set(step.node, [...(byNode.get(step.node) ?? []), ...namesOf(launch.names)]);
      ({ networks, namespace } = launch);
    }
    const copy = readCall(launchActions, 'fetchImages', step.do);
    const files = copy?.files.map(({ name }) => name).join(' and ') ?? '';
    if (files !== '') copies.set(files, [...(copies.get(files) ?? []), step.node]);
  }
  return { byNode, networks, copies, namespace };
}

/** `16 VMs, 4 on each of node[1-4], on VLAN lan (101); debian.qcow2 is copied to node[3-4].` */
export function describeLaunch({ byNode, networks, copies }: LaunchShape): string {
  const total = [...byNode.values()].reduce((sum, names) => sum + names.length, 0);
  const vlans = [...new Set(networks)];
  const on = vlans.length === 0 ? 'without a network' : `on ${vlans.length === 1 ? 'VLAN' : 'VLANs'} ${listed(vlans)}`;
  const copied = [...copies].map(([files, nodes]) => {
    return `${files} ${files.includes(' and ') ? 'are' : 'is'} copied to ${describeRange(nodes)}`;
  });
  const whole = [`${total === 1 ? '1 VM' : `${total} VMs`}, ${describeSpread(byNode)}, ${on}`, ...copied.slice(0, 3)];
  return `${whole.join('; ')}.`;
}

/** `4 on each of node[1-4]`, `5 on node1 and 4 on each of node[2-4]`, `3 to 5 on each of node[1-40]`. */
function describeSpread(byNode: LaunchShape['byNode']): string {
  const byCount = new Map<number, string[]>();
  for (const [node, { length }] of byNode) byCount.set(length, [...(byCount.get(length) ?? []), node]);
  const counts = [...byCount].sort(([a], [b]) => b - a);
  const [least, most] = [counts.at(-1)?.[0] ?? 0, counts[0]?.[0] ?? 0];
  if (counts.length > maxCounts) return `${least} to ${most} on each of ${describeRange(byNode.keys())}`;
  return listed(
    counts.map(([count, nodes]) => `${count} on ${nodes.length === 1 ? '' : 'each of '}${describeRange(nodes)}`),
  );
}

function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
}

/** The commands of a plan, as a shell on a node runs them one after the other, and stops at the first that fails. */
export function scriptOf({ steps }: Pick<Plan, 'steps'>): string {
  return steps
    .flatMap(({ preview }) => preview.flatMap(({ kind, text }) => (kind === 'command' ? [text] : [])))
    .join(' &&\n');
}
