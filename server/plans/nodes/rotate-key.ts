// New console key: which nodes have one, and which it is.
import { rotateKeyKind } from '../../../core/plans/kinds.ts';
import { planRotateKey, RotateKeyForm } from '../../../core/plans/nodes/manage-nodes.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { invalid } from '../../form.ts';
import { keyWords } from '../../ssh/console-key.ts';
import { knownHost, targetOf } from '../../ssh/stored-hosts.ts';
import { serveKind } from '../plan-kind.ts';
import { nodeActionTable } from './node-actions.ts';

export const rotateKeyPlan = serveKind(rotateKeyKind, {
  form: RotateKeyForm,
  actions: nodeActionTable,
  plan: async (form, { context }, { store }) => {
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
  },
});
