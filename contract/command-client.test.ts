import { describe, expect, it } from 'vitest';
import { CommandClient, type CommandTransport } from './command-client.ts';
import { responseEntry, type CommandResponse } from './command-socket.ts';
import { WatchMessage } from './watch-messages.ts';

/** A node in memory: `answer` maps each request to texts; null ends the connection. */
function fakeNode(answer: (request: Record<string, unknown>) => (string | null)[] | Promise<never>) {
  const chunks: (Uint8Array | null)[] = [];
  const requests: Record<string, unknown>[] = [];
  let wake: () => void = () => undefined;
  let isClosed = false;
  const push = (text: string | null) => {
    chunks.push(text === null ? null : new TextEncoder().encode(text));
    wake();
  };
  const transport: CommandTransport = {
    write: (text) => {
      const request = JSON.parse(text) as Record<string, unknown>;
      requests.push(request);
      const found = answer(request);
      if (Array.isArray(found)) found.forEach(push);
      return Promise.resolve();
    },
    bytes: (async function* () {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk === null) return;
        if (chunk) yield chunk;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    })(),
    close: () => {
      isClosed = true;
      push(null);
    },
  };
  return { transport, requests, push, isClosed: () => isClosed };
}

const response = (part: Partial<CommandResponse>): string =>
  JSON.stringify({ Resp: [responseEntry('n1', { Response: 'x' })], Rendered: '', More: false, Status: false, ...part });

async function texts(answers: AsyncIterable<CommandResponse>): Promise<string[]> {
  const found: string[] = [];
  for await (const { Rendered } of answers) found.push(Rendered);
  return found;
}

