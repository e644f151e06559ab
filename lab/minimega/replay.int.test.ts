import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandClient } from '../../contract/command-client.ts';
import { connectSocket, socketTransport } from '../../host/command-socket.ts';
import { recordedAnswers, startReplay } from './replay.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(['recorded', 'recorded-vms'] as const)('every answer of %s comes as it was recorded', async (name) => {
  const recorded = recordedAnswers(name);
  const replay = await startReplay(join(folder, name), recorded);
  const socket = await connectSocket(replay.socketPath);
  const client = new CommandClient({ canCancel: false }, { transport: socketTransport(socket) });
  let count = 0;
  for (const { request, responses } of recorded) {
    if (request.Command === undefined || request.Command === '') continue;
    const last = responses.at(-1);
    // Some ended the connection instead of an answer, or were answered after it.
    if (last === undefined || last['More'] === true || last['Status'] === true) continue;
    const answers = [];
    for await (const answer of client.command(request.Command)) answers.push(answer);
    expect(answers, request.Command).toMatchObject(responses.filter(({ Status }) => Status !== true));
    count += 1;
  }
  client.close();
  expect(replay.unknown).toEqual([]);
  expect(count).toBeGreaterThan(recorded.length / 2);
  await replay.stop();
});
