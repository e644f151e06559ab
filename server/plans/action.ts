// How actions are done: the executors of a family, typed by its map (core/plans/actions), and the table that a run looks them up in.
import type { z } from 'zod';
import type { ActionShape, StepActions } from '../../core/plans/actions.ts';
import type { Caller, Fleet, Store } from '../ports.ts';
import type { StepContext, StepOutcome } from '../runs/executor.ts';
import type { NodeSessions } from '../ssh/sessions.ts';
import type { ClusterCommands } from './commands/cluster-commands.ts';
import type { LaunchBatch } from './nodes/launch-batch.ts';

export interface ActionParts {
  readonly sessions: NodeSessions;
  readonly store: Pick<Store, 'hosts' | 'clusters' | 'keys'>;
  readonly fleet: Pick<Fleet, 'reload'>;
  readonly launches: LaunchBatch;
  /** Lines on nodes of a cluster. */
  readonly commands: ClusterCommands;
  /** Who runs them: the run, with the role that its kind asks for and no more. */
  readonly caller: Caller;
  /** The running console's program, next to which the program tree is found. */
  readonly programPath: string;
  /** ms since 1970. */
  readonly now: () => number;
  readonly createId: () => string;
  /** This machine's short name. */
  readonly host: string;
}

/** Does one action of a family. */
type Executor<Shape extends ActionShape> = (
  args: z.output<Shape['args']>,
  context: StepContext,
  parts: ActionParts,
) => Promise<StepOutcome<z.output<Shape['result']>>>;

/** What does each action of a family: one that is missing does not compile. */
export type Executors<Actions extends StepActions> = { readonly [Name in keyof Actions]: Executor<Actions[Name]> };

export interface Action {
  /** @throws what the schema says of arguments of another version's journal */
  run(args: unknown, context: StepContext, parts: ActionParts): Promise<StepOutcome>;
}

export type ActionTable = ReadonlyMap<string, Action>;

export function actionTable<Actions extends StepActions>(actions: Actions, executors: Executors<Actions>): ActionTable {
  return new Map(
    Object.entries(actions).map(([name, { args }]): [string, Action] => {
      // Each takes what the schema of this name gives.
      const act = executors[name] as Executor<ActionShape>;
      return [name, { run: (raw, context, parts) => act(args.parse(raw), context, parts) }];
    }),
  );
}

/** The last line of a script of core/plans/nodes/host-scripts: `changed` or `unchanged`. */
export function outcomeOf<Result extends Record<string, unknown>>(stdout: string, result: Result): StepOutcome<Result>;
export function outcomeOf(stdout: string): StepOutcome<Record<string, never>>;
export function outcomeOf(stdout: string, result: Record<string, unknown> = {}): StepOutcome {
  return { changed: !/(^|\n)unchanged\s*$/.test(stdout), result };
}
