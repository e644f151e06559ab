// The commands `tap`, `qos` and `dnsmasq` over machines in memory: columns, texts, and what they refuse.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { MemoryDhcp } from '../../host/dhcp/memory-dhcp.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { NodeDhcp } from '../dhcp/node-dhcp.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { NodeTaps } from '../taps/node-taps.ts';
import { MemoryVmStore } from '../vms/memory-vm-store.ts';
import { createDnsmasqHandlers } from './dnsmasq.ts';
import type { Handlers } from './handler.ts';
import { createTapHandlers } from './tap.ts';

let machine: MemoryMachine;
let servers: MemoryDhcp;
let ports: VirtualSwitch;
let taps: NodeTaps;
let dhcp: NodeDhcp;
let handlers: Handlers;

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const numbers: Readonly<Record<string, number>> = { lan: 101, dmz: 102 };

beforeEach(async () => {
  machine = new MemoryMachine();
  machine.addForeignBridge('mega_bridge');
  servers = new MemoryDhcp();
  ports = new VirtualSwitch('c1', { host: machine.host(), clock: createSystemClock(), log: () => undefined });
  await ports.start({ ports: [], bridges: [] });
  const vlans = {
    resolve: (alias: string, namespace: string) =>
      Promise.resolve({
        vlan: numbers[alias] ?? Number(alias),
        name: numbers[alias] ? { namespace, alias } : null,
        notes: [],
      }),
    state: { table: { holders: () => [] } },
  };
  const networks = () => [{ name: 'eth0', cidr: '192.0.2.7/24' }];
  taps = new NodeTaps({ ports, vlans: vlans as never, networks, log });
  taps.start();
  dhcp = await NodeDhcp.open({
    ...{ store: new MemoryVmStore(), host: servers.host(), ports, vlans, log },
    clock: createSystemClock(),
  });
  await dhcp.start();
  const aliasOf = (vlan: number) => {
    const alias = Object.keys(numbers).find((name) => numbers[name] === vlan);
    return alias === undefined ? null : { namespace: 'minimega', alias };
  };
  const listed = () => [{ name: 'web1', host: 'node1', uuid: '', macs: ['02:00:00:00:00:01'] }];
  handlers = {
    ...createTapHandlers({ taps, vms: { list: () => [] }, aliasOf }),
    ...createDnsmasqHandlers({
      ...{ nodeId: 'n1', dhcp, listed },
      hostTaps: (namespace) => taps.list(namespace),
      others: { warnings: (vlan) => Promise.resolve(vlan === 102 ? ['node2 serves DHCP on VLAN 102 too'] : []) },
    }),
  };
});
afterEach(async () => {
  await dhcp.stop();
  taps.stop();
  await ports.stop();
});

