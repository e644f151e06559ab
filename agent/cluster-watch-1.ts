// Watchers of the version before: nodes with their facts in them, and links (contract/watch-messages-1.ts), made from the rows.
import { bridges, hosts, links, nodes } from '../contract/cluster-kinds.ts';
import type { RowChanges } from '../contract/kinds.ts';
import { maxFactCharacters } from '../contract/limits.ts';
import type { HostFacts1, NodeView1, WatchMessage1 } from '../contract/watch-messages-1.ts';
import type { ClusterRows } from './rows/cluster-rows.ts';

type Snapshot1 = Pick<Extract<WatchMessage1, { Watch: 'snapshot' }>, 'Nodes' | 'Links'>;
type Delta1 = Pick<Extract<WatchMessage1, { Watch: 'delta' }>, 'Nodes' | 'GoneNodes' | 'Links' | 'GoneLinks'>;

/** Names of the kinds that such a watcher sees. */
export const kinds1: readonly string[] = [nodes.name, links.name, hosts.name, bridges.name];

export function snapshot1(rows: ClusterRows): Snapshot1 {
  return {
    Nodes: [...rows.table(nodes).keys()].flatMap((id) => nodeView1(rows, id) ?? []),
    Links: [...rows.table(links).values()],
  };
}

/** Nodes that changed are whole: merging them key by key gives the same. */
export function delta1(rows: ClusterRows, changes: RowChanges): Delta1 {
  const of = (name: string) => changes[name] ?? { put: [], gone: [] };
  const touched = new Set<string>();
  for (const { put } of [of(nodes.name)]) for (const { Id } of put) touched.add(String(Id));
  for (const { put, gone } of [of(hosts.name), of(bridges.name)]) {
    for (const { Node } of put) touched.add(String(Node));
    for (const id of gone) touched.add(id);
  }
  const table = rows.table(links);
  return {
    Nodes: [...touched].flatMap((id) => nodeView1(rows, id) ?? []),
    GoneNodes: [...of(nodes.name).gone],
    Links: of(links.name).put.flatMap(({ A, B }) => table.get(`${String(A)} ${String(B)}`) ?? []),
    GoneLinks: of(links.name).gone.map((key) => {
      const [A = '', B = ''] = key.split(' ');
      return { A, B };
    }),
  };
}

function nodeView1(rows: ClusterRows, id: string): NodeView1 | null {
  const node = rows.table(nodes).get(id);
  if (!node) return null;
  const host = rows.table(hosts).get(id);
  return { ...node, Version: host?.Version ?? null, Facts: host ? facts1(rows, id) : null };
}

/** Facts of a host with those of its bridge in them; null when it has not reported them. */
export function facts1(rows: ClusterRows, id: string): HostFacts1 | null {
  const host = rows.table(hosts).get(id);
  if (!host) return null;
  const { Node: _node, Version: _version, ...facts } = host;
  const bridge = rows.table(bridges).get(id);
  if (!bridge) return facts;
  return {
    ...facts,
    Bridge: bridge.Bridge,
    BridgeUplink: bridge.Uplink,
    BridgeOwner: bridge.Owner,
    BridgePersistence: bridge.Persistence,
    BridgeReboot: bridge.Reboot,
    BridgeAlarms: bridge.Alarms.join('\n').slice(0, maxFactCharacters),
  };
}
