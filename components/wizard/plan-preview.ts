// A plan as people read it before it runs: per node what will be done and what is right already, and the whole as
// sentences that could be read aloud. Knows no wizard: any plan of contract/plans.
import type { Plan, Step } from '../../contract/plans.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';

/** Nodes of which the plan does the same things, in the same state. */
export interface NodeGroup {
  /** Names in the order of the waves; empty: the console itself. */
  readonly nodes: readonly string[];
  /** `node[1-4]`; `console` for the console's own steps. */
  readonly label: string;
  /** Steps of the first of them; the others' differ in names only. */
  readonly steps: readonly Step[];
  /** Of each step, as it is for all of them: `Launch …` where they differ. */
  readonly titles: readonly string[];
  readonly toDo: number;
  readonly isDone: number;
}

/** Steps by node, in the order of the waves; the console's own first. */
export function stepsByNode(plan: Pick<Plan, 'steps' | 'waves'>): Map<string, Step[]> {
  const byNode = new Map<string, Step[]>([['', []]]);
  for (const node of plan.waves.flat()) byNode.set(node, []);
  for (const step of plan.steps) byNode.set(step.node, [...(byNode.get(step.node) ?? []), step]);
  for (const [node, steps] of byNode) if (steps.length === 0) byNode.delete(node);
  return byNode;
}

/** Nodes with the same steps to do are one group: 1,000 equal nodes are one line. */
export function groupNodes(plan: Pick<Plan, 'steps' | 'waves'>): NodeGroup[] {
  const groups = new Map<string, { nodes: string[]; steps: Step[]; titles: string[] }>();
  for (const [node, steps] of stepsByNode(plan)) {
    const look = steps.map((step) => [verbOf(step), step.isDone, step.undo === null, step.ask === null]);
    const key = node === '' ? '' : JSON.stringify(look);
    const group = groups.get(key);
    if (group) {
      group.nodes.push(node);
      group.titles = group.titles.map((title, at) => commonTitle(title, steps[at]?.title ?? ''));
    } else groups.set(key, { nodes: [node], steps, titles: steps.map(({ title }) => title) });
  }
  return [...groups.values()].map(({ nodes, steps, titles }) => {
    const isDone = steps.filter((step) => step.isDone).length;
    const label = nodes[0] === '' ? 'console' : describeRange(nodes);
    return { nodes: nodes.filter((node) => node !== ''), label, steps, titles, isDone, toDo: steps.length - isDone };
  });
}

/** The words with which both begin, and an ellipsis for the rest. */
function commonTitle(title: string, other: string): string {
  if (title === other) return title;
  const words = title.replace(/ ?…$/, '').split(' ');
  const others = other.split(' ');
  const differs = words.findIndex((word, at) => word !== others[at]);
  return [...words.slice(0, differs === -1 ? words.length : differs), '…'].join(' ');
}

/** `ensureKey node3` without its node: the part of a key that is the same on all nodes. */
export function verbOf(step: Pick<Step, 'key' | 'node'>): string {
  return step.node !== '' && step.key.endsWith(` ${step.node}`) ? step.key.slice(0, -step.node.length - 1) : step.key;
}

/** The plan as sentences, in the order in which a person would tell it. */
export function readAloud(plan: Plan): string[] {
  const toDo = plan.steps.filter((step) => !step.isDone);
  const sentences = [`${plan.title}.`];
  if (toDo.length === 0) return [...sentences, 'Everything is right already: nothing will be changed.'];
  sentences.push(
    `${countOf(toDo.length, 'step')} to do${plan.steps.length > toDo.length ? `, ${plan.steps.length - toDo.length} right already` : ''}.`,
  );
  if (plan.waves.length > 1) {
    const waves = plan.waves.map((wave) => describeRange(wave));
    const shown = waves.length > 4 ? [...waves.slice(0, 3), `${waves.length - 3} more waves`] : waves;
    sentences.push(`In waves, one after the other: ${shown.join('; then ')}.`);
  }
  sentences.push(
    plan.onFailure === 'stop'
      ? 'When a step fails, everything stops.'
      : 'When a step fails on a node, that node is left there and the others continue.',
  );
  const asks = toDo.filter((step) => step.ask !== null);
  if (asks.length > 0) sentences.push(`It asks before ${nodesOf(asks)}: ${uniqueTitles(asks)}.`);
  const changing = toDo.filter(changesSomething);
  const final = changing.filter((step) => step.undo === null);
  if (changing.length === 0) sentences.push('It only looks: nothing is changed.');
  else if (final.length === changing.length) sentences.push('None of it can be undone by Meshdeck.');
  else if (final.length > 0) sentences.push(`Not undone by an undo: ${uniqueTitles(final)}.`);
  else sentences.push('All of it can be undone.');
  return sentences;
}

/** Steps are named for what they do: these two verbs leave a machine as it is, so there is nothing of them to undo. */
export function changesSomething(step: Pick<Step, 'do'>): boolean {
  return !/^(observe|prove)[A-Z]/.test(step.do.action);
}

function nodesOf(steps: readonly Step[]): string {
  const nodes = [...new Set(steps.map(({ node }) => node))].filter((node) => node !== '');
  return nodes.length === 0 ? 'it continues' : `it continues with ${describeRange(nodes)}`;
}

function uniqueTitles(steps: readonly Step[]): string {
  const titles = new Map<string, string>();
  for (const step of steps) if (!titles.has(verbOf(step))) titles.set(verbOf(step), lowerFirst(step.title));
  const all = [...titles.values()];
  return all.length > 5 ? `${all.slice(0, 5).join(', ')} and ${all.length - 5} more` : all.join(', ');
}

function lowerFirst(text: string): string {
  // Not of abbreviations: `SSH key`.
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

export type DiffLine = { readonly kind: 'added' | 'removed' | 'same' | 'place' | 'file'; readonly text: string };

/** Lines of a unified diff by what they say. */
export function diffLines(text: string): DiffLine[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      if (line.startsWith('+++') || line.startsWith('---')) return { kind: 'file', text: line };
      if (line.startsWith('@@')) return { kind: 'place', text: line };
      if (line.startsWith('+')) return { kind: 'added', text: line };
      if (line.startsWith('-')) return { kind: 'removed', text: line };
      return { kind: 'same', text: line };
    });
}
