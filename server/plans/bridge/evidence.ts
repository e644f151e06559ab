// The evidence of a bridge transaction, fetched from its node when somebody asks: states, journal, addresses and routes before
// and now, Open vSwitch's rows, the units' logs. No contents of configuration files are in it.
import { AppError } from '../../../contract/errors.ts';
import type { Step, StepView } from '../../../contract/plans.ts';
import type { bridgeActions } from '../../../core/plans/bridge/plan/actions.ts';
import { NodeTarget } from '../../../core/plans/targets.ts';
import { openTransaction } from '../../../host/bridge/node-transaction.ts';
import type { Store } from '../../ports.ts';
import type { Evidence } from '../../runs/kind.ts';
import { shellOf } from '../../ssh/stored-hosts.ts';
import { findHost } from '../../ssh/sessions.ts';

const actions: ReadonlySet<string> = new Set<keyof typeof bridgeActions>([
  'ensureBridge',
  'persistBridge',
  'removeBridge',
]);

/** @throws AppError `not-found` when the step is not a bridge step, or the node has no such transaction */
export async function fetchEvidence(
  { run, step, view }: { readonly run: string; readonly step: Step; readonly view: StepView | null },
  store: Pick<Store, 'hosts' | 'keys'>,
  signal: AbortSignal,
): Promise<Evidence> {
  const target = NodeTarget.safeParse(step.do.args['target']);
  if (!actions.has(step.do.action) || !target.success)
    throw new AppError('not-found', `"${step.key}" is not a bridge step: it has no evidence`);
  const host = findHost(await store.hosts.list(), target.data);
  if (!host) throw new AppError('not-found', `the console no longer knows ${target.data.name}`);
  // While it is at work there is no result yet: take its first attempt.
  const named = view?.result['transaction'];
  const id = typeof named === 'string' ? named : `${run}-1`;
  const shell = await shellOf(host, store, signal);
  try {
    const bytes = await openTransaction(shell, id).bundle({ signal });
    return { fileName: `bridge-${host.name}-${id.slice(0, 8)}.tar.gz`, bytes };
  } finally {
    shell.connection.close();
  }
}
