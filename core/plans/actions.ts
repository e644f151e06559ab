// Actions: what a step can do. A family of them is one map from name to arguments and result; planners, executors and those who
// read results take their types from it, and its schemas parse what a journal gives back.
import type { z } from 'zod';
import type { StepCall } from '../../contract/plans.ts';

export interface ActionShape {
  readonly args: z.ZodType<Record<string, unknown>>;
  /** What it found or made, for later steps and for people. A step that found nothing to do may have none. */
  readonly result: z.ZodType<Record<string, unknown>>;
}

export type StepActions = Readonly<Record<string, ActionShape>>;

/** One action of a map with its arguments, as a planner gives them. */
export type ActionCall<Actions extends StepActions> = {
  [Name in keyof Actions & string]: { readonly action: Name; readonly args: z.input<Actions[Name]['args']> };
}[keyof Actions & string];

/** The arguments of a call of this action; null for another action, and for arguments of another version. */
export function readCall<Actions extends StepActions, Name extends keyof Actions & string>(
  actions: Actions,
  name: Name,
  call: StepCall | null,
): z.output<Actions[Name]['args']> | null {
  const parsed = call?.action === name ? actions[name]?.args.safeParse(call.args) : undefined;
  // The schema of this name gives this name's arguments.
  return parsed?.success ? (parsed.data as z.output<Actions[Name]['args']>) : null;
}

/** The result of a step of this action; null when it has none. */
export function readResult<Result extends z.ZodType>(
  { result }: { readonly result: Result },
  found: Readonly<Record<string, unknown>> | undefined,
): z.output<Result> | null {
  const parsed = result.safeParse(found);
  return parsed.success ? parsed.data : null;
}
