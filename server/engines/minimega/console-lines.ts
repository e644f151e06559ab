// Lines of the console's own that minimega has not, answered by asking it several things: the launch wizard and the pages say the same to every
// engine. Each takes what it must from `vm info`, since `vm launch` keeps to itself what went wrong on a host.
//
//   vm launch … with …      the configuration of the namespace is kept, set, used for each VM, and put back; then every VM is looked for
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { responseEntry, type ResponseEntry } from '../../../contract/command-socket.ts';
import { compilePattern, type CompiledPattern } from '../../../core/commands/pattern.ts';
import { quoteWord } from '../../../core/commands/tokens.ts';
import type { CommandPattern, ParsedCommand } from '../../../core/commands/types.ts';
import { describeRange } from '../../../core/ranges/describe-range.ts';
import { configLines } from '../../../core/plans/vms/settings.ts';
import { parseRange } from '../../../core/ranges/parse-range.ts';
import { uuidOfHash, uuidText } from '../../../core/vms/launch-uuid.ts';
import { columnOf, readHost, readVlan, readVms, recordsOf, type Vm } from './answers.ts';
import type { Asker } from './asker.ts';

/** Typed in full only: abbreviations mean minimega's own commands. */
const own = (pattern: string, role: CommandPattern['role'], reach: CommandPattern['reach'] = 'socket') =>
  compilePattern({ pattern, role, reach, scope: 'local', destructive: true, help: '' });

const launchPattern = 'vm launch <kvm,> <name or count> <with,> <setting>...';
const surveyPattern = 'vm survey <hostname or range or all> <name or count> [setting]...';
const statePattern = 'vm state <vm target>';
/** Also behind `mesh send`: `vm info` of the namespace has the VMs of all its hosts. */
export const showPattern = 'vm show <vm name>';
const addPattern = 'vlans <add,> <alias>';
const deletePattern = 'vlans <delete,> <alias>';

export const consolePatterns: readonly CompiledPattern[] = [
  own(launchPattern, 'operator'),
  own(surveyPattern, 'viewer'),
  own(statePattern, 'viewer'),
  own(showPattern, 'viewer', 'mesh'),
  own(addPattern, 'operator'),
  own(deletePattern, 'operator'),
];

const stateNames: Readonly<Record<number, string>> = {
  1: 'BUILDING',
  2: 'RUNNING',
  4: 'PAUSED',
  8: 'QUIT',
  16: 'ERROR',
};
const isUuid = (word: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(word);
/** How long a VM may take to appear on its host after the launch was answered, and between two looks. */
const appearMs = 20_000;
const lookEveryMs = 500;
/** The configuration that the namespace had before, kept by this name in minimega itself. */
const keptConfig = 'meshdeck-before';

/** One launch at a time in a namespace: they share its configuration. */
export class ConfigTurns {
  private readonly last = new Map<string, Promise<unknown>>();

  async take<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const turn = before.then(act, act);
    this.last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.last.get(key) === turn) this.last.delete(key);
    }
  }
}

/** The answer to a command in a namespace; null when it is not one of the console's own. */
export async function answerOwnLine(
  { pattern: { pattern }, words, lists }: ParsedCommand,
  namespace: string,
  parts: { readonly client: Asker; readonly turns: ConfigTurns },
): Promise<ResponseEntry[] | null> {
  const at = new NamespaceAsker(parts.client, namespace);
  const target = words['vm'] ?? '';
  switch (pattern) {
    case launchPattern:
      return parts.turns.take(namespace, () => launch(at, words['name'] ?? '', lists['setting'] ?? []));
    case surveyPattern:
      return survey(at, words['hostname'] ?? '', words['name'] ?? '');
    case statePattern:
      return state(at, target);
    case showPattern:
      return show(at, target);
    case addPattern:
      return addVlan(at, words['alias'] ?? '');
    case 'ns <hosts,>':
      return hostsOf(at);
    case deletePattern:
      return deleteVlan(at, words['alias'] ?? '');
    default: {
      const [, verb] = /^vm <(start|stop|kill|flush),> <vm target>/.exec(pattern) ?? [];
      return verb !== undefined && target.split(',').some(isUuid) ? act(at, verb, target.split(',')) : null;
    }
  }
}

class NamespaceAsker {
  readonly client: Asker;
  readonly namespace: string;

