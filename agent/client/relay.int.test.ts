// The relay as a console uses it: started by a real sshd, with bytes that no text could hold, between a client and a daemon that
// each end their direction when they like.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { SshConnection, type SshStream } from '../../host/ssh/connection.ts';
import { loadCredentials } from '../../host/ssh/credentials.ts';
import { HostKeyPins } from '../../host/ssh/pins.ts';
import { hasSshd, PrivateSshd } from '../../host/ssh/private-sshd.ts';
import { runRelay } from './relay.ts';

const program = new URL('../main.ts', import.meta.url).pathname;
/** Passes standard input and output on to a child, and both of their ends. */
const throughSockets = `
  const child = require('child_process').spawn(process.argv[1], process.argv.slice(2), { stdio: ['pipe', 'pipe', 'ignore'] });
  process.stdin.pipe(child.stdin);
  const close = () => [1, 2].forEach(require('fs').closeSync);
  // Behind all that waits to be written.
  child.stdout.on('end', () => process.stdout.write('', close)).pipe(process.stdout, { end: false });
  child.on('exit', (code) => process.exit(code));`;
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let base: string;
let daemon: Server;
let accepted: Promise<Socket>;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'meshd-relay-'));
  daemon = createServer({ allowHalfOpen: true });
  accepted = once(daemon, 'connection').then(([socket]) => (socket as Socket).on('error', () => undefined));
  await new Promise<void>((resolve) => daemon.listen(join(base, 'meshd'), resolve));
});
afterEach(async () => {
  (await Promise.race([accepted, Promise.resolve(null)]))?.destroy();
  await new Promise((resolve) => daemon.close(resolve));
  await rm(base, { recursive: true, force: true });
});

async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function writeAll(stream: SshStream, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += 100_000) await stream.write(bytes.subarray(at, at + 100_000));
}

describe.skipIf(!hasSshd)('under sshd', () => {
  let sshd: PrivateSshd;
  let connection: SshConnection;
  let pinFolder: string;
  beforeAll(async () => {
    sshd = await PrivateSshd.start({ hostKeys: ['ed25519'] });
    pinFolder = await mkdtemp(join(tmpdir(), 'meshd-relay-pins-'));
    const pins = new HostKeyPins({ ownFile: join(pinFolder, 'known_hosts'), otherFiles: [] });
    await pins.pin('127.0.0.1', sshd.port, sshd.hostKeys[0]!);
    const target = { host: '127.0.0.1', port: sshd.port, user: sshd.user };
    const components = { pins, credentials: await loadCredentials(sshd.home) };
    connection = await SshConnection.connect(
      { target, local: 'the test', where: 'node1', timeoutMs: 60_000 },
      components,
    );
  });
  afterAll(async () => {
    connection.close();
    await sshd.stop();
    await rm(pinFolder, { recursive: true });
  });

  const relayArgv = () => [process.execPath, program, '-relay', '-base', base];

  it.each([
    ['what sshd gives it', () => relayArgv()],
    // Node makes pairs of sockets for its children, as some builds of sshd do.
    ['a pair of sockets', () => [process.execPath, '-e', throughSockets, ...relayArgv()]],
  ])(
    'carries random megabytes both ways over %s, unchanged, and each direction has its own end',
    async (_what, argv) => {
      const [there, back] = [randomBytes(5_000_000), randomBytes(5_000_000)];
      const stream = await connection.open(argv(), { timeoutMs: 60_000 });
      const read = readAll(stream.output);
      const socket = await accepted;
      const arrived = readAll(socket);
      // The daemon ends its direction first, and still reads all that comes after that.
      socket.end(back);
      expect(hashOf(await read)).toBe(hashOf(back));
      await writeAll(stream, there);
      await stream.end();
      expect(hashOf(await arrived)).toBe(hashOf(there));
      await stream.ended;
    },
  );

  it('passes the end of the client on, and what the daemon sends after that', async () => {
    const [there, back] = [randomBytes(2_000_000), randomBytes(2_000_000)];
    const stream = await connection.open(relayArgv(), { timeoutMs: 60_000 });
    const socket = await accepted;
    const arrived = readAll(socket);
    await writeAll(stream, there);
    await stream.end();
    expect(hashOf(await arrived)).toBe(hashOf(there));
    socket.end(back);
    expect(hashOf(await readAll(stream.output))).toBe(hashOf(back));
    await stream.ended;
    await vi.waitFor(() => expect(stream.exitCode()).toBe(0));
  });

  it('holds the daemon back while the client does not read, and loses nothing at its own end', async () => {
    const stream = await connection.open(relayArgv(), { timeoutMs: 60_000 });
    const socket = await accepted;
    const back = randomBytes(30_000_000);
    let sent = 0;
    for (let at = 0; at < back.length; at += 100_000) {
      socket.write(back.subarray(at, at + 100_000), () => (sent += 100_000));
    }
    socket.end();
    // It stands still well before the end, with what pipes and the window of SSH hold.
    let before = -1;
    await vi.waitFor(
      () => {
        const now = sent;
        const isStill = now === before;
        before = now;
        expect(isStill).toBe(true);
      },
      { interval: 1_000 },
    );
    expect(sent).toBeLessThan(back.length);
    expect(hashOf(await readAll(stream.output))).toBe(hashOf(back));
    await stream.end();
    await stream.ended;
  });

  it('ends when the daemon is gone, though the client has not ended', async () => {
    const stream = await connection.open(relayArgv(), { timeoutMs: 60_000 });
    const socket = await accepted;
    socket.write('bye');
    socket.destroySoon();
    expect((await readAll(stream.output)).toString()).toBe('bye');
    await stream.ended;
  });
});

it('a client that is gone takes its connection with it', async () => {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const done = runRelay({ socketPath: join(base, 'meshd'), stdin, stdout });
  const socket = await accepted;
  const closed = once(socket.resume(), 'close');
  socket.write('x');
  await once(stdout, 'data');
  stdout.destroy(new Error('EPIPE'));
  socket.end();
  await closed;
  expect(await done).toBe(0);
});

it('under sudo, which hides the end of the output, it ends on its own when the client has nothing more to say', async () => {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const done = runRelay({ socketPath: join(base, 'meshd'), stdin, stdout, isUnderSudo: true });
  const socket = await accepted;
  const arrived = readAll(socket);
  socket.end('all');
  expect((await readAll(stdout)).toString()).toBe('all');
  stdin.write('and more');
  expect(await done).toBe(0);
  expect((await arrived).toString()).toBe('and more');
});
