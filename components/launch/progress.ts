// How each VM of a launch stands: from the steps of its run, and from the rows of VMs as they come.
import type { FleetNode, FleetVm } from '../../contract/fleet.ts';
import type { RunView } from '../../contract/plans.ts';
import { readCall } from '../../core/plans/actions.ts';
import { launchActions, VmResult } from '../../core/plans/vms/actions.ts';
import { namesOf } from '../../core/plans/vms/form.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';

/** `waiting`: not begun. `making`: its step is at work. `paused`: launched, and not started yet. */
export type DotState = 'waiting' | 'making' | 'paused' | 'running' | 'failed' | 'lost' | 'gone';

export interface Dot {
  readonly name: string;
  readonly state: DotState;
  /** Why it failed or is lost; empty otherwise. */
  readonly why: string;
}

export interface NodeProgress {
  readonly node: string;
  readonly dots: readonly Dot[];
  /** What its step says that is at work; empty: nothing. */
  readonly doing: string;
}

export interface LaunchProgress {
  /** Nodes with failures first, then as planned. */
  readonly nodes: readonly NodeProgress[];
  /** Each reason once, with its VMs as a range. */
  readonly failures: readonly { readonly names: string; readonly why: string }[];
  readonly counts: Readonly<Record<DotState, number>>;
}

const states: Readonly<Record<FleetVm['State'], DotState>> = {
  BUILDING: 'paused',
  RUNNING: 'running',
  PAUSED: 'paused',
  QUIT: 'failed',
  ERROR: 'failed',
  LOST: 'lost',
};

export function progressOf(
  run: Pick<RunView, 'plan' | 'steps' | 'progress'>,
  rows: { readonly vms: ReadonlyMap<string, FleetVm>; readonly nodes: ReadonlyMap<string, FleetNode> },
): LaunchProgress {
  const views = new Map(run.steps.map((view) => [view.key, view]));
  const launches = run.plan.steps.flatMap((step) => {
    const args = readCall(launchActions, 'launchVms', step.do);
    return args ? [{ step, args }] : [];
  });
  const live = liveVms(rows, launches[0]?.args.namespace ?? '');
  const errors = errorsOf(run);
  const byNode = new Map<string, { dots: Dot[]; doing: string }>();
  for (const { step, args } of launches) {
    const entry = byNode.get(step.node) ?? { dots: [], doing: '' };
    byNode.set(step.node, entry);
    const state = views.get(step.key)?.state ?? 'waiting';
    for (const name of namesOf(args.names)) {
      entry.dots.push(
        dotOf(name, live.get(`${step.node} ${name}`), { error: errors.get(`${step.node} ${name}`), state }),
      );
    }
  }
  for (const step of run.plan.steps) {
    const entry = byNode.get(step.node);
    if (!entry || views.get(step.key)?.state !== 'running') continue;
    const text = run.progress[step.key]?.['text'];
    entry.doing = typeof text === 'string' ? text : step.title;
  }
  const nodes = [...byNode].map(([node, { dots, doing }]) => ({ node, dots, doing }));
  const isBad = ({ dots }: NodeProgress) => dots.some(({ state }) => state === 'failed' || state === 'lost');
  return {
    nodes: [...nodes.filter(isBad), ...nodes.filter((each) => !isBad(each))],
    failures: failuresOf(nodes),
    counts: countOf(nodes),
  };
}

/** The VMs of a launch that are there, in the order of its plan, each with the name of its node. */
export function launchedVms(
  { plan }: Pick<RunView, 'plan'>,
  rows: { readonly vms: ReadonlyMap<string, FleetVm>; readonly nodes: ReadonlyMap<string, FleetNode> },
): { readonly node: string; readonly vm: FleetVm }[] {
  const launches = plan.steps.flatMap((step) => {
    const args = readCall(launchActions, 'launchVms', step.do);
    return args ? [{ node: step.node, namespace: args.namespace, names: namesOf(args.names) }] : [];
  });
  const live = liveVms(rows, launches[0]?.namespace ?? '');
  return launches.flatMap(({ node, names }) =>
    names.flatMap((name) => {
      const vm = live.get(`${node} ${name}`);
      return vm ? [{ node, vm }] : [];
    }),
  );
}

