// The `bridge` commands over a switch in memory: columns, texts, and what they refuse.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BridgeSummary } from '../../contract/bridge.ts';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import type { AliasName } from '../../core/vlans/names.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { createBridgeHandlers } from './bridge.ts';

let machine: MemoryMachine;
let ports: VirtualSwitch;
let summary: BridgeSummary;
let aliases: Map<number, AliasName>;

beforeEach(async () => {
  machine = new MemoryMachine();
  machine.addLink('eth0');
  machine.addLink('eth1');
  ports = new VirtualSwitch('c1', { host: machine.host(), clock: createSystemClock(), log: () => undefined });
  summary = { bridge: '', uplink: '', owner: '', persistence: '', reboot: '', transaction: '', alarms: [] };
  aliases = new Map();
  await ports.start({ ports: [], bridges: [] });
});
afterEach(() => ports.stop());

/** The entry, or the error as text. */
async function run(line: string): Promise<ResponseEntry | string> {
  const result = parseCommand(commandTable, line);
  if (!result.ok || result.command === null) throw new Error(result.ok ? 'empty' : result.message);
  const { command } = result;
  const handlers = createBridgeHandlers({
    observe: () => Promise.resolve(summary),
    ports,
    aliasOf: (vlan) => aliases.get(vlan) ?? null,
  });
  const answered = handlers[command.pattern.pattern]?.({
    command,
    origin: { via: 'socket' },
    host: 'node1',
    namespace: 'minimega',
    signal: new AbortController().signal,
    status: () => undefined,
  });
  if (!answered || Symbol.asyncIterator in answered) throw new Error('one answer');
  try {
    return (await answered)[0] ?? 'nothing';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function table(): Promise<unknown> {
  const entry = await run('bridge');
  return typeof entry === 'string' ? entry : entry.Tabular;
}

const done = { Host: 'node1', Response: '', Header: null, Tabular: null, Error: '', Data: null };

test('`bridge` shows nothing where there is nothing, and makes no bridge', async () => {
  expect(await run('bridge')).toMatchObject({
    Header: ['bridge', 'preexisting', 'vlans', 'trunks', 'tunnels', 'bonds', 'config'],
    Tabular: [],
    Data: null,
  });
  expect(await run('bridge uplink')).toMatchObject({
    Header: ['bridge', 'uplink', 'owner', 'persistence', 'reboot', 'transaction', 'alarms'],
    Tabular: [],
  });
  expect(ports.state().bridges).toEqual([]);
});

test('`bridge` shows the one with the uplink among those of VMs, with the VLANs of VMs on each', async () => {
  machine.addForeignBridge('mega_bridge');
  summary = {
    ...{ bridge: 'mega_bridge', uplink: 'eth0', owner: 'ifupdown', persistence: 'ifupdown', reboot: 'safe' },
    ...{ transaction: '', alarms: ['one', 'two'] },
  };
  await ports.ensureBridge('br1');
  const bond = { name: 'mega_bond0', mode: 'balance-slb', lacp: 'off', hasFallback: false } as const;
  const ofVm = [100, 100, 101, 121].map((tag, at) => ({
    ...{ tap: `mega_tap${at}`, owner: '1', user: 1 },
    place: {
      ...{ bridge: at < 2 ? 'br1' : 'mega_bridge', vlan: { kind: 'access' as const, tag } },
      ...(at < 2 ? { bond } : {}),
    },
  }));
  await ports.addPorts(ofVm);
  aliases.set(101, { namespace: 'minimega', alias: 'alpha' });
  aliases.set(121, { namespace: 'exp1', alias: 'a' });
  expect(await table()).toEqual([
    ['mega_bridge', 'true', '[alpha (101) exp1//a (121)]', '[]', '[]', '[]', '{}'],
    ['br1', 'false', '[100]', '[]', '[]', '[mega_bond0]', '{}'],
  ]);
  expect(await run('bridge uplink')).toMatchObject({
    Tabular: [['mega_bridge', 'eth0', 'ifupdown', 'ifupdown', 'safe', '', 'one; two']],
    Data: summary,
  });
});

test('`bridge uplink` shows a change under way while Open vSwitch is away', async () => {
  machine.setRunning('database', false);
  summary = { ...summary, transaction: 'r-1 of john: pending' };
  expect(await run('bridge uplink')).toMatchObject({ Tabular: [['', '', '', '', '', 'r-1 of john: pending', '']] });
});

test('what changes a bridge of VMs makes it if it is not there, and `bridge destroy` removes it with what was put on it', async () => {
  expect(await run('bridge config br1 rstp_enable=true')).toEqual(done);
  expect(await run('bridge config br1 other_config:rstp-priority=32768')).toEqual(done);
  expect(await run('bridge trunk br1 eth1')).toEqual(done);
  expect(await run('bridge tunnel vxlan br1 127.0.0.2')).toEqual(done);
  expect(await run('bridge tunnel vxlan br1 127.0.0.3 42')).toEqual(done);
  expect(await run('bridge tunnel gre br1 fd00::4 7')).toEqual(done);
  const config = '{"rstp_enable":"true","other_config:rstp-priority":"32768"}';
  const tunnels = '[mega_tap0 mega_tap1 mega_tap2]';
  expect(await table()).toEqual([['br1', 'false', '[]', '[eth1]', tunnels, '[]', config]]);
  expect(await run('bridge notrunk br1 eth1')).toEqual(done);
  expect(await run('bridge notunnel br1 mega_tap1')).toEqual(done);
  expect(await table()).toEqual([['br1', 'false', '[]', '[]', '[mega_tap0 mega_tap2]', '[]', config]]);
  expect(await run('bridge destroy br1')).toEqual(done);
  expect(await table()).toEqual([]);
  expect(ports.state().faults).toEqual([]);
});

test.each([
  ['bridge config br1 bogus', 'expected key=value'],
  ['bridge config br1 =x', 'expected key=value'],
  ['bridge config br1 rstp_enable=', 'expected key=value'],
  ['bridge config br1 rstp_enable=maybe', 'rstp_enable is true or false, not "maybe"'],
  [
    'bridge config br1 fail_mode=secure',
    'bridge config sets mcast_snooping_enable, rstp_enable, stp_enable and other_config:<key>, not "fail_mode"',
  ],
  ['bridge config a-name-that-is-too-long stp_enable=true', '"a-name-that-is-too-long" is not a name for a bridge'],
  ['bridge config eth0 stp_enable=true', 'eth0 exists already, and is not a bridge'],
  ['bridge trunk br1 nonic', 'there is no interface nonic on this node'],
  ['bridge trunk br1 eth0', 'eth0 has 192.0.2.1/24, and on a bridge nothing answers there: `meshdeck bridge <node>`'],
  ['bridge notrunk br1 eth1', 'unknown trunk: eth1'],
  ['bridge notunnel br1 nope', 'unknown tunnel: nope'],
  ['bridge tunnel gre br1 node2', 'a tunnel goes to an IP address, not to "node2"'],
  ['bridge tunnel vxlan br1 127.0.0.2 16777216', 'the key of a vxlan tunnel is a number from 0 to 16777215'],
  ['bridge tunnel gre br1 127.0.0.2 x', 'the key of a gre tunnel is a number from 0 to 4294967295, not "x"'],
  ['bridge destroy br1', 'there is no bridge br1 on this node'],
])('`%s` says what is wrong, and leaves no bridge behind', async (line, text) => {
  expect(await run(line)).toContain(text);
  expect(ports.state().bridges).toEqual([]);
});

test('a trunk is not a tunnel, nor on two bridges, and no VM loses its bridge', async () => {
  await run('bridge trunk br1 eth1');
  await run('bridge tunnel gre br1 127.0.0.2');
  expect(await run('bridge trunk br1 eth1')).toBe('bridge already trunking to eth1');
  expect(await run('bridge trunk br2 eth1')).toBe('eth1 is on br1 already: take it off there first');
  expect(await run('bridge notunnel br1 eth1')).toBe('unknown tunnel: eth1');
  expect(await run('bridge notrunk br1 mega_tap0')).toBe('unknown trunk: mega_tap0');
  expect(await run('bridge notrunk br2 eth1')).toBe('unknown trunk: eth1');
  await ports.addPorts([
    { tap: 'mega_tap1', owner: '1', user: 1, place: { bridge: 'br1', vlan: { kind: 'access', tag: 5 } } },
  ]);
  expect(await run('bridge destroy br1')).toBe('br1 stays: mega_tap1 is on it');
  expect(ports.state().bridges).toMatchObject([{ name: 'br1', trunks: ['eth1'], tunnels: ['mega_tap0'] }]);
});

test('nothing cuts the console’s bridge off from its uplink, and each refusal names the wizard’s command', async () => {
  machine.addForeignBridge('mega_bridge', { 'meshdeck-owner': 'meshdeck', 'meshdeck-uplink': 'eth0' });
  machine.addForeignPort('mega_bridge', 'eth0', { kind: 'trunk', tags: [] });
  machine.setAddress('mega_bridge', '192.0.2.1/24');
  const undo = '`meshdeck bridge <node> --undo` takes it';
  expect(await run('bridge destroy mega_bridge')).toContain(undo);
  expect(await run('bridge notrunk mega_bridge eth0')).toContain(undo);
  expect(await run('bridge trunk br2 eth0')).toBe(
    'eth0 is on mega_bridge already: `meshdeck bridge <node> --undo` takes it off',
  );
  expect(await run('bridge config mega_bridge rstp_enable=true')).toContain('`meshdeck bridge <node>` changes it');
  const loop = 'mega_bridge has the uplink eth0 of this node, and a second way to that network would be a loop';
  expect(await run('bridge trunk mega_bridge eth1')).toContain(loop);
  expect(await run('bridge tunnel vxlan mega_bridge 127.0.0.2')).toContain(loop);
  expect(await run('bridge notunnel mega_bridge eth0')).toBe('unknown tunnel: eth0');
  const view = ports.view();
  expect([...view.bridges.keys()]).toEqual(['mega_bridge']);
  expect(view.bridges.get('mega_bridge')?.ports).toEqual(['eth0']);
});

test('a bridge that was made for VMs and then got the uplink is the console’s', async () => {
  await ports.ensureBridge('mega_bridge');
  machine.addForeignPort('mega_bridge', 'eth0', { kind: 'trunk', tags: [] });
  expect(await run('bridge destroy mega_bridge')).toBe('mega_bridge stays: eth0 is on it');
  expect(await run('bridge config mega_bridge stp_enable=true')).toContain('eth0 on mega_bridge is somebody else’s');
  machine.setAddress('mega_bridge', '192.0.2.1/24');
  expect(await run('bridge tunnel gre mega_bridge 127.0.0.2')).toContain(
    'mega_bridge has 192.0.2.1/24 of this node, and a second way to that network would be a loop',
  );
  const ours = { 'meshdeck-cluster': 'c1', 'meshdeck-role': 'bridge' };
  machine.addForeignBridge('mega_bridge', { ...ours, 'meshdeck-uplink': 'eth0' });
  expect(await run('bridge destroy mega_bridge')).toContain('`meshdeck bridge <node> --undo` takes it away');
});

test('a bridge over which somebody reaches the node keeps its trunk', async () => {
  await run('bridge trunk br1 eth1');
  machine.setAddress('br1', '198.51.100.7/24');
  const refusal = 'this node is reached over br1, which has 198.51.100.7/24';
  for (const line of ['bridge notrunk br1 eth1', 'bridge destroy br1', 'bridge config br1 rstp_enable=true'])
    expect(await run(line), line).toContain(refusal);
  expect(ports.state().bridges).toMatchObject([{ name: 'br1', trunks: ['eth1'] }]);
});

test('a bridge of others gets no setting and stays; a trunk for VMs may be put on it', async () => {
  machine.addForeignBridge('rack');
  const advice = 'rack was not made by Meshdeck’s VMs';
  expect(await run('bridge config rack stp_enable=true')).toContain(advice);
  expect(await run('bridge destroy rack')).toContain(advice);
  expect(await run('bridge trunk rack eth1')).toEqual(done);
  expect(await table()).toEqual([['rack', 'true', '[]', '[eth1]', '[]', '[]', '{}']]);
  expect(await run('bridge notrunk rack eth1')).toEqual(done);
});
