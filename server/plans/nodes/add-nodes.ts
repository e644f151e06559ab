// Add nodes: looks at the machines that are named, or that answer in a block, before anything is sent to them.
import { mapAtOnce } from '../../../core/at-once.ts';
import { addNodesKind } from '../../../core/plans/kinds.ts';
import { AddNodesForm, planAddNodes } from '../../../core/plans/nodes/add-nodes.ts';
import { maxPlanNodes, parseNodeList } from '../../../core/plans/targets.ts';
import type { ListedNode, NodeTarget } from '../../../core/plans/targets.ts';
import { answersOn } from '../../../host/ssh/scan.ts';
import { invalid } from '../../form.ts';
import type { StoredHost } from '../../ports.ts';
import { newestConsoleKey } from '../../ssh/console-key.ts';
import { observeLimit, observeSighting } from '../../ssh/observe.ts';
import { findHost } from '../../ssh/sessions.ts';
import { serveKind } from '../plan-kind.ts';
import { assertKeyUsable } from './first-login.ts';
import { nodeActionTable } from './node-actions.ts';
import { assertWayInMayGo } from './undo-guard.ts';

/** How many addresses are knocked at once, and for how long: a silent /22 takes 16 s. */
const knockLimit = 128;
const knockTimeoutMs = 2_000;

export const addNodesPlan = serveKind(addNodesKind, {
  form: AddNodesForm,
  actions: nodeActionTable,
  beforeUndo: assertWayInMayGo,
  plan: async (form, { secrets, signal, context }, { store, host }) => {
    assertKeyUsable(form, secrets);
    const list = parseNodeList(form.nodes);
    if (!list.ok) throw invalid('nodes', list.message);
    const key = await newestConsoleKey(store, { nowMs: context.nowMs, host });
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
  },
});

/** A bare name is dialled at the address that the console knows for it: the name need not resolve here. */
function addressOf({ name, address }: ListedNode, hosts: readonly StoredHost[]): { name: string; address: string } {
  const known = name === address ? findHost(hosts, { name, address }) : undefined;
  return { name, address: known?.addresses[0] ?? address };
}