/** VMs of a namespace by `<name of the node> <name>`. */
function liveVms(
  { vms, nodes }: { readonly vms: ReadonlyMap<string, FleetVm>; readonly nodes: ReadonlyMap<string, FleetNode> },
  namespace: string,
): ReadonlyMap<string, FleetVm> {
  const own = [...vms.values()].filter((vm) => vm.Namespace === namespace);
  return new Map(own.map((vm) => [`${nodes.get(vm.Node)?.Name ?? vm.Node} ${vm.Name}`, vm]));
}

function dotOf(
  name: string,
  vm: FleetVm | undefined,
  { error, state }: { readonly error: string | undefined; readonly state: RunView['steps'][number]['state'] },
): Dot {
  if (vm) {
    const is = states[vm.State];
    const why = is === 'failed' || is === 'lost' ? (error ?? (vm.Reason || `it is ${vm.State}`)) : '';
    return { name, state: is, why };
  }
  if (error !== undefined) return { name, state: 'failed', why: error };
  if (state === 'running') return { name, state: 'making', why: '' };
  const wasThere = state === 'done' || state === 'unchanged' || state === 'undone';
  return { name, state: wasThere ? 'gone' : 'waiting', why: '' };
}

/** What the steps say of each VM that failed, by node and name. A step that failed as a whole says the same of all its VMs. */
function errorsOf({ plan, steps }: Pick<RunView, 'plan' | 'steps'>): ReadonlyMap<string, string> {
  const planned = new Map(plan.steps.map((step) => [step.key, step]));
  const namesOn = new Map<string, readonly string[]>();
  for (const { node, do: call } of plan.steps) {
    const args = readCall(launchActions, 'launchVms', call);
    if (args) namesOn.set(node, [...(namesOn.get(node) ?? []), ...namesOf(args.names)]);
  }
  const errors = new Map<string, string>();
  for (const { key, state, error, result } of steps) {
    const step = planned.get(key);
    if (state !== 'failed' || !step) continue;
    const { node, do: call } = step;
    const args = readCall(launchActions, 'launchVms', call) ?? readCall(launchActions, 'startVms', call);
    const names = args ? namesOf(args.names) : (namesOn.get(node) ?? []);
    const detail = result['detail'];
    if (!(typeof detail === 'object' && detail !== null && 'vms' in detail)) {
      for (const name of names) errors.set(`${node} ${name}`, error);
      continue;
    }
    for (const each of Array.isArray(detail.vms) ? detail.vms : []) {
      const read = VmResult.safeParse(each);
      if (read.success && read.data.error !== '') errors.set(`${node} ${read.data.name}`, read.data.error);
    }
  }
  return errors;
}

function failuresOf(nodes: readonly NodeProgress[]): LaunchProgress['failures'] {
  const byWhy = new Map<string, string[]>();
  for (const { node, dots } of nodes) {
    for (const { name, why } of dots) {
      if (why === '') continue;
      // Errors of a node mostly name it themselves.
      const text = why.startsWith(node) ? why : `${node}: ${why}`;
      byWhy.set(text, [...(byWhy.get(text) ?? []), name]);
    }
  }
  return [...byWhy].map(([why, names]) => ({ why, names: describeRange(names) }));
}

function countOf(nodes: readonly NodeProgress[]): LaunchProgress['counts'] {
  const counts = { waiting: 0, making: 0, paused: 0, running: 0, failed: 0, lost: 0, gone: 0 };
  for (const { dots } of nodes) for (const { state } of dots) counts[state] += 1;
  return counts;
}
