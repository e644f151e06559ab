// What the console asks a minimega for its pages, and where the answers go. Only questions that change nothing: `bridge` would make a bridge, and a
// namespace is asked about only after `namespace` has listed it.
//
//   near: this node alone answers           far: other nodes have to, and one that is silent holds the answer up
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { maxFleetNodes, maxNamespaces } from '../../../contract/limits.ts';
import { quoteWord } from '../../../core/commands/tokens.ts';
import { columnOf, goodOf, readHost, readMeshList, readMeshStatus, readVms, recordsOf, type Vm } from './answers.ts';
import { meshTimeoutSeconds, type Asker } from './asker.ts';
import type { Picture } from './cluster-picture.ts';

/** Those of subfolders too, by their paths below -filepath. */
const listFiles = 'file list / recursive';

/** Who answers: its name, and the mesh that it is in. */
export async function askIdentity(client: Asker, deadline: AbortSignal): Promise<{ name: string; context: string }> {
  const [entry] = await client.ask('mesh status', { deadline });
  return { name: entry?.Host ?? '', context: readMeshStatus(entry).context };
}

/** Members and links. `mesh timeout`, where it is unlimited, gets a limit: a node that is silent would hold up mesh commands for ever. */
export async function askMesh(client: Asker, picture: Picture): Promise<void> {
  const [limit] = await client.ask('mesh timeout');
  if (limit?.Response.trim() === 'unlimited') await client.ask(`mesh timeout ${meshTimeoutSeconds}`);
  const [status] = await client.ask('mesh status');
  const facts = readMeshStatus(status);
  picture.degrees.set(picture.self, facts.degree);
  const [list] = await client.ask('mesh list');
  const neighbours = readMeshList(list);
  // Alone, a node lists nobody.
  if (!neighbours.has(picture.self)) neighbours.set(picture.self, []);
  picture.neighbours = neighbours;
  for (const name of neighbours.keys()) if (picture.seen.size < maxFleetNodes) picture.seen.add(name);
}

/** Namespaces and VLANs, as this node has them; its own load and files. */
export async function askNear(client: Asker, picture: Picture): Promise<void> {
  const [table] = await client.ask('namespace');
  picture.namespaces = recordsOf(table).slice(0, maxNamespaces);
  const names = new Set(picture.namespaces.map(({ namespace = '' }) => namespace));
  for (const map of [picture.vlans, picture.vms, picture.loads]) {
    for (const name of [...map.keys()]) if (!names.has(name)) map.delete(name);
  }
  for (const name of names) {
    const [vlans] = await client.ask(`namespace ${quoteWord(name)} vlans`);
    picture.vlans.set(name, recordsOf(vlans));
    const [load] = await client.ask(`namespace ${quoteWord(name)} ns load`);
    picture.loads.set(name, load?.Response.trim() ?? '');
  }
  const [blacklist] = await client.ask('vlans blacklist');
  picture.blacklist = columnOf(blacklist, 'vlan');
  const [version] = await client.ask('version');
  picture.versions.set(picture.self, versionOf(version));
  for (const entry of goodOf(await client.ask('namespace minimega host'))) takeHost(picture, entry);
  takeFiles(picture, await client.ask(listFiles), await client.ask('file status'));
}

/** VMs of all namespaces. @returns what kept hosts from answering */
export async function askVms(client: Asker, picture: Picture): Promise<string[]> {
  const problems: string[] = [];
  const names = recordsOf((await client.ask('namespace'))[0]).map(({ namespace = '' }) => namespace);
  for (const name of names) {
    const entries = await client.ask(`namespace ${quoteWord(name)} vm info`);
    const known: ReadonlyMap<string, readonly Vm[]> = picture.vms.get(name) ?? new Map<string, readonly Vm[]>();
    const next = new Map(known);
    const silent = [...known.keys()].filter((host) => !entries.some((entry) => entry.Host === host));
    for (const host of await goneOf(client, picture, { namespace: name, silent })) next.delete(host);
    for (const entry of entries) {
      picture.missingSince.delete(`${name} ${entry.Host}`);
      if (entry.Error === '') next.set(entry.Host, readVms(entry));
      else problems.push(problemOf(entry));
    }
    picture.vms.set(name, next);
  }
  return problems;
}

/** A dead node is a member for some 20 s more, and answers nothing. One that stays a member has left the namespace. */
const missingMs = 40_000;

/** Those of `silent` that have left the namespace: VMs of a dead node stay, as LOST. `ns hosts` prints a range that leaves some out. */
async function goneOf(
  client: Asker,
  picture: Picture,
  { namespace, silent }: { readonly namespace: string; readonly silent: readonly string[] },
): Promise<string[]> {
  const now = performance.now();
  const overdue = silent.filter((host) => {
    const key = `${namespace} ${host}`;
    const since = picture.missingSince.get(key) ?? now;
    picture.missingSince.set(key, since);
    return now - since > missingMs;
  });
  if (overdue.length === 0) return [];
  // The list of the picture is as old as the last round, and a node that hung made that long.
  const members = readMeshList((await client.ask('mesh list'))[0]);
  for (const host of silent) if (!members.has(host)) picture.missingSince.delete(`${namespace} ${host}`);
  return overdue.filter((host) => members.has(host));
}

/** Load and files of the other nodes; `isRare`: versions and degrees too. @returns what kept nodes from answering */
export async function askOthers(client: Asker, picture: Picture, { isRare }: { isRare: boolean }): Promise<string[]> {
  if (picture.neighbours.size < 2) return [];
  const hosts = await client.ask('mesh send all host');
  for (const entry of goodOf(hosts)) takeHost(picture, entry);
  if (isRare) {
    for (const entry of goodOf(await client.ask('mesh send all version')))
      picture.versions.set(entry.Host, versionOf(entry));
    for (const entry of goodOf(await client.ask('mesh send all mesh status'))) {
      picture.degrees.set(entry.Host, readMeshStatus(entry).degree);
    }
    takeFiles(picture, await client.ask(`mesh send all ${listFiles}`), await client.ask('mesh send all file status'));
  }
  for (const { Host: host, Error: error } of hosts) if (error !== '') picture.hosts.delete(host);
  return hosts.filter(({ Error: error }) => error !== '').map(problemOf);
}

const problemOf = ({ Host: host, Error: error }: ResponseEntry) => `${host}: ${error}`;

function takeHost(picture: Picture, entry: ResponseEntry): void {
  const stats = readHost(entry);
  if (stats) picture.hosts.set(entry.Host, stats);
}

function takeFiles(picture: Picture, lists: readonly ResponseEntry[], status: readonly ResponseEntry[]): void {
  for (const entry of goodOf(lists)) picture.files.set(entry.Host, recordsOf(entry));
  for (const entry of goodOf(status)) picture.transfers.set(entry.Host, recordsOf(entry));
}

/** `minimega 3.1.0 04636ff… 2026-11-22` */
const versionOf = (entry: ResponseEntry | undefined) =>
  (entry?.Response ?? '').trim().split(/\s+/).slice(0, 2).join(' ');
