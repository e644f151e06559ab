// Building steps: what all planners share. No step carries a secret: not in its arguments, its preview or its key.
import type { FleetCluster } from '../../contract/fleet.ts';
import { installedTree } from '../deploy/tree.ts';
import type { Plan, PlanKind, Step, StepCall } from '../../contract/plans.ts';
import type { ActionCall, StepActions } from './actions.ts';

export interface StepTexts {
  /** Names the step, where the action is not its name: `ensureKey`. */
  readonly verb?: string;
  readonly node: string;
  readonly needs?: readonly string[];
  readonly title: string;
  readonly why: string;
  readonly preview?: Step['preview'];
  readonly isDone?: boolean;
  readonly deadlineMs?: number;
  readonly ask?: Step['ask'];
}

export type StepParts<Actions extends StepActions> = StepTexts &
  ActionCall<Actions> & { readonly undo?: ActionCall<Actions> | null };

/** The key of a step: `ensureKey node3`. */
export function stepKey(verb: string, node: string): string {
  return node === '' ? verb : `${verb} ${node}`;
}

/** Makes the steps of plans that consist of these actions. What it keeps of their arguments is what the executor reads. */
export function stepsOf<Actions extends StepActions>(actions: Actions): (parts: StepParts<Actions>) => Step {
  const callOf = ({ action, args }: ActionCall<Actions>): StepCall => {
    const shape = actions[action];
    if (!shape) throw new Error(`a plan of an action that is not there: ${action}`);
    return { action, args: shape.args.parse(args) };
  };
  return (parts) => ({
    key: stepKey(parts.verb ?? parts.action, parts.node),
    node: parts.node,
    needs: [...(parts.needs ?? [])],
    title: parts.title,
    why: parts.why,
    preview: parts.preview ?? [],
    isDone: parts.isDone ?? false,
    do: callOf(parts),
    undo: parts.undo ? callOf(parts.undo) : null,
    deadlineMs: parts.deadlineMs ?? 60_000,
    ask: parts.ask ?? null,
  });
}

/** What a planner gets beside its form and the observations: core has no clock and no randomness. */
export interface PlanContext {
  readonly id: string;
  readonly nowMs: number;
}

export type PlanResult =
  { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly field: string; readonly message: string };

export function makePlan(
  kind: PlanKind,
  context: PlanContext,
  parts: Pick<Plan, 'title' | 'steps' | 'command'> & Partial<Plan>,
): Plan {
  return {
    id: context.id,
    kind,
    createdAt: context.nowMs,
    waves: [],
    onFailure: 'skip-node',
    secrets: [],
    warnings: [],
    ...parts,
  };
}

/**
 * A line of the command language as a shell on a node runs it: one word wherever a shell would read it otherwise. minimega stands where its
 * users put it: they have it in their PATH.
 */
export function shellCommand(engine: FleetCluster['Engine'], line: string): string {
  const program = engine === 'meshd' ? `${installedTree}/bin/meshd` : 'minimega';
  return `${program} -e ${/^[\w@%+=:,./ -]+$/.test(line) ? line : shellWord(line)}`;
}

/** A word of a shell command as people type it: quoted only where a shell would read it otherwise. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
