// The guide's root without a password: nothing is looked at, since the plan is the same everywhere.
import { passwordlessRootKind } from '../../../core/plans/kinds.ts';
import { PasswordlessForm, planPasswordlessRoot } from '../../../core/plans/nodes/manage-nodes.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { invalid } from '../../form.ts';
import { knownHost, targetOf } from '../../ssh/stored-hosts.ts';
import { serveKind } from '../plan-kind.ts';
import { nodeActionTable } from './node-actions.ts';

export const passwordlessRootPlan = serveKind(passwordlessRootKind, {
  form: PasswordlessForm,
  actions: nodeActionTable,
  plan: async (form, { context }, { store }) => {
    const range = parseRange(form.nodes);
    if (!range.ok) throw invalid('nodes', range.message);
    const hosts = await store.hosts.list();
    const targets = range.names.map((name) => targetOf(knownHost(hosts, name, 'nodes')));
    return planPasswordlessRoot(form, { targets }, context);
  },
});
