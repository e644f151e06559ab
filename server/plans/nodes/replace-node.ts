// Replace node: what the machine shows now that stands under a known name.
import { replaceNodeKind } from '../../../core/plans/kinds.ts';
import { planReplaceNode, ReplaceNodeForm } from '../../../core/plans/nodes/manage-nodes.ts';
import { invalid } from '../../form.ts';
import { newestConsoleKey } from '../../ssh/console-key.ts';
import { knownHost, targetOf } from '../../ssh/stored-hosts.ts';
import { observeSighting } from '../../ssh/observe.ts';
import { serveKind } from '../plan-kind.ts';
import { assertKeyUsable } from './first-login.ts';
import { nodeActionTable } from './node-actions.ts';
import { assertWayInMayGoBack } from './undo-guard.ts';

export const replaceNodePlan = serveKind(replaceNodeKind, {
  form: ReplaceNodeForm,
  actions: nodeActionTable,
  beforeUndo: assertWayInMayGoBack,
  plan: async (form, { secrets, signal, context }, { store, host }) => {
    assertKeyUsable(form, secrets);
    if (form.node !== form.confirm) throw invalid('confirm', `type ${form.node} to confirm`);
    const was = knownHost(await store.hosts.list(), form.node, 'node');
    const key = await newestConsoleKey(store, { nowMs: context.nowMs, host });
    const target = { ...targetOf(was), port: form.port, user: form.user };
    const sighting = await observeSighting(target, store, signal);
    return planReplaceNode(form, { sighting, publicKey: key.publicKey, keyId: key.id, was }, context);
  },
});