describe('CommandClient', () => {
  it('gives all answers of a command, and status apart', async () => {
    const node = fakeNode(() => [
      response({ Rendered: 'one', More: true }) +
        response({ Rendered: 'working', Status: true, Resp: null }).slice(0, 20),
      response({ Rendered: 'working', Status: true, Resp: null }).slice(20) + '\n ' + response({ Rendered: 'two' }),
    ]);
    const client = new CommandClient({ canCancel: true }, node);
    const status: string[] = [];
    expect(await texts(client.command('read x', { onStatus: (text) => status.push(text) }))).toEqual(['one', 'two']);
    expect(status).toEqual(['working']);
    expect(node.requests).toEqual([{ Command: 'read x', Suggest: '' }]);
  });

  it('runs one at a time, in order', async () => {
    const node = fakeNode(({ Command, Suggest }) => [
      response(Suggest ? { Suggest: ['s '] } : { Rendered: String(Command) }),
    ]);
    const client = new CommandClient({ canCancel: true }, node);
    const all = await Promise.all([texts(client.command('a')), client.suggest('s'), texts(client.command('b'))]);
    expect(all).toEqual([['a'], ['s '], ['b']]);
  });

  it('asks the node to cancel, and gets its error entry', async () => {
    const entry = responseEntry('n1', { Error: 'cancelled' });
    const node = fakeNode((request) => (request['Cancel'] ? [response({ Resp: [entry] })] : []));
    const client = new CommandClient({ canCancel: true }, node);
    const abort = new AbortController();
    const answers = client.command('slow', { signal: abort.signal }).next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    expect((await answers).value?.Resp).toEqual([entry]);
    expect(client.isClosed).toBe(false);
  });

  it('closes the connection where Cancel is unknown', async () => {
    const node = fakeNode(() => []);
    const client = new CommandClient({ canCancel: false }, node);
    const abort = new AbortController();
    const answers = client.command('slow', { signal: abort.signal }).next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    await expect(answers).rejects.toMatchObject({ code: 'cancelled' });
    expect(node.isClosed()).toBe(true);
  });

  it('gives up at its deadline', async () => {
    const node = fakeNode(() => []);
    const client = new CommandClient({ canCancel: true }, node);
    await expect(client.hello({}, { deadline: AbortSignal.timeout(10) })).rejects.toMatchObject({ code: 'timeout' });
    expect(node.isClosed()).toBe(true);
    await expect(client.suggest('x')).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('takes the end of the connection as the answer to quit, and as a failure of any other command', async () => {
    expect(
      await texts(
        new CommandClient(
          { canCancel: true },
          fakeNode(() => [null]),
        ).command('quit'),
      ),
    ).toEqual([]);
    const client = new CommandClient(
      { canCancel: true },
      fakeNode(() => [response({ More: true }), null]),
    );
    await expect(texts(client.command('read x'))).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('leaves no answer behind for the next command', async () => {
    const node = fakeNode(() => [response({ More: true }), response({})]);
    const client = new CommandClient({ canCancel: true }, node);
    for await (const answer of client.command('read x')) if (answer.More) break;
    expect(node.isClosed()).toBe(true);
  });

  it('refuses anything that is not an answer, and a node without Hello', async () => {
    const bad = new CommandClient(
      { canCancel: true },
      fakeNode(() => ['{"Resp":5}']),
    );
    await expect(texts(bad.command('x'))).rejects.toThrow(/something that is not an answer/);
    const old = new CommandClient(
      { canCancel: true },
      fakeNode(() => [response({})]),
    );
    await expect(old.hello({})).rejects.toThrow(/knows no Hello/);
  });

  it('watches', async () => {
    const snapshot = {
      Watch: 'begin',
      Revision: { Epoch: 'e', N: 0 },
      Self: 'a',
      Cluster: 'c',
      Context: 'x',
      Kinds: { nodes: { put: [], gone: [] } },
      More: false,
    };
    const node = fakeNode(() => [JSON.stringify(snapshot)]);
    for await (const message of new CommandClient({ canCancel: true }, node).watch(
      { Kinds: ['nodes'] },
      WatchMessage,
    )) {
      expect(message).toEqual(snapshot);
      break;
    }
    expect(node.isClosed()).toBe(true);
  });

  it('gives the bytes of a stream as they come, behind the newline of the answer', async () => {
    const node = fakeNode(() => ['{"Stream":{"Node":"n1",', '"Service":"echo"}}', '\n', '\n{"x', '":1}', null]);
    const written: (Uint8Array | 'end')[] = [];
    const raw = {
      write: (bytes: Uint8Array) => Promise.resolve(void written.push(bytes)),
      end: () => Promise.resolve(void written.push('end')),
    };
    const client = new CommandClient({ canCancel: true }, { transport: { ...node.transport, raw } });
    const stream = await client.stream({ Node: 'n1', Service: 'echo', Args: { a: 1 } });
    expect(node.requests).toEqual([{ Stream: { Node: 'n1', Service: 'echo', Args: { a: 1 } } }]);
    await stream.write(Uint8Array.of(1, 2));
    await stream.end();
    expect(written).toEqual([Uint8Array.of(1, 2), 'end']);
    const pieces: string[] = [];
    for await (const piece of stream.bytes) pieces.push(new TextDecoder().decode(piece));
    expect(pieces.join('')).toBe('\n{"x":1}');
    // The connection is the stream's.
    await expect(client.suggest('x')).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('says why a node opens no stream, and is used again after that', async () => {
    const answers = [
      response({ Resp: [responseEntry('n1', { Error: 'node7 is too old for streams' })] }),
      response({}),
    ];
    const node = fakeNode(() => answers.splice(0, 1));
    const raw = { write: () => Promise.resolve(), end: () => Promise.resolve() };
    const client = new CommandClient({ canCancel: true }, { transport: { ...node.transport, raw } });
    const refused = client.stream({ Service: 'echo', Args: null });
    await expect(refused).rejects.toMatchObject({ code: 'refused', message: 'node7 is too old for streams' });
    expect(await texts(client.command('version'))).toEqual(['']);
  });

  it('opens no stream over a transport of text', async () => {
    const node = fakeNode(() => []);
    const client = new CommandClient({ canCancel: true }, node);
    await expect(client.stream({ Service: 'echo', Args: null })).rejects.toThrow('carries text only');
    expect(node.requests).toEqual([]);
  });
});
