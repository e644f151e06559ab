// Deploy: looks at what runs on each node, and at what holds the mesh's port.
import { mapAtOnce } from '../../../core/at-once.ts';
import { describeError } from '../../../contract/errors.ts';
import { NodeChecks } from '../../../contract/known-nodes.ts';
import { describeTakenPort } from '../../../core/deploy/probe.ts';
import { deployKind } from '../../../core/plans/kinds.ts';
import { DeployForm, planDeploy } from '../../../core/plans/nodes/deploy.ts';
import type { DeployNodeSighting } from '../../../core/plans/nodes/deploy.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { openOwnTree } from '../../../host/tree/own-tree.ts';
import type { OwnTree } from '../../../host/tree/own-tree.ts';
import { invalid } from '../../form.ts';
import type { Store, StoredHost } from '../../ports.ts';
import { knownHost, shellOf, targetOf } from '../../ssh/stored-hosts.ts';
import { observeLimit } from '../../ssh/observe.ts';
import { serveKind } from '../plan-kind.ts';
import { probeOf } from './head-actions.ts';
import { nodeActionTable } from './node-actions.ts';
import { assertOwnCluster } from './undo-guard.ts';

export const deployPlan = serveKind(deployKind, {
  form: DeployForm,
  actions: nodeActionTable,
  beforeUndo: assertOwnCluster,
  plan: async (form, { signal, context }, { store, programPath }) => {
    const range = parseRange(form.nodes);
    if (!range.ok) throw invalid('nodes', range.message);
    if (range.names.length > 1_000) throw invalid('nodes', `${range.names.length} nodes: a cluster has at most 1,000`);
    const hosts = await store.hosts.list();
    const head = knownHost(hosts, form.head, 'head');
    const others = range.names
      .map((name) => knownHost(hosts, name, 'nodes'))
      .filter((host, at, all) => host.id !== head.id && all.indexOf(host) === at);
    const clusters = await store.clusters.list();
    const attached = [head, ...others].find(({ cluster }) =>
      clusters.some(({ id, engine }) => id === cluster && engine !== 'meshd'),
    );
    if (attached) {
      throw invalid(
        'nodes',
        `${attached.name} is attached to a cluster of minimega: undo that run, or remove the node, first`,
      );
    }
    const tree = await openOwnTree(programPath);
    const [headSeen, ...othersSeen] = await mapAtOnce([head, ...others], observeLimit, (host) =>
      observe(host, { tree, port: form.port }, store, signal),
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
  },
});

async function observe(
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
