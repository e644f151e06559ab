// One member of the mesh as a process, for the streams bench: meshd's own mesh over TLS, without the daemon around it. It takes
// streams and throws their data away. Lines on standard input and output:
//   in:  listen               out: listening
//   in:  dial <name>          out: dialled
//   in:  links                out: links <n>                of the whole mesh
//   in:  send <id> <bytes>    out: sent <ms>                  one stream, until the other end has read all
//   in:  flood <id> <n> <ms>  out: flooded <bytes>            that many streams for that long
//   in:  tick <id> <ms>       out: ticked                     a control message every 10 ms
//   in:  delays               out: delays <ms> <ms> …         of the control messages that came since
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadIdentity } from '../agent/identity/identity.ts';
import { RosterStore } from '../agent/identity/roster-store.ts';
import { createSystemClock } from '../agent/mesh/clock.ts';
import { Mesh } from '../agent/mesh/mesh.ts';
import { TlsTransport } from '../agent/mesh/tls-transport.ts';

const tickMs = 10;
const chunk = Buffer.alloc(256 * 1024, 0x5a);

const [folder = '', port = ''] = process.argv.slice(2);
const identity = await loadIdentity(folder, new Date());
const roster = await RosterStore.open({ path: join(folder, 'roster.json'), caPem: identity.caPem });
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: (text: string) => process.stderr.write(`${text}\n`) };
// Degree 0: it dials whom it is asked to dial, and those that are absent from its map.
const mesh = new Mesh(
  { nodeId: identity.nodeId, degree: 0, checkMs: 10_000 },
  {
    transport: new TlsTransport({ identity, host: '127.0.0.1', port: Number(port) }, { log }),
    clock: createSystemClock(),
    random: Math.random,
    roster,
    log,
  },
);
const say = (line: string) => process.stdout.write(`${line}\n`);
/** The same clock in all processes of a machine (clock_gettime(2), CLOCK_MONOTONIC). */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

let delays: number[] = [];
mesh.onNotice('tick', (sentAt) => delays.push(nowMs() - Number(sentAt)));
mesh.streams.serve('sink', async ({ accept }) => {
  const stream = accept();
  let bytes = 0;
  stream.on('data', (data: Buffer) => (bytes += data.length));
  await once(stream, 'end');
  stream.end(String(bytes));
});

async function send(nodeId: string, bytes: number): Promise<number> {
  const stream = await mesh.streams.open(nodeId, 'sink', null);
  const startedAt = performance.now();
  const answer = once(stream, 'data');
  for (let left = bytes; left > 0; left -= chunk.length) {
    const piece = left >= chunk.length ? chunk : chunk.subarray(0, left);
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  const read = String((await answer)[0]);
  const tookMs = performance.now() - startedAt;
  if (Number(read) !== bytes) throw new Error(`${read} of ${bytes} bytes arrived`);
  return tookMs;
}

async function flood(nodeId: string, streams: number, ms: number): Promise<number> {
  const endAt = performance.now() + ms;
  const one = async () => {
    const stream = await mesh.streams.open(nodeId, 'sink', null);
    const answer = once(stream, 'data');
    while (performance.now() < endAt) if (!stream.write(chunk)) await once(stream, 'drain');
    stream.end();
    return Number(String((await answer)[0]));
  };
  const sums = await Promise.all(Array.from({ length: streams }, one));
  return sums.reduce((sum, bytes) => sum + bytes, 0);
}

async function tick(nodeId: string, ms: number): Promise<void> {
  const endAt = performance.now() + ms;
  while (performance.now() < endAt) {
    mesh.notify([nodeId], 'tick', nowMs());
    await sleep(tickMs);
  }
}

async function obey([word = '', target = '', ...numbers]: string[]): Promise<string> {
  const [first = 0, second = 0] = numbers.map(Number);
  switch (word) {
    case 'listen':
      await mesh.start();
      return 'listening';
    case 'dial':
      await mesh.dial(target);
      return 'dialled';
    case 'links':
      return `links ${mesh.topology().links.length}`;
    case 'send':
      return `sent ${await send(target, first)}`;
    case 'flood':
      return `flooded ${await flood(target, first, second)}`;
    case 'tick':
      await tick(target, first);
      return 'ticked';
    case 'delays': {
      const taken = delays;
      delays = [];
      return ['delays', ...taken.map((ms) => ms.toFixed(3))].join(' ');
    }
    default:
      return `what is ${word}?`;
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    obey(line.split(' ')).then(say, (error: unknown) => say(`failed ${String(error)}`));
  })
  .on('close', () => process.exit(0));
say('ready');
