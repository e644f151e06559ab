// Nodes and links of a watched cluster: what a beginning and the changes after it add up to. For those who look at no more.
import type { LinkRow, NodeRow } from '../contract/cluster-kinds.ts';
import { clusterKeys } from '../contract/kind-keys.ts';
import type { RowChanges } from '../contract/kinds.ts';
import type { WatchMessage } from '../contract/watch-messages.ts';
import { changedRows } from './rows.ts';

export interface WatchedCluster {
  readonly nodes: ReadonlyMap<string, NodeRow>;
  /** By the key of the kind `links`. */
  readonly links: ReadonlyMap<string, LinkRow>;
}

const { links, nodes } = clusterKeys;

/** What to ask for. */
export const watchedKinds: readonly string[] = [nodes.name, links.name];

export const emptyCluster: WatchedCluster = { nodes: new Map(), links: new Map() };

export function applyWatch(cluster: WatchedCluster, message: WatchMessage): WatchedCluster {
  return applyRows(message.Watch === 'begin' ? emptyCluster : cluster, message.Kinds);
}

export function applyRows(cluster: WatchedCluster, changes: RowChanges): WatchedCluster {
  const none = { put: [], gone: [] };
  return {
    nodes: changedRows(nodes, cluster.nodes, changes[nodes.name] ?? none),
    links: changedRows(links, cluster.links, changes[links.name] ?? none),
  };
}
