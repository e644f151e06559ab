// Remove nodes: which clusters they leave, and which of them can be reached.
import { mapAtOnce } from '../../../core/at-once.ts';
import { describeError } from '../../../contract/errors.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import { listVmsScript } from '../../../core/plans/nodes/host-scripts.ts';
import { removeNodeKind } from '../../../core/plans/kinds.ts';
import { planRemoveNodes, RemoveNodesForm } from '../../../core/plans/nodes/remove-nodes.ts';
import type { LeavingNode, LeftCluster } from '../../../core/plans/nodes/remove-nodes.ts';
import { compareNames } from '../../../core/ranges/natural-order.ts';
import { describeRange } from '../../../core/ranges/describe-range.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { invalid } from '../../form.ts';
import type { Store, StoredHost } from '../../ports.ts';
import { isConsoleKey, keyWords } from '../../ssh/console-key.ts';
import type { RootShell } from '../../ssh/login.ts';
import { knownHost, shellOf, targetOf } from '../../ssh/stored-hosts.ts';
import { observeLimit } from '../../ssh/observe.ts';
import { type PlannerParts, serveKind } from '../plan-kind.ts';
import { statePath } from './head-actions.ts';
import { nodeActionTable } from './node-actions.ts';

export const removeNodePlan = serveKind(removeNodeKind, {
  form: RemoveNodesForm,
  actions: nodeActionTable,
  plan: async (form, { signal, context }, { store }) => {
    const text = form.nodes.trim();
    const range = parseRange(text);
    if (!range.ok) throw invalid('nodes', range.message);
    const hosts = await store.hosts.list();
    const chosen = [...new Set(range.names.map((name) => knownHost(hosts, name, 'nodes')))];
    if (chosen.length === 0) throw invalid('nodes', 'no nodes: give a node range such as node[2-4]');
    if (form.confirm.trim() !== text)
      throw invalid('confirm', text.length > 60 ? 'type the nodes again to confirm' : `type ${text} to confirm`);
    const clusters = await leftClusters(chosen, hosts, store, signal);
    const nodes = await mapAtOnce(chosen, observeLimit, async (host) => ({
      target: targetOf(host),
      cluster: clusters.get(host.cluster) ?? null,
      ...(await look(host, store, signal)),
    }));
    const publicKeys = (await store.keys.list()).filter(isConsoleKey).map((key) => keyWords(key.publicKey));
    return planRemoveNodes(form, { nodes, publicKeys }, context);
  },
});

/** The clusters that these nodes leave, by id. @throws AppError `invalid` where a head would leave others behind */
async function leftClusters(
  chosen: readonly StoredHost[],
  hosts: readonly StoredHost[],
  store: PlannerParts['store'],
  signal: AbortSignal,
): Promise<Map<string, LeftCluster>> {
  const known = await store.clusters.list();
  const ids = [...new Set(chosen.map(({ cluster }) => cluster))].filter((id) => id !== '');
  const clusters = ids.map(async (id): Promise<[string, LeftCluster]> => {
    const members = hosts.filter(({ cluster }) => cluster === id);
    const staying = members.filter((host) => !chosen.includes(host));
    const head = members.find(({ isHead }) => isHead);
    if (head && staying.length > 0 && chosen.includes(head)) {
      throw invalid(
        'nodes',
        `${head.name} is the head of its cluster, of which ${describeRange(staying.map(({ name }) => name))} would stay: move the ` +
          `head first (meshd -e mesh ca move <node>), or remove all of it: ${describeRange(members.map(({ name }) => name))}`,
      );
    }
    const context = known.find((cluster) => cluster.id === id)?.context ?? '';
    const isReachable = head ? (await reachError(head, store, signal)) === '' : false;
    return [
      id,
      { context, head: head ? { target: targetOf(head), isReachable } : null, isWhole: staying.length === 0 },
    ];
  });
  return new Map(await Promise.all(clusters));
}

/** Why the console cannot reach a machine by key; empty when it can. */
async function reachError(host: StoredHost, store: Pick<Store, 'keys'>, signal: AbortSignal): Promise<string> {
  const shell = await reach(host, store, signal);
  if (typeof shell === 'string') return shell;
  shell.connection.close();
  return '';
}

/** What a plan needs to know of a machine that leaves. @throws AppError when it is reached and does not say which VMs run there */
async function look(
  host: StoredHost,
  store: Pick<Store, 'keys'>,
  signal: AbortSignal,
): Promise<Pick<LeavingNode, 'error' | 'vms'>> {
  const shell = await reach(host, store, signal);
  if (typeof shell === 'string') return { error: shell, vms: [] };
  try {
    const { stdout } = await shell.run(scriptArgv(listVmsScript, [statePath]), { timeoutMs: 15_000, signal });
    const vms = stdout.split('\n').filter((name) => name !== '');
    return { error: '', vms: vms.sort(compareNames) };
  } finally {
    shell.connection.close();
  }
}

async function reach(host: StoredHost, store: Pick<Store, 'keys'>, signal: AbortSignal): Promise<RootShell | string> {
  try {
    return await shellOf(host, store, signal);
  } catch (error) {
    signal.throwIfAborted();
    return describeError(error);
  }
}
