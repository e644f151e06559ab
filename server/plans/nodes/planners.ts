// Forms to plans: parses the form, looks at the machines, and has core/plans decide.
import { describeError } from '../../../contract/errors.ts';
import { NodeChecks } from '../../../contract/known-nodes.ts';
import type { PlanKind } from '../../../contract/plans.ts';
import { AddNodesForm, planAddNodes } from '../../../core/plans/nodes/add-nodes.ts';
import { describeTakenPort } from '../../../core/deploy/probe.ts';
import { DeployForm, planDeploy } from '../../../core/plans/nodes/deploy.ts';
import type { DeployNodeSighting } from '../../../core/plans/nodes/deploy.ts';
import {
  PasswordlessForm,
  planPasswordlessRoot,
  planReplaceNode,
  planRotateKey,
  ReplaceNodeForm,
  RotateKeyForm,
} from '../../../core/plans/nodes/manage-nodes.ts';
import { planRemoveNodes, RemoveNodesForm } from '../../../core/plans/nodes/remove-nodes.ts';
import type { LeftCluster } from '../../../core/plans/nodes/remove-nodes.ts';
import { forAllNodes, keyName, passphraseName } from '../../../core/plans/secret-names.ts';
import { maxPlanNodes, parseNodeList } from '../../../core/plans/targets.ts';
import type { ListedNode, NodeTarget } from '../../../core/plans/targets.ts';
import { describeRange } from '../../../core/ranges/describe-range.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { findKeyIssue } from '../../../host/ssh/keys.ts';
import { answersOn } from '../../../host/ssh/scan.ts';
import { openOwnTree } from '../../../host/tree/own-tree.ts';
import type { OwnTree } from '../../../host/tree/own-tree.ts';
import type { Secrets, Store, StoredHost } from '../../ports.ts';
import type { Planner } from '../../runs/run-core.ts';
import { createBridgePlanners } from '../bridge/planners.ts';
import { isConsoleKey, newestConsoleKey } from '../../ssh/console-key.ts';
import { probeOf } from './head-actions.ts';
import { invalid, parseForm } from '../../form.ts';
import { knownHost, shellOf, targetOf } from '../../ssh/known-nodes.ts';
import { mapAtOnce, observeSighting } from '../../ssh/observe.ts';
import { findHost } from '../../ssh/sessions.ts';

export interface PlannerComponents {
  readonly store: Pick<Store, 'hosts' | 'clusters' | 'keys'>;
  /** Of the running console: where the program tree is found. */
  readonly programPath: string;
  /** This machine's short name. */
  readonly host: string;
}

/** Machines looked at at once. */
export const observeLimit = 16;
/** How many addresses are knocked at once, and for how long: a silent /22 takes 16 s. */
const knockLimit = 128;
const knockTimeoutMs = 2_000;

