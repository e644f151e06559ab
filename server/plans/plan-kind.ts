// The server's half of a kind of plan: its form, its planner, its actions, and what it alone knows of its steps. The other half
// is core/plans/kinds.ts; kinds.ts beside this file lists them.
import type { z } from 'zod';
import type { Plan, Step, StepView } from '../../contract/plans.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import { parseForm } from '../form.ts';
import type { Fleet, Store } from '../ports.ts';
import type { StepContext } from '../runs/executor.ts';
import type { Evidence, PlanRequest, RunKind } from '../runs/kind.ts';
import type { ActionParts, ActionTable } from './action.ts';
import type { ClusterCommands } from './commands/cluster-commands.ts';

/** What planners need. */
export interface PlannerParts {
  readonly store: Pick<Store, 'hosts' | 'clusters' | 'keys'>;
  /** What clusters tell. */
  readonly fleet: Pick<Fleet, 'snapshot' | 'onDelta'>;
  /** Lines on nodes of a cluster. */
  readonly commands: ClusterCommands;
  /** Of the running console: where the program tree is found. */
  readonly programPath: string;
  /** This machine's short name. */
  readonly host: string;
}

export interface ServedKind {
  readonly facts: PlanKindFacts;
  readonly actions: ActionTable;
  readonly plan: (request: PlanRequest, parts: PlannerParts) => Promise<Plan>;
  /** @throws AppError when the undo of this step would do harm by now */
  readonly beforeUndo?: (context: StepContext, parts: ActionParts) => Promise<void>;
  readonly ageProgress?: RunKind['ageProgress'];
  readonly evidence?: (
    what: { readonly run: string; readonly step: Step; readonly view: StepView | null },
    parts: PlannerParts,
    signal: AbortSignal,
  ) => Promise<Evidence>;
}

export type PlanHalf<Form extends z.ZodType> = Omit<ServedKind, 'facts' | 'plan'> & {
  readonly form: Form;
  /** The form is parsed; what is wrong with it is thrown as `invalid()`, with the field. */
  readonly plan: (
    form: z.output<Form>,
    request: Omit<PlanRequest, 'form'>,
    parts: PlannerParts,
  ) => Plan | Promise<Plan>;
};

export function serveKind<Form extends z.ZodType>(
  facts: PlanKindFacts,
  { form, plan, ...half }: PlanHalf<Form>,
): ServedKind {
  return {
    ...half,
    facts,
    plan: async (request, parts) => plan(parseForm(form, request.form), request, parts),
  };
}
