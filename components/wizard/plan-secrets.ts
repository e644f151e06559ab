// Which passwords a plan still wants. `password:root@node1` is also given by `password:root`, which is for all nodes.
import type { Plan } from '../../contract/plans.ts';
import { forAllNodes } from '../../core/plans/secret-names.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';

export interface WantedSecret {
  /** Name for all the nodes of it: `password:root`. */
  readonly name: string;
  readonly label: string;
}

/** What is wanted and not given, one entry for all nodes that take the same. */
export function wantedSecrets(plan: Pick<Plan, 'secrets'>, given: Readonly<Record<string, string>>): WantedSecret[] {
  const isGiven = (name: string) => (given[name] ?? '') !== '';
  const groups = new Map<string, { nodes: string[]; label: string }>();
  for (const { name, node, label } of plan.secrets) {
    if (isGiven(name) || isGiven(forAllNodes(name))) continue;
    const group = groups.get(forAllNodes(name)) ?? { nodes: [], label };
    group.nodes.push(node);
    groups.set(forAllNodes(name), group);
  }
  return [...groups].map(([name, { nodes, label }]) => {
    const [kind = '', user = ''] = name.split(':');
    const isOne = nodes.length === 1 || nodes.includes('');
    return { name, label: isOne ? label : `${capital(kind)} of ${user} on ${describeRange(nodes)}` };
  });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
