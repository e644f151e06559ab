// An action as a value: the schema of its arguments and what it does. The executor is a table of these.
import type { z } from 'zod';
import type { Fleet, Store } from '../ports.ts';
import type { StepContext, StepOutcome } from '../runs/executor.ts';
import type { NodeSessions } from '../ssh/sessions.ts';
import type { LaunchBatch } from './nodes/launch-batch.ts';

export interface ActionParts {
  readonly sessions: NodeSessions;
  readonly store: Pick<Store, 'hosts' | 'clusters' | 'keys'>;
  readonly fleet: Pick<Fleet, 'reload'>;
  readonly launches: LaunchBatch;
  /** The running console's program, next to which the program tree is found. */
  readonly programPath: string;
  /** ms since 1970. */
  readonly now: () => number;
  readonly createId: () => string;
  /** This machine's short name. */
  readonly host: string;
}

export interface Action {
  run(args: unknown, context: StepContext, parts: ActionParts): Promise<StepOutcome>;
}

/** Binds the schema to the function, so that arguments from another version's journal are an error. */
export function defineAction<Schema extends z.ZodType>(
  args: Schema,
  act: (args: z.output<Schema>, context: StepContext, parts: ActionParts) => Promise<StepOutcome>,
): Action {
  return { run: (raw, context, parts) => act(args.parse(raw), context, parts) };
}

/** The last line of a script of core/plans/nodes/host-scripts: `changed` or `unchanged`. */
export function outcomeOf(stdout: string, result: Record<string, unknown> = {}): StepOutcome {
  return { changed: !/(^|\n)unchanged\s*$/.test(stdout), result };
}
