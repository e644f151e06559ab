// All recorded requests of minimega 3.1.0, sent to clusters of meshds: the answers have the same shape, except where docs/compatibility.md says
// otherwise. A difference that it does not list fails, and so does a listed one that is gone. A row of its table is about every request of that
// text, or about those that follow a certain one: `vlans` after `tap create foo`. Commands that it lists as missing differ in any case: who
// builds one takes it out of core/commands/missing.ts, and adds rows for what still differs.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CommandResponse } from '../../contract/command-socket.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { startCluster, type TestCluster } from './cluster-for-tests.ts';

const Recorded = z.object({
  request: z.object({ Command: z.string().optional(), Suggest: z.string().optional() }),
  responses: z.array(z.record(z.string(), z.unknown())),
});
type Recorded = z.infer<typeof Recorded>;

const textOf = ({ request }: Recorded) => request.Command ?? request.Suggest ?? '';

function recording(file: string): Recorded[] {
  return readFileSync(new URL(`../../lab/minimega/${file}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => Recorded.parse(JSON.parse(line)));
}

/** One of the recordings in the second file: each begins with a fresh daemon or `clear all`. */
function vmRecording(number: number): Recorded[] {
  const records = recording('recorded-vms');
  const begin = records.findIndex((record) => textOf(record).startsWith(`# recording ${number}`));
  const end = records.findIndex((record) => textOf(record).startsWith(`# recording ${number + 1}`));
  return records.slice(begin, end < 0 ? records.length : end);
}

const recordings = [
  { of: 'a cluster of three', records: recording('recorded'), atLeast: 96 },
  { of: 'configurations, bad values and empty tables', records: vmRecording(1), atLeast: 206 },
  { of: 'VMs and their states', records: vmRecording(2), atLeast: 144 },
  { of: 'VLANs, taps, bridges and namespaces', records: vmRecording(3), atLeast: 133 },
  { of: 'disks and files', records: vmRecording(4), atLeast: 60 },
  { of: 'VMs that meet', records: vmRecording(5), atLeast: 35 },
];

const docs = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
const section = (heading: string) => docs.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';

/** The table's first column, under the heading "Recorded answers". */
const listed = [...section('Recorded answers').matchAll(/^\| (`[^`]+`(?: after `[^`]+`)?) +\|.*\|.*\|.*\|$/gm)].map(
  ([, place]) => place ?? '',
);
/** What is nearest to commands that are missing. */
const nearest = new Set(
  [...section('Commands that are missing').matchAll(/^- `[^`]+`: (.*)$/gm)].map(([, text]) => text ?? ''),
);

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

/** Whether it says that the command is missing, as the document does. */
function isMissing(answers: readonly Record<string, unknown>[]): boolean {
  const errors = answers.flatMap((answer) => (entriesOf(answer) ?? []).map((entry) => String(entry['Error'])));
  return errors.some((text) => nearest.has(/^not in meshd: `[^`]*`; nearest: (.*)$/.exec(text)?.[1] ?? ''));
}

/** How a row of the table names a request. */
function placesOf(record: Recorded, before: Recorded | undefined): string[] {
  const name = `\`${nameOf(record)}\``;
  return before ? [`${name} after \`${nameOf(before)}\``, name] : [name];
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

  it.each(records.map((record, at) => [nameOf(record), record, records[at - 1]] as const))(
    '%s',
    (_, record, before) => {
      const given = answers.get(record) ?? [];
      if (isMissing(given)) return;
      const differences = differencesOf(record.responses, given);
      // A request may be sent several times, and differ in some answers only.
      const place = placesOf(record, before).find((name) => listed.includes(name));
      if (place !== undefined && differences.length > 0) found.add(place);
      else expect(differences, placesOf(record, before).join(', or ')).toEqual([]);
    },
  );
});

it('docs/compatibility.md lists no difference that is gone', () => {
  expect(listed.filter((name) => !found.has(name))).toEqual([]);
});

it('docs/compatibility.md lists no other requests', () => {
  const names = new Set(
    recordings.flatMap(({ records }) => records.flatMap((record, at) => placesOf(record, records[at - 1]))),
  );
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
