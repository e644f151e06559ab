// A minimega that only remembers: the recorded answers of minimega 3.1.0, served on a socket. For the tests of what talks to
// one. It answers a request as the recording did, the same request asked again as the recording did the next time.
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { z } from 'zod';
import { ResponseEntry, responseEntry } from '../../contract/command-socket.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';

export const Recorded = z.object({
  request: z.object({ Command: z.string().optional(), Suggest: z.string().optional() }),
  responses: z.array(z.record(z.string(), z.unknown())),
});
export type Recorded = z.infer<typeof Recorded>;

/** One node's mesh and host commands, then VMs, VLANs, bridges and files, in the order in which they were recorded. */
export function recordedAnswers(name: 'recorded' | 'recorded-vms'): Recorded[] {
  return readFileSync(new URL(`./${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => Recorded.parse(JSON.parse(line)));
}

/** What one host answered to each line, for tests of what prints the same. */
export function recordedEntries(
  name: 'recorded' | 'recorded-vms',
): { line: string; entry: ResponseEntry | undefined }[] {
  const Answer = z.object({ Resp: z.array(ResponseEntry).nullable() });
  return recordedAnswers(name).map(({ request, responses }) => ({
    line: request.Command ?? '',
    entry: Answer.parse(responses[0]).Resp?.[0],
  }));
}

export interface Replay {
  readonly socketPath: string;
  /** Requests that were never recorded. */
  readonly unknown: readonly string[];
  stop(): Promise<void>;
}

const maxRequestBytes = 1_000_000;

/** Listens at `socketPath`. */
export async function startReplay(socketPath: string, recorded: readonly Recorded[]): Promise<Replay> {
  const unknown: string[] = [];
  const sockets = new Set<Socket>();
  const byRequest = new Map<string, Recorded[]>();
  for (const each of recorded) {
    const key = keyOf(each.request);
    byRequest.set(key, [...(byRequest.get(key) ?? []), each]);
  }
  const asked = new Map<string, number>();
  const answer = (request: Recorded['request']): readonly unknown[] => {
    const key = keyOf(request);
    const known = byRequest.get(key);
    if (!known) {
      unknown.push(request.Command ?? request.Suggest ?? '');
      const word = (request.Command ?? '').split(' ')[0] ?? '';
      const entry = responseEntry('node1', { Error: `invalid command: \`${word}\`` });
      return [{ Resp: [entry], Rendered: '', More: false, Status: false }];
    }
    const turn = asked.get(key) ?? 0;
    asked.set(key, turn + 1);
    return known[Math.min(turn, known.length - 1)]?.responses ?? [];
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    const splitter = new JsonSplitter(maxRequestBytes);
    socket.on('data', (bytes) => {
      for (const text of splitter.push(bytes).texts) {
        // As Go's decoder: what is not known is left out.
        const request = Recorded.shape.request.safeParse(JSON.parse(text));
        for (const each of answer(request.data ?? {})) socket.write(`${JSON.stringify(each)}\n`);
      }
    });
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socketPath, resolve);
  });
  return {
    socketPath,
    unknown,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const keyOf = ({ Command = '', Suggest = '' }: Recorded['request']) => JSON.stringify([Command, Suggest]);
