// DHCP servers of a node over a machine in memory: what becomes of them when they die, when meshd does, and with their interfaces.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseDhcp } from '../../core/dhcp/settings.ts';
import { MemoryDhcp } from '../../host/dhcp/memory-dhcp.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { MemoryVmStore } from '../vms/memory-vm-store.ts';
import { NodeDhcp } from './node-dhcp.ts';

let machine: MemoryMachine;
let servers: MemoryDhcp;
let store: MemoryVmStore;
let clock: VirtualClock;
let ports: VirtualSwitch;
let dhcp: NodeDhcp;
const signal = new AbortController().signal;

const parsed = parseDhcp({
  ...{ address: '10.0.0.1/24', low: '10.0.0.10', high: '10.0.0.99' },
  ...{ gateway: '', dns: '', domain: '', lease: '1h' },
});
if (!parsed.ok) throw new Error(parsed.message);
const settings = parsed.value;
const vlanOf = new Map([
  ['lan', 101],
  ['dmz', 102],
]);

async function begin(): Promise<void> {
  ports = new VirtualSwitch('c1', { host: machine.host(), clock: createSystemClock(), log: () => undefined });
  await ports.start({ ports: [], bridges: [] });
  dhcp = await NodeDhcp.open({
    ...{ store, host: servers.host(), ports, clock },
    vlans: {
      resolve: (text, namespace) =>
        Promise.resolve({ vlan: vlanOf.get(text) ?? 0, name: { namespace, alias: text }, notes: [] }),
    },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await dhcp.start();
}
async function end(): Promise<void> {
  await dhcp.stop();
  await ports.stop();
}
const serve = (vlan: string) => dhcp.serve({ namespace: 'exp', settings, on: { vlan, bridge: 'vms' } }, { signal });
const states = () => dhcp.list(null).map(({ record, state }) => `${record.id} ${record.alias} ${state}`);
const taps = () => ports.state().hostTaps.map(({ name, vlan, use }) => `${name} ${vlan} ${use}`);

beforeEach(async () => {
  machine = new MemoryMachine();
  servers = new MemoryDhcp();
  store = new MemoryVmStore();
  clock = new VirtualClock();
  await begin();
});
afterEach(end);

test('one is started with its own interface, shows its leases, and leaves nothing', async () => {
  await serve('lan');
  await serve('dmz');
  expect(states()).toEqual(['0 lan running', '1 dmz running']);
  expect(taps()).toEqual(['mega_tap0 101 dhcp', 'mega_tap1 102 dhcp']);
  expect(servers.placed.get(0)).toBe('mega_tap0 10.0.0.1/24');
  servers.give(0, { mac: '02:00:00:00:00:01', ip: '10.0.0.10', name: 'web1', expiresAtMs: 1 });
  expect(dhcp.list('exp')[0]?.leases).toMatchObject([{ ip: '10.0.0.10' }]);
  expect(dhcp.list('other')).toEqual([]);
  expect(dhcp.users.using([101])).toMatchObject([{ vm: 'dnsmasq-0', alias: 'lan' }]);
  await expect(serve('lan')).rejects.toMatchObject({ message: expect.stringContaining('dnsmasq kill 0') as string });
  await dhcp.kill(0);
  await dhcp.kill(1);
  expect([states(), taps(), [...servers.servers], [...store.files]]).toEqual([[], [], [], []]);
  await expect(dhcp.kill(0)).rejects.toMatchObject({ code: 'not-found' });
});

test('one that cannot start leaves nothing, and says why', async () => {
  servers.failure = 'bad dhcp-range';
  await expect(serve('lan')).rejects.toMatchObject({ message: 'bad dhcp-range' });
  expect([states(), taps(), [...servers.placed], [...store.files]]).toEqual([[], [], [], []]);
});

test('one that dies is started again, later each time, and says what it said', async () => {
  await serve('lan');
  const before = servers.servers.get(0)?.process.pid;
  servers.failure = 'out of memory';
  servers.kill(0);
  await expect.poll(states).toEqual(['0 lan starting']);
  expect(dhcp.list(null)[0]?.reason).toBe('dnsmasq ended: out of memory');
  // The first attempt fails with the words above.
  await clock.advance(1_000);
  await expect.poll(() => dhcp.list(null)[0]?.reason).toBe('out of memory');
  await clock.advance(2_000);
  await expect.poll(states).toEqual(['0 lan running']);
  expect(servers.servers.get(0)?.process.pid).not.toBe(before);
});

test('meshd that starts again takes over what runs, starts what does not, and ends what nobody wrote down', async () => {
  await serve('lan');
  await serve('dmz');
  const running = servers.servers.get(0)?.process.pid;
  await end();
  servers.kill(1);
  servers.servers.set(7, {
    order: { ...servers.servers.get(0)!.order, id: 7 },
    process: { pid: 9, startTicks: '1', bootId: 'x' },
  });
  await begin();
  await expect.poll(states).toEqual(['0 lan running', '1 dmz running']);
  expect(servers.servers.get(0)?.process.pid).toBe(running);
  expect([...servers.servers.keys()]).toEqual([0, 1]);
  expect(taps()).toEqual(['mega_tap0 101 dhcp', 'mega_tap1 102 dhcp']);
  // Its interface is not that of another one.
  await dhcp.kill(0);
  await end();
  await begin();
  expect(taps()).toEqual(['mega_tap1 102 dhcp']);
});

test('a record that cannot be read is kept, and its interface goes', async () => {
  await serve('lan');
  await end();
  store.files.set('0.json', '{');
  await begin();
  expect([states(), taps()]).toEqual([[], []]);
  expect([...store.files.keys()]).toEqual(['0.json.damaged']);
});

test('an interface that Open vSwitch made again is brought to the server', async () => {
  await serve('lan');
  servers.placed.clear();
  machine.deletePort('mega_tap0');
  await expect.poll(() => servers.placed.get(0)).toBe('mega_tap0 10.0.0.1/24');
});

test('on an interface that somebody asked for it leaves that alone, and ends with it', async () => {
  await ports.addHostTap({
    name: 'here0',
    bridge: 'vms',
    vlan: 101,
    use: 'tap',
    namespace: 'exp',
    address: '10.0.0.1/24',
  });
  await dhcp.serve({ namespace: 'exp', settings, on: { tap: 'here0' } }, { signal });
  await dhcp.kill(0);
  expect(taps()).toEqual(['here0 101 tap']);
  await dhcp.serve({ namespace: 'exp', settings, on: { tap: 'here0' } }, { signal });
  await ports.removeHostTaps(['here0']);
  await expect.poll(states).toEqual([]);
  expect(servers.servers.size).toBe(0);
});

test('what was added is in its configuration; what it cannot use is taken back', async () => {
  await serve('lan');
  const config = () => servers.servers.get(0)?.order.config('/leases') ?? '';
  await dhcp.configure(0, (before) => ({ ...before, upstream: ['9.9.9.9'] }));
  expect(config()).toContain('server=9.9.9.9');
  servers.failure = 'bad option';
  await expect(dhcp.configure(0, (before) => ({ ...before, options: ['x'] }))).rejects.toThrow('bad option');
  expect(dhcp.list(null)[0]?.record.extras).toMatchObject({ upstream: ['9.9.9.9'], options: [] });
  expect(states()).toEqual(['0 lan running']);
  expect(config()).not.toContain('dhcp-option=x');
});

test('a split alias is joined: the server moves to the other number', async () => {
  await serve('lan');
  await dhcp.users.move({ name: { namespace: 'exp', alias: 'lan' }, from: [101], to: 120 });
  expect(taps()).toEqual(['mega_tap0 120 dhcp']);
  expect(dhcp.list(null)[0]?.record.vlan).toBe(120);
});
