// The `capture` commands over a machine in memory: columns, texts, and what they refuse.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { openCaptureFile } from '../../host/capture/capture-file.ts';
import { createMemoryCaptureHost } from '../../host/capture/memory-capture-host.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { noChange } from '../../host/ovs/switch-host.ts';
import { Captures } from '../capture/captures.ts';
import { CaptureSettingsBook } from '../capture/settings.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { createCaptureHandlers } from './capture.ts';
import type { Handlers } from './handler.ts';

let folder: string;
let captures: Captures;
let handlers: Handlers;

const web = {
  ...{ id: 0, name: 'web', uuid: 'u-web', namespace: 'minimega' },
  nets: [
    { tap: 't0', bridge: 'br' },
    { tap: 't1', bridge: 'br' },
  ],
} as unknown as VmRecord;
const off = { ...web, id: 1, name: 'off', uuid: 'u-off', nets: [{ tap: '', bridge: '' }] } as unknown as VmRecord;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capture-lines-'));
  const machine = new MemoryMachine().host();
  const taps = ['t0', 't1'].map((name) => ({ name, user: 0, mtu: 1500, alias: '' }));
  const makeBridges = [{ name: 'br', datapath: 'netdev', marks: {} } as const];
  await machine.apply({ ...noChange, makeTaps: taps, makeBridges }, 0);
  captures = await Captures.open({
    host: createMemoryCaptureHost(machine, { doGuestsTalk: false, wallNow: () => 0 }),
    store: { read: () => Promise.resolve(null), write: () => Promise.resolve(), setAside: () => Promise.resolve() },
    openFile: (name) => openCaptureFile(folder, name),
    isInUse: () => false,
    sizeOf: () => Promise.resolve(0),
    clock: new VirtualClock(),
    log: { info: () => undefined, warn: () => undefined },
  });
  const vms = { list: (namespace: string | null) => (namespace === 'minimega' ? [web, off] : []) };
  handlers = createCaptureHandlers({ captures, settings: new CaptureSettingsBook(), vms, root: '/files' });
});
afterEach(async () => {
  await captures.stop();
  await rm(folder, { recursive: true });
});

