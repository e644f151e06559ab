// The conformance suite, on every command socket that we have: the recordings of minimega 3.1.0, the double, and a cluster of meshds. With
// MINIMEGA_SOCKET in the environment also on that live minimega, which it leaves as it is.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../../agent/socket/cluster-for-tests.ts';
import { CommandClient } from '../../contract/command-client.ts';
import { connectSocket, socketTransport } from '../../host/command-socket.ts';
import { conformanceCases, conformanceIssues, conformanceSuggestions } from './conformance.ts';
import { DoubleMinimega } from './double.ts';
import { recordedAnswers, startReplay } from './replay.ts';

interface Target {
  readonly name: string;
  readonly start: () => Promise<{ readonly socketPath: string; readonly stop: () => Promise<unknown> }>;
}

const recorded = [...recordedAnswers('recorded'), ...recordedAnswers('recorded-vms')];
const isRecorded = new Set(recorded.map(({ request }) => request.Command));
const live = process.env['MINIMEGA_SOCKET'];

const targets: readonly Target[] = [
  {
    name: 'the recordings of minimega 3.1.0',
    start: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'replay-'));
      const replay = await startReplay(join(folder, 'minimega'), recorded);
      return { socketPath: replay.socketPath, stop: () => replay.stop().then(() => rm(folder, { recursive: true })) };
    },
  },
  {
    name: 'the double',
    start: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'double-'));
      const double = await DoubleMinimega.start({ folder, names: ['node1', 'node2', 'node3'] });
      return {
        socketPath: double.socketOf('node1'),
        stop: () => double.stop().then(() => rm(folder, { recursive: true })),
      };
    },
  },
  { name: 'meshd', start: async () => startCluster() },
  ...(live === undefined
    ? []
    : [{ name: 'a live minimega', start: () => Promise.resolve({ socketPath: live, stop: () => Promise.resolve() }) }]),
];

test('every line of the suite was recorded', () => {
  expect(conformanceCases.filter(({ line }) => !isRecorded.has(line)).map(({ line }) => line)).toEqual([]);
});

describe.each(targets)('$name', ({ start }) => {
  let target: Awaited<ReturnType<Target['start']>>;
  let client: CommandClient;
  beforeAll(async () => {
    target = await start();
    client = new CommandClient(
      { canCancel: false },
      { transport: socketTransport(await connectSocket(target.socketPath)) },
    );
  });
  afterAll(async () => {
    client.close();
    await target.stop();
  });

  test.each(conformanceCases)('$line', async (expected) => {
    const answers: unknown[] = [];
    for await (const answer of client.command(expected.line, { deadline: AbortSignal.timeout(30_000) }))
      answers.push(answer);
    expect(conformanceIssues(expected, answers)).toEqual([]);
  });

  test.each(conformanceSuggestions)('completes `$text`', async ({ text, among }) => {
    expect(await client.suggest(text, { deadline: AbortSignal.timeout(30_000) })).toEqual(
      expect.arrayContaining([...among]),
    );
  });

  test('runs lines of one connection one after the other, each with its own answer', async () => {
    const lines = ['version', 'mesh degree', 'bogus', 'mesh status'];
    const texts = await Promise.all(
      lines.map(async (line) => {
        for await (const { Resp } of client.command(line))
          return Resp?.[0]?.Error || Resp?.[0]?.Response || Resp?.[0]?.Header?.[0];
        return '';
      }),
    );
    expect(texts[1]).toMatch(/^\d+$/);
    expect(texts[2]).toContain('bogus');
    expect(texts[3]).toBe('size');
  });
});