/** The table, the response, or the error as text. */
async function run(line: string, namespace = 'minimega'): Promise<ResponseEntry['Tabular'] | string> {
  const result = parseCommand(commandTable, line);
  if (!result.ok || result.command === null) throw new Error(result.ok ? 'empty' : result.message);
  const { command } = result;
  const answered = handlers[command.pattern.pattern]?.({
    ...{ command, host: 'node1', namespace, origin: { via: 'socket' }, status: () => undefined },
    signal: new AbortController().signal,
  });
  if (!answered || Symbol.asyncIterator in answered) throw new Error('one answer');
  try {
    const [entry] = await answered;
    return entry?.Tabular ?? entry?.Response ?? 'nothing';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('tap create names it as minimega does, and tap lists those of the namespace', async () => {
  expect(await run('tap create lan')).toBe('mega_tap0');
  expect(await run('tap create 300 name mytap')).toBe('mytap');
  expect(await run('tap create 300 name mytap')).toBe('tap already on bridge');
  expect(await run('tap create lan bridge br1 ip 10.1.0.1/24 tapip')).toBe('tapip');
  expect(await run('tap create lan ip 10.2.0.1/24', 'exp')).toBe('mega_tap1');
  expect(await run('tap')).toEqual([
    ['mega_bridge', 'mega_tap0', 'lan (101)'],
    ['mega_bridge', 'mytap', '300'],
    ['br1', 'tapip', 'lan (101)'],
  ]);
  expect(taps.users.using([101])).toHaveLength(3);
  expect(await run('tap delete mega_tap1')).toBe('not a host tap in active namespace');
  expect(await run('tap delete nope')).toBe('unknown tap');
  expect(await run('tap delete mytap')).toBe('');
  expect(await run('tap delete all')).toBe('');
  expect([await run('tap'), await run('tap', 'exp')]).toEqual([
    [],
    [['mega_bridge', 'mega_tap1', 'minimega//lan (101)']],
  ]);
});

test('tap create keeps the node’s own way to its network', async () => {
  expect(await run('tap create lan ip 192.0.2.200/25')).toContain('is in the network of eth0 (192.0.2.7/24)');
  expect(await run('tap create lan ip bogus tapx')).toContain('an address with its prefix length');
  expect(await run('tap create lan ip 127.0.0.1/8')).toContain('an address with its prefix length');
  expect(await run('tap create lan name a-name-that-is-too-long')).toContain('is not a name for a tap');
  expect(await run('tap create lan dhcp')).toContain('not in meshd');
  expect(await run('tap')).toEqual([]);
});

test('tap mirror copies one tap to another, and refuses in minimega’s words', async () => {
  for (const line of ['tap create lan name a', 'tap create lan name b', 'tap create lan bridge br1 name c'])
    await run(line);
  await run('tap create lan name d', 'exp');
  expect(await run('tap mirror a a')).toBe('cannot mirror tap to itself');
  expect(await run('tap mirror a c')).toBe('destination tap is not on bridge');
  expect(await run('tap mirror nope a')).toBe('source tap is not on bridge');
  // Of another namespace.
  expect(await run('tap mirror d a')).toBe('source tap is not on bridge');
  expect(await run('tap mirror a b mega_bridge')).toBe('');
  expect(await run('tap mirror a b')).toBe('destination tap is already a mirror');
  expect(await run('tap mirror')).toEqual([['mega_bridge', 'a', 'b']]);
  expect(await run('tap mirror', 'exp')).toEqual([]);
  expect(await run('clear tap mirror a')).toBe('not a valid mirror');
  expect(await run('clear tap mirror b')).toBe('');
  expect(await run('tap mirror a b')).toBe('');
  expect(await run('tap delete a')).toBe('');
  expect(await run('tap mirror')).toEqual([]);
  await run('tap mirror b c');
  expect(await run('clear tap')).toBe('');
  expect([await run('tap'), await run('tap mirror')]).toEqual([[], []]);
});

test('dnsmasq serve starts one, warns of another one, and shows leases with their VMs', async () => {
  const range = '10.0.0.1/24 10.0.0.10 10.0.0.99';
  expect(await run(`dnsmasq serve lan ${range} gateway=10.0.0.254 lease=10m`)).toBe('');
  expect(await run(`dnsmasq serve dmz ${range}`)).toBe('node2 serves DHCP on VLAN 102 too');
  expect(await run('dnsmasq')).toMatchObject([
    ['0', '10.0.0.1', '10.0.0.10', '10.0.0.99', '/dhcp/0', '1001'],
    ['1', '10.0.0.1', '10.0.0.10', '10.0.0.99', '/dhcp/1', '1002'],
  ]);
  expect(await run('dnsmasq info')).toMatchObject([
    ['0', 'lan (101)', '10.0.0.1/24', '10.0.0.10', '10.0.0.99', '10.0.0.254', '', '0', 'running', ''],
    ['1', 'dmz (102)', '10.0.0.1/24', '10.0.0.10', '10.0.0.99', '', '', '0', 'running', ''],
  ]);
  servers.give(0, { mac: '02:00:00:00:00:01', ip: '10.0.0.10', name: 'web', expiresAtMs: 1_800_000_000_000 });
  expect(await run('dnsmasq leases')).toEqual([
    ['0', '10.0.0.10', '02:00:00:00:00:01', 'web1', 'web', '2027-01-15T08:00:00Z'],
  ]);
  expect([await run('dnsmasq leases 1'), await run('dnsmasq', 'exp')]).toEqual([[], []]);
  // `tap` leaves its interface out.
  expect(await run('tap')).toEqual([]);
  expect(await run('tap delete mega_tap0')).toContain('`dnsmasq kill` ends both');
  expect(await run('dnsmasq kill 7')).toContain('invalid ID: `7`');
  expect(await run('dnsmasq kill all')).toBe('');
  expect(await run('dnsmasq')).toEqual([]);
});

test.each([
  ['10.0.0.1 10.0.0.10 10.0.0.99', 'prefix length'],
  ['10.0.0.1/24 10.0.0.10 10.0.0.5', 'is before'],
  ['10.0.0.1/24 10.0.0.10 10.0.0.99 gateway=192.0.2.1', 'guests’ own network'],
  ['10.0.0.1/24 10.0.0.10 10.0.0.99 script=/bin/sh', 'options are gateway='],
])('dnsmasq serve lan %s is refused, and makes nothing', async (words, text) => {
  expect(await run(`dnsmasq serve lan ${words}`)).toContain(text);
  expect(ports.state().hostTaps).toEqual([]);
});

test('dnsmasq start listens on a tap of the node, as in minimega', async () => {
  expect(await run('dnsmasq start 10.0.0.254 10.0.0.2 10.0.0.99')).toContain('no tap of this node');
  await run('tap create lan ip 10.0.0.254/24');
  expect(await run('dnsmasq start 10.0.0.254 10.0.0.2 10.0.0.99 /etc/passwd')).toContain('can run programs');
  expect(await run('dnsmasq start 10.0.0.254 10.0.0.2 10.0.0.99')).toBe('');
  expect(await run('dnsmasq')).toMatchObject([['0', '10.0.0.254', '10.0.0.2', '10.0.0.99', '/dhcp/0', '1001']]);
  await run('tap delete all');
  await expect.poll(() => run('dnsmasq')).toEqual([]);
});

test('dnsmasq configure adds what guests need, and takes nothing that could be another setting', async () => {
  await run('dnsmasq serve lan 10.0.0.1/24 10.0.0.10 10.0.0.99');
  expect(await run('dnsmasq configure 0 ip 02:00:00:00:00:0A 10.0.0.50')).toBe('');
  expect(await run('dnsmasq configure 0 ip')).toEqual([['02:00:00:00:00:0a', '10.0.0.50']]);
  expect(await run('dnsmasq configure 0 ip 02:00 10.0.0.50')).toContain('invalid MAC address');
  expect(await run('dnsmasq configure 0 ip 02:00:00:00:00:0b 10.9.0.50')).toContain('not in the network');
  expect(await run('dnsmasq configure 0 dns 10.0.0.60 db.lab')).toBe('');
  expect(await run('dnsmasq configure 0 dns 10.0.0.60 "a b"')).toContain('not the name of a host');
  expect(await run('dnsmasq configure 0 dns upstream server 9.9.9.9')).toBe('');
  expect(await run('dnsmasq configure 0 options option:ntp-server,10.0.0.5')).toBe('');
  expect(await run('dnsmasq configure 0 options "x\\nconf-file=/etc/passwd"')).toContain('an option as dnsmasq has it');
  expect([await run('dnsmasq configure 0 dns'), await run('dnsmasq configure 0 dns upstream')]).toEqual([
    [['10.0.0.60', 'db.lab']],
    [['9.9.9.9']],
  ]);
  expect(await run('dnsmasq configure 9 options')).toContain('invalid ID');
});
