// What an undo must not do, however old its run is: cut the console off from a node that has joined a cluster since, or take
// away a cluster that the run did not make.
import { AppError } from '../../../contract/errors.ts';
import { NodeTarget } from '../../../core/plans/targets.ts';
import type { StepContext } from '../../runs/executor.ts';
import type { ActionParts } from '../action.ts';
import { probeOf } from './head-actions.ts';

/** Steps of add-nodes and replace-node whose undo ends the console's way in. */
const waysIn: ReadonlySet<string> = new Set(['pinHostKey', 'ensureKey', 'ensureRootKeyLogin']);

/** @throws AppError `conflict` */
export async function assertUndoIsHarmless(context: StepContext, parts: ActionParts): Promise<void> {
  const { plan, step } = context;
  const { action, args } = step.do;
  const target = NodeTarget.safeParse(args['target']);
  const host = target.success ? await parts.sessions.hostOf(target.data) : null;
  if (!target.success || !host || host.cluster === '') return;
  if (plan.kind === 'add-nodes' || plan.kind === 'replace-node') {
    if (!waysIn.has(action) && !isWayIn(context)) return;
    // A machine that was replaced is in its cluster only by the record, until meshd runs there again.
    if (plan.kind === 'replace-node' && !(await hasIdentity(target.data, context, parts))) return;
    throw new AppError(
      'conflict',
      `${host.name} is in a cluster by now, and the console would lose it: to take it out, meshdeck nodes remove ${host.name}`,
    );
  }
  if (plan.kind !== 'deploy') return;
  const register = plan.steps.find((each) => each.do.action === 'registerCluster');
  const made = register === undefined ? undefined : context.resultOf(register.key)['cluster'];
  if ((action === 'ensureMeshd' || action === 'registerCluster') && host.cluster !== made) {
    throw new AppError('conflict', `${host.name} is in another cluster by now than this run made: it is left alone`);
  }
  // Undone after the console detached from the cluster, unless that was refused or failed.
  if (action === 'ensureHeadService') {
    throw new AppError('conflict', `the console is still attached to ${host.name}: its meshd and CA stay`);
  }
}

/** Its undo also deletes the file that lets root in by key. */
function isWayIn({ plan, step }: StepContext): boolean {
  return (
    step.do.action === 'ensurePasswordLoginOff' &&
    plan.steps.some((other) => other.node === step.node && other.do.action === 'ensureRootKeyLogin')
  );
}

async function hasIdentity(target: NodeTarget, context: StepContext, parts: ActionParts): Promise<boolean> {
  try {
    const shell = await parts.sessions.shell(target, context);
    const { identity } = await probeOf(shell, context.signal);
    return identity.certificate !== null || identity.holdsCa;
  } catch (error) {
    context.signal.throwIfAborted();
    // A machine that does not let us in, or shows another host key, cannot be cut off by this.
    if (
      error instanceof AppError &&
      (error.code === 'unreachable' || error.code === 'timeout' || error.code === 'conflict')
    )
      throw error;
    return false;
  }
}
