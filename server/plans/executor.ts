// The executor over SSH: looks an action up by its name and gives it the run's connections.
import { AppError } from '../../contract/errors.ts';
import type { HostAction, Plan } from '../../contract/plans.ts';
import { NodeTarget } from '../../core/plans/targets.ts';
import type { Executor, ExecutorSession, StepContext, StepOutcome } from '../runs/executor.ts';
import type { Action, ActionParts } from './action.ts';
import { bridgeActions } from './bridge/actions.ts';
import { rebootActions } from './bridge/reboot.ts';
import { headActions } from './nodes/head-actions.ts';
import { keyActions } from './nodes/key-actions.ts';
import { LaunchBatch } from './nodes/launch-batch.ts';
import { machineActions } from './nodes/machine-actions.ts';
import { memberActions } from './nodes/member-actions.ts';
import { NodeSessions } from '../ssh/sessions.ts';
import type { SessionComponents } from '../ssh/sessions.ts';
import { assertUndoIsHarmless } from './nodes/undo-guard.ts';

const actions: Readonly<Record<string, Action>> = {
  ...keyActions,
  ...machineActions,
  ...headActions,
  ...memberActions,
  ...bridgeActions,
  ...rebootActions,
};

export interface SshExecutorComponents extends SessionComponents {
  readonly parts: Omit<ActionParts, 'sessions' | 'launches'>;
}

export class SshExecutor implements Executor {
  private readonly components: SshExecutorComponents;

  constructor(components: SshExecutorComponents) {
    this.components = components;
  }

  open(run: { id: string; plan: Plan; holder: string }): ExecutorSession {
    const sessions = new NodeSessions(
      { id: run.id, holder: `${run.holder} at ${this.components.parts.host}` },
      this.components,
    );
    const parts: ActionParts = { ...this.components.parts, sessions, launches: new LaunchBatch() };
    const heads = headsOf(run.plan);
    return {
      perform: (context) => sessions.during(context, (during) => act(context.step.do, during, parts)),
      undo: async (context) => {
        const { undo } = context.step;
        if (undo === null) throw new AppError('refused', `"${context.step.key}" cannot be undone`);
        return sessions.during(context, async (during) => {
          await assertUndoIsHarmless(during, parts);
          return act(undo, during, parts);
        });
      },
      // Other nodes' steps act through the head: it is held to the end.
      releaseNode: (node) => (heads.has(node) ? Promise.resolve() : sessions.release(node)),
      close: () => sessions.close(),
    };
  }
}

/** Names of all actions, for the test that this executor knows the action of every planner's steps. */
export const actionNames: readonly string[] = Object.keys(actions);

/** Nodes through which other nodes' steps act. */
function headsOf(plan: Plan): Set<string> {
  return new Set(
    plan.steps.flatMap((step) => {
      const head = NodeTarget.safeParse(step.do.args['head']);
      return head.success ? [head.data.name] : [];
    }),
  );
}

function act(what: HostAction, context: StepContext, parts: ActionParts): Promise<StepOutcome> {
  const action = Object.hasOwn(actions, what.action) ? actions[what.action] : undefined;
  if (!action) {
    // The journal is from another version.
    throw new AppError(
      'failed',
      `this version of the console does not know the action "${what.action}": make a new plan`,
    );
  }
  return action.run(what.args, context, parts);
}
