// A kind of plan as the runs see it: who may have it, how its plan is made, and what it alone knows of its steps. server/plans
// registers the kinds; nothing in this folder names one.
import type { Plan, Step, StepProgress, StepView } from '../../contract/plans.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import type { PlanContext } from '../../core/plans/step.ts';
import type { Secrets } from '../ports.ts';

export interface PlanRequest {
  readonly form: Record<string, unknown>;
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
  readonly context: PlanContext;
}

/** A file that a step left on its node. */
export interface Evidence {
  readonly fileName: string;
  readonly bytes: Buffer;
}

export interface RunKind {
  readonly facts: Pick<PlanKindFacts, 'kind' | 'role'>;
  /** Observes what the plan needs to know, and makes it. @throws AppError `invalid` with `detail.field` */
  readonly plan: (request: PlanRequest) => Promise<Plan>;
  /** A step's report as it reads so many ms after it came: a step that gets no answer from its node reports nothing new. */
  readonly ageProgress?: (progress: StepProgress, ms: number) => StepProgress;
  /** `view`: null before the step began. @throws AppError `not-found` when it left nothing */
  readonly evidence?: (
    what: { readonly run: string; readonly step: Step; readonly view: StepView | null },
    signal: AbortSignal,
  ) => Promise<Evidence>;
}
