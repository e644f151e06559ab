// Mirrors as rows of Open vSwitch's database (ovs-vswitchd.conf.db(5), Mirror): read, made, corrected and dropped.
import { AppError } from '../../contract/errors.ts';
import type { Operation } from './ovsdb.ts';
import { map, namedUuid, readIds, readMap, readText, set, uuid, type Row } from './ovsdb-values.ts';
import { clusterMark, type HostMirror, type SwitchChange } from './switch-host.ts';

type Tables = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/** The mirrors of a bridge. What they say of ports that are gone is gone with them. */
export function readMirrors(bridge: string, rows: readonly Row[], ports: ReadonlyMap<string, Row>): HostMirror[] {
  const namesOf = (column: unknown) => readIds(column).map((id) => readText(ports.get(id)?.['name']));
  return rows.map((row) => {
    const [src, dst] = [namesOf(row['select_src_port']), namesOf(row['select_dst_port'])];
    return {
      name: readText(row['name']),
      bridge,
      marks: readMap(row['external_ids']),
      // One that is copied in one direction alone is not as it ought to be.
      sources: src.filter((name) => dst.includes(name)).sort(),
      output: namesOf(row['output_port'])[0] ?? '',
    };
  });
}

/** Operations of one transaction. @throws AppError `not-found` for a port or a bridge that is gone */
export function describeMirrors(
  { setMirrors, dropMirrors }: Pick<SwitchChange, 'setMirrors' | 'dropMirrors'>,
  known: {
    readonly tables: Tables;
    readonly bridgeIds: ReadonlyMap<string, string>;
    readonly portIds: ReadonlyMap<string, string>;
  },
): Operation[] {
  const ours = new Map(
    [...(known.tables.get('Mirror') ?? [])]
      .filter(([, row]) => readMap(row['external_ids']).has(clusterMark))
      .map(([id, row]) => [readText(row['name']), id] as const),
  );
  const bridges = known.tables.get('Bridge') ?? new Map<string, Row>();
  const holderOf = (id: string) => [...bridges].find(([, row]) => readIds(row['mirrors']).includes(id))?.[0];
  const idOf = (ids: ReadonlyMap<string, string>, name: string) => {
    const id = ids.get(name);
    if (id === undefined) throw new AppError('not-found', `${name} is not on this node’s switch`);
    return id;
  };
  const mutate = (bridge: string, mutator: 'insert' | 'delete', mirror: unknown): Operation => ({
    op: 'mutate',
    table: 'Bridge',
    where: [['_uuid', '==', uuid(bridge)]],
    mutations: [['mirrors', mutator, set([mirror])]],
  });
  const operations: Operation[] = [];
  for (const [index, { name, bridge, source, output, marks }] of setMirrors.entries()) {
    const sources = set([uuid(idOf(known.portIds, source))]);
    const row = {
      select_src_port: sources,
      select_dst_port: sources,
      output_port: uuid(idOf(known.portIds, output)),
      external_ids: map(marks),
    };
    const there = ours.get(name);
    const wanted = idOf(known.bridgeIds, bridge);
    if (there !== undefined && holderOf(there) === wanted) {
      operations.push({ op: 'update', table: 'Mirror', where: [['_uuid', '==', uuid(there)]], row });
      continue;
    }
    const holder = there === undefined ? undefined : holderOf(there);
    if (there !== undefined && holder !== undefined) operations.push(mutate(holder, 'delete', uuid(there)));
    operations.push({ op: 'insert', table: 'Mirror', 'uuid-name': `mirror${index}`, row: { name, ...row } });
    operations.push(mutate(wanted, 'insert', namedUuid(`mirror${index}`)));
  }
  for (const name of dropMirrors) {
    const id = ours.get(name);
    const holder = id === undefined ? undefined : holderOf(id);
    if (id !== undefined && holder !== undefined) operations.push(mutate(holder, 'delete', uuid(id)));
  }
  return operations;
}
