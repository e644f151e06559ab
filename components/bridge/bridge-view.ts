// A bridge plan or run as its pages read it: parsed once here, since steps are JSON. Pure.
import { z } from 'zod';
import type { Plan, RunView, Step, StepState } from '../../contract/plans.ts';
import { RebootProof } from '../../core/plans/bridge/plan/step-args.ts';
import {
  BlockedNode,
  type BridgeNicChoice,
  BridgeProgress,
  BridgeResult,
  BridgeStepArgs,
} from '../../core/plans/bridge/plan/step-args.ts';

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

const Refusal = z.object({ blocked: z.array(BlockedNode) });

/**
 * Nodes whose uplink is chosen in the form: those that blocked the last plan and have NICs to choose from, then those with a
 * choice from before.
 */
export function uplinkChoices(
  uplinks: Readonly<Record<string, string>>,
  refusal: Readonly<Record<string, unknown>> | null,
): { readonly node: string; readonly nics: readonly BridgeNicChoice[] }[] {
  const parsed = Refusal.safeParse(refusal);
  const blocked = parsed.success ? parsed.data.blocked.filter(({ nics }) => nics.length > 0) : [];
  const others = Object.keys(uplinks).filter((node) => !blocked.some((each) => each.node === node));
  return [...blocked.map(({ node, nics }) => ({ node, nics })), ...others.map((node) => ({ node, nics: [] }))];
}

export interface WatchedNode extends BridgeNode {
  readonly state: StepState;
  /** Why it failed; empty otherwise. */
  readonly error: string;
  /** While it is at work. */
  readonly progress: BridgeProgress | null;
  /** Once it is over. */
  readonly result: BridgeResult | null;
  /** Of the restart that a plan may ask for; null before it, and without one. */
  readonly proof: RebootProof | null;
}

export function watchedNodes(run: Pick<RunView, 'plan' | 'steps' | 'progress'>): WatchedNode[] {
  const views = new Map(run.steps.map((view) => [view.key, view]));
  const proofs = proofsOf(run);
  return bridgeNodes(run.plan).map((each) => {
    const view = views.get(each.step.key);
    const progress = BridgeProgress.safeParse(run.progress[each.step.key]);
    const result = resultOf(BridgeResult, view?.result);
    return {
      ...each,
      state: view?.state ?? 'waiting',
      error: view?.error ?? '',
      progress: progress.success ? progress.data : null,
      result,
      proof: proofs.get(each.node) ?? null,
    };
  });
}

/** By node. */
function proofsOf(run: Pick<RunView, 'plan' | 'steps'>): ReadonlyMap<string, RebootProof> {
  const views = new Map(run.steps.map((view) => [view.key, view]));
  return new Map(
    run.plan.steps.flatMap(({ key, node }) => {
      const proof = resultOf(RebootProof, views.get(key)?.result);
      return proof ? [[node, proof] as const] : [];
    }),
  );
}

/** Of a step that went well, or of one that failed, whose result lies in the error's detail. */
function resultOf<T>(schema: z.ZodType<T>, result: Readonly<Record<string, unknown>> | undefined): T | null {
  for (const candidate of [result, result?.['detail']]) {
    const parsed = schema.safeParse(candidate);
    if (parsed.success) return parsed.data;
  }
  return null;
}

/** How it is with a node, in words. */
export interface NodeWords {
  readonly word: string;
  readonly tone: 'ok' | 'busy' | 'warn' | 'bad';
}

const trialWords: Readonly<Record<string, NodeWords>> = {
  planned: { word: 'getting ready', tone: 'busy' },
  armed: { word: 'the rollback is armed', tone: 'busy' },
  applied: { word: 'changed, looking from inside', tone: 'busy' },
  'inside-ok': { word: 'right from inside, waiting to be seen from outside', tone: 'busy' },
  'outside-ok': { word: 'seen from outside', tone: 'ok' },
  committing: { word: 'keeping it', tone: 'busy' },
  committed: { word: 'kept', tone: 'ok' },
  'rolling-back': { word: 'going back', tone: 'warn' },
  'rolled-back': { word: 'back as it was', tone: 'warn' },
  'rollback-failed': { word: 'the rollback failed', tone: 'bad' },
};

const outcomeWords: Readonly<Record<BridgeResult['outcome'], NodeWords>> = {
  committed: { word: 'kept', tone: 'ok' },
  'rolled-back': { word: 'went back to how it was', tone: 'warn' },
  'rollback-failed': { word: 'the rollback failed', tone: 'bad' },
  unknown: { word: 'not known: nobody answers', tone: 'bad' },
};

/** Of a plan that takes the bridge away. */
const removalWords: Readonly<Record<string, NodeWords>> = {
  committing: { word: 'writing what the next boot does', tone: 'busy' },
  committed: { word: 'taken away', tone: 'ok' },
  'rolled-back': { word: 'went back to how it was: the bridge is still there', tone: 'warn' },
};

/** Null while its steps say it all: not begun, right already, skipped, undone. */
export function describeNode({ state, progress, result, proof, args }: WatchedNode): NodeWords | null {
  const ownWords = args.transaction.kind === 'remove' ? removalWords : {};
  if (progress) return ownWords[progress.state] ?? trialWords[progress.state] ?? { word: progress.state, tone: 'busy' };
  if (state === 'undo-failed') return { word: 'not taken away', tone: 'bad' };
  if (state === 'undone') return null;
  if (proof && proof.differences.length > 0) return { word: 'kept, and lost in its restart', tone: 'bad' };
  if (result) return ownWords[result.outcome] ?? outcomeWords[result.outcome];
  return state === 'failed' ? { word: 'failed', tone: 'bad' } : null;
}

/** What the shared countdown shows: the node whose change reverts next. */
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
