// The recorded requests of minimega 3.1.0, sent to a cluster of meshds: the answers have the same shape, except where
// docs/compatibility.md says otherwise. A difference it does not list fails, and so does a listed one that is gone.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CommandResponse } from '../../contract/command-socket.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { startCluster, type TestCluster } from './test-cluster.ts';

const Recorded = z.object({
  request: z.object({ Command: z.string().optional(), Suggest: z.string().optional() }),
  responses: z.array(z.record(z.string(), z.unknown())),
});
type Recorded = z.infer<typeof Recorded>;

/** Commands that meshd does not have: tunnels of a namespace. */
const isOthers = /\bvnc\b|^ns (del-)?bridge/;
const textOf = ({ request }: Recorded) => request.Command ?? request.Suggest ?? '';

function recording(file: string): Recorded[] {
  return readFileSync(new URL(`../../lab/minimega/${file}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => Recorded.parse(JSON.parse(line)));
}

/** `vm …`, `disk …` and what clears them, of one recording: each begins with a fresh daemon or `clear all`. */
function vmRequests(records: Recorded[], number: number): Recorded[] {
  const begin = records.findIndex((record) => textOf(record).startsWith(`# recording ${number}`));
  const end = records.findIndex((record) => textOf(record).startsWith(`# recording ${number + 1}`));
  const own = records.slice(begin, end < 0 ? records.length : end);
  const isMeant = /\b(vm|disk|qos)\b|^dnsmasq|^tap|^(clear )?capture\b/;
  return own.filter((record) => isMeant.test(textOf(record)) && !isOthers.test(textOf(record)));
}

/** Of a fresh cluster: `vlans …` and what concerns namespaces. One table shows only what taps made, and aliases that meshd refuses. */
function vlanRequests(records: Recorded[]): Recorded[] {
  const begin = records.findIndex((record) => textOf(record).startsWith('# recording 3'));
  const end = records.findIndex((record, at) => at > begin && textOf(record) === 'namespace exp1 vlans');
  return records
    .slice(begin, end + 1)
    .filter(
      (record, at, all) =>
        /\bvlans\b|^namespace/.test(textOf(record)) && textOf(all[at - 1] ?? record) !== 'clear vlans al',
    );
}

/** Of a fresh cluster: hosts, load, queue and save of the default namespace, and clearing everything. */
function namespaceRequests(records: Recorded[]): Recorded[] {
  const third = records.findIndex((record) => textOf(record).startsWith('# recording 3'));
  const begin = records.findIndex((record, at) => at > third && textOf(record) === 'ns hosts');
  const end = records.findIndex((record, at) => at > begin && textOf(record) === 'ns load bogus');
  const last = records.findIndex((record) => textOf(record) === 'ns save snap1');
  const queued = records.slice(end + 1, last + 1).filter((record) => !isOthers.test(textOf(record)));
  const others = ['ns', 'clear all'].flatMap((text) => records.find((record) => textOf(record) === text) ?? []);
  return [...records.slice(begin, end + 1), ...queued, ...others];
}

/**
 * Of a fresh cluster: interfaces of the node and mirrors. Those that use up a range of VLANs are left out: the range counts on the other nodes, which give
 * numbers too, a moment later.
 */
function tapRequests(records: Recorded[]): Recorded[] {
  const first = records.findIndex((record) => textOf(record) === 'tap create foo');
  const begin = records.findIndex((record) => textOf(record) === 'tap create 100');
  const end = records.findIndex((record, at) => at > begin && textOf(record) === 'tap delete all');
  return [...records.slice(first, first + 2), ...records.slice(begin, end + 2)].filter((record) =>
    textOf(record).startsWith('tap'),
  );
}

/** `bridge …` of the recording that changes bridges. */
function bridgeRequests(records: Recorded[]): Recorded[] {
  const third = records.findIndex((record) => textOf(record).startsWith('# recording 3'));
  return records.slice(third).filter((record) => textOf(record).startsWith('bridge'));
}

const cluster = recording('recorded').filter((record) => !isOthers.test(textOf(record)));
const vms = recording('recorded-vms');
const recordings = [
  { of: 'a cluster of three', records: cluster, atLeast: 80 },
  { of: 'VLANs', records: vlanRequests(vms), atLeast: 35 },
  { of: 'VM configurations', records: vmRequests(vms, 1), atLeast: 120 },
  { of: 'VMs', records: vmRequests(vms, 2), atLeast: 80 },
  { of: 'disks of VMs', records: vmRequests(vms, 4), atLeast: 15 },
  { of: 'VMs that meet', records: vmRequests(vms, 5), atLeast: 15 },
  { of: 'taps of the node', records: tapRequests(vms), atLeast: 15 },
  { of: 'bridges', records: bridgeRequests(vms), atLeast: 20 },
  {
    of: 'a host',
    records: vms.filter((record) => /^(disk info|optimize)/.test(textOf(record))).slice(0, 2),
    atLeast: 1,
  },
  { of: 'namespaces', records: namespaceRequests(vms), atLeast: 40 },
];

/** Requests of the table's first column, under the heading "Recorded answers". */
const listed = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8')
  .split(/^## /m)
  .filter((section) => section.startsWith('Recorded answers'))
  .flatMap((section) => [...section.matchAll(/^\| `([^`]+)` +\|.*\|.*\|.*\|$/gm)].map(([, command]) => command ?? ''));

/** Listed requests whose answers did differ. */
const found = new Set<string>();

/** All requests in the recorded order over one connection: some change what later ones answer. */
async function answersOf(cluster: TestCluster, records: readonly Recorded[]) {
  const answers = new Map<Recorded, Record<string, unknown>[]>();
  const socket = connect(cluster.socketPath);
  const splitter = new JsonSplitter(64_000_000);
  const texts: string[] = [];
  const received = (async function* () {
    for await (const chunk of socket) {
      texts.push(...splitter.push(chunk as Buffer).texts);
      while (texts.length > 0) yield JSON.parse(texts.shift() ?? '') as Record<string, unknown>;
    }
  })();
  for (const record of records) {
    socket.write(JSON.stringify(record.request));
    const responses: Record<string, unknown>[] = [];
    for (;;) {
      const next = await received.next();
      if (next.done) throw new Error(`the connection ended at ${JSON.stringify(record.request)}`);
      responses.push(next.value);
      const { More, Status } = CommandResponse.parse(next.value);
      if (!More && !Status) break;
    }
    answers.set(record, responses);
  }
  socket.destroy();
  return answers;
}

const nameOf = ({ request }: Recorded) => request.Command ?? `{"Suggest":"${request.Suggest ?? ''}"}`;

describe.each(recordings)('recorded requests of $of', ({ records, atLeast }) => {
  let cluster: TestCluster;
  let answers: ReadonlyMap<Recorded, Record<string, unknown>[]>;

  beforeAll(async () => {
    cluster = await startCluster();
    answers = await answersOf(cluster, records);
  });
  afterAll(() => cluster.stop());

  it('are those of the fixture', () => {
    expect(records.length).toBeGreaterThan(atLeast);
  });

  it.each(records.map((record) => [nameOf(record), record] as const))('%s', (name, record) => {
    const differences = differencesOf(record.responses, answers.get(record) ?? []);
    // A request may be sent several times, and differ in some answers only.
    if (listed.includes(name) && differences.length > 0) found.add(name);
    else expect(differences).toEqual([]);
  });
});

it('docs/compatibility.md lists no difference that is gone', () => {
  expect(listed.filter((name) => !found.has(name))).toEqual([]);
});

it('docs/compatibility.md lists no other requests', () => {
  const names = new Set(recordings.flatMap(({ records }) => records.map(nameOf)));
  expect(listed.filter((name) => !names.has(name))).toEqual([]);
  expect(new Set(listed).size).toBe(listed.length);
});

/** What differs in shape: keys, hosts, headers, error texts, what is null, what is empty. */
function differencesOf(theirs: Record<string, unknown>[], ours: Record<string, unknown>[]): string[] {
  const differences: string[] = [];
  const compare = (what: string, a: unknown, b: unknown) => {
    const [textA, textB] = [JSON.stringify(a), JSON.stringify(b)];
    if (textA !== textB) differences.push(`${what}: minimega ${textA}, meshd ${textB}`);
  };
  compare('answers', theirs.length, ours.length);
  theirs.forEach((their, at) => {
    const our = ours[at] ?? {};
    compare('keys', Object.keys(their), Object.keys(our));
    compare('Suggest', their['Suggest'], our['Suggest']);
    const [theirEntries, ourEntries] = [entriesOf(their), entriesOf(our)];
    compare('hosts', theirEntries?.map(hostOf), ourEntries?.map(hostOf));
    theirEntries?.forEach((entry, index) => {
      const other = ourEntries?.[index] ?? {};
      const host = hostOf(entry);
      compare(`${host} keys`, Object.keys(entry), Object.keys(other));
      compare(`${host} Error`, entry['Error'], other['Error']);
      compare(`${host} Header`, entry['Header'], other['Header']);
      compare(`${host} Tabular`, kindOf(entry['Tabular']), kindOf(other['Tabular']));
      compare(`${host} Response is empty`, entry['Response'] === '', other['Response'] === '');
      compare(`${host} Data`, kindOf(entry['Data']), kindOf(other['Data']));
    });
  });
  return differences;
}

type Entry = Record<string, unknown>;

function entriesOf(response: Record<string, unknown>): Entry[] | null {
  const entries = z.array(z.record(z.string(), z.unknown())).nullable().catch(null).parse(response['Resp']);
  // Hosts answer in any order.
  return entries?.toSorted((a, b) => (hostOf(a) < hostOf(b) ? -1 : 1)) ?? null;
}

function hostOf(entry: Entry): string {
  return String(entry['Host']);
}

/** null, the keys of an object, or what an array holds. */
function kindOf(value: unknown): unknown {
  if (value === undefined) return 'absent';
  if (value === null) return null;
  if (Array.isArray(value)) return `${value.length === 0 ? 'no' : 'some'} elements`;
  return typeof value === 'object' ? Object.keys(value).sort() : typeof value;
}
