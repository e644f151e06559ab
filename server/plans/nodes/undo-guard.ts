// What an undo must not do, however old its run is: cut the console off from a node that has joined a cluster since, or take
// away a cluster that the run did not make.
import { AppError } from '../../../contract/errors.ts';
import { readResult } from '../../../core/plans/actions.ts';
import { headActions } from '../../../core/plans/nodes/actions.ts';
import type { keyActions } from '../../../core/plans/nodes/actions.ts';
import { NodeTarget } from '../../../core/plans/targets.ts';
import type { StoredHost } from '../../ports.ts';
import type { StepContext } from '../../runs/executor.ts';
import type { ActionParts } from '../action.ts';
import { probeOf } from './head-actions.ts';

/** Steps whose undo ends the console's way in. */
const waysIn: ReadonlySet<string> = new Set<keyof typeof keyActions>(['pinHostKey', 'ensureKey', 'ensureRootKeyLogin']);

/** Of a plan that brought a machine in. @throws AppError `conflict` */
export async function assertWayInMayGo(context: StepContext, parts: ActionParts): Promise<void> {
  const member = await memberOf(context, parts);
  if (member && isWayIn(context)) throw wouldBeLost(member.host);
}

/** Of a replacement: the machine is in its cluster only by the record, until meshd runs there again. @throws AppError `conflict` */
export async function assertWayInMayGoBack(context: StepContext, parts: ActionParts): Promise<void> {
  const member = await memberOf(context, parts);
  if (!member || !isWayIn(context)) return;
  if (await hasIdentity(member.target, context, parts)) throw wouldBeLost(member.host);
}

/** Of a deploy. @throws AppError `conflict` */
export async function assertOwnCluster(context: StepContext, parts: ActionParts): Promise<void> {
  const member = await memberOf(context, parts);
  if (!member) return;
  const { plan, step } = context;
  const register = plan.steps.find((each) => each.do.action === 'registerCluster');
  const found = register === undefined ? undefined : context.resultOf(register.key);
  const made = readResult(headActions.registerCluster, found)?.cluster;
  const { action } = step.do;
  const { host } = member;
  if ((action === 'ensureMeshd' || action === 'registerCluster') && host.cluster !== made) {
    throw new AppError('conflict', `${host.name} is in another cluster by now than this run made: it is left alone`);
  }
  // Undone after the console detached from the cluster, unless that was refused or failed.
  if (action === 'ensureHeadService') {
    throw new AppError('conflict', `the console is still attached to ${host.name}: its meshd and CA stay`);
  }
}

/** The machine that the step is about, where it is in a cluster. */
async function memberOf(
  { step }: StepContext,
  { sessions }: ActionParts,
): Promise<{ readonly target: NodeTarget; readonly host: StoredHost } | null> {
  const target = NodeTarget.safeParse(step.do.args['target']);
  const host = target.success ? await sessions.hostOf(target.data) : null;
  return target.success && host && host.cluster !== '' ? { target: target.data, host } : null;
}

function wouldBeLost({ name }: StoredHost): AppError {
  return new AppError(
    'conflict',
    `${name} is in a cluster by now, and the console would lose it: to take it out, meshdeck nodes remove ${name}`,
  );
}

function isWayIn({ plan, step }: StepContext): boolean {
  if (waysIn.has(step.do.action)) return true;
  // Its undo also deletes the file that lets root in by key.
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
