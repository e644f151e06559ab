// Captures of a node over a machine in memory, with real files.
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { capturePacketsService, captureFileService, parsePacketLine } from '../../contract/captures.ts';
import { maxKeptCaptures, maxRunningCaptures } from '../../contract/limits.ts';
import { echo, ethernet, ip4Packet } from '../../core/capture/made-packets.ts';
import { PcapReader } from '../../core/capture/pcap.ts';
import { summarise } from '../../core/capture/summary.ts';
import { defaultSettings } from '../../core/capture/settings.ts';
import { openCaptureFile } from '../../host/capture/capture-file.ts';
import { createMemoryCaptureHost, type MemoryCaptureHost } from '../../host/capture/memory-capture-host.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { noChange } from '../../host/ovs/switch-host.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { Captures } from './captures.ts';
import { createCaptureServices } from './services.ts';

let folder: string;
let host: MemoryCaptureHost;
let clock: VirtualClock;
let written: string | null;
let captures: Captures;
const inUse = new Set<string>();
const ping = (sequence: number) => ethernet(0x0800, ip4Packet(1, echo(8, sequence)));

function openCaptures(): Promise<Captures> {
  return Captures.open({
    host,
    store: {
      read: () => Promise.resolve(written),
      write: (text) => Promise.resolve(void (written = text)),
      setAside: () => Promise.resolve(),
    },
    openFile: (name) => openCaptureFile(folder, name),
    isInUse: (name) => inUse.has(name),
    sizeOf: async (name) => (await readFile(join(folder, name))).length,
    clock,
    log: { info: () => undefined, warn: () => undefined },
  });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'captures-'));
  clock = new VirtualClock();
  written = null;
  inUse.clear();
  const machine = new MemoryMachine().host();
  const vlan = { kind: 'access', tag: 101 } as const;
  await machine.apply(
    {
      ...noChange,
      makeTaps: ['t0', 't1'].map((name) => ({ name, user: 0, mtu: 1500, alias: '' })),
      makeBridges: [{ name: 'br', datapath: 'netdev', marks: {} }],
      setPorts: ['t0', 't1'].map((name) => ({ name, bridge: 'br', vlan, marks: {} })),
    },
    0,
  );
  host = createMemoryCaptureHost(machine, { doGuestsTalk: false, wallNow: () => 1_700_000_000_000 });
  captures = await openCaptures();
});
afterEach(async () => {
  await captures.stop();
  await rm(folder, { recursive: true });
});

const start = (file: string, { settings = {}, tap = 't0' } = {}) =>
  captures.startPackets({
    ...{ namespace: 'minimega', bridge: 'br', vm: { id: 0, name: 'web', nic: 0 }, file },
    place: { kind: 'tap', tap },
    settings: { ...defaultSettings, ...settings },
  });

async function packetsOf(file: string): Promise<string[]> {
  const reader = new PcapReader();
  const { packets } = reader.push(await readFile(join(folder, file)));
  expect(reader.rest).toBe(0);
  return packets.map(({ data }) => summarise(data).info);
}

test('a capture holds the packets of its interface, from its start to its end', async () => {
  const changes: string[] = [];
  captures.onChange((changed) => changes.push(...changed.map(({ state, packets }) => `${state} ${packets}`)));
  host.say('t0', ping(1));
  const { id } = await start('web.pcap');
  host.say('t0', ping(2));
  host.say('t1', ping(3));
  host.say('t0', ping(4));
  await captures.end([id]);
  host.say('t0', ping(5));
  expect((await packetsOf('web.pcap')).map((info) => info.slice(-1))).toEqual(['2', '4']);
  expect(captures.find(id)).toMatchObject({
    state: 'ended',
    reason: '',
    packets: 2,
    dropped: 0,
    bytes: 24 + 2 * (16 + 42),
  });
  expect([changes[0], changes.at(-1)]).toEqual(['running 0', 'ended 2']);
  expect(host.size).toBe(0);
});

test('it ends at its size with a whole packet, at its time, and when its interface goes away', async () => {
  const size = await start('size.pcap', { settings: { maxBytes: 24 + 3 * 58 + 10 } });
  for (let sequence = 1; sequence <= 6; sequence += 1) host.say('t0', ping(sequence));
  await expect.poll(() => captures.find(size.id)?.state).toBe('ended');
  expect(await packetsOf('size.pcap')).toHaveLength(3);

  const time = await start('time.pcap', { settings: { maxSeconds: 60 } });
  await clock.advance(59_000);
  expect(captures.find(time.id)?.state).toBe('running');
  await clock.advance(1_000);
  await expect.poll(() => captures.find(time.id)).toMatchObject({ state: 'ended', reason: '60 seconds are over' });

  const lost = await start('lost.pcap');
  host.lose({ kind: 'tap', tap: 't0' });
  await expect
    .poll(() => captures.find(lost.id))
    .toMatchObject({ state: 'failed', reason: 'The interface disappeared' });
  expect(host.size).toBe(0);
});

