// The executor over SSH: looks an action up by its name and gives it the run's connections.
import { AppError } from '../../contract/errors.ts';
import type { Plan, StepCall } from '../../contract/plans.ts';
import { bridgeActions } from '../../core/plans/bridge/actions.ts';
import { nodeActions } from '../../core/plans/nodes/actions.ts';
import { NodeTarget } from '../../core/plans/targets.ts';
import type { Executor, ExecutorSession, StepContext, StepOutcome } from '../runs/executor.ts';
import { actionTable } from './action.ts';
import type { ActionParts, ActionTable } from './action.ts';
import { bridgeExecutors } from './bridge/actions.ts';
import { rebootExecutors } from './bridge/reboot.ts';
import { headExecutors } from './nodes/head-actions.ts';
import { keyExecutors } from './nodes/key-actions.ts';
import { LaunchBatch } from './nodes/launch-batch.ts';
import { machineExecutors } from './nodes/machine-actions.ts';
import { memberExecutors } from './nodes/member-actions.ts';
import { NodeSessions } from '../ssh/sessions.ts';
import type { SessionComponents } from '../ssh/sessions.ts';
import { assertUndoIsHarmless } from './nodes/undo-guard.ts';

const actions: ActionTable = new Map([
  ...actionTable(nodeActions, { ...keyExecutors, ...machineExecutors, ...headExecutors, ...memberExecutors }),
  ...actionTable(bridgeActions, { ...bridgeExecutors, ...rebootExecutors }),
]);

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

/** Nodes through which other nodes' steps act. */
function headsOf(plan: Plan): Set<string> {
  return new Set(
    plan.steps.flatMap((step) => {
      const head = NodeTarget.safeParse(step.do.args['head']);
      return head.success ? [head.data.name] : [];
    }),
  );
}

function act(what: StepCall, context: StepContext, parts: ActionParts): Promise<StepOutcome> {
  const action = actions.get(what.action);
  if (!action) {
    // The journal is from another version.
    throw new AppError(
      'failed',
      `this version of the console does not know the action "${what.action}": make a new plan`,
    );
  }
  return action.run(what.args, context, parts);
}
