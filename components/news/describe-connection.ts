// Whether what a page shows is live, and if not, since when and why.
import type { FleetCluster } from '../../contract/fleet.ts';
import type { ConnectionState } from '../../lib/client.ts';
import type { FleetState } from '../../lib/fleet.ts';

export interface ConnectionNews {
  readonly tone: 'warn' | 'bad';
  readonly text: string;
  /** When what is shown was so, ms since 1970 by this browser's clock; null when nothing is shown yet. */
  readonly asOf: number | null;
}

/** Blips shorter than this are not worth a banner that moves the page. */
export const blipMs = 1_000;

/** Null: live, or about to be. */
export function describeConnection(facts: {
  readonly connection: ConnectionState;
  readonly fleet: Pick<FleetState, 'asOf' | 'status' | 'error'>;
  /** Its `AsOf` by this browser's clock. */
  readonly cluster: Pick<FleetCluster, 'State' | 'Context' | 'AsOf' | 'Reason'> | null;
  readonly now: number;
}): ConnectionNews | null {
  const { connection, fleet, cluster, now } = facts;
  if (connection.state === 'ended') return null;
  if (connection.state !== 'live') {
    const isBlip = now - connection.since < (connection.state === 'connecting' ? 3 * blipMs : blipMs);
    if (isBlip || connection.since === 0) return null;
    const why = connection.reason === '' ? '' : ` (${connection.reason})`;
    const text =
      connection.state === 'connecting'
        ? `The console does not answer yet${why}.`
        : `No connection to the console${why}: what you see may have changed.`;
    return { tone: 'bad', text, asOf: fleet.asOf };
  }
  if (fleet.status !== 'live' && fleet.error !== '') {
    return { tone: 'bad', text: `The fleet cannot be read: ${fleet.error}.`, asOf: fleet.asOf };
  }
  if (cluster === null || cluster.State === 'live') return null;
  const why = cluster.Reason === '' ? '' : `: ${cluster.Reason}`;
  if (cluster.State === 'lost') {
    return { tone: 'bad', text: `No node of ${cluster.Context} answers${why}.`, asOf: cluster.AsOf };
  }
  return { tone: 'warn', text: `Attaching to another node of ${cluster.Context}${why}.`, asOf: cluster.AsOf };
}
