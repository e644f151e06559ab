// Real Unix sockets, and what clients do to them.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, lstat, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandClient } from '../../contract/command-client.ts';
import { responseEntry, type CommandResponse } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxRequestBytes, maxWatchQueueBytes } from '../../contract/limits.ts';
import type { WatchMessage } from '../../contract/watch-messages.ts';
import { connectSocket, socketTransport, streamDuplex } from '../../host/command-socket.ts';
import type { Dispatcher } from '../commands/dispatcher.ts';
import { createMemoryCluster } from '../commands/memory-cluster.ts';
import type { StreamSource } from './connection.ts';
import { CommandSocket } from './server.ts';
import type { WatchSource } from './watch-writer.ts';

let base: string;
let server: CommandSocket;
let dispatcher: Dispatcher;
let bugs: unknown[];
let aborted: string[];
let watchers: Set<(message: WatchMessage) => void>;
let requests: unknown[];
let resyncs: number;
let isQuit: boolean;

const snapshot: WatchMessage = {
  Watch: 'begin',
  Revision: { Epoch: 'e', N: 0 },
  Self: 'a',
  Cluster: 'c',
  Context: 'john',
  Kinds: {},
  More: false,
};
const delta = (size = 0): WatchMessage => ({
  Watch: 'rows',
  From: { Epoch: 'e', N: 0 },
  Revision: { Epoch: 'e', N: 1 },
  Kinds: { nodes: { put: [], gone: ['x'.repeat(size)] } },
  More: false,
});
const watch: WatchSource = {
  kinds: ['nodes', 'hosts'],
  subscribe: (request, push) => {
    requests.push(request);
    watchers.add(push);
    push(snapshot);
    return {
      resync: () => {
        resyncs += 1;
        push(snapshot);
      },
      close: () => {
        watchers.delete(push);
      },
    };
  },
};

/** Ends of the streams that clients were given, by their service. */
const opened: { node: string; service: string; args: unknown; near: Duplex; end: Duplex }[] = [];
const streams: StreamSource = {
  open: (node, service, args, signal) => {
    if (service === 'refused') return Promise.reject(new AppError('refused', 'node7 is too old for streams'));
    if (service === 'slow') {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push('stream');
          reject(new AppError('cancelled', 'cancelled'));
        });
      });
    }
    const [near, end] = duplexPair({ allowHalfOpen: true });
    opened.push({ node, service, args, near, end });
    return Promise.resolve(near);
  },
};

beforeEach(async () => {
  opened.length = 0;
  base = await mkdtemp(join(tmpdir(), 'meshd-socket-'));
  bugs = [];
  aborted = [];
  watchers = new Set();
  requests = [];
  resyncs = 0;
  isQuit = false;
  dispatcher = (
    await createMemoryCluster({
      names: ['node1', 'node2'],
      onQuit: () => {
        isQuit = true;
      },
      handlers: () => ({
        'deploy logs <node>': ({ signal, command }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted.push(command.line);
              reject(new Error('stopped'));
            });
          }),
        'deploy launch <hosts>': async function* ({ host, status }) {
          for (const step of ['one', 'two', 'three']) {
            status(`step ${step}`);
            yield await Promise.resolve([responseEntry(host, { Response: step })]);
          }
        },
        'mesh dot <filename>': ({ host }) =>
          Promise.resolve([responseEntry(host, { Response: 'x'.repeat(8_000_000) })]),
      }),
    })
  ).get('node1')!;
  server = await listen();
});
afterEach(async () => {
  await server.close();
  await rm(base, { recursive: true, force: true });
  expect(bugs).toEqual([]);
});

const listen = (folder = base) =>
  CommandSocket.listen(
    { base: folder, host: 'node1', version: '0.1.0' },
    Promise.resolve({ dispatcher, watch, streams, onBug: (error) => bugs.push(error) }),
    (error) => bugs.push(error),
  );

type Message = Partial<CommandResponse> & { Hello?: unknown; Watch?: string };

/** A client that keeps all it reads. */
class Client {
  readonly socket: Socket;
  private text = '';
  isClosed = false;

  constructor(path = server.path) {
    this.socket = connect(path);
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  get messages(): Message[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Message);
  }

  send(...values: unknown[]): void {
    this.socket.write(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(''));
  }