  constructor(client: Asker, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  ask(...words: readonly string[]): Promise<ResponseEntry[]> {
    return this.client.ask(['namespace', this.namespace, ...words].map(quoteWord).join(' '));
  }

  /** VMs of each host that answers, and what the others say. */
  async vms(): Promise<{ readonly entry: ResponseEntry; readonly vms: readonly Vm[] }[]> {
    return (await this.ask('vm', 'info')).map((entry) => ({ entry, vms: entry.Error === '' ? readVms(entry) : [] }));
  }
}

async function launch(at: NamespaceAsker, names: string, settings: readonly string[]): Promise<ResponseEntry[]> {
  const range = parseRange(names);
  if (!range.ok || range.names.length === 0)
    return [responseEntry('', { Error: range.ok ? 'no VMs to launch' : range.message })];
  const valueOf = (field: string) =>
    settings.find((setting) => setting.startsWith(`${field}=`))?.slice(field.length + 1);
  const launchId = valueOf('uuids');
  const errors = new Map<string, string>();
  await assertWell(at.ask('vm', 'config', 'save', keptConfig));
  try {
    await assertWell(at.ask('clear', 'vm', 'config'));
    for (const words of configLines(settings)) await assertWell(at.ask('vm', 'config', ...words));
    for (const name of range.names) {
      if (launchId !== undefined) await assertWell(at.ask('vm', 'config', 'uuid', uuidOf(launchId, name)));
      const [said] = (await at.ask('vm', 'launch', 'kvm', name)).filter(({ Error: error }) => error !== '');
      if (said) errors.set(name, said.Error);
    }
  } finally {
    await at.ask('vm', 'config', 'restore', keptConfig);
  }
  const vms = await outcomes(at, range.names, errors);
  return [responseEntry(valueOf('schedule') ?? '', { Data: { VMs: vms } })];
}

/** What became of each: its host says it, or does not. */
async function outcomes(at: NamespaceAsker, names: readonly string[], errors: ReadonlyMap<string, string>) {
  const endAt = performance.now() + appearMs;
  for (;;) {
    const answers = await at.vms();
    const found = new Map(
      answers.flatMap(({ entry, vms }) => vms.map((vm) => [vm.Name, { vm, host: entry.Host }] as const)),
    );
    const missing = names.filter((name) => !errors.has(name) && !found.has(name));
    if (missing.length > 0 && performance.now() < endAt) {
      await sleep(lookEveryMs);
      continue;
    }
    const silent = answers
      .filter(({ entry }) => entry.Error !== '')
      .map(({ entry }) => `${entry.Host}: ${entry.Error}`);
    return names.map((name) => {
      const refused = errors.get(name);
      const { vm, host } = found.get(name) ?? { vm: null, host: '' };
      if (refused !== undefined) return { Name: name, Host: host, Is: 'failed', Error: refused };
      if (!vm) {
        const why = silent[0] ?? 'no host shows it: the log of its node says why (`log level info`, or its journal)';
        return { Name: name, Host: '', Is: 'unknown', Error: why };
      }
      if (vm.State !== 16) return { Name: name, Host: host, Is: 'launched', Error: '' };
      return {
        Name: name,
        Host: host,
        Is: 'failed',
        Error: vm.Tags['error'] ?? 'it is in the state ERROR, and minimega does not say why',
      };
    });
  }
}

/** As the console makes it from the id of a launch: it finds its VMs by it. */
function uuidOf(launchId: string, name: string): string {
  return uuidOfHash(createHash('sha256').update(uuidText(launchId, name)).digest('hex'));
}

async function survey(at: NamespaceAsker, nodes: string, names: string): Promise<ResponseEntry[]> {
  const [members] = await at.client.ask('mesh list all');
  const known = Array.isArray(members?.Data) ? members.Data.map(String) : [];
  const wanted = nodes === 'all' ? known : namesIn(nodes);
  const asked = new Set(namesIn(names));
  const others = known.length > 1 ? await at.client.ask('mesh send all host') : [];
  const hosts = [...(await at.client.ask('namespace minimega host')), ...others];
  const isThere = (await at.client.ask('namespace')).some((entry) =>
    columnOf(entry, 'namespace').includes(at.namespace),
  );
  const taken = isThere ? await at.vms() : [];
  return wanted.map((name) => {
    const entry = hosts.find(({ Host }) => Host === name);
    const stats = entry && entry.Error === '' ? readHost(entry) : null;
    if (!stats) return responseEntry(name, { Error: entry?.Error || 'it is not in the mesh' });
    const own = taken.filter(({ entry: { Host } }) => Host === name).flatMap(({ vms }) => vms.map((vm) => vm.Name));
    const { CPUs, MemTotal, CPUCommit, MemCommit, NetworkCommit, VMs, Limit } = stats;
    const facts = { CPUs, MemTotal, CPUCommit, MemCommit, NetworkCommit, VMs, Limit };
    // Images are fetched by minimega itself, when a VM needs them.
    return responseEntry(name, {
      Data: { ...facts, Taken: own.filter((vm) => asked.has(vm)), Missing: [], Issue: '', Warning: '' },
    });
  });
}

async function state(at: NamespaceAsker, target: string): Promise<ResponseEntry[]> {
  const wanted =
    target === 'all' ? null : new Set(target.split(',').flatMap((word) => (isUuid(word) ? [word] : namesIn(word))));
  return (await at.vms()).map(({ entry, vms }) => {
    if (entry.Error !== '') return responseEntry(entry.Host, { Error: entry.Error });
    const rows = vms
      .filter((vm) => wanted === null || wanted.has(vm.UUID) || wanted.has(vm.Name))
      .map((vm) => [vm.Name, vm.UUID, stateNames[vm.State] ?? 'ERROR', vm.Tags['error'] ?? '']);
    return responseEntry(entry.Host, { Header: ['name', 'uuid', 'state', 'reason'], Tabular: rows });
  });
}

/** What `vm info` says of one VM, by its name or UUID: only hosts that have it answer. */
async function show(at: NamespaceAsker, target: string): Promise<ResponseEntry[]> {
  const entries = (await at.ask('vm', 'info')).flatMap((entry): ResponseEntry[] => {
    const [names, uuids] = [columnOf(entry, 'name'), columnOf(entry, 'uuid')];
    const rows = (entry.Tabular ?? []).filter((_, row) => names[row] === target || uuids[row] === target);
    return rows.length === 0 ? [] : [{ ...entry, Tabular: rows, Data: null }];
  });
  return entries.length > 0 ? entries : [responseEntry('', { Error: `vm not found: ${target}` })];
}

/** minimega knows UUIDs one at a time only; what is gone is left out. */
async function act(at: NamespaceAsker, verb: string, targets: readonly string[]): Promise<ResponseEntry[]> {
  const vms = (await at.vms()).flatMap((each) => each.vms);
  const names = targets.flatMap((word) =>
    isUuid(word) ? vms.filter((vm) => vm.UUID === word).map((vm) => vm.Name) : namesIn(word),
  );
  if (names.length === 0) return [];
  const entries = await at.ask('vm', verb, describeRange(names));
  const [only] = names;
  return names.length > 1
    ? entries
    : entries.map((entry) => ({ ...entry, Error: entry.Error === '' ? '' : `${only ?? ''}: ${entry.Error}` }));
}

/**
 * minimega's range of node1 to node10 is `node[2-10]`: a name whose number begins another one's is not in it. Where one may be missing, those that
 * answer for the namespace are its hosts.
 */
async function hostsOf(at: NamespaceAsker): Promise<ResponseEntry[]> {
  const entries = await at.ask('ns', 'hosts');
  const [entry] = entries;
  const listed = namesIn(entry?.Response.trim() ?? '');
  if (entry === undefined || entry.Error !== '' || listed.length === 0) return entries;
  const [members] = await at.client.ask('mesh list all');
  const known = Array.isArray(members?.Data) ? members.Data.map(String) : [];
  const mayBeMissing = known.some(
    (name) =>
      /\d$/.test(name) && !listed.includes(name) && listed.some((other) => other !== name && other.startsWith(name)),
  );
  if (!mayBeMissing) return entries;
  const hosts = (await at.ask('vm', 'info')).map(({ Host }) => Host);
  return [{ ...entry, Response: describeRange(new Set([...listed, ...hosts])) }];
}

/** The next free number of the range of the namespace. */
async function addVlan(at: NamespaceAsker, alias: string): Promise<ResponseEntry[]> {
  const [range] = recordsOf((await at.ask('vlans', 'range'))[0]);
  const taken = new Set<number>();
  const namespaces = (await at.client.ask('namespace')).flatMap((entry) => columnOf(entry, 'namespace'));
  for (const namespace of namespaces) {
    const [table] = await new NamespaceAsker(at.client, namespace).ask('vlans');
    for (const cell of columnOf(table, 'vlan')) taken.add(readVlan(cell).VLAN);
  }
  for (const cell of columnOf((await at.client.ask('vlans blacklist'))[0], 'vlan')) taken.add(readVlan(cell).VLAN);
  const [min, max] = [Number(range?.['min'] ?? 101) || 101, Number(range?.['max'] ?? 4_096) || 4_096];
  for (let number = min; number < Math.min(max, 4_095); number += 1) {
    if (taken.has(number)) continue;
    const entries = await at.ask('vlans', 'add', alias, String(number));
    return entries.map((entry) => (entry.Error === '' ? { ...entry, Response: String(number) } : entry));
  }
  return [responseEntry('', { Error: 'out of VLANs' })];
}

async function deleteVlan(at: NamespaceAsker, alias: string): Promise<ResponseEntry[]> {
  const fail = (error: string) => [responseEntry('', { Error: error })];
  const aliases = columnOf((await at.ask('vlans'))[0], 'alias');
  if (!aliases.includes(alias)) return fail(`no alias ${alias} in ${at.namespace}`);
  const alike = aliases.filter((other) => other !== alias && other.startsWith(alias));
  if (alike.length > 0) {
    return fail(
      `minimega deletes aliases by how they begin, and ${alike.join(', ')} would go too: delete these first, or leave it`,
    );
  }
  const users = (await at.vms())
    .flatMap(({ vms }) => vms)
    .filter(({ Networks }) => Networks?.some((nic) => nic.Alias === alias) ?? false);
  if (users.length > 0) return fail(`VMs use these VLANs: ${describeRange(users.map((vm) => vm.Name))}`);
  return at.ask('clear', 'vlans', alias);
}

function namesIn(text: string): string[] {
  const range = parseRange(text);
  return range.ok ? range.names : [];
}

/** @throws what a host says is wrong, as one error of the line */
async function assertWell(asked: Promise<ResponseEntry[]>): Promise<void> {
  const bad = (await asked).find(({ Error: error }) => error !== '');
  if (bad) throw new OwnLineError(bad.Error);
}

/** What minimega says of a part of such a line: the answer of the whole. */
export class OwnLineError extends Error {}
