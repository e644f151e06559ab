// Attaching to a minimega, and letting go of it: records of the console, after another look at the node.
import { AppError } from '../../../contract/errors.ts';
import type { attachActions } from '../../../core/plans/minimega/actions.ts';
import { factsOf, noCluster } from '../../ssh/stored-hosts.ts';
import type { Executors } from '../action.ts';
import { lookAtMinimega } from './look.ts';

export const attachExecutors: Executors<typeof attachActions> = {
  attachNode: async ({ target, base, context: of, cluster }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const seen = await lookAtMinimega(shell, base);
    if (seen.context !== of) {
      throw new AppError(
        'conflict',
        `the minimega of ${target.name} is of the context ${seen.context} by now, and not of ${of}: attach again`,
      );
    }
    const { hosts, clusters } = parts.store;
    const host = await parts.sessions.hostOf(target);
    if (!host) throw new AppError('not-found', `the console no longer knows ${target.name}: add it again`);
    const isKnown = (await clusters.list()).some(({ id }) => id === cluster);
    if (!isKnown)
      await clusters.put({ id: cluster, context: of, engine: 'minimega', socketPaths: [], addedAt: parts.now() });
    await hosts.update(host.id, (known) => ({
      ...known,
      ...noCluster,
      cluster,
      facts: { ...factsOf(known), minimega: { base, context: of } },
    }));
    await parts.fleet.reload();
    return { changed: host.cluster !== cluster, result: { version: seen.version, size: seen.members.length } };
  },

  detachNode: async ({ target }, _context, parts) => {
    const host = await parts.sessions.hostOf(target);
    if (!host?.cluster) return { changed: false };
    const { hosts, clusters } = parts.store;
    const { cluster } = host;
    await hosts.update(host.id, (known) => {
      const facts: Record<string, unknown> = { ...factsOf(known) };
      delete facts['minimega'];
      return { ...known, ...noCluster, facts };
    });
    if (!(await hosts.list()).some((other) => other.cluster === cluster)) await clusters.remove(cluster);
    await parts.fleet.reload();
    return { changed: true };
  },
};