/** The entry, or the error as text. */
async function run(line: string, namespace = 'minimega'): Promise<ResponseEntry | string> {
  const result = parseCommand(commandTable, line);
  if (!result.ok || result.command === null) throw new Error(result.ok ? 'empty' : result.message);
  const { command } = result;
  const signal = new AbortController().signal;
  const call = {
    command,
    origin: { via: 'socket' } as const,
    host: 'node1',
    namespace,
    signal,
    status: () => undefined,
  };
  try {
    const answered = handlers[command.pattern.pattern]?.(call);
    if (!answered || Symbol.asyncIterator in answered) throw new Error('one answer');
    return (await answered)[0] ?? 'nothing';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
const done = { Host: 'node1', Response: '', Header: null, Tabular: null, Error: '', Data: null };
const shown = async (line: string) => {
  const entry = await run(line);
  return typeof entry === 'string' ? entry : entry.Response;
};
async function table(line = 'capture', namespace = 'minimega') {
  const entry = await run(line, namespace);
  return typeof entry === 'string' ? entry : entry.Tabular;
}

test('a NIC, all NICs, and a bridge, in minimega’s table', async () => {
  expect(await run('capture pcap vm web 0 web.pcap')).toEqual(done);
  expect(await run('capture pcap vm u-web all all.pcap size=5 time=60 "filter=icmp or arp" by=Ann')).toEqual(done);
  expect(await run('capture pcap bridge br /files/br.pcap')).toEqual(done);
  expect(await table()).toEqual([
    ['br', 'pcap', 'web:0', '', '', '/files/web.pcap'],
    ['br', 'pcap', 'web:0', '', '', '/files/all-0.pcap'],
    ['br', 'pcap', 'web:1', '', '', '/files/all-1.pcap'],
    ['br', 'pcap', '', '', '', '/files/br.pcap'],
  ]);
  expect((await readdir(folder)).sort()).toEqual(['all-0.pcap', 'all-1.pcap', 'br.pcap', 'web.pcap']);
  expect(captures.list(null)[1]).toMatchObject({ maxBytes: 5e6, maxSeconds: 60, filter: 'icmp or arp', by: 'Ann' });
  expect(await table('capture', 'other')).toEqual([]);

  expect(await run('capture pcap delete vm web')).toEqual(done);
  expect(await table()).toEqual([['br', 'pcap', '', '', '', '/files/br.pcap']]);
  expect(await run('capture pcap delete bridge all')).toEqual(done);
  expect(await table()).toEqual([]);
  expect((await table('capture all'))?.length).toBe(4);
  expect(await run('capture forget all')).toEqual(done);
  expect(await table('capture all')).toEqual([]);
});

test('one by its id', async () => {
  await run('capture pcap vm web 0 web.pcap');
  const [record] = captures.list(null);
  const id = record?.id ?? 0;
  expect(await run(`capture forget ${id}`)).toBe(`capture ${id} runs: \`capture stop ${id}\``);
  expect(await run(`capture stop ${id}`, 'other')).toContain('no capture');
  expect(await run(`capture stop ${id}`)).toEqual(done);
  expect(await run(`capture stop ${id}`)).toBe(`capture ${id} has ended already`);
  expect(await run(`capture forget ${id}`)).toEqual(done);
});

test('flows of a bridge', async () => {
  for (const line of ['mode ascii', 'gzip true', 'timeout 5', 'bridge br flows.gz']) {
    expect(await run(`capture netflow ${line}`)).toEqual(done);
  }
  expect(await Promise.all(['mode', 'gzip', 'timeout'].map((what) => shown(`capture netflow ${what}`)))).toEqual([
    ...['ascii', 'true', '5'],
  ]);
  expect(await table()).toEqual([['br', 'netflow', '', 'ascii', 'true', '/files/flows.gz']]);
  expect(await run('capture netflow bridge br udp 127.0.0.1:2055')).toEqual(done);
  expect((await table())?.[1]).toEqual(['br', 'netflow', '', 'ascii', 'true', 'udp 127.0.0.1:2055']);
  expect(await run('capture netflow bridge br tcp nowhere')).toContain('missing port in address');
  expect(await run('clear capture')).toEqual(done);
  expect(await table()).toEqual([]);
  expect(await shown('capture netflow mode')).toBe('raw');
});

test.each([
  ['capture pcap vm web 9 x.pcap', 'no such interface 9 for web'],
  ['capture pcap vm web x x.pcap', 'invalid interface: `x`'],
  ['capture pcap vm nope 0 x.pcap', 'vm not found: nope'],
  ['capture pcap vm off 0 x.pcap', 'interface 0 of off has no tap on node1 now'],
  ['capture pcap delete vm nope', 'vm not found: nope'],
  ['capture pcap vm web 0 /etc/passwd', 'captures lie below -filepath'],
  ['capture pcap vm web 0 ../x', 'only files below -filepath can be named'],
  ['capture pcap vm web 0 none/x.pcap', 'its folder does not exist'],
  ['capture pcap vm web 0 x.pcap size=0', 'a number from 1 to'],
  ['capture pcap vm web 0 x.pcap pace=1', 'such as time=60'],
  ['capture pcap vm web 0 x.pcap "filter=icmp or"', "can't parse filter expression: syntax error"],
  ['capture pcap bridge nobridge x.pcap', 'no bridge named nobridge'],
  ['capture pcap filter "icmp or"', "can't parse filter expression: syntax error"],
  ['capture check "icmp or"', "can't parse filter expression: syntax error"],
  ['capture pcap snaplen -1', 'strconv.ParseUint: parsing "-1": invalid syntax'],
])('`%s` is refused and leaves nothing', async (line, text) => {
  expect(await run(line)).toContain(text);
  expect(captures.list(null)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

test('what is set for the next captures', async () => {
  expect([await shown('capture pcap snaplen'), await shown('capture pcap filter')]).toEqual(['0', '']);
  await run('capture pcap snaplen 100');
  await run('capture pcap filter icmp');
  expect([await shown('capture pcap snaplen'), await shown('capture pcap filter')]).toEqual(['100', 'icmp']);
  await run('capture pcap vm web 0 web.pcap');
  expect(captures.list(null)).toMatchObject([{ snaplen: 100, filter: 'icmp' }]);
  expect(await run('capture check "icmp or arp"')).toEqual(done);
});
