// What names the rows of each kind, without what they look like. Pages load this and no schema: with the schemas comes zod, 23 kB
// of their scripts. The definitions take their part of it (cluster-kinds.ts, fleet.ts);
// fleet-keys.ts has them as browsers get them.

export interface KindKey {
  readonly name: string;
  /** Fields whose values, joined by a space, are the row's key. */
  readonly key: readonly string[];
  /** Field with the id of the node that the row is of, which alone may say something about it; null: every node works the rows out. */
  readonly owner: string | null;
}

/** With the rows' type. */
export interface RowsKey<Row> extends KindKey {
  /** Never there. */
  readonly isOf?: Row;
}

/** The kinds that clusters tell. */
export const clusterKeys = {
  nodes: { name: 'nodes', key: ['Id'], owner: null },
  links: { name: 'links', key: ['A', 'B'], owner: null },
  hosts: { name: 'hosts', key: ['Node'], owner: 'Node' },
  bridges: { name: 'bridges', key: ['Node'], owner: 'Node' },
  vlans: { name: 'vlans', key: ['Vlan', 'Namespace', 'Alias'], owner: null },
  files: { name: 'files', key: ['Node', 'Name'], owner: 'Node' },
  vms: { name: 'vms', key: ['Node', 'Id'], owner: 'Node' },
  taps: { name: 'taps', key: ['Node', 'Name'], owner: 'Node' },
  dhcp: { name: 'dhcp', key: ['Node', 'Id'], owner: 'Node' },
  leases: { name: 'leases', key: ['Node', 'Dhcp', 'Mac'], owner: 'Node' },
  captures: { name: 'captures', key: ['Node', 'Id'], owner: 'Node' },
  namespaces: { name: 'namespaces', key: ['Name'], owner: null },
} as const satisfies Readonly<Record<string, KindKey>>;

export const clustersKey = { name: 'clusters', key: ['Id'], owner: null } as const satisfies KindKey;

const keysOfIds: ReadonlySet<string> = new Set([clusterKeys.nodes.name, clusterKeys.links.name]);

/**
 * The key of a kind of clusters where rows of several clusters meet. Node ids are random, and keys of nodes, of links and of kinds
 * with an owner begin with one. Keys of other kinds are of one cluster.
 */
export function fleetKey({ name, key, owner }: KindKey): KindKey {
  return { name, key: owner !== null || keysOfIds.has(name) ? key : ['Cluster', ...key], owner };
}

/** The key of a row, or of a change, which has the fields of the key too. */
export function keyOf(kind: Pick<KindKey, 'key'>, row: Readonly<Record<string, unknown>>): string {
  const [first, ...more] = kind.key;
  if (first === undefined) return '';
  return more.reduce((key, field) => `${key} ${String(row[field])}`, String(row[first]));
}