export function createPlanners(components: PlannerComponents): Partial<Record<PlanKind, Planner>> {
  const { store } = components;

  const addNodes: Planner = async ({ form: raw, secrets, signal, context }) => {
    const form = parseForm(AddNodesForm, raw);
    assertKeyUsable(form, secrets);
    const list = parseNodeList(form.nodes);
    if (!list.ok) throw invalid('nodes', list.message);
    const key = await newestConsoleKey(store, { nowMs: context.nowMs, host: components.host });
    const hosts = await store.hosts.list();
    const targets = list.nodes.map((node) => ({
      ...addressOf(node, hosts),
      port: node.port ?? form.port,
      user: form.user,
    }));
    const isOpen = await mapAtOnce(targets, knockLimit, ({ address, port }) =>
      answersOn({ host: address, port }, { timeoutMs: knockTimeoutMs, signal }),
    );
    const look = (target: NodeTarget) => observeSighting(target, store, signal);
    const [seen, silent] = await Promise.all([
      mapAtOnce(targets, observeLimit, async (target, at) => (isOpen[at] ? look(target) : null)),
      // Named machines get a reason when they do not answer: that costs a wait, and no work.
      mapAtOnce(targets, knockLimit, async (target, at) =>
        isOpen[at] || list.nodes[at]?.isScanned ? null : look(target),
      ),
    ]);
    const sightings = targets.flatMap((_, at) => {
      const sighting = seen[at] ?? silent[at];
      return sighting && !(list.nodes[at]?.isScanned && sighting.error !== '') ? sighting : [];
    });
    if (sightings.length === 0)
      throw invalid('nodes', `no machine answers SSH on port ${form.port} at these addresses`);
    if (sightings.length > maxPlanNodes)
      throw invalid(
        'nodes',
        `${sightings.length} machines answer, and one run takes ${maxPlanNodes}: add them in several`,
      );
    return planAddNodes(form, { sightings, publicKey: key.publicKey, keyId: key.id }, context);
  };

  const deploy: Planner = async ({ form: raw, signal, context }) => {
    const form = parseForm(DeployForm, raw);
    const range = parseRange(form.nodes);
    if (!range.ok) throw invalid('nodes', range.message);
    if (range.names.length > 1_000) throw invalid('nodes', `${range.names.length} nodes: a cluster has at most 1,000`);
    const hosts = await store.hosts.list();
    const head = knownHost(hosts, form.head, 'head');
    const others = range.names
      .map((name) => knownHost(hosts, name, 'nodes'))
      .filter((host, at, all) => host.id !== head.id && all.indexOf(host) === at);
    const tree = await openOwnTree(components.programPath);
    const [headSeen, ...othersSeen] = await mapAtOnce([head, ...others], observeLimit, (host) =>
      observeForDeploy(host, { tree, port: form.port }, store, signal),
    );
    const taken = [headSeen, ...othersSeen].flatMap((seen) =>
      seen && seen.takenPort !== '' ? [`${seen.target.name}: ${seen.takenPort}`] : [],
    );
    if (taken.length > 0) {
      const more = taken.length > 5 ? ` (and on ${taken.length - 5} more nodes)` : '';
      throw invalid('port', `${taken.slice(0, 5).join('; ')}${more}`);
    }
    if (!headSeen) throw new Error('the head was not looked at');
    return planDeploy(
      form,
      {
        head: headSeen,
        others: othersSeen,
        version: '',
        programHash: tree.program.hash,
        sendBytes: tree.runtime.packed.zstd.bytes + tree.program.packed.zstd.bytes,
      },
      context,
    );
  };

  const removeNodes: Planner = async ({ form: raw, signal, context }) => {
    const form = parseForm(RemoveNodesForm, raw);
    const text = form.nodes.trim();
    const range = parseRange(text);
    if (!range.ok) throw invalid('nodes', range.message);
    const hosts = await store.hosts.list();
    const chosen = [...new Set(range.names.map((name) => knownHost(hosts, name, 'nodes')))];
    if (chosen.length === 0) throw invalid('nodes', 'no nodes: give a node range such as node[2-4]');
    if (form.confirm.trim() !== text)
      throw invalid('confirm', text.length > 60 ? 'type the nodes again to confirm' : `type ${text} to confirm`);
    const clusters = await leftClusters(chosen, hosts, signal);
    const nodes = await mapAtOnce(chosen, observeLimit, async (host) => ({
      target: targetOf(host),
      cluster: clusters.get(host.cluster) ?? null,
      error: await reachError(host, store, signal),
    }));
    const publicKeys = (await store.keys.list()).filter(isConsoleKey).map((key) => keyWords(key.publicKey));
    return planRemoveNodes(form, { nodes, publicKeys }, context);
  };

  const replaceNode: Planner = async ({ form: raw, secrets, signal, context }) => {
    const form = parseForm(ReplaceNodeForm, raw);
    assertKeyUsable(form, secrets);
    const { host, target } = await confirmedHost(form);
    const key = await newestConsoleKey(store, { nowMs: context.nowMs, host: components.host });
    const sighting = await observeSighting({ ...target, port: form.port, user: form.user }, store, signal);
    return planReplaceNode(form, { sighting, publicKey: key.publicKey, keyId: key.id, was: host }, context);
  };

  const rotateKey: Planner = async ({ form: raw, context }) => {
    const form = parseForm(RotateKeyForm, raw);
    const range = parseRange(form.nodes);
    if (!range.ok) throw invalid('nodes', range.message);
    const hosts = await store.hosts.list();
    const chosen =
      range.names.length > 0
        ? range.names.map((name) => knownHost(hosts, name, 'nodes'))
        : hosts.filter((host) => host.keyId !== null);
    if (chosen.length === 0) throw invalid('nodes', 'no node has a console key yet');
    const nodes = await Promise.all(
      chosen.map(async (host) => {
        const key = host.keyId === null ? null : await store.keys.get(host.keyId);
        if (!key) throw invalid('nodes', `${host.name} has no key of the console yet: add it first`);
        return { target: targetOf(host), oldPublicKey: keyWords(key.publicKey) };
      }),
    );
    return planRotateKey(form, { nodes }, context);
  };

  const passwordlessRoot: Planner = async ({ form: raw, context }) => {
    const form = parseForm(PasswordlessForm, raw);
    const range = parseRange(form.nodes);
    if (!range.ok) throw invalid('nodes', range.message);
    const hosts = await store.hosts.list();
    const targets = range.names.map((name) => targetOf(knownHost(hosts, name, 'nodes')));
    return planPasswordlessRoot(form, { targets }, context);
  };

  async function confirmedHost(form: { node: string; confirm: string }) {
    if (form.node !== form.confirm) throw invalid('confirm', `type ${form.node} to confirm`);
    const host = knownHost(await store.hosts.list(), form.node, 'node');
    return { host, target: targetOf(host) };
  }

  /** The clusters that these nodes leave, by id. @throws AppError `invalid` where a head would leave others behind */
  async function leftClusters(
    chosen: readonly StoredHost[],
    hosts: readonly StoredHost[],
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

  return {
    'add-nodes': addNodes,
    deploy,
    'remove-node': removeNodes,
    'replace-node': replaceNode,
    'rotate-key': rotateKey,
    'passwordless-root': passwordlessRoot,
    ...createBridgePlanners(store),
  };
}

/** A key that cannot be used is an error before any machine is looked at. One that comes later is looked at by the run. */
function assertKeyUsable(form: Pick<AddNodesForm, 'user' | 'login'>, secrets: Secrets): void {
  const name = forAllNodes(keyName({ user: form.user, name: '' }));
  const key = form.login === 'key' ? secrets[name] : undefined;
  if (key === undefined) return;
  const found = findKeyIssue(key, secrets[passphraseName(name)] ?? '');
  if (found) throw invalid(found.field, found.message);
}

/** A bare name is dialled at the address that the console knows for it: the name need not resolve here. */
function addressOf({ name, address }: ListedNode, hosts: readonly StoredHost[]): { name: string; address: string } {
  const known = name === address ? findHost(hosts, { name, address }) : undefined;
  return { name, address: known?.addresses[0] ?? address };
}

/** `type key`, without the comment. */
function keyWords(publicKey: string): string {
  return publicKey.split(' ').slice(0, 2).join(' ');
}

/** Why the console cannot reach a machine by key; empty when it can. */
async function reachError(host: StoredHost, store: Pick<Store, 'keys'>, signal: AbortSignal): Promise<string> {
  try {
    (await shellOf(host, store, signal)).connection.close();
    return '';
  } catch (error) {
    signal.throwIfAborted();
    return describeError(error);
  }
}

async function observeForDeploy(
  host: StoredHost,
  { tree, port }: { readonly tree: OwnTree; readonly port: number },
  store: Pick<Store, 'keys'>,
  signal: AbortSignal,
): Promise<DeployNodeSighting & { readonly takenPort: string }> {
  const failures = (NodeChecks.safeParse(host.facts).data?.findings ?? []).filter(
    ({ id, level }) => level === 'fail' && id !== 'port',
  );
  const base = {
    target: targetOf(host),
    addresses: host.addresses,
    isRegistered: host.cluster !== '',
    failures: failures.map(({ text, mend }) => `${host.name}: its check fails: ${text}${mend ? ` — ${mend}` : ''}`),
    takenPort: '',
  };
  try {
    const shell = await shellOf(host, store, signal);
    try {
      const probe = await probeOf(shell, signal, port);
      const isSame = probe.current === tree.program.hash;
      return {
        ...base,
        program: probe.current === null ? 'none' : isSame ? 'same' : 'other',
        hasRuntime: probe.runtimes.get(tree.runtime.hash) === tree.runtime.bytes,
        isRunning: probe.service.activeState === 'active',
        hasIdentity: probe.identity.certificate !== null || probe.identity.holdsCa,
        takenPort: probe.manualPid === null ? describeTakenPort(probe, port) : '',
        error: '',
      };
    } finally {
      shell.connection.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return {
      ...base,
      program: 'unknown',
      hasRuntime: false,
      isRunning: false,
      hasIdentity: false,
      error: describeError(error),
    };
  }
}
