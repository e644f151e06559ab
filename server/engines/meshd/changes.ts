// What a node says of its cluster, as changes of rows, bounded before anything is built from it. A node of the version before
// sends nodes with their facts in them; here they become rows too.
import { bridges, HostFacts, hosts, links, nodes } from '../../../contract/cluster-kinds.ts';
import type { CommandClient } from '../../../contract/command-client.ts';
import type { Hello } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import { keyOf } from '../../../contract/kind-keys.ts';
import type { Kind, KindChange, RowChanges, RowData } from '../../../contract/kinds.ts';
import { maxClusterRows } from '../../../contract/limits.ts';
import { WatchMessage } from '../../../contract/watch-messages.ts';
import { WatchMessage1 } from '../../../contract/watch-messages-1.ts';
import { parseRowChanges } from '../../../core/rows.ts';
import type { ClusterChange, MeshIdentity } from '../engine.ts';

/**
 * Watches these kinds. The first change is a beginning; each is complete.
 * @throws AppError `invalid` when a message holds more than any cluster that we know how to show, or something that is not a row
 */
export async function* watchChanges(
  client: Pick<CommandClient, 'watch'>,
  hello: Pick<Hello, 'Kinds'>,
  kinds: readonly Kind[],
): AsyncGenerator<ClusterChange, void, undefined> {
  const theirs = hello.Kinds;
  if (theirs === undefined) {
    for await (const message of client.watch({}, WatchMessage1)) yield changeOf1(message, kinds);
    return;
  }
  const wanted = kinds.filter(({ name }) => theirs.includes(name));
  let beginning: { begins: MeshIdentity; rows: Map<string, KindChange[]>; count: number } | null = null;
  for await (const message of client.watch({ Kinds: wanted.map(({ name }) => name) }, WatchMessage)) {
    const rows = parseRowChanges(wanted, message.Kinds, maxClusterRows);
    if (message.Watch === 'begin') {
      const begins = { mesh: message.Cluster, context: message.Context, self: message.Self };
      beginning = { begins, rows: new Map(), count: 0 };
    }
    if (beginning === null) {
      yield { begins: null, rows };
      continue;
    }
    for (const [name, change] of Object.entries(rows)) {
      beginning.rows.set(name, [...(beginning.rows.get(name) ?? []), change]);
      beginning.count += change.put.length + change.gone.length;
    }
    if (beginning.count > maxClusterRows) throw tooMuch(`${beginning.count} rows`);
    if (message.More) continue;
    yield { begins: beginning.begins, rows: merged(wanted, beginning.rows) };
    beginning = null;
  }
}

/** Rows may change while others of the same beginning are on their way. */
function merged(kinds: readonly Kind[], parts: ReadonlyMap<string, readonly KindChange[]>): RowChanges {
  const rows: Record<string, KindChange> = {};
  for (const kind of kinds) {
    const byKey = new Map<string, RowData>();
    for (const { put, gone } of parts.get(kind.name) ?? []) {
      for (const key of gone) byKey.delete(key);
      for (const row of put) byKey.set(keyOf(kind, row), { ...byKey.get(keyOf(kind, row)), ...row });
    }
    rows[kind.name] = { put: [...byKey.values()], gone: [] };
  }
  return rows;
}

function changeOf1(message: WatchMessage1, kinds: readonly Kind[]): ClusterChange {
  const isBeginning = message.Watch === 'snapshot';
  const hostPuts: RowData[] = [];
  const bridgePuts: RowData[] = [];
  const factless: string[] = [];
  const nodePuts = message.Nodes.map(({ Facts: facts, Version: version, ...node }) => {
    if (facts === null) factless.push(node.Id);
    const { host, bridge } = facts ? split(facts) : { host: {}, bridge: {} };
    const known = { ...host, ...(version === null || version === undefined ? {} : { Version: version }) };
    if (facts !== null && Object.keys(known).length > 0) hostPuts.push({ Node: node.Id, ...known });
    if (Object.keys(bridge).length > 0) bridgePuts.push({ Node: node.Id, ...bridge });
    return node;
  });
  const changes: Record<string, KindChange> = {
    [nodes.name]: { put: nodePuts, gone: message.Watch === 'delta' ? message.GoneNodes : [] },
    [links.name]: {
      put: message.Links,
      gone: message.Watch === 'delta' ? message.GoneLinks.map((link) => keyOf(links, link)) : [],
    },
    [hosts.name]: { put: hostPuts, gone: isBeginning ? [] : factless },
    [bridges.name]: { put: bridgePuts, gone: isBeginning ? [] : factless },
  };
  const rows = parseRowChanges(kinds, changes, maxClusterRows);
  if (!isBeginning) return { begins: null, rows };
  return { begins: { mesh: message.Cluster, context: message.Context, self: message.Self }, rows };
}

/** Facts of the version before: those of the host, and those of its bridge. */
function split(facts: Readonly<Record<string, unknown>>): { host: RowData; bridge: RowData } {
  const names = {
    Bridge: 'Bridge',
    BridgeUplink: 'Uplink',
    BridgeOwner: 'Owner',
    BridgePersistence: 'Persistence',
    BridgeReboot: 'Reboot',
    BridgeAlarms: 'Alarms',
  } as const;
  const host: Record<string, unknown> = {};
  const bridge: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(facts)) {
    if (field in HostFacts.shape) host[field] = value;
    else if (field === 'BridgeAlarms')
      bridge['Alarms'] = String(value)
        .split('\n')
        .filter((line) => line !== '');
    else if (Object.hasOwn(names, field)) bridge[names[field as keyof typeof names]] = value;
  }
  return { host, bridge };
}

function tooMuch(what: string): AppError {
  return new AppError('invalid', `the node sends ${what}: more than the ${maxClusterRows} that the console takes`);
}
