// Attach: which of these machines have a minimega that answers, and whether they are of one cluster.
import { mapAtOnce } from '../../../core/at-once.ts';
import { describeError } from '../../../contract/errors.ts';
import { attachKind } from '../../../core/plans/kinds.ts';
import { AttachForm, planAttach } from '../../../core/plans/minimega/attach.ts';
import type { MinimegaSighting } from '../../../core/plans/minimega/attach.ts';
import { attachActions } from '../../../core/plans/minimega/actions.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { invalid } from '../../form.ts';
import type { Store, StoredHost } from '../../ports.ts';
import { knownHost, shellOf, targetOf } from '../../ssh/stored-hosts.ts';
import { observeLimit } from '../../ssh/observe.ts';
import { actionTable } from '../action.ts';
import { serveKind } from '../plan-kind.ts';
import { attachExecutors } from './attach-actions.ts';
import { lookAtMinimega } from './look.ts';

export const attachPlan = serveKind(attachKind, {
  form: AttachForm,
  actions: actionTable(attachActions, attachExecutors),
  plan: async (form, { signal, context }, { store }) => {
    const range = parseRange(form.nodes.trim());
    if (!range.ok) throw invalid('nodes', range.message);
    const hosts = await store.hosts.list();
    const clusters = await store.clusters.list();
    const chosen = [...new Set(range.names.map((name) => knownHost(hosts, name, 'nodes')))];
    if (chosen.length === 0) throw invalid('nodes', 'no nodes: give a node range such as node[1-4]');
    const meshd = chosen.find(({ cluster }) => clusters.some(({ id, engine }) => id === cluster && engine === 'meshd'));
    if (meshd) throw invalid('nodes', `${meshd.name} is in a cluster of meshd: remove it there first`);
    const nodes = await mapAtOnce(chosen, observeLimit, (host) => look(host, form.base, store, signal));
    const [first, ...others] = nodes.filter(({ error }) => error === '');
    if (!first) throw invalid('nodes', `no minimega answers: ${nodes[0]?.error ?? 'no node was named'}`);
    const odd = others.find((node) => node.context !== first.context);
    if (odd) {
      throw invalid(
        'nodes',
        `${first.target.name} is of the context ${first.context}, and ${odd.target.name} of ${odd.context}: attach one cluster at a time`,
      );
    }
    if (form.context !== '' && form.context !== first.context) {
      throw invalid('context', `${first.target.name} has the context ${first.context}`);
    }
    const cluster = knownCluster(first, { hosts, clusters });
    return planAttach(form, { nodes, cluster: cluster ?? `minimega-${context.id}`, isNew: cluster === null }, context);
  },
});

async function look(
  host: StoredHost,
  base: string,
  store: Pick<Store, 'keys'>,
  signal: AbortSignal,
): Promise<MinimegaSighting> {
  const target = targetOf(host);
  try {
    const shell = await shellOf(host, store, signal);
    try {
      return { target, error: '', ...(await lookAtMinimega(shell, base)) };
    } finally {
      shell.connection.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return { target, error: describeError(error), name: '', version: '', context: '', members: [], timeoutSeconds: 0 };
  }
}

/** minimega's mesh has no id: it is a known cluster when a machine that is attached to one is a member of this mesh, and the context is the same. */
function knownCluster(
  { context, members }: MinimegaSighting,
  { hosts, clusters }: { hosts: readonly StoredHost[]; clusters: Awaited<ReturnType<Store['clusters']['list']>> },
): string | null {
  const known = clusters.filter((cluster) => cluster.engine === 'minimega' && cluster.context === context);
  return known.find(({ id }) => hosts.some((host) => host.cluster === id && members.includes(host.name)))?.id ?? null;
}
