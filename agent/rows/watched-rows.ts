// What a daemon knows of the cluster, as rows, and who gets them: watchers of its command socket, and other members. While
// nobody watches nothing is kept.
import { createHash } from 'node:crypto';
import type { Kind } from '../../contract/kinds.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { ClusterWatch } from '../cluster-watch.ts';
import { ClusterRows } from './cluster-rows.ts';
import { FactsExchange1 } from './exchange-1.ts';
import { RowExchange } from './exchange.ts';
import { followMesh } from './mesh-rows.ts';
import type { RowSource } from './source.ts';

export interface WatchedRowsOptions {
  readonly nodeId: string;
  readonly version: string;
  readonly cluster: string;
  readonly context: string;
  readonly kinds: readonly Kind[];
}

export interface WatchedRowsComponents {
  readonly mesh: Mesh;
  readonly roster: RosterStore;
  readonly clock: Clock;
  readonly sources: readonly RowSource[];
  /** Puts rows that this node knows of others, while somebody watches; each returns how to stop it. */
  readonly followers: readonly ((rows: ClusterRows) => () => void)[];
}

export interface WatchedRows {
  readonly watch: ClusterWatch;
  stop(): void;
}

export function createWatchedRows(options: WatchedRowsOptions, components: WatchedRowsComponents): WatchedRows {
  const { mesh, roster, clock, sources, followers } = components;
  const rows = new ClusterRows(options.kinds);
  const exchange = new RowExchange(options.nodeId, { mesh, clock, rows, sources });
  const exchange1 = new FactsExchange1(options, { mesh, clock, rows, exchange });
  let unfollows: (() => void)[] = [];
  const unfollow = () => {
    for (const end of unfollows.splice(0)) end();
  };
  const watch = new ClusterWatch(
    {
      self: options.nodeId,
      cluster: options.cluster,
      context: options.context,
      runId: createHash('sha256').update(`${process.pid} ${clock.wallNow()}`).digest('hex').slice(0, 16),
    },
    {
      rows,
      onWatched: (isWatched) => {
        if (isWatched) unfollows = [followMesh(rows, { mesh, roster }), ...followers.map((follow) => follow(rows))];
        else unfollow();
        exchange.setWatched(isWatched);
        exchange1.setWatched(isWatched);
      },
    },
  );
  const onChange = () => {
    exchange.membersChanged();
  };
  mesh.on('change', onChange);
  return {
    watch,
    stop: () => {
      mesh.off('change', onChange);
      unfollow();
      watch.stop();
      exchange1.stop();
      exchange.stop();
    },
  };
}
