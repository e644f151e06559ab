import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxQmpMessageBytes } from '../../contract/limits.ts';
import { openQmp, type Qmp, type QmpEvent, type QmpOptions } from './qmp.ts';

let folder: string;
let path: string;
let server: Server | undefined;
let qmp: Qmp | undefined;
/** Connections in the order in which they came, with the commands that each sent. */
let clients: { socket: Socket; commands: Record<string, unknown>[] }[];

/** A monitor that greets, takes the capabilities, and answers as `answer` says. */
async function listen(answer: (command: Record<string, unknown>, socket: Socket) => string | null): Promise<void> {
  server = createServer((socket) => {
    const client = { socket, commands: [] as Record<string, unknown>[] };
    clients.push(client);
    socket.on('error', () => undefined);
    socket.write('{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n');
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\n')) {
        if (line === '') continue;
        const command = JSON.parse(line) as Record<string, unknown>;
        client.commands.push(command);
        if (command['execute'] === 'qmp_capabilities') socket.write(`{"return":{},"id":${String(command['id'])}}`);
        else {
          const text = answer(command, socket);
          if (text !== null) socket.write(text);
        }
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
}

function open(options: Partial<QmpOptions> = {}): Promise<QmpEvent[]> {
  const events: QmpEvent[] = [];
  return new Promise((resolve) => {
    qmp = openQmp(path, { onEvent: (event) => events.push(event), onReady: () => resolve(events), ...options });
  });
}

const echo = (command: Record<string, unknown>) =>
  `{"return": ${JSON.stringify(command['arguments'] ?? null)}, "id": ${String(command['id'])}}\n`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'));
  path = join(folder, 'qmp');
  clients = [];
});

afterEach(async () => {
  qmp?.close();
  for (const { socket } of clients) socket.destroy();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  server = undefined;
  await rm(folder, { recursive: true });
});

describe('QMP', () => {
  it('gives each command its answer, whatever their order', async () => {
    const waiting: string[] = [];
    await listen((command, socket) => {
      waiting.push(echo(command));
      if (waiting.length === 3) for (const text of waiting.reverse()) socket.write(text);
      return null;
    });
    await open();
    const answers = await Promise.all([1, 2, 3].map((n) => qmp!.command('x', { n })));
    expect(answers).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('an error of QEMU is an error with its words and its class', async () => {
    await listen(({ id }) => `{"id": ${String(id)}, "error": {"class": "CommandNotFound", "desc": "no such thing"}}`);
    await open();
    await expect(qmp?.command('nope')).rejects.toMatchObject({
      code: 'failed',
      message: 'QEMU refused nope: no such thing',
      detail: { class: 'CommandNotFound' },
    });
  });

  it('events come in order, in pieces or together, without disturbing answers', async () => {
    await listen((command, socket) => {
      socket.write('{"event":"STOP","timestamp":{"seconds":1,"microseconds":2}}{"event":"RES');
      setTimeout(() => socket.write(`UME"}\n${echo(command)}{"event":"SHUTDOWN","data":{"guest":true}}`), 5);
      return null;
    });
    const events = await open();
    expect(await qmp?.command('x', {})).toEqual({});
    await expect
      .poll(() => events)
      .toEqual([
        { event: 'STOP', data: {} },
        { event: 'RESUME', data: {} },
        { event: 'SHUTDOWN', data: { guest: true } },
      ]);
  });

  it('a command without an answer ends by its deadline, and its late answer is dropped', async () => {
    let late = '';
    await listen((command) => {
      if (command['execute'] === 'slow') {
        late = echo(command);
        return null;
      }
      return `${late}${echo(command)}`;
    });
    await open();
    await expect(qmp?.command('slow', { a: 1 }, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
    expect(await qmp?.command('next', { b: 2 })).toEqual({ b: 2 });
  });

  it('a monitor that closes ends what waits as unknown, and is connected again', async () => {
    await listen((command, socket) => {
      if (command['execute'] !== 'die') return echo(command);
      socket.destroy();
      return null;
    });
    let lost = 0;
    let ready = 0;
    await new Promise<void>((resolve) => {
      qmp = openQmp(path, {
        onEvent: () => undefined,
        onLost: () => (lost += 1),
        onReady: () => {
          ready += 1;
          resolve();
        },
      });
    });
    await expect(qmp?.command('die')).rejects.toMatchObject({ code: 'timeout' });
    await expect.poll(() => ready).toBe(2);
    expect(lost).toBe(1);
    expect(await qmp?.command('x', { again: true })).toEqual({ again: true });
  });

  it('waits for a socket that is not there yet', async () => {
    const opened = open();
    await expect(qmp?.command('x')).rejects.toMatchObject({ code: 'unreachable' });
    await listen(echo);
    await opened;
    expect(await qmp?.command('x', {})).toEqual({});
  });

  it.each([
    ['what is not JSON', '{"return": }'],
    ['what is not an object', '[1]'],
    ['an object beyond the bound', `{"return": "${'x'.repeat(maxQmpMessageBytes)}"}`],
  ])('%s ends the connection, and the next one works', async (_name, text) => {
    await listen((command) => (clients.length === 1 ? text : echo(command)));
    let ready = 0;
    await new Promise<void>((resolve) => {
      qmp = openQmp(path, {
        onEvent: () => undefined,
        onReady: () => {
          ready += 1;
          resolve();
        },
      });
    });
    await expect(qmp?.command('x')).rejects.toMatchObject({ code: 'timeout' });
    await expect.poll(() => ready).toBe(2);
    expect(await qmp?.command('x', {})).toEqual({});
  });

  it('refuses more commands than its bound while none is answered', async () => {
    await listen(() => null);
    await open({ commandMs: 50 });
    const sent = Array.from({ length: 65 }, () =>
      qmp!.command('x').catch((error: unknown) => (error as { code: string }).code),
    );
    const codes = await Promise.all(sent);
    expect(codes.filter((code) => code === 'conflict')).toHaveLength(1);
    expect(codes.filter((code) => code === 'timeout')).toHaveLength(64);
  });

  it('after close it does not connect again', async () => {
    await listen(echo);
    await open();
    qmp?.close();
    await expect(qmp?.command('x')).rejects.toMatchObject({
      code: expect.stringMatching(/unreachable|timeout/) as string,
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(clients).toHaveLength(1);
  });
});
