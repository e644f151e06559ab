// Below the map: what its corner marks say, when that was measured, and the way to all of it.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { ProbeResult, ProbeVerdict } from '../../contract/probe.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useNow } from '../../lib/use-console.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { VerdictLegend } from '../probe/verdict-looks.tsx';

const everyMs = 30_000;

/** The verdicts that marks of this result can have. */
function verdictsOf({ causes, nodes }: ProbeResult): ProbeVerdict[] {
  return [
    'ok',
    ...new Set(
      causes.map(({ symptom, direction }): ProbeVerdict =>
        symptom === 'blocked' && direction !== 'both' ? 'blocked-one-way' : symptom,
      ),
    ),
    ...(nodes.some(({ state }) => state === 'silent') ? (['silent'] as const) : []),
    ...(nodes.some(({ state }) => state === 'unable') ? (['unknown'] as const) : []),
  ];
}

export function ProbeLegend({ result, isStale }: { result: ProbeResult; isStale: boolean }): ReactElement {
  const now = useNow(everyMs);
  const withCluster = useClusterPath();
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t px-4 py-2 text-sm md:px-6">
      <Link
        href={withCluster('/vlans/probe')}
        title={formatInstant(result.atMs)}
        className="text-fg-2 hover:text-accent hover:underline"
      >
        {isStale
          ? 'Probed over an hour ago: unknown now'
          : `Probed ${formatAgo(result.atMs, Math.max(now, result.atMs))}`}
      </Link>
      <VerdictLegend label="Marks of the probe" verdicts={isStale ? ['unknown'] : verdictsOf(result)} />
    </div>
  );
}
