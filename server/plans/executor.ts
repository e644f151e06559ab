// The executor over SSH: looks an action up in the run's kind of plan and gives it the run's connections.
import { AppError } from '../../contract/errors.ts';
import type { Plan, StepCall } from '../../contract/plans.ts';
import { NodeTarget } from '../../core/plans/targets.ts';
import type { Executor, ExecutorSession, StepContext, StepOutcome } from '../runs/executor.ts';
import type { ActionParts } from './action.ts';
import type { ServedKind } from './plan-kind.ts';
import { LaunchBatch } from './nodes/launch-batch.ts';
import { NodeSessions } from '../ssh/sessions.ts';
import type { SessionComponents } from '../ssh/sessions.ts';

export interface SshExecutorComponents extends SessionComponents {
  readonly parts: Omit<ActionParts, 'sessions' | 'launches' | 'caller'>;
  readonly kinds: readonly ServedKind[];
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
    const heads = headsOf(run.plan);
    const kind = this.components.kinds.find(({ facts }) => facts.kind === run.plan.kind);
    const parts: ActionParts = {
      ...this.components.parts,
      sessions,
      launches: new LaunchBatch(),
      // A kind of another version does nothing, so its role is never used.
      caller: { userId: `run ${run.id}`, name: run.holder, role: kind?.facts.role ?? 'viewer' },
    };
    return {
      perform: (context) => sessions.during(context, (during) => act(kind, context.step.do, during, parts)),
      undo: async (context) => {
        const { undo } = context.step;
        if (undo === null) throw new AppError('refused', `"${context.step.key}" cannot be undone`);
        return sessions.during(context, async (during) => {
          await kind?.beforeUndo?.(during, parts);
          return act(kind, undo, during, parts);
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

function act(
  kind: ServedKind | undefined,
  { action: name, args }: StepCall,
  context: StepContext,
  parts: ActionParts,
): Promise<StepOutcome> {
  const action = kind?.actions.get(name);
  if (!action) {
    // The journal is from another version.
    throw new AppError('failed', `this version of the console does not know the action "${name}": make a new plan`);
  }
  return action.run(args, context, parts);
}