  async until(condition: () => boolean): Promise<void> {
    const end = Date.now() + 60_000;
    while (!condition()) {
      if (Date.now() > end)
        throw new Error(`not within 10 s: ${condition.toString()}; read: ${this.text.slice(0, 500)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async read(count: number): Promise<Message[]> {
    await this.until(() => this.messages.length >= count);
    return this.messages;
  }
}

const errorsOf = (messages: Message[]) => messages.flatMap(({ Resp }) => (Resp ?? []).map((entry) => entry.Error));

describe('the path', () => {
  it("is the owner's alone, with a link for minimega's clients", async () => {
    expect((await stat(server.path)).mode & 0o777).toBe(0o600);
    expect(await readlink(join(base, 'minimega'))).toBe('meshd');
    const client = new Client(join(base, 'minimega'));
    client.send({ Command: 'version' });
    expect((await client.read(1))[0]?.Rendered).toBe('node1: meshd 0.1.0');
    client.socket.destroy();
  });

  it('is gone after close', async () => {
    await server.close();
    await expect(lstat(server.path)).rejects.toThrow(/ENOENT/);
    await expect(lstat(join(base, 'minimega'))).rejects.toThrow(/ENOENT/);
  });

  it('is refused to a second daemon, and the first keeps running', async () => {
    await expect(listen()).rejects.toThrow(/a meshd already runs on -base .* stop it with/);
    const client = new Client();
    client.send({ Command: 'echo still here' });
    expect((await client.read(1))[0]?.Rendered).toBe('node1: still here');
    client.socket.destroy();
  });

  it('is taken over from a dead daemon', async () => {
    const other = await mkdtemp(join(tmpdir(), 'meshd-stale-'));
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(join(other, 'first'), resolve));
    // A hard link outlives the daemon, as its socket does after kill -9.
    const { link } = await import('node:fs/promises');
    await link(join(other, 'first'), join(other, 'meshd'));
    await new Promise((resolve) => dead.close(resolve));
    const second = await listen(other);
    const client = new Client(second.path);
    client.send({ Command: 'version' });
    await client.read(1);
    await second.close();
    await rm(other, { recursive: true });
  });

  it('says what is wrong with a base', async () => {
    await expect(listen(join(base, 'x'.repeat(120)))).rejects.toThrow(/too long for a socket/);
    await writeFile(join(base, 'file'), '');
    await expect(listen(join(base, 'file'))).rejects.toThrow(/cannot listen in -base .*file/);
    const other = await mkdtemp(join(tmpdir(), 'meshd-way-'));
    await writeFile(join(other, 'meshd'), '');
    await expect(listen(other)).rejects.toThrow(/is in the way and is not a socket/);
    await rm(join(other, 'meshd'));
    const minimega = createServer();
    await new Promise<void>((resolve) => minimega.listen(join(other, 'minimega'), resolve));
    await expect(listen(other)).rejects.toThrow(/a minimega uses this directory/);
    await new Promise((resolve) => minimega.close(resolve));
    await rm(other, { recursive: true });
  });
});

describe('requests', () => {
  it('come with or without newlines, in pieces, in any case of keys', async () => {
    const client = new Client();
    client.send('{"command":"echo a"}{"COMMAND":"echo b","other":1}\n\n', {
      Command: 'echo c',
      Suggest: '',
      PlumbPipe: null,
    });
    await client.read(3);
    client.socket.write('{"Comm');
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.write('and":"echo d"}');
    const messages = await client.read(4);
    expect(messages.map(({ Rendered }) => Rendered)).toEqual(['node1: a', 'node1: b', 'node1: c', 'node1: d']);
    expect(Object.keys(messages[0]!)).toEqual(['Resp', 'Rendered', 'More', 'Status']);
    client.socket.destroy();
  });

  it('blank, both or neither, suggestions, hello', async () => {
    const client = new Client();
    client.send(
      { Command: '# x' },
      {},
      { Command: 'a', Suggest: 'b' },
      { Suggest: 'mesh l' },
      { Suggest: 'bogus con' },
      { Hello: {} },
    );
    const messages = await client.read(6);
    expect(messages[0]).toEqual({ Resp: null, Rendered: '', More: false, Status: false });
    expect(errorsOf(messages.slice(1, 3))).toEqual(Array(2).fill('must specify either command or suggest'));
    expect(messages[3]).toEqual({ Resp: null, Rendered: '', More: false, Status: false, Suggest: ['mesh list '] });
    expect(messages[4]).toEqual({ Resp: null, Rendered: '', More: false, Status: false });
    expect(messages[5]?.Hello).toEqual({
      Product: 'meshd',
      Version: '0.1.0',
      ProtocolMin: 1,
      ProtocolMax: 1,
      Features: ['Watch', 'Cancel', 'Stream'],
      Kinds: ['nodes', 'hosts'],
    });
    client.socket.destroy();
  });

  it('may have several answers, with status between', async () => {
    const client = new Client();
    client.send({ Command: 'deploy launch n1' });
    await client.until(() => client.messages.some(({ More, Status }) => More === false && Status === false));
    const results = client.messages.filter(({ Status }) => !Status);
    expect(results.map(({ Rendered, More }) => [Rendered, More])).toEqual([
      ['node1: one', true],
      ['node1: two', true],
      ['node1: three', false],
    ]);
    const status = client.messages.filter(({ Status }) => Status);
    expect(status.map(({ Rendered, Resp, More }) => [Rendered, Resp, More])).toEqual(
      ['one', 'two', 'three'].map((step) => [`step ${step}`, null, false]),
    );
    client.socket.destroy();
  });

  it('are answered to a client that ended its side', async () => {
    const client = new Client();
    client.socket.end(JSON.stringify({ Command: 'echo a' }));
    await client.until(() => client.isClosed);
    expect(client.messages[0]?.Rendered).toBe('node1: a');
  });
});

describe('Cancel', () => {
  it('ends the running command with an error, and the connection stays open', async () => {
    const client = new Client();
    client.send({ Command: 'deploy logs n1' }, { Command: 'echo next' }, { Cancel: true });
    const messages = await client.read(2);
    expect(errorsOf(messages)).toEqual(['stopped', '']);
    expect(messages[1]?.Rendered).toBe('node1: next');
    client.send({ Cancel: true }, { Command: 'echo more' });
    expect((await client.read(3))[2]?.Rendered).toBe('node1: more');
    client.socket.destroy();
  });
});

describe('clients that go away', () => {
  it('take their command with them', async () => {
    const client = new Client();
    client.send({ Command: 'deploy logs gone' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.destroy();
    await client.until(() => aborted.includes('deploy logs gone'));
  });

  it('take it with them also behind more requests than are read ahead', async () => {
    const client = new Client();
    client.send({ Command: 'deploy logs flood' }, ...Array<unknown>(500).fill({ Command: 'version' }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.destroy();
    await client.until(() => aborted.includes('deploy logs flood'));
  });

  it('do not lose what they sent ahead', async () => {
    const client = new Client();
    client.socket.end(Array.from({ length: 500 }, (_, at) => JSON.stringify({ Command: `echo ${at}` })).join(''));
    await client.until(() => client.isClosed);
    expect(client.messages.map(({ Rendered }) => Rendered)).toEqual(
      Array.from({ length: 500 }, (_, at) => `node1: ${at}`),
    );
  });

  it('after half an object, get an error and are closed', async () => {
    const client = new Client();
    client.socket.end('{"Command":"ver');
    await client.until(() => client.isClosed);
    expect(errorsOf(client.messages)[0]).toMatch(/ended in the middle of a JSON object/);
  });

  it('quit: the end of the connection is the answer', async () => {
    const client = new Client();
    client.send({ Command: 'quit' });
    await client.until(() => client.isClosed);
    expect(client.messages).toEqual([]);
    expect(isQuit).toBe(true);
  });
});

describe('bad input', () => {
  it.each([
    ['nonsense', /a JSON object is expected/],
    ['[1]', /a JSON object is expected/],
    ['{"Command":}', /malformed request/],
    ['{"Command":5}', /malformed request: command/],
    [`{"Command":"${'x'.repeat(maxRequestBytes)}"}`, /more than 1000000 bytes/],
    ['{"a":'.repeat(150_000) + '1' + '}'.repeat(150_000), /must specify|malformed|stack/i],
  ])('%#: answers what came before, says why, closes, and harms no other', async (text, message) => {
    const other = new Client();
    other.send({ Command: 'echo before' });
    await other.read(1);
    const client = new Client();
    client.send({ Command: 'echo first' }, text);
    if (!text.startsWith('{"a":')) await client.until(() => client.isClosed);
    const messages = await client.read(2);
    expect(messages[0]?.Rendered).toBe('node1: first');
    expect(errorsOf(messages)[1]).toMatch(message);
    other.send({ Command: 'echo after' });
    expect((await other.read(2))[1]?.Rendered).toBe('node1: after');
    other.socket.destroy();
    client.socket.destroy();
  });

  it('answers a line of nearly a megabyte with the bound of a line, and takes the next one', async () => {
    const client = new Client();
    client.send({ Command: 'y'.repeat(maxRequestBytes - 20) });
    expect(errorsOf(await client.read(1))[0]).toMatch(/^the line has more than 65536 bytes/);
    client.send({ Suggest: '. '.repeat(2000) });
    expect(errorsOf(await client.read(2)).at(-1)).toMatch(/^the line has more than 1000 words/);
    client.send({ Command: 'version' });
    expect(errorsOf(await client.read(3)).at(-1)).toBe('');
    client.socket.destroy();
  });

  it('serves 200 clients at once', async () => {
    const clients = Array.from({ length: 200 }, () => new Client());
    clients.forEach((client, at) => client.send({ Command: `echo ${at}` }));
    const answers = await Promise.all(clients.map((client) => client.read(1)));
    expect(answers.map(([message]) => message?.Rendered)).toEqual(clients.map((_, at) => `node1: ${at}`));
    clients.forEach((client) => client.socket.destroy());
  });

  it('is not held by a client that never reads', async () => {
    const lazy = connect(server.path).pause();
    for (let at = 0; at < 100; at += 1) lazy.write(JSON.stringify({ Command: 'mesh dot x' }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = process.memoryUsage().rss;
    const client = new Client();
    client.send({ Command: 'echo fine' });
    expect((await client.read(1))[0]?.Rendered).toBe('node1: fine');
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
    client.socket.destroy();
    await server.close();
    lazy.destroy();
  });
});

describe('Watch', () => {
  it('gives the rows that there are, then changes, and ends with the connection', async () => {
    const client = new Client();
    client.send({ Watch: { Kinds: ['nodes', 'taps'] } });
    await client.read(1);
    expect(requests).toEqual([{ kinds: ['nodes', 'taps'] }]);
    for (const push of watchers) push(delta());
    expect((await client.read(2)).map(({ Watch }) => Watch)).toEqual(['begin', 'rows']);
    client.socket.destroy();
    await client.until(() => watchers.size === 0);
  });

  it('gives a slow reader a new beginning instead of an endless queue', async () => {
    const client = new Client();
    client.send({ Watch: {} });
    await client.read(1);
    client.socket.pause();
    const count = 3 * Math.ceil(maxWatchQueueBytes / 100_000);
    for (let at = 0; at < count; at += 1) for (const push of watchers) push(delta(100_000));
    client.socket.resume();
    await client.until(() => resyncs === 1);
    await client.until(() => client.messages.at(-1)?.Watch === 'begin');
    expect(client.messages.length).toBeLessThan(count);
    for (const push of watchers) push(delta());
    await client.until(() => client.messages.at(-1)?.Watch === 'rows');
    client.socket.destroy();
  });

  it('occupies the connection: another request ends it', async () => {
    const client = new Client();
    client.send({ Watch: {} });
    await client.read(1);
    client.send({ Command: 'version' });
    await client.until(() => client.isClosed);
    expect(watchers.size).toBe(0);
  });
});

describe('Stream', () => {
  const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const connectClient = async () => {
    const socket = await connectSocket(server.path, { hasTwoEnds: true });
    return { socket, client: new CommandClient({ canCancel: true }, { transport: socketTransport(socket) }) };
  };
  const request = { Node: 'node2', Service: 'pipe', Args: { vm: 'web1' } };
  const readAll = async (bytes: AsyncIterable<unknown>) => {
    const chunks: Buffer[] = [];
    for await (const chunk of bytes) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };

  it('turns the connection into bytes both ways, behind what was asked before, each direction with its own end', async () => {
    const { client } = await connectClient();
    const [there, back] = [randomBytes(3_000_000), randomBytes(3_000_000)];
    expect((await client.hello({})).Features).toContain('Stream');
    const stream = streamDuplex(await client.stream(request));
    const [call] = opened;
    expect(call).toMatchObject({ node: 'node2', service: 'pipe', args: { vm: 'web1' } });
    const end = call!.end;
    stream.end(there);
    expect(hashOf(await readAll(end))).toBe(hashOf(there));
    end.end(back);
    expect(hashOf(await readAll(stream))).toBe(hashOf(back));
    expect(client.isClosed).toBe(true);
    await expect(client.suggest('x')).rejects.toThrow('the connection to the node ended');
  });

  it('keeps the bytes that come with the answer, and those that look like JSON', async () => {
    const { client } = await connectClient();
    const stream = await client.stream(request);
    const { end } = opened[0]!;
    end.write('{"Command":');
    end.end(Buffer.of(0, 255, 10, 10, 123));
    expect(await readAll(stream.bytes)).toEqual(Buffer.from([...Buffer.from('{"Command":'), 0, 255, 10, 10, 123]));
    stream.close();
  });

  it('waits for the newline in its own packet, and puts nothing of it into the stream', async () => {
    const client = new Client();
    client.send({ Stream: request });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(opened).toHaveLength(0);
    client.send('\n');
    await client.read(1);
    client.socket.write('data');
    client.socket.end();
    const { end } = opened[0]!;
    expect((await readAll(end)).toString()).toBe('data');
    end.end();
    await client.until(() => client.isClosed);
  });

  it('answers a refusal like a command, and the connection stays as it was', async () => {
    const { client } = await connectClient();
    await expect(client.stream({ ...request, Service: 'refused' })).rejects.toThrow('node7 is too old for streams');
    for await (const { Rendered } of client.command('echo still here')) expect(Rendered).toBe('node1: still here');
    client.close();
  });

  it.each([
    [
      'in the same packet',
      (client: Client) => client.send({ Stream: { Service: 'slow' } }, '\n', { Command: 'version' }),
    ],
    ['without a newline', (client: Client) => client.send({ Stream: { Service: 'slow' } }, { Command: 'version' })],
    [
      'later',
      (client: Client) => {
        client.send({ Stream: { Service: 'slow' } }, '\n');
        setTimeout(() => client.send({ Command: 'version' }), 100);
      },
    ],
  ])('what comes before the answer %s ends the connection, and is not run', async (_when, act) => {
    const client = new Client();
    act(client);
    await client.until(() => client.isClosed);
    expect(errorsOf(client.messages).at(-1)).toMatch(/a newline follows Stream, and nothing more until its answer/);
    expect(JSON.stringify(client.messages)).not.toContain('meshd 0.1.0');
  });

  it('gives up the stream of a client that goes away while it is opened', async () => {
    const client = new Client();
    client.send({ Stream: { Service: 'slow' } }, '\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.socket.destroy();
    await client.until(() => aborted.includes('stream'));
  });

  it('closes the connection when the stream breaks, and the stream when the daemon stops', async () => {
    const [first, second] = [await connectClient(), await connectClient()];
    const [one, two] = [
      streamDuplex(await first.client.stream(request)),
      streamDuplex(await second.client.stream(request)),
    ];
    const ended = once(one.resume(), 'end');
    opened[0]!.near.destroy(new Error('broken'));
    await ended;
    // It closes with an error, which is right.
    const other = new Promise((resolve) => opened[1]!.near.once('close', resolve));
    two.resume();
    await server.close();
    await other;
  });

  it('holds back a client while the other end does not read', async () => {
    const { socket, client } = await connectClient();
    const stream = streamDuplex(await client.stream(request));
    const bytes = randomBytes(20_000_000);
    stream.end(bytes);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(bytes.length / 2);
    expect(hashOf(await readAll(opened[0]!.end))).toBe(hashOf(bytes));
  });

  it.each([
    [{ Stream: {} }, /malformed request: stream.Service/],
    [{ Stream: { Service: 'x'.repeat(65) } }, /malformed request: stream.Service/],
    [{ Stream: { Service: 'x', Node: 'n'.repeat(254) } }, /malformed request: stream.Node/],
  ])('%j is refused', async (value, message) => {
    const client = new Client();
    client.send(value, '\n');
    await client.until(() => client.isClosed);
    expect(errorsOf(client.messages)[0]).toMatch(message);
  });
});