test('what cannot start leaves nothing', async () => {
  await expect(start('a.pcap', { settings: { filter: 'icmp or' } })).rejects.toThrow("can't parse filter expression");
  await expect(start('a.pcap', { tap: 't9' })).rejects.toThrow('No such device exists');
  await expect(start('../a.pcap')).rejects.toMatchObject({ code: 'refused' });
  await writeFile(join(folder, 'disk.qcow2'), 'QFI\u00fb and more');
  await expect(start('disk.qcow2')).rejects.toThrow('disk.qcow2 is there and is not a capture');
  inUse.add('used.pcap');
  await expect(start('used.pcap')).rejects.toThrow('in use by a VM');
  expect(captures.list(null)).toEqual([]);
  expect(await readFile(join(folder, 'disk.qcow2'), 'utf8')).toContain('QFI');
  await expect(open(join(folder, 'a.pcap'))).rejects.toThrow('ENOENT');

  await start('a.pcap');
  await expect(start('a.pcap')).rejects.toThrow('another capture writes a.pcap');
  for (let count = 1; count < maxRunningCaptures; count += 1) await start(`${count}.pcap`);
  await expect(start('more.pcap')).rejects.toThrow(`${maxRunningCaptures} captures run`);
});

test('an earlier capture of the name goes', async () => {
  const first = await start('a.pcap');
  host.say('t0', ping(1));
  host.say('t0', ping(2));
  await captures.end([first.id]);
  const second = await start('a.pcap');
  host.say('t0', ping(3));
  await captures.end([second.id]);
  expect((await packetsOf('a.pcap')).map((info) => info.slice(-1))).toEqual(['3']);
});

test('after a crash what ran has ended, and ids continue', async () => {
  const { id } = await start('a.pcap');
  host.say('t0', ping(1));
  // The other one never learns of its end.
  const after = await openCaptures();
  expect(after.list(null)).toMatchObject([{ id, state: 'failed', reason: 'meshd ended while it ran' }]);
  expect(after.list(null)[0]?.bytes).toBeGreaterThanOrEqual(24);
  await after.forget([id]);
  expect(after.list(null)).toEqual([]);
  expect(written).toContain(`"nextId":${id + 1}`);
});

test('those that have ended are bounded', async () => {
  for (let count = 0; count < maxKeptCaptures + 5; count += 1) {
    const { id } = await start('a.pcap');
    await captures.end([id]);
  }
  expect(captures.list(null)).toHaveLength(maxKeptCaptures);
  expect(captures.list(null)[0]?.id).toBe(6);
});

/** One flow of NetFlow version 5. */
function datagram(): Uint8Array {
  const bytes = new Uint8Array(24 + 48);
  bytes.set([0, 5, 0, 1]);
  bytes.set([10, 0, 0, 1, 10, 0, 0, 2], 24);
  return bytes;
}

test('flows of a bridge, raw and as text, compressed, and shared', async () => {
  const flows = { namespace: 'minimega', bridge: 'br', settings: defaultSettings } as const;
  const raw = await captures.startFlows({ ...flows, target: { file: 'raw' }, mode: 'raw', isCompressed: false });
  const text = await captures.startFlows({ ...flows, target: { file: 'text.gz' }, mode: 'ascii', isCompressed: true });
  host.tellFlows('br', datagram());
  host.tellFlows('br', Uint8Array.of(9, 9));
  await captures.end([raw.id]);
  host.tellFlows('br', datagram());
  await captures.end([text.id]);
  expect(new Uint8Array(await readFile(join(folder, 'raw')))).toEqual(datagram());
  const lines = gunzipSync(await readFile(join(folder, 'text.gz')))
    .toString()
    .trim()
    .split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('10.0.0.1:0\t<->\t10.0.0.2:0');
  expect(captures.find(text.id)).toMatchObject({ packets: 2, state: 'ended' });
  expect(host.size).toBe(0);
  await expect(
    captures.startFlows({ ...flows, bridge: 'nobridge', target: { file: 'x' }, mode: 'raw', isCompressed: false }),
  ).rejects.toMatchObject({ code: 'not-found' });
});

test('a page gets the first packets as they come, and the file', async () => {
  const services = createCaptureServices({ captures, openFile: (name) => open(join(folder, name)) });
  const call = (service: string, args: unknown) => {
    const stream = new PassThrough();
    const from = { id: 'n1', name: 'node1' } as never;
    const served = services[service]?.({ from, args, signal: new AbortController().signal, accept: () => stream });
    return { stream, served };
  };
  const { id } = await start('a.pcap');
  host.say('t0', ping(1));
  const lines: string[] = [];
  const { stream, served } = call(capturePacketsService, { capture: id });
  await served;
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const all = `${rest}${text}`.split('\n');
    rest = all.pop() ?? '';
    lines.push(...all);
  });
  await expect.poll(() => lines.length).toBe(1);
  host.say('t0', ping(2));
  // meshd tells growth once a second.
  await expect.poll(async () => (await clock.advance(1_000), lines.length)).toBe(2);
  expect(lines.map((line) => parsePacketLine(line)?.info)).toEqual(
    [1, 2].map((n) => `echo request, id 7, sequence ${n}`),
  );
  const ended = new Promise((resolve) => stream.on('end', resolve));
  await captures.end([id]);
  await ended;

  const file = call(captureFileService, { capture: id });
  await file.served;
  const bytes: Buffer[] = [];
  for await (const chunk of file.stream) bytes.push(chunk as Buffer);
  expect(Buffer.concat(bytes).equals(await readFile(join(folder, 'a.pcap')))).toBe(true);

  await expect(call(captureFileService, { capture: 99 }).served).rejects.toMatchObject({ code: 'not-found' });
  await expect(call(captureFileService, 'x').served).rejects.toMatchObject({ code: 'invalid' });
});
