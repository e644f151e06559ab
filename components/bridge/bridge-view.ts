// A bridge plan or run as its pages read it: parsed once here, since steps are JSON. Pure.
import type { Plan, RunView, Step, StepState } from '../../contract/plans.ts';
import { BridgeProgress, BridgeResult, BridgeStepArgs } from '../../core/plans/bridge/step-args.ts';

export interface BridgeNode {
  readonly node: string;
  readonly step: Step;
  readonly args: BridgeStepArgs;
}

/** The nodes of a plan with what is planned on each, in the order of the plan. Steps of another version are left out. */
export function bridgeNodes(plan: Pick<Plan, 'steps'>): BridgeNode[] {
  return plan.steps.flatMap((step) => {
    const args = BridgeStepArgs.safeParse(step.do.args);
    return args.success ? [{ node: step.node, step, args: args.data }] : [];
  });
}

export interface WatchedNode extends BridgeNode {
  readonly state: StepState;
  /** Why it failed; empty otherwise. */
  readonly error: string;
  /** While it is at work. */
  readonly progress: BridgeProgress | null;
  /** Once it is over. */
  readonly result: BridgeResult | null;
}

export function watchedNodes(run: Pick<RunView, 'plan' | 'steps' | 'progress'>): WatchedNode[] {
  const views = new Map(run.steps.map((view) => [view.key, view]));
  return bridgeNodes(run.plan).map((each) => {
    const view = views.get(each.step.key);
    const progress = BridgeProgress.safeParse(run.progress[each.step.key]);
    const result = resultOf(view?.result);
    return {
      ...each,
      state: view?.state ?? 'waiting',
      error: view?.error ?? '',
      progress: progress.success ? progress.data : null,
      result,
    };
  });
}

/** Of a step that went well, or of one that failed, whose result lies in the error's detail. */
function resultOf(result: Readonly<Record<string, unknown>> | undefined): BridgeResult | null {
  for (const candidate of [result, result?.['detail']]) {
    const parsed = BridgeResult.safeParse(candidate);
    if (parsed.success) return parsed.data;
  }
  return null;
}

/** What the countdown on the wall says: the node that is next to go back by itself. */
export function mostUrgent(nodes: readonly WatchedNode[]): WatchedNode | null {
  const counting = nodes.filter(({ progress }) => progress?.leftMs != null);
  return counting.reduce<WatchedNode | null>(
    (first, node) => (first === null || left(node) < left(first) ? node : first),
    null,
  );
}

function left({ progress }: WatchedNode): number {
  return progress?.leftMs ?? Infinity;
}

/** `1:05` and `0:41`: what is left, never below zero. */
export function describeLeft(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Entries `node=nic` of the form's list, as the planner's record; what is not of that form is left out. */
export function uplinksOf(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const at = entry.indexOf('=');
      return at > 0 && at < entry.length - 1 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
    }),
  );
}

/** The form's list after one node's NIC was chosen; `auto` takes its entry out. */
export function withUplink(entries: readonly string[], node: string, nic: string): string[] {
  const others = entries.filter((entry) => !entry.startsWith(`${node}=`));
  return nic === 'auto' ? others : [...others, `${node}=${nic}`];
}
