// What the ports of a real Open vSwitch do with frames, and what of the database a change touches.
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from './bridge-config.ts';
import type { LinuxHost } from './linux-host.ts';
import { localRunner } from '../runner.ts';
import { portFlows } from './port-flows.ts';
import { hasOpenVSwitch, NamespaceGuest, PrivateOvs } from './private-ovs.ts';
import { noChange, type PortVlan } from './switch-host.ts';

describe.skipIf(!hasOpenVSwitch)('ports on a real Open vSwitch', () => {
  let ovs: PrivateOvs;
  let host: LinuxHost;
  let guests: NamespaceGuest[];
  const waitMs = 60_000;
  const marks = { 'meshdeck-cluster': 'c1', 'meshdeck-role': 'vm', 'meshdeck-owner': 'vm1' };
  const plug = async (guestName: string, vlan: PortVlan) => {
    const name = `port-${guestName}`;
    const guest = await NamespaceGuest.plug(ovs, name);
    guests.push(guest);
    await guest.run('ip', 'address', 'add', `10.9.0.${guests.length}/24`, 'dev', 'eth0');
    await host.apply({ ...noChange, setPorts: [{ name, bridge: 'vms', vlan, marks }] }, waitMs);
    await guest.listen();
    return guest;
  };
  const access = (tag: number): PortVlan => ({ kind: 'access', tag });

  beforeEach(async () => {
    ovs = await PrivateOvs.start();
    guests = [];
    host = ovs.host();
    await host.start({ changed: () => undefined, learnt: () => undefined });
    await host.apply({ ...noChange, makeBridges: [{ name: 'vms', datapath: 'netdev', marks: {} }] }, waitMs);
  });
  afterEach(async () => {
    host.stop();
    for (const guest of guests) await guest.stop();
    await ovs.stop();
  });

  test('frames stay on their VLAN, whatever tags the guest sets itself', async () => {
    const a = await plug('a', access(100));
    const b = await plug('b', access(100));
    const c = await plug('c', access(200));
    const trunk = await plug('d', { kind: 'trunk', tags: [200] });
    await a.say('with the tag of others', [200]);
    await a.say('with the right tag', [100]);
    await a.say('with two tags', [100, 200]);
    await c.say('on 200');
    await trunk.say('without a tag');
    await trunk.say('on 100 by a trunk', [100]);
    await trunk.say('on 200 by a trunk', [200]);
    await a.say('on 100');
    // The last one of each sender came; what it sent before that and did not come was dropped.
    await expect.poll(() => b.received()).toEqual(['on 100']);
    await expect.poll(() => trunk.received()).toEqual(['200 on 200']);
    await expect.poll(() => c.received()).toEqual(['on 200 by a trunk']);
    await expect.poll(() => a.ping('10.9.0.2')).toBe(3);
    await host.apply({ ...noChange, setPorts: [{ name: 'port-b', bridge: 'vms', vlan: access(200), marks }] }, waitMs);
    await a.say('on 100 again');
    await c.say('on 200 again');
    await expect.poll(() => b.received()).toEqual(['on 100', 'on 200 again']);
  });

  test('a bridge tells its flows, with what they did', async () => {
    const a = await plug('a', access(100));
    const b = await plug('b', access(100));
    await a.say('hello');
    await expect.poll(() => b.received()).toEqual(['hello']);
    const ofport = host.view().ports.get('port-a')?.ofport ?? 0;
    const rest = async () => portFlows(await host.flows('vms'), ofport).rest;
    await expect.poll(rest).toMatchObject({ does: 'normal', priority: 0, isOfPort: false });
    await expect.poll(async () => (await rest())?.packets).toBeGreaterThan(0);
    const add = (flows: readonly string[]) =>
      localRunner.run(['ovs-ofctl', 'add-flows', `unix:${ovs.folder}/vms.mgmt`, '-'], { stdin: flows.join('\n') });
    await add([`priority=9,in_port=${ofport},actions=drop`]);
    expect(await rest()).toMatchObject({ does: 'drop', priority: 9, isOfPort: true });
    const many = Array.from({ length: 3_000 }, (_, at) => `priority=5,tcp,tcp_dst=${at + 1},actions=normal`);
    await add(many);
    expect(await host.flows('vms')).toHaveLength(3_002);
    await expect(host.flows('none')).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('QinQ carries the guests’ own tags below the outer one', async () => {
    const qinq = (tag: number): PortVlan => ({ kind: 'qinq', tag });
    const a = await plug('a', qinq(300));
    const b = await plug('b', qinq(300));
    const c = await plug('c', qinq(301));
    const d = await plug('d', access(5));
    const trunk = await plug('e', { kind: 'trunk', tags: [] });
    expect(await ovs.vsctl('get', 'Open_vSwitch', '.', 'other_config:vlan-limit')).toBe('"2"\n');
    await a.say('tagged inside', [5]);
    await a.say('untagged inside');
    await expect.poll(() => b.received()).toEqual(['5 tagged inside', 'untagged inside']);
    await expect.poll(() => trunk.received()).toEqual(['300.5 tagged inside', '300 untagged inside']);
    await trunk.say('to 301', [301]);
    await trunk.say('to 5', [5]);
    await expect.poll(() => c.received()).toEqual(['to 301']);
    await expect.poll(() => d.received()).toEqual(['to 5']);
  });

  test('a launch is one transaction, and what others keep in the same rows stays', async () => {
    await ovs.vsctl('set', 'bridge', 'vms', 'other_config:hwaddr=02:00:00:00:00:77', 'external_ids:theirs=1');
    await ovs.vsctl('set', 'Open_vSwitch', '.', 'other_config:theirs=2');
    await ovs.run('ip', 'tuntap', 'add', 'dev', 'nic1', 'mode', 'tap');
    await ovs.vsctl('add-port', 'vms', 'nic1', '--', 'set', 'port', 'nic1', 'other_config:theirs=3');
    const counted = async () => Number(await ovs.vsctl('get', 'Open_vSwitch', '.', 'next_cfg'));
    const before = await counted();
    const names = Array.from({ length: 100 }, (_, index) => `mega_tap${index}`);
    await host.apply(
      {
        ...noChange,
        makeTaps: names.map((name) => ({
          name,
          user: 65534,
          mtu: 1400,
          alias: 'meshdeck/c1/vm1',
        })),
        setPorts: names.map((name, index) => ({ name, bridge: 'vms', vlan: access(100 + index), marks })),
      },
      waitMs,
    );
    expect(await counted()).toBe(before + 1);
    expect((await ovs.vsctl('list-ports', 'vms')).split('\n').filter(Boolean)).toHaveLength(101);
    expect(await ovs.vsctl('get', 'port', 'mega_tap42', 'tag', 'vlan_mode', 'external_ids:meshdeck-owner')).toBe(
      '142\naccess\nvm1\n',
    );
    expect(await ovs.run('ip', '-d', 'link', 'show', 'mega_tap42')).toMatch(
      /NOARP.* mtu 1400[^]*type tap[^]*user nobody[^]*addrgenmode none/,
    );
    expect([...host.view().ports.values()].filter(({ ofport }) => (ofport ?? 0) <= 0)).toEqual([]);
    await host.apply({ ...noChange, dropPorts: names, dropTaps: names }, waitMs);
    expect(await counted()).toBe(before + 2);
    expect(await ovs.vsctl('list-ports', 'vms')).toBe('nic1\n');
    expect(await ovs.vsctl('get', 'bridge', 'vms', 'other_config:hwaddr', 'external_ids:theirs')).toBe(
      '"02:00:00:00:00:77"\n"1"\n',
    );
    expect(await ovs.vsctl('get', 'port', 'nic1', 'other_config:theirs')).toBe('"3"\n');
    expect(await ovs.vsctl('get', 'Open_vSwitch', '.', 'other_config:theirs')).toBe('"2"\n');
  });

  test('settings, tunnels and bonds are in the database as ovs-vsctl writes them, and what others keep there stays', async () => {
    const mine = { name: 'mine', datapath: 'netdev', marks } as const;
    const config = { rstp_enable: 'true', 'other_config:rstp-priority': '28672' };
    const vlan: PortVlan = { kind: 'trunk', tags: [] };
    const tunnel = { kind: 'vxlan', remote: '127.0.0.2', key: '42' } as const;
    const bond = { mode: 'balance-slb', lacp: 'passive', hasFallback: true, interfaces: ['tap1', 'tap2'] } as const;
    for (const tap of bond.interfaces) await ovs.run('ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
    await host.apply(
      {
        ...noChange,
        makeBridges: [mine],
        setBridges: [{ name: 'mine', config }],
        setPorts: [
          { name: 'tunnel1', bridge: 'mine', vlan, marks, tunnel },
          { name: 'bond1', bridge: 'mine', vlan: access(5), marks, bond },
        ],
      },
      waitMs,
    );
    expect(await ovs.vsctl('get', 'bridge', 'mine', 'rstp_enable', 'other_config')).toBe(
      'true\n{rstp-priority="28672"}\n',
    );
    expect(await ovs.vsctl('get', 'interface', 'tunnel1', 'type', 'options')).toBe(
      'vxlan\n{key="42", remote_ip="127.0.0.2"}\n',
    );
    expect(await ovs.vsctl('get', 'port', 'bond1', 'tag', 'bond_mode', 'lacp', 'other_config')).toBe(
      '5\nbalance-slb\npassive\n{lacp-fallback-ab="true"}\n',
    );
    const shown = await ovs.run('ovs-appctl', '-t', `${ovs.folder}/ovs-vswitchd.ctl`, 'bond/show', 'bond1');
    for (const text of ['bond_mode: balance-slb', 'lacp_fallback_ab: true', 'tap1:', 'tap2:'])
      expect(shown).toContain(text);
    await ovs.vsctl('set', 'bridge', 'mine', 'other_config:hwaddr=02:00:00:00:00:77', 'external_ids:theirs=1');
    await ovs.vsctl('set', 'port', 'bond1', 'other_config:theirs=3');
    const next = { ...config, rstp_enable: 'false', 'other_config:rstp-priority': '4096' };
    await host.apply(
      {
        ...noChange,
        setBridges: [{ name: 'mine', config: next }],
        setPorts: [{ name: 'bond1', bridge: 'mine', vlan: access(6), marks, bond: { ...bond, hasFallback: false } }],
      },
      waitMs,
    );
    expect(await ovs.vsctl('get', 'bridge', 'mine', 'rstp_enable', 'other_config', 'external_ids:theirs')).toBe(
      'false\n{hwaddr="02:00:00:00:00:77", rstp-priority="4096"}\n"1"\n',
    );
    expect(await ovs.vsctl('get', 'port', 'bond1', 'tag', 'other_config')).toBe('6\n{theirs="3"}\n');
    expect(readConfig(host.view().bridges.get('mine')?.marks ?? new Map())).toEqual(next);
    await expect(host.apply({ ...noChange, setBridges: [{ name: 'vms', config }] }, waitMs)).rejects.toMatchObject({
      code: 'conflict',
      message: 'the bridge vms is not ours',
    });
  });

  test('what the machine has on an interface is found, also on what lies over it, and the default route', async () => {
    for (const nic of ['nic1', 'nic2']) {
      await ovs.run('ip', 'tuntap', 'add', 'dev', nic, 'mode', 'tap');
      await ovs.run('ip', 'link', 'set', nic, 'up');
    }
    expect(await host.addressesOf('nic1')).toEqual([]);
    await ovs.run('ip', 'link', 'add', 'link', 'nic1', 'name', 'over1', 'type', 'macvlan');
    await ovs.run('ip', 'address', 'add', '198.51.100.7/24', 'dev', 'over1');
    await ovs.run('ip', 'route', 'add', 'default', 'dev', 'nic2');
    expect(await host.addressesOf('nic1')).toEqual(['198.51.100.7/24 on over1']);
    expect(await host.addressesOf('nic2')).toEqual(['the default route']);
    expect(await host.addressesOf('lo')).toContain('127.0.0.1/8');
    await expect(host.addressesOf('nonic')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('what is not ours stays, whatever a change names', async () => {
    await ovs.vsctl('add-br', 'rack', '--', 'set', 'bridge', 'rack', 'datapath_type=netdev');
    await ovs.run('ip', 'tuntap', 'add', 'dev', 'theirs', 'mode', 'tap');
    await ovs.vsctl('add-port', 'rack', 'theirs', 'tag=7');
    await expect.poll(() => [...host.view().ports.keys()]).toContain('theirs');
    await expect.poll(() => [...host.view().links.keys()]).toContain('theirs');
    const ours = { name: 'theirs', bridge: 'vms', vlan: access(5), marks };
    await expect(host.apply({ ...noChange, setPorts: [ours] }, waitMs)).rejects.toMatchObject({
      code: 'conflict',
      message: 'the port theirs on rack is not ours',
    });
    const drops = { dropPorts: ['theirs'], dropBridges: ['rack'], dropTaps: ['theirs'] };
    await host.apply({ ...noChange, ...drops }, waitMs);
    expect(await ovs.vsctl('list-ports', 'rack')).toBe('theirs\n');
    expect(await ovs.vsctl('get', 'port', 'theirs', 'tag', 'external_ids')).toBe('7\n{}\n');
    expect(await ovs.run('ip', 'link', 'show', 'theirs')).toContain('theirs');
  });

  test('a port that somebody adds while a change is on its way stays too', async () => {
    await host.apply({ ...noChange, makeBridges: [{ name: 'mine', datapath: 'netdev', marks }] }, waitMs);
    await ovs.run('ip', 'tuntap', 'add', 'dev', 'late1', 'mode', 'tap');
    // This process stands still meanwhile, so what it knows is old when it sends.
    const add = (...args: string[]) => {
      execFileSync('ovs-vsctl', [`--db=unix:${ovs.folder}/db.sock`, '--timeout=20', '--no-wait', ...args]);
    };
    add('add-port', 'mine', 'late1');
    await expect(host.apply({ ...noChange, dropBridges: ['mine'] }, waitMs)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await ovs.vsctl('list-ports', 'mine')).toBe('late1\n');
    add('add-port', 'mine', 'late2', 'tag=7');
    const taken = { name: 'late2', bridge: 'vms', vlan: access(5), marks };
    await expect(host.apply({ ...noChange, setPorts: [taken] }, waitMs)).rejects.toMatchObject({ code: 'conflict' });
    expect(await ovs.vsctl('get', 'port', 'late2', 'tag', 'external_ids')).toBe('7\n{}\n');
  });

  test('a tap that cannot be made takes the whole launch back, and is named', async () => {
    await ovs.run('ip', 'link', 'add', 'mega_tap1', 'type', 'veth', 'peer', 'name', 'other');
    const taps = ['mega_tap0', 'mega_tap1', 'mega_tap2'].map((name) => ({
      ...{ name, user: 0, mtu: 1500, alias: 'meshdeck/c1/vm1' },
    }));
    await expect(host.apply({ ...noChange, makeTaps: taps }, waitMs)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('the tap mega_tap1 cannot be made') as string,
    });
    expect((await ovs.run('ip', '-o', 'link', 'show')).match(/^\d+: mega_tap\d/gm)).toHaveLength(1);
    expect(await ovs.run('ip', 'link', 'show', 'mega_tap1')).toContain('mega_tap1@other');
  });

  test('counts what the guests sent and got', async () => {
    const a = await plug('a', access(100));
    await plug('b', access(100));
    expect(await a.ping('10.9.0.2')).toBe(3);
    // The switch writes them every five seconds.
    await expect
      .poll(async () => (await host.counters(['meshdeck-role', 'vm'])).get('port-a')?.rxPackets ?? 0)
      .toBeGreaterThan(3);
    const counters = (await host.counters(['meshdeck-role', 'vm'])).get('port-a');
    expect(counters?.rxBytes).toBeGreaterThan(3 * 98);
    expect((await host.counters(['meshdeck-role', 'nobody'])).size).toBe(0);
  });
});
