// Plans and runs as text.
import type { NodeBridge } from '../contract/bridge.ts';
import type { LogLine, Plan, RunSummary, RunView, StepView } from '../contract/plans.ts';
import { BridgeStepArgs } from '../core/plans/bridge/plan/step-args.ts';
import { rescueCommand } from '../core/plans/bridge/plan/transaction.ts';
import { bridgeUndoOf } from '../core/plans/bridge/plan/undo-radius.ts';
import { undoable } from '../core/plans/undoable.ts';
import { describeRange } from '../core/ranges/describe-range.ts';
import { safeText } from '../core/safe-text.ts';

/** The preview: what the run will do on each node. Nodes with the same steps are grouped. */
export function describePlan(plan: Plan): string {
  const lines = [plan.title, ''];
  for (const warning of plan.warnings) lines.push(`! ${warning}`, '');
  const byNode = new Map<string, string[]>();
  for (const step of plan.steps) {
    const entry = byNode.get(step.node) ?? [];
    byNode.set(step.node, entry);
    const marks = [
      ...(step.isDone ? ['already right'] : []),
      ...(step.ask ? ['asks'] : []),
      ...(step.undo ? [] : ['no undo']),
    ];
    entry.push(`  ${step.isDone ? '=' : '+'} ${step.title}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`);
    for (const { text } of step.preview) entry.push(...text.split('\n').map((line) => `      ${line}`));
  }
  const groups = new Map<string, string[]>();
  for (const [node, entry] of byNode) {
    const text = entry.join('\n');
    groups.set(text, [...(groups.get(text) ?? []), node]);
  }
  for (const [text, nodes] of groups) lines.push(`${describeRange(nodes) || 'the console'}:`, text, '');
  lines.push(`As a command: ${plan.command}`);
  return safeText(lines.join('\n'));
}

/** What to note before a plan that may cut this shell off. Empty for other plans. `command` leads to the console. */
export function describeRescue(plan: Plan, command: string): string {
  const nodes = plan.steps.flatMap(({ node, isDone, do: { args } }) => {
    const read = isDone ? null : BridgeStepArgs.safeParse(args);
    return read?.success && read.data.transaction.kind !== 'persist' ? [node] : [];
  });
  if (nodes.length === 0) return '';
  return safeText(
    [
      `Note this before the run begins. If one of ${describeRange(nodes)} does not come back, log in at that machine as root and run:`,
      `    ${rescueCommand}`,
      'If this shell ends, this lists the run again (`runs resume` continues a run that was cut off):',
      `    ${command} runs`,
      '',
    ].join('\n'),
  );
}

/** What the user must know before the undo of a run; empty when the undo cuts nothing off. */
export function describeUndoWarning(view: Pick<RunView, 'plan' | 'steps' | 'begun'>): string {
  const bridging = bridgeUndoOf(undoable(view).can);
  if (bridging === null) return '';
  const { bridge, nodes, command } = bridging;
  return safeText(
    [
      `! VMs on ${bridge} of ${nodes} lose their network, in the waves of the run; the first that fails stops the rest.`,
      '  The log shows what is on each bridge. A plan shows it before anything changes:',
      `    ${command} --plan`,
    ].join('\n'),
  );
}

/** The bridges that exist, one line per node, with its faults below it. */
export function describeBridges(nodes: readonly NodeBridge[]): string {
  const rows = nodes.map(({ node, summary, error }) => [
    node,
    summary ? summary.bridge || 'none' : 'not reached',
    summary?.uplink || '-',
    summary?.owner || '-',
    summary?.persistence || '-',
    summary ? summary.reboot || '-' : error,
  ]);
  const table = [['node', 'bridge', 'uplink', 'owner', 'at boot', 'reboot'], ...rows];
  const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  '),
  );
  const notes = nodes.flatMap(({ node, summary }) => [
    ...(summary?.transaction ? [`${node}: transaction ${summary.transaction}`] : []),
    ...(summary?.alarms ?? []).map((alarm) => `! ${node}: ${alarm}`),
  ]);
  return safeText([...lines, ...notes].join('\n'));
}

export function describeStep(view: StepView): string | null {
  switch (view.state) {
    case 'waiting':
    case 'asking':
      return null;
    case 'running':
      return `… ${view.key}`;
    case 'undoing':
      return `… undo ${view.key}`;
    default:
      return safeText(`${marks[view.state]} ${view.key}: ${view.state}${view.error ? `: ${view.error}` : ''}`);
  }
}

const marks = {
  done: '+',
  unchanged: '=',
  failed: '!',
  skipped: '-',
  cancelled: '-',
  undone: '+',
  'undo-failed': '!',
} as const;

export function describeLogLine(line: LogLine): string {
  return safeText(`    [${line.node || 'console'}] ${line.text}`);
}

/** One run as a line. */
export function describeRun(run: RunSummary): string {
  const at = new Date(run.startedAt).toISOString().slice(0, 16).replace('T', ' ');
  const { done, failed, total } = run.counts;
  const missing = run.missingSecrets.length > 0 ? `, needs ${run.missingSecrets.join(', ')}` : '';
  const counts = `${done} of ${total} done${failed > 0 ? `, ${failed} failed` : ''}${missing}`;
  return safeText(`${run.id}  ${at}  ${run.state.padEnd(12)}  ${run.title} (${counts})`);
}
