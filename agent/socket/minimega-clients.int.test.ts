// What minimega's own programs send over the command socket, as far as it is known [facts 1, 7]: miniweb, whose one connection never says Hello, the
// Python binding, which sends no newline and reads until an object is whole, and the Go client, which always sends all three keys.
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandResponse } from '../../contract/command-socket.ts';
import { startCluster, type TestCluster } from './cluster-for-tests.ts';

let cluster: TestCluster;
let socket: Socket;
beforeAll(async () => {
  cluster = await startCluster();
  socket = connect(cluster.socketPath);
});
afterAll(async () => {
  socket.destroy();
  await cluster.stop();
});

/** Sends text as it is; what comes until the answer is whole. */
async function send(text: string): Promise<CommandResponse> {
  socket.write(text);
  let received = '';
  for (;;) {
    const chunk = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    received += chunk.toString();
    try {
      return CommandResponse.parse(JSON.parse(received));
    } catch {
      // The Python binding does the same: more has to come.
    }
  }
}
const run = (line: string) => send(JSON.stringify({ Command: line, Suggest: '', PlumbPipe: '' }));
const errorsOf = ({ Resp }: CommandResponse) => (Resp ?? []).map((entry) => entry.Error).filter((text) => text !== '');

test('miniweb: its tables, its form, its buttons and its pictures', async () => {
  for (const line of [
    'vm config kernel vmlinuz',
    'vm config save small',
    'vm launch kvm web1 small',
    'vm start "web1"',
  ])
    expect(errorsOf(await run(`.record false ${line}`)), line).toEqual([]);
  const info = await run(
    '.record false namespace "minimega" .columns name,state,memory .filter state!=quit .filter state!=error vm info',
  );
  expect(info.Resp?.map(({ Header, Tabular }) => ({ Header, Tabular }))).toEqual([
    { Header: ['name', 'state', 'memory'], Tabular: [['web1', 'RUNNING', '2048']] },
  ]);
  for (const line of ['host', 'vlans', 'namespace', 'vm config restore', 'file list "/"', 'namespace "minimega" host'])
    expect(errorsOf(await run(`.record false ${line}`)), line).toEqual([]);
  const [picture] = (await run('.record false vm screenshot "web1" file /dev/null 300')).Resp ?? [];
  expect(
    Buffer.from(picture?.Data as string, 'base64')
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG');
  for (const button of ['stop', 'start', 'kill'])
    expect(errorsOf(await run(`.record false vm ${button} "web1"`)), button).toEqual([]);
  expect((await run('history')).Rendered).toBe('');
});

test('the Python binding: no newline, and keys in any case', async () => {
  expect((await send('{"Command": "version"}')).Resp?.[0]?.Response).toMatch(/^meshd /);
  expect((await send('{"command": "mesh status"}')).Resp?.[0]?.Header).toEqual([
    'size',
    'degree',
    'peers',
    'context',
    'port',
  ]);
  expect((await send('{"Command": "vm info bogus"}')).Resp?.[0]?.Error).toBe('invalid command: `vm info bogus`');
});

test('the Go client and `-e`: what one connection sets, the next one has', async () => {
  await run('namespace exp1');
  socket.destroy();
  socket = connect(cluster.socketPath);
  expect((await run('.columns namespace,active namespace')).Resp?.[0]?.Tabular).toEqual([
    ['minimega', 'false'],
    ['exp1', 'true'],
  ]);
  expect((await send('{"Command":"","Suggest":"help mesh ","PlumbPipe":""}')).Suggest).toBeUndefined();
  expect((await send('{"Command":"","Suggest":"","PlumbPipe":""}')).Resp?.[0]?.Error).toBe(
    'must specify either command or suggest',
  );
});
