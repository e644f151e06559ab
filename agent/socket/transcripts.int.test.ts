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

/** Commands that meshd does not have yet: VMs, VLANs, bridges, files, captures, scheduling. */
const isLater = /\b(vm|vlans|ns|tap|bridge|file|capture)\b/;
const recorded = readFileSync(new URL('../../lab/minimega/recorded.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => Recorded.parse(JSON.parse(line)))
  .filter(({ request }) => !isLater.test(request.Command ?? request.Suggest ?? ''));

/** Requests of the table's first column, under the heading "Recorded answers". */
const listed = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8')
  .split(/^## /m)
  .filter((section) => section.startsWith('Recorded answers'))
  .flatMap((section) => [...section.matchAll(/^\| `([^`]+)` +\|.*\|.*\|.*\|$/gm)].map(([, command]) => command ?? ''));

let cluster: TestCluster;
const answers = new Map<Recorded, Record<string, unknown>[]>();

/** All requests in the recorded order over one connection: some change what later ones answer. */
beforeAll(async () => {
  cluster = await startCluster();
  const socket = connect(cluster.socketPath);
  const splitter = new JsonSplitter(64_000_000);
  const texts: string[] = [];
  const received = (async function* () {
    for await (const chunk of socket) {
      texts.push(...splitter.push(chunk as Buffer).texts);
      while (texts.length > 0) yield JSON.parse(texts.shift() ?? '') as Record<string, unknown>;
    }
  })();
  for (const record of recorded) {
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
});
afterAll(() => cluster.stop());

const nameOf = ({ request }: Recorded) => request.Command ?? `{"Suggest":"${request.Suggest ?? ''}"}`;

describe('recorded requests of this language', () => {
  it('are those of the fixture', () => {
    expect(recorded.length).toBeGreaterThan(25);
  });

  it.each(recorded.map((record) => [nameOf(record), record] as const))('%s', (name, record) => {
    const differences = differencesOf(record.responses, answers.get(record) ?? []);
    if (listed.includes(name)) {
      expect(differences, 'docs/compatibility.md lists a difference that is gone').not.toEqual([]);
    } else {
      expect(differences).toEqual([]);
    }
  });

  it('and docs/compatibility.md lists no others', () => {
    expect(listed.filter((name) => !recorded.some((record) => nameOf(record) === name))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });
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
