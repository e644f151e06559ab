// Forms to bridge plans: looks at all nodes at once, and at some that are not in the plan, which may see them from outside.
import { mapAtOnce } from '../../../core/at-once.ts';
import { networkInterfaces } from 'node:os';
import type { NodeBridge } from '../../../contract/bridge.ts';
import { describeError } from '../../../contract/errors.ts';
import type { Plan, StepProgress } from '../../../contract/plans.ts';
import { bridgeActions } from '../../../core/plans/bridge/plan/actions.ts';
import { BridgeForm, defaultBridge, RemoveBridgeForm } from '../../../core/plans/bridge/plan/inputs.ts';
import type { BridgePlanFacts, BridgeSighting } from '../../../core/plans/bridge/plan/inputs.ts';
import { persistBridge } from '../../../core/plans/bridge/persist/persist.ts';
import { planBridge, planRemoveBridge } from '../../../core/plans/bridge/plan/plan.ts';
import type { BridgePlanResult } from '../../../core/plans/bridge/plan/plan.ts';
import { summariseBridge } from '../../../core/plans/bridge/judge/summary.ts';
import { bridgeKind, removeBridgeKind } from '../../../core/plans/kinds.ts';
import type { NodeTarget } from '../../../core/plans/targets.ts';
import { maxPlanNodes } from '../../../core/plans/targets.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { observeBridge } from '../../../host/bridge/look.ts';
import type { Store, StoredHost } from '../../ports.ts';
import { invalid } from '../../form.ts';
import { knownHost, shellOf, targetOf } from '../../ssh/stored-hosts.ts';
import { observeLimit } from '../../ssh/observe.ts';
import { actionTable } from '../action.ts';
import { type ServedKind, serveKind } from '../plan-kind.ts';
import { bridgeExecutors } from './actions.ts';
import { fetchEvidence } from './evidence.ts';
import { rebootExecutors } from './reboot.ts';
import { rememberBridge } from './remember.ts';

/** Nodes outside the plan that are tried as witnesses, and how long one is waited for. */
const bystanderLimit = 6;
const bystanderMs = 5_000;

/** What both plans do with what they alone know. */
const half = {
  actions: actionTable(bridgeActions, { ...bridgeExecutors, ...rebootExecutors }),
  ageProgress: agedTrial,
  evidence: ({ run, step, view }, { store }, signal) => fetchEvidence({ run, step, view }, store, signal),
} satisfies Pick<ServedKind, 'actions' | 'ageProgress' | 'evidence'>;

export const bridgePlan = serveKind(bridgeKind, {
  ...half,
  form: BridgeForm,
  plan: async (form, { signal, context }, { store }) =>
    planOf(planBridge(form, await look(form, store, signal), context, persistBridge)),
});

export const removeBridgePlan = serveKind(removeBridgeKind, {
  ...half,
  form: RemoveBridgeForm,
  plan: async (form, { signal, context }, { store }) => {
    // Before anything is asked of the nodes.
    if (form.confirm !== form.bridge) throw invalid('confirm', `type ${form.bridge} to confirm`);
    return planOf(planRemoveBridge(form, await look(form, store, signal), context, persistBridge));
  },
});

/** The time left now, from the time left at the last report. */
function agedTrial(progress: StepProgress, ms: number): StepProgress {
  const { leftMs } = progress;
  return typeof leftMs === 'number' ? { ...progress, leftMs: Math.max(0, leftMs - ms) } : progress;
}

function planOf(result: BridgePlanResult): Plan {
  if (result.ok) return result.plan;
  throw invalid(result.field, result.message, { blocked: result.blocked });
}

/** All nodes of a range as they are now, and who else could look at them. A node that is silent is a finding of the plan. */
async function look(
  { nodes: range, bridge }: Pick<BridgeForm, 'nodes' | 'bridge'>,
  store: Pick<Store, 'hosts' | 'keys'>,
  signal: AbortSignal,
): Promise<BridgePlanFacts> {
  const chosen = await chosenHosts(range, store);
  const ids = new Set(chosen.map(({ id }) => id));
  const hosts = await store.hosts.list();
  const others = hosts.filter((host) => !ids.has(host.id) && host.keyId !== null).slice(0, bystanderLimit);
  const here = localAddresses();
  const [nodes, bystanders] = await Promise.all([
    mapAtOnce(chosen, observeLimit, (host) => lookAt({ host, here, bridge }, store, signal)),
    mapAtOnce(others, bystanderLimit, (host) => answers(host, here, store, signal)),
  ]);
  return { nodes, bystanders: bystanders.flatMap((target) => (target ? [target] : [])) };
}

/** What is there on each node of a range. */
export async function showBridges(
  range: string,
  store: Pick<Store, 'hosts' | 'keys'>,
  signal: AbortSignal,
): Promise<NodeBridge[]> {
  const here = localAddresses();
  return mapAtOnce(await chosenHosts(range, store), observeLimit, async (host) => {
    const { facts, error } = await lookAt({ host, here, bridge: defaultBridge }, store, signal);
    const summary = facts && summariseBridge(facts);
    return { node: host.name, summary, error };
  });
}

async function chosenHosts(range: string, store: Pick<Store, 'hosts'>): Promise<StoredHost[]> {
  const parsed = parseRange(range);
  if (!parsed.ok) throw invalid('nodes', parsed.message);
  if (parsed.names.length > maxPlanNodes)
    throw invalid('nodes', `${parsed.names.length} nodes: one plan has ${maxPlanNodes} at most`);
  const hosts = await store.hosts.list();
  const chosen = parsed.names
    .map((name) => knownHost(hosts, name, 'nodes'))
    .filter((host, at, all) => all.indexOf(host) === at);
  if (chosen.length === 0) throw invalid('nodes', 'no nodes: give a node range such as node[2-4]');
  return chosen;
}

async function lookAt(
  { host, here, bridge }: { host: StoredHost; here: ReadonlySet<string>; bridge: string },
  store: Pick<Store, 'hosts' | 'keys'>,
  signal: AbortSignal,
): Promise<BridgeSighting> {
  const target = targetOf(host);
  const base = { target, isHead: host.isHead };
  try {
    const shell = await shellOf(host, store, signal);
    try {
      const facts = await observeBridge(shell, bridge, signal);
      await rememberBridge(host.id, facts, { hosts: store.hosts, nowMs: Date.now() });
      const isConsole = here.has(target.address) || here.has(facts.ingressAddress);
      return { ...base, isConsole, facts, error: '' };
    } finally {
      shell.connection.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return { ...base, isConsole: here.has(target.address), facts: null, error: describeError(error) };
  }
}

async function answers(
  host: StoredHost,
  here: ReadonlySet<string>,
  store: Pick<Store, 'keys'>,
  signal: AbortSignal,
): Promise<NodeTarget | null> {
  const target = targetOf(host);
  // The console's own machine sees nothing that the console does not.
  if (here.has(target.address)) return null;
  try {
    (await shellOf(host, store, signal, { timeoutMs: bystanderMs })).connection.close();
    return target;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** Addresses of the machine that the console runs on. */
function localAddresses(): Set<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)));
}
