// The connection to Open vSwitch's database against servers that break, hang or talk nonsense, over real sockets.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Database } from './database.ts';
import { OvsdbConnection } from './ovsdb.ts';

let folder: string;
let path: string;
let server: Server;
let sockets: Socket[];
/** What the server does with each message. */
let answer: (message: { id: unknown; method?: string; params: unknown[] }, socket: Socket) => void;
const reply = (socket: Socket, id: unknown, result: unknown) =>
  socket.write(JSON.stringify({ id, result, error: null }));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ovsdb-'));
  path = join(folder, 'db.sock');
  sockets = [];
  answer = () => undefined;
  await listen();
});
afterEach(async () => {
  await end();
  await rm(folder, { recursive: true, force: true });
});

async function listen(): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) answer(JSON.parse(line) as Parameters<typeof answer>[0], socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

async function end(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

describe('one connection', () => {
  const closed: string[] = [];
  const open = () =>
    OvsdbConnection.open(path, { onUpdate: () => undefined, onClose: ({ message }) => closed.push(message) });
  beforeEach(() => closed.splice(0));

  test('matches answers to requests in any order, answers echoes, and reads objects in pieces', async () => {
    const connection = await open();
    const waiting: [unknown, Socket][] = [];
    const echoed: unknown[] = [];
    answer = ({ id, method }, socket) => {
      if (method === 'late') waiting.push([id, socket]);
      else if (method === 'soon') {
        const text = JSON.stringify({ id, result: 'soon }"{', error: null });
        socket.write(text.slice(0, 9));
        setTimeout(() => socket.write(text.slice(9)), 20);
      } else if (method === undefined) echoed.push(id);
    };
    const late = connection.request('late', [], 10_000);
    expect(await connection.request('soon', [], 10_000)).toBe('soon }"{');
    sockets[0]?.write(JSON.stringify({ id: 'e1', method: 'echo', params: [] }));
    await expect.poll(() => echoed).toEqual(['e1']);
    for (const [id, socket] of waiting) reply(socket, id, 'late');
    expect(await late).toBe('late');
    connection.close();
  });

  test('a request without an answer ends at its deadline, and the connection continues', async () => {
    const connection = await open();
    await expect(connection.request('anything', [], 50)).rejects.toMatchObject({ code: 'timeout' });
    answer = ({ id }, socket) => reply(socket, id, 1);
    expect(await connection.request('anything', [], 10_000)).toBe(1);
    connection.close();
  });

  test.each([
    ['closes', (socket: Socket) => socket.destroy()],
    ['sends what is not JSON', (socket: Socket) => socket.write('{"id":}')],
    ['sends what is not an object', (socket: Socket) => socket.write('[1,2]')],
  ])('ends all requests when the server %s', async (_name, misbehave) => {
    const connection = await open();
    answer = (_message, socket) => misbehave(socket);
    const requests = [1, 2, 3].map((number) => connection.request(`r${number}`, [], 60_000));
    for (const request of requests) await expect(request).rejects.toMatchObject({ code: 'unreachable' });
    await expect(connection.request('later', [], 60_000)).rejects.toThrow();
    expect(closed).toHaveLength(1);
  });

  test('notices a server that hangs', async () => {
    const connection = await open();
    await expect(connection.request('anything', [], 60_000)).rejects.toThrow('has not answered');
    expect(closed).toEqual(['it has not answered for 5 s']);
  });

  test('an error of one operation, or of the commit, is the transaction’s', async () => {
    const connection = await open();
    answer = ({ id, method, params }, socket) => {
      if (method !== 'transact') return;
      const [, operation] = params as [string, { op: string }];
      if (operation.op === 'wait') reply(socket, id, [{ error: 'timed out', details: '"wait" timed out' }]);
      else reply(socket, id, [{ uuid: ['uuid', 'x'] }, { error: 'constraint violation', details: 'two rows "a"' }]);
    };
    await expect(connection.transact([{ op: 'wait' }], 10_000)).rejects.toMatchObject({ code: 'conflict' });
    await expect(connection.transact([{ op: 'insert' }], 10_000)).rejects.toThrow('two rows "a"');
    connection.close();
  });
});

describe('a copy of tables', () => {
  test('follows updates, and begins a new epoch with a fresh copy after each loss', async () => {
    let rows: Record<string, unknown> = { u1: { new: { name: 'a' } } };
    answer = ({ id, method }, socket) => {
      if (method === 'monitor') reply(socket, id, { Port: rows });
    };
    let changes = 0;
    const database = new Database({ path, columns: { Port: ['name'] }, onChange: () => (changes += 1) });
    await database.start();
    const names = () => [...(database.tables?.get('Port')?.values() ?? [])].map((row) => row['name']);
    expect([names(), database.epoch, database.failure]).toEqual([['a'], 1, '']);
    const update = (change: unknown) =>
      sockets.at(-1)?.write(JSON.stringify({ id: null, method: 'update', params: ['meshdeck', { Port: change }] }));
    update({ u2: { new: { name: 'b' } }, u1: { old: { name: 'a' }, new: { name: 'c' } } });
    await expect.poll(names).toEqual(['c', 'b']);
    update({ u1: { old: { name: 'c' } } });
    await expect.poll(names).toEqual(['b']);
    rows = { u9: { new: { name: 'z' } } };
    await end();
    await expect.poll(() => database.tables).toBeNull();
    expect(database.failure).not.toBe('');
    await expect(database.transact([{ op: 'select' }], 1_000)).rejects.toMatchObject({ code: 'unreachable' });
    await listen();
    await expect.poll(names).toEqual(['z']);
    expect(database.epoch).toBe(2);
    expect(changes).toBeGreaterThan(3);
    database.stop();
  });

  test('finds a server that starts later, and one that refuses to be monitored does not count', async () => {
    await end();
    const database = new Database({ path, columns: { Port: ['name'] }, onChange: () => undefined });
    await database.start();
    expect(database.epoch).toBe(0);
    let isWilling = false;
    answer = ({ id, method }, socket) => {
      if (method !== 'monitor') return;
      if (isWilling) reply(socket, id, {});
      else socket.write(JSON.stringify({ id, result: null, error: 'unknown database' }));
    };
    await listen();
    await expect.poll(() => database.failure).toContain('unknown database');
    isWilling = true;
    await expect.poll(() => database.epoch).toBe(1);
    database.stop();
  });
});
