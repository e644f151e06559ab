// A bridge plan as commented shell, to do it by hand or to keep what was done: read, not run as a whole.
import type { Plan } from '../../../../contract/plans.ts';
import { describeCommands, describeFileCommands, describeUndoCommands } from './commands.ts';
import { BridgeStepArgs } from './step-args.ts';

export function renderRunbook(plan: Plan): string {
  const lines = [
    '#!/bin/sh',
    `# ${plan.title}`,
    `# The same, with the rollback armed: ${plan.command}`,
    '#',
    '# A runbook: type each node’s part at that node’s own console, not over SSH, one node after the other. Before the next node,',
    '# check that this one is reached from elsewhere. The rollback is at the end of each part, behind #.',
    'exit 1  # not to be run as a whole',
    ...plan.warnings.flatMap((warning) => warning.split('\n').map((line) => `# ! ${line}`)),
  ];
  const bridging = plan.steps.filter(({ do: { args } }) => BridgeStepArgs.safeParse(args).success);
  const steps = new Map(bridging.map((step) => [step.node, step]));
  const order = [...new Set([...plan.waves.flat(), ...steps.keys()])];
  for (const node of order) {
    const step = steps.get(node);
    const parsed = BridgeStepArgs.safeParse(step?.do.args);
    if (!step || !parsed.success) continue;
    const args = parsed.data;
    const wave = plan.waves.findIndex((nodes) => nodes.includes(node));
    lines.push(
      '',
      `# ---- ${node}${wave === 0 ? ', the canary' : wave > 0 ? `, wave ${wave + 1}` : ''}: ${step.title}`,
    );
    if (step.isDone) {
      lines.push('# nothing to do');
      continue;
    }
    lines.push(
      ...comment(
        `${args.before.carrier} has ${args.before.addresses.join(', ') || 'no address'} now, and belongs to ${args.ownerText}`,
      ),
      ...comment(`outage: ${args.outage}`),
      ...describeCommands(args.transaction, args),
    );
    const files = describeFileCommands(args.transaction);
    if (files.length > 0) lines.push('# for the next boot:', ...files);
    lines.push(...comment(lastWords(args)));
    const back = describeUndoCommands(args.transaction, args);
    if (back.length > 0) lines.push('# the rollback:', ...back.map((line) => `#   ${line}`));
  }
  return `${lines.join('\n')}\n`;
}

/** What commands alone cannot do. */
function lastWords({ transaction: { kind, owner }, ownerText }: BridgeStepArgs): string {
  if (kind === 'persist') return 'nothing changes before the next boot';
  if (owner === 'ifupdown' || owner === 'none')
    return 'see that the node is reached from elsewhere; then restart it, and see it come back';
  return `${ownerText} keeps its old settings until it reads these files: restart the node now`;
}

function comment(text: string): string[] {
  return text.split('\n').map((line) => `# ${line}`);
}
