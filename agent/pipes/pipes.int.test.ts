// Pipes and plumbs over a real command socket and real programs, on three nodes.
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPipe } from '../client/pipe.ts';
import { startCluster, type TestCluster } from '../socket/cluster-for-tests.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

/** A command on a node; its table, its text or its error. */
async function run(line: string, at = 0): Promise<unknown> {
  const dispatcher = cluster.dispatchers[at];
  if (!dispatcher) throw new Error('three nodes');
  let answer: unknown;
  const options = { signal: new AbortController().signal, status: () => undefined };
  for await (const { Resp } of dispatcher.execute(dispatcher.session(), line, { via: 'socket' }, options)) {
    const [entry] = Resp ?? [];
    answer = entry?.Error === '' ? (entry.Tabular ?? entry.Response) : `error: ${entry?.Error ?? ''}`;
  }
  return answer;
}

class Client {
  text = '';
  readonly socket: Socket;
  constructor() {
    this.socket = connect(cluster.socketPath);
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
  }
  async until(text: string): Promise<void> {
    const end = Date.now() + 60_000;
    while (!this.text.includes(text)) {
      if (Date.now() > end) throw new Error(`no ${text} in a minute: ${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error('not in a minute');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a connection becomes a pipe, whatever came before it, and strings follow in the same packet', async () => {
  const reader = new Client();
  reader.socket.write('{"Command":"echo first"}{"plumbpipe":"minimega//foo"}\n"hello \\u00e9\\n""and more"');
  await reader.until('"and more\\n"\n');
  expect(reader.text.split('\n').slice(1)).toEqual(['"hello é\\n"', '"and more\\n"', '']);
  expect(await run('pipe')).toEqual([['foo', 'all', '1', '1', '2', '', 'and more']]);
  await run('pipe foo "from a command"');
  await reader.until('"from a command\\n"');
  expect(await run('pipe foo "from another node"', 2)).toBe('');
  await reader.until('"from another node\\n"');
  reader.socket.destroy();
  await eventually(async () => JSON.stringify(await run('pipe')).includes('["foo","all","0","0"'));
});

test('what is not a string ends a pipe, and a wrong name gets an error first', async () => {
  const client = new Client();
  client.socket.write('{"PlumbPipe":"foo"}{"Command":"version"}');
  await new Promise((resolve) => client.socket.once('close', resolve));
  expect(client.text).toBe('');
  const wrong = new Client();
  wrong.socket.write('{"PlumbPipe":"a/b"}"x"');
  await new Promise((resolve) => wrong.socket.once('close', resolve));
  expect(wrong.text).toContain('invalid pipe name `a/b`');
});

test('`-pipe` writes its lines, and shows messages until the pipe is cleared', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let shown = '';
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const shows = runPipe({ socketPath: cluster.socketPath, pipe: 'lines', stdin: input, stdout: output });
  await eventually(async () => JSON.stringify(await run('pipe')).includes('["lines","all","1"'));
  const typed = new PassThrough();
  typed.end('one\ntwo\n');
  const quiet = new PassThrough().resume();
  expect(await runPipe({ socketPath: cluster.socketPath, pipe: 'lines', stdin: typed, stdout: quiet })).toBe(0);
  await eventually(() => Promise.resolve(shown === 'one\ntwo\n'));
  await run('clear pipe lines');
  expect(await shows).toBe(0);
});

test('a plumb on another node runs a program between two pipes, as nobody, and ends when it is cleared', async () => {
  expect(await run('plumb words "sed -u y/abc/ABC/" "sed -u s/B/!/" loud', 1)).toBe('');
  expect(await run('plumb', 1)).toEqual([['words "sed -u y/abc/ABC/" "sed -u s/B/!/" loud']]);
  const reader = new Client();
  reader.socket.write('{"PlumbPipe":"loud"}\n');
  await eventually(async () => JSON.stringify(await run('pipe', 1)).includes('["loud","all","1","1"'));
  await run('pipe words abc');
  await reader.until('"A!C\\n"');
  // The programs end with what they read from.
  await run('clear pipe words', 1);
  await eventually(async () => JSON.stringify(await run('plumb', 1)) === '[]');
  reader.socket.destroy();
});

test('a program has no rights, nothing of the environment, and no file of ours', async () => {
  process.env['MESHD_SECRET'] = 'hunter2';
  const reader = new Client();
  reader.socket.write('{"PlumbPipe":"facts"}\n');
  await eventually(async () => JSON.stringify(await run('pipe')).includes('["facts","all","1"'));
  await run('plumb "cat /proc/self/status /proc/self/environ" facts');
  await reader.until('NoNewPrivs');
  await reader.until('LC_ALL');
  delete process.env['MESHD_SECRET'];
  expect(reader.text).toMatch(/NoNewPrivs:\\t1/);
  expect(reader.text).not.toContain('hunter2');
  if (process.getuid?.() === 0) {
    expect(reader.text).toMatch(/Uid:\\t1999999998\\t1999999998/);
    expect(reader.text).toMatch(/CapEff:\\t0+\\n/);
    expect(reader.text).toMatch(/CapBnd:\\t0+\\n/);
  }
  reader.socket.destroy();
});

test('`via` makes a message for each reader, and what cannot be run is said', async () => {
  const reader = new Client();
  reader.socket.write('{"PlumbPipe":"made"}\n');
  await eventually(async () => JSON.stringify(await run('pipe')).includes('["made","all","1"'));
  expect(await run('pipe made via "sed s/^/got:/"')).toBe('');
  expect(await run('pipe made one')).toBe('');
  await reader.until('"got:one\\n"');
  await run('pipe made via false');
  expect(await run('pipe made two')).toBe('error: false ended with 1');
  expect(await run('pipe made via nosuchprogram')).toBe("error: there is no program nosuchprogram on this node's PATH");
  expect(await run('plumb made "nosuchprogram -x" other')).toBe(
    "error: there is no program nosuchprogram on this node's PATH",
  );
  await run('clear pipe made via');
  await run('pipe made three');
  await reader.until('"three\\n"');
  expect(await run('clear pipe other')).toBe('error: no such pipe: other');
  reader.socket.destroy();
});

test('a namespace takes its pipes and plumbs along when it is cleared', async () => {
  await run('namespace exp1 ns add-hosts localhost');
  await run('namespace exp1 plumb foo "sed -u s/a/b/" bar');
  await run('namespace exp1 pipe foo x');
  expect(JSON.stringify(await run('namespace exp1 pipe'))).toContain('["foo","all","1"');
  await run('clear namespace exp1');
  expect(await run('namespace exp1 pipe')).toEqual([]);
  expect(await run('namespace exp1 plumb')).toEqual([]);
});
