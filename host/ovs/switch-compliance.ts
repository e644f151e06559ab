// What a virtual switch does on every machine, in memory or with Open vSwitch: run by each with its own machine. What the switch
// did is read with other programs where there are any (`describe`), not from the switch.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import type { Place, WantedPort } from './compare.ts';
import type { Fault } from './fault-book.ts';
import type { SwitchHost } from './switch-host.ts';
import { VirtualSwitch, type Kept } from './virtual-switch.ts';

/** A machine, and what an administrator or a crash does to it. */
export interface SwitchMachine {
  /** What a daemon on it gets; the next one is that of a daemon that was started again. */
  host(): SwitchHost;
  /** Lines `<bridge> <port> <vlan>` of all ports but the bridges' own, and `tap <name> up` or `down`, sorted. */
  describe(): Promise<string[]>;
  addBridge(name: string): Promise<unknown>;
  /** A port of somebody else, for VLAN 7. */
  addPort(bridge: string, name: string): Promise<unknown>;
  deletePort(name: string): Promise<unknown>;
  deleteMirrors(bridge: string): Promise<unknown>;
  deleteBridge(name: string): Promise<unknown>;
  setTag(name: string, tag: number): Promise<unknown>;
  deleteTap(name: string): Promise<unknown>;
  lowerTap(name: string): Promise<unknown>;
  addAddress(name: string, address: string): Promise<unknown>;
  /** Holds a tap as QEMU does. */
  hold(name: string): Promise<HeldTap>;
  /** `database` takes the switch along, as Debian's units do. */
  stop(part: 'database' | 'switch'): Promise<unknown>;
  start(part: 'database' | 'switch'): Promise<unknown>;
  /** A database without a row, and its programs started again. */
  wipe(): Promise<unknown>;
  /** Gives the machine back as it was found. */
  end(): Promise<unknown>;
}

export interface HeldTap {
  /** A frame of the guest. */
  send(frame: Buffer): void;
  letGo(): Promise<unknown>;
}

const cluster = 'c1';
const access = (tag: number, bridge = 'vms'): Place => ({ bridge, vlan: { kind: 'access', tag } });
const port = (tap: string, place: Place | null, owner = 'vm1'): WantedPort => ({ tap, owner, place, user: 65534 });
const none: Kept = { ports: [], bridges: [] };

export function describeSwitch(name: string, make: () => Promise<SwitchMachine>): void {
  describe(`a virtual switch ${name}`, () => {
    let machine: SwitchMachine;
    let under: VirtualSwitch;
    /** Every fault that was ever shown, and what was logged. */
    let shown: Set<string>;
    let logged: string[];
    const begin = async (kept: Kept = none) => {
      under = new VirtualSwitch(cluster, {
        host: machine.host(),
        clock: {
          now: () => performance.now(),
          after: (delayMs, run) => {
            const timer = setTimeout(run, delayMs);
            return { cancel: () => clearTimeout(timer) };
          },
        },
        log: (_level, text) => logged.push(text),
      });
      under.onChange(() => {
        for (const { reason, subject } of under.state().faults) shown.add(`${reason} ${subject}`.trim());
      });
      await under.start(kept);
    };
    const faults = (): Partial<Fault>[] =>
      under.state().faults.map(({ reason, subject, isLeftAlone }) => ({ reason, subject, isLeftAlone }));
    const isWhole = async (lines: readonly string[]) => {
      await expect.poll(() => machine.describe()).toEqual(lines);
      await expect.poll(() => under.state().faults).toEqual([]);
      await expect
        .poll(() => under.state().ports.filter(({ isConnected, place }) => place && !isConnected))
        .toEqual([]);
    };

    beforeEach(async () => {
      machine = await make();
      shown = new Set();
      logged = [];
      await begin();
    });
    afterEach(async () => {
      await under.stop();
      await machine.end();
    });

    test('makes no bridge by looking, and one when it is asked to', async () => {
      expect(under.state().bridges).toEqual([]);
      expect(await machine.describe()).toEqual([]);
      await under.ensureBridge('vms');
      await under.ensureBridge('vms');
      expect(under.state().bridges).toMatchObject([{ name: 'vms', isOurs: true, vlans: [], trunks: [] }]);
      await expect(under.ensureBridge('a-name-that-is-too-long')).rejects.toMatchObject({ code: 'invalid' });
    });

    test('leaves a bridge of others as it is, and makes its own like it', async () => {
      await machine.addBridge('rack');
      await expect.poll(() => under.state().bridges.map((bridge) => bridge.name)).toEqual(['rack']);
      await under.ensureBridge('rack');
      await under.ensureBridge('vms');
      const [rack, vms] = under.state().bridges.toSorted((a, b) => a.name.localeCompare(b.name));
      expect(rack).toMatchObject({ name: 'rack', isOurs: false });
      expect(vms).toMatchObject({ name: 'vms', isOurs: true, datapath: rack?.datapath });
      await expect(under.removeBridge('rack')).rejects.toMatchObject({ code: 'refused' });
      await under.removeBridge('vms');
      expect(under.state().bridges.map((bridge) => bridge.name)).toEqual(['rack']);
    });

    test('connects all ports of a launch, each with its VLANs', async () => {
      await under.ensureBridge('vms');
      const taps = under.reserveTaps(4);
      expect(taps).toEqual(['mega_tap0', 'mega_tap1', 'mega_tap2', 'mega_tap3']);
      expect(under.reserveTaps(1)).toEqual(['mega_tap4']);
      under.releaseTaps(['mega_tap4']);
      await under.addPorts([
        port('mega_tap0', access(100)),
        port('mega_tap1', { bridge: 'vms', vlan: { kind: 'qinq', tag: 200 } }),
        port('mega_tap2', { bridge: 'vms', vlan: { kind: 'trunk', tags: [10, 20] } }),
        port('mega_tap3', null),
      ]);
      await isWhole([
        ...['tap mega_tap0 up', 'tap mega_tap1 up', 'tap mega_tap2 up', 'tap mega_tap3 up'],
        ...['vms mega_tap0 VLAN 100', 'vms mega_tap1 QinQ 200', 'vms mega_tap2 trunk 10 20'],
      ]);
      expect(under.state().bridges).toMatchObject([{ vlans: [100, 200] }]);
      expect(under.reserveTaps(1)).toEqual(['mega_tap4']);
      expect([...(await under.counters()).keys()].sort()).toEqual(['mega_tap0', 'mega_tap1', 'mega_tap2']);
    });

    test('refuses a launch whole when one name is taken, and names it', async () => {
      await machine.addBridge('rack');
      await machine.addPort('rack', 'mega_tap1');
      await under.ensureBridge('vms');
      await expect.poll(() => under.reserveTaps(2)).toEqual(['mega_tap0', 'mega_tap2']);
      await expect(under.addPorts([port('mega_tap0', access(5)), port('mega_tap1', access(5))])).rejects.toMatchObject({
        code: 'conflict',
        message: 'the tap mega_tap1 is taken: a port on rack that is not ours has that name',
      });
      await expect(under.addPorts([port('mega_tap0', access(5)), port('mega_tap0', access(6))])).rejects.toThrow(
        'twice',
      );
      await under.addPorts([port('mega_tap0', access(5))]);
      await expect(under.addPorts([port('mega_tap0', access(5), 'vm2')])).rejects.toThrow('VM vm1 has it');
      await isWhole(['rack mega_tap1 VLAN 7', 'tap mega_tap0 up', 'vms mega_tap0 VLAN 5']);
    });

    test('refuses VLANs and bridges that do not exist, with nothing half made', async () => {
      await under.ensureBridge('vms');
      for (const tag of [0, 4095, -1, 1.5]) {
        await expect(under.addPorts([port('mega_tap0', access(tag))])).rejects.toMatchObject({ code: 'invalid' });
      }
      await expect(under.addPorts([port('mega_tap0', access(5, 'nobridge'))])).rejects.toMatchObject({
        code: 'not-found',
        message: 'there is no bridge nobridge on this node',
      });
      await expect(under.addPorts([port('a b', access(5))])).rejects.toMatchObject({ code: 'invalid' });
      expect(await machine.describe()).toEqual([]);
    });

    test('moves a port to another VLAN and another bridge, unplugs it and plugs it in again', async () => {
      await under.ensureBridge('vms');
      await under.ensureBridge('other');
      await under.addPorts([port('mega_tap0', access(5)), port('mega_tap1', access(5))]);
      await under.movePorts([{ tap: 'mega_tap0', place: access(6) }]);
      await isWhole(['tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap0 VLAN 6', 'vms mega_tap1 VLAN 5']);
      await under.movePorts([
        { tap: 'mega_tap0', place: access(6, 'other') },
        { tap: 'mega_tap1', place: { bridge: 'vms', vlan: { kind: 'trunk', tags: [] } } },
      ]);
      await isWhole(['other mega_tap0 VLAN 6', 'tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap1 trunk']);
      await under.movePorts([{ tap: 'mega_tap0', place: null }]);
      await isWhole(['tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap1 trunk']);
      await under.movePorts([{ tap: 'mega_tap0', place: access(9) }]);
      await isWhole(['tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap0 VLAN 9', 'vms mega_tap1 trunk']);
      await expect(under.movePorts([{ tap: 'mega_tap7', place: null }])).rejects.toMatchObject({ code: 'not-found' });
      await expect(under.movePorts([{ tap: 'mega_tap0', place: access(9, 'nobridge') }])).rejects.toThrow('nobridge');
      await isWhole(['tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap0 VLAN 9', 'vms mega_tap1 trunk']);
    });

    test('removes what it made and nothing else', async () => {
      await machine.addBridge('rack');
      await machine.addPort('rack', 'mega_tap8');
      await expect.poll(() => under.state().bridges.length).toBe(1);
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5, 'rack')), port('mega_tap1', access(5))]);
      await expect(under.removeBridge('vms')).rejects.toThrow('vms stays: mega_tap1 is on it');
      await under.removePorts(['mega_tap0', 'mega_tap1', 'mega_tap8', 'mega_tap99']);
      await under.removeBridge('vms');
      await isWhole(['rack mega_tap8 VLAN 7']);
      expect(under.state().bridges.map((bridge) => bridge.name)).toEqual(['rack']);
    });

    test('repairs a port, a tap and a VLAN that somebody took away or altered, and says so', async () => {
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5)), port('mega_tap1', access(6)), port('mega_tap2', access(7))]);
      const lines = [
        ...['tap mega_tap0 up', 'tap mega_tap1 up', 'tap mega_tap2 up'],
        ...['vms mega_tap0 VLAN 5', 'vms mega_tap1 VLAN 6', 'vms mega_tap2 VLAN 7'],
      ];
      await machine.deletePort('mega_tap0');
      await expect.poll(() => [...shown]).toContain('port-missing mega_tap0');
      await isWhole(lines);
      await machine.setTag('mega_tap1', 5);
      await expect.poll(() => [...shown]).toContain('port-changed mega_tap1');
      await isWhole(lines);
      await machine.deleteTap('mega_tap2');
      await expect.poll(() => [...shown]).toContain('tap-missing mega_tap2');
      await isWhole(lines);
      await machine.lowerTap('mega_tap1');
      await expect.poll(() => [...shown]).toContain('tap-down mega_tap1');
      await isWhole(lines);
      expect(logged).toContain('repaired: mega_tap0 port-missing');
      expect(logged).toContain('repaired: mega_tap1 port-changed (it has VLAN 5, not VLAN 6)');
    });

    test('shows a VM that holds a tap which was removed and made again, until it holds the new one', async () => {
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5))]);
      const held = await machine.hold('mega_tap0');
      await expect.poll(() => under.state().ports).toMatchObject([{ hasCarrier: true, isConnected: true }]);
      // Its turn comes after the look that the holder's event asked for.
      await under.removePorts([]);
      await machine.deleteTap('mega_tap0');
      await expect.poll(faults).toEqual([{ reason: 'tap-unheld', subject: 'mega_tap0', isLeftAlone: true }]);
      expect(await machine.describe()).toEqual(['tap mega_tap0 up', 'vms mega_tap0 VLAN 5']);
      await held.letGo();
      const heldAgain = await machine.hold('mega_tap0');
      await isWhole(['tap mega_tap0 up', 'vms mega_tap0 VLAN 5']);
      await heldAgain.letGo();
    });

    test('a daemon that starts again shows a VM whose tap was removed meanwhile, and none that holds its own', async () => {
      await under.ensureBridge('vms');
      const ports = [port('mega_tap0', access(5)), port('mega_tap1', access(6), 'vm2')];
      await under.addPorts(ports);
      const held = await Promise.all(ports.map(({ tap }) => machine.hold(tap)));
      await under.stop();
      await machine.deleteTap('mega_tap0');
      await begin({ ports, bridges: ['vms'] });
      await under.expectHeld(['mega_tap0', 'mega_tap1']);
      const unheld = { reason: 'tap-unheld', subject: 'mega_tap0', isLeftAlone: true };
      await expect.poll(faults).toEqual([unheld]);
      await held[0]?.letGo();
      const heldAgain = await machine.hold('mega_tap0');
      await isWhole(['tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap0 VLAN 5', 'vms mega_tap1 VLAN 6']);
      await heldAgain.letGo();
      await held[1]?.letGo();
    });

    test('does not fight: after three repairs it leaves the port alone and shows that, until it is connected again', async () => {
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5))]);
      const isThere = async () => (await machine.describe()).includes('vms mega_tap0 VLAN 5');
      for (let time = 0; time < 3; time += 1) {
        await machine.deletePort('mega_tap0');
        await expect.poll(isThere).toBe(true);
        await expect.poll(faults).toEqual([]);
      }
      await machine.deletePort('mega_tap0');
      await expect.poll(faults).toEqual([{ reason: 'port-missing', subject: 'mega_tap0', isLeftAlone: true }]);
      // An event of the same kind must not start it again.
      await machine.addBridge('rack');
      await expect.poll(() => under.state().bridges.length).toBe(2);
      expect(await isThere()).toBe(false);
      await under.movePorts([{ tap: 'mega_tap0', place: access(5) }]);
      await isWhole(['tap mega_tap0 up', 'vms mega_tap0 VLAN 5']);
    });

    test('shows a bridge of others that is gone, and connects its VMs as soon as it is back', async () => {
      await machine.addBridge('rack');
      await expect.poll(() => under.state().bridges.length).toBe(1);
      await under.addPorts([port('mega_tap0', access(5, 'rack'))]);
      await machine.deleteBridge('rack');
      await expect.poll(faults).toEqual([{ reason: 'bridge-missing', subject: 'rack', isLeftAlone: true }]);
      expect(await machine.describe()).toEqual(['tap mega_tap0 up']);
      await machine.addBridge('rack');
      await isWhole(['rack mega_tap0 VLAN 5', 'tap mega_tap0 up']);
    });

    test('takes no port whose name somebody else took meanwhile', async () => {
      await machine.addBridge('rack');
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5))]);
      await machine.stop('database');
      await under.removePorts([]);
      await machine.start('database');
      await isWhole(['tap mega_tap0 up', 'vms mega_tap0 VLAN 5']);
      await under.stop();
      await machine.deletePort('mega_tap0');
      await machine.deleteTap('mega_tap0');
      await machine.addPort('rack', 'mega_tap0');
      await begin({ ports: [port('mega_tap0', access(5))], bridges: ['vms'] });
      await expect.poll(() => faults().map(({ reason }) => reason)).toContain('name-taken');
      expect(faults().every(({ isLeftAlone }) => isLeftAlone)).toBe(true);
      await under.removePorts(['mega_tap0']);
      await isWhole(['rack mega_tap0 VLAN 7']);
    });

    test('makes its bridge and all ports again after the database was wiped', async () => {
      await under.ensureBridge('vms');
      const names = under.reserveTaps(20);
      await under.addPorts(names.map((tap, index) => port(tap, access(100 + index))));
      const lines = await machine.describe();
      expect(lines).toHaveLength(40);
      // More often than a single port would be repaired: nobody took these away.
      for (let time = 0; time < 4; time += 1) {
        await machine.wipe();
        await isWhole(lines);
      }
      expect([...shown]).toContain('bridge-missing vms');
      expect(under.state().bridges).toMatchObject([{ name: 'vms', isOurs: true }]);
    });

    test('shows that the database or the switch is away, and has all ports after it came back', async () => {
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5))]);
      await machine.stop('switch');
      await expect.poll(() => faults().map(({ reason }) => reason)).toContain('switch-down');
      expect(under.state().ports).toMatchObject([{ tap: 'mega_tap0', isConnected: false }]);
      await machine.start('switch');
      await isWhole(['tap mega_tap0 up', 'vms mega_tap0 VLAN 5']);
      await machine.stop('database');
      await expect.poll(faults).toEqual([{ reason: 'database-down', subject: '', isLeftAlone: true }]);
      await expect(under.addPorts([port('mega_tap1', access(5))])).rejects.toMatchObject({ code: 'unreachable' });
      await machine.start('database');
      await isWhole(['tap mega_tap0 up', 'vms mega_tap0 VLAN 5']);
      await under.addPorts([port('mega_tap1', access(5))]);
      await isWhole(['tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap0 VLAN 5', 'vms mega_tap1 VLAN 5']);
    });

    test('shows nothing wrong on a machine without VMs whose Open vSwitch is away', async () => {
      await machine.stop('database');
      await expect.poll(() => refusal(() => under.reserveTaps(1))).toBe('unreachable');
      // Its turn comes after the look that the loss asked for.
      await under.removePorts([]);
      expect([faults(), [...shown]]).toEqual([[], []]);
      await machine.start('database');
      await expect.poll(() => refusal(() => under.reserveTaps(1))).toBeNull();
    });

    test('removes the tap of a VM that ends while the database is away, and its port later', async () => {
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5)), port('mega_tap1', access(6))]);
      await machine.stop('database');
      await expect.poll(() => faults().map(({ reason }) => reason)).toContain('database-down');
      await under.removePorts(['mega_tap0']);
      await machine.start('database');
      await isWhole(['tap mega_tap1 up', 'vms mega_tap1 VLAN 6']);
    });

    test('leaves nothing of a launch that the switch did not carry out', async () => {
      await under.ensureBridge('vms');
      await machine.stop('switch');
      await expect(under.addPorts([port('mega_tap1', access(5)), port('mega_tap2', access(5))])).rejects.toThrow();
      await expect.poll(() => machine.describe()).toEqual([]);
      await machine.start('switch');
      await isWhole([]);
      await expect.poll(() => under.addPorts([port('mega_tap1', access(5))]).then(() => 'added', String)).toBe('added');
      await machine.stop('switch');
      await expect.poll(() => faults().map(({ reason }) => reason)).toContain('switch-down');
      await expect(under.addPorts([port('mega_tap2', access(5))])).rejects.toMatchObject({ code: 'unreachable' });
      await machine.start('switch');
      await isWhole(['tap mega_tap1 up', 'vms mega_tap1 VLAN 5']);
    });

    test('keeps the ports of VMs that outlived their daemon, and removes the other ones', async () => {
      await machine.addBridge('rack');
      await machine.addPort('rack', 'mega_tap8');
      await under.ensureBridge('vms');
      const kept = [port('mega_tap0', access(5)), port('mega_tap1', access(6), 'vm2')];
      await under.addPorts([...kept, port('mega_tap2', access(7), 'vm3')]);
      const ofportOf = () => under.view().ports.get('mega_tap0')?.ofport;
      const before = ofportOf();
      await under.stop();
      await machine.deletePort('mega_tap1');
      await begin({ ports: kept, bridges: ['vms'] });
      await isWhole([
        ...['rack mega_tap8 VLAN 7', 'tap mega_tap0 up', 'tap mega_tap1 up'],
        ...['vms mega_tap0 VLAN 5', 'vms mega_tap1 VLAN 6'],
      ]);
      expect(ofportOf()).toBe(before);
      expect([...shown]).not.toContain('port-missing mega_tap0');
      expect(under.state().bridges.find((bridge) => bridge.name === 'vms')).toMatchObject({ isOurs: true });
    });

    test('puts an interface on a bridge as a trunk, and keeps it there', async () => {
      await machine.addBridge('rack');
      await machine.addPort('rack', 'nic1');
      await under.ensureBridge('vms');
      await expect(under.addTrunk('vms', 'nic1')).rejects.toThrow('nic1 is on rack already');
      await expect(under.addTrunk('vms', 'nonic')).rejects.toMatchObject({ code: 'not-found' });
      await machine.deletePort('nic1');
      await expect.poll(() => under.addTrunk('vms', 'nic1').then(() => 'added', String)).toBe('added');
      await expect(under.addTrunk('vms', 'nic1')).rejects.toThrow('bridge already trunking to nic1');
      expect(await machine.describe()).toEqual(['vms nic1 trunk']);
      expect(under.state().bridges.find((bridge) => bridge.name === 'vms')?.trunks).toEqual(['nic1']);
      await machine.deletePort('nic1');
      await expect.poll(() => [...shown]).toContain('port-missing nic1');
      await isWhole(['vms nic1 trunk']);
      await machine.setTag('nic1', 9);
      await expect.poll(() => [...shown]).toContain('port-changed nic1');
      await isWhole(['vms nic1 trunk']);
      await under.removeTrunk('vms', 'nic1');
      await expect(under.removeTrunk('vms', 'nic1')).rejects.toThrow('unknown trunk: nic1');
      await isWhole([]);
    });

    test('ties a bridge to other machines by tunnels, keeps them, and tells them from trunks', async () => {
      const far = { kind: 'vxlan', remote: '127.0.0.2', key: '42' } as const;
      expect(await under.addTunnel('vms', far)).toBe('mega_tap0');
      expect(await under.addTunnel('vms', { kind: 'gre', remote: '127.0.0.3', key: '' })).toBe('mega_tap1');
      const tunnelOf = (name: string) => under.view().ports.get(name)?.tunnel;
      expect(tunnelOf('mega_tap0')).toEqual(far);
      expect(under.state().bridges).toMatchObject([
        { name: 'vms', isOurs: true, trunks: [], tunnels: ['mega_tap0', 'mega_tap1'] },
      ]);
      await machine.deletePort('mega_tap0');
      await expect.poll(() => [...shown]).toContain('port-missing mega_tap0');
      await isWhole(['vms mega_tap0 trunk', 'vms mega_tap1 trunk']);
      expect(tunnelOf('mega_tap0')).toEqual(far);
      expect(under.reserveTaps(1)).toEqual(['mega_tap2']);
      await expect(under.removeTrunk('vms', 'mega_tap1')).rejects.toThrow('unknown trunk: mega_tap1');
      await under.removeTunnel('vms', 'mega_tap1');
      await expect(under.removeTunnel('vms', 'mega_tap1')).rejects.toThrow('unknown tunnel: mega_tap1');
      await isWhole(['vms mega_tap0 trunk']);
      await under.stop();
      await begin({ ports: [], bridges: ['vms'] });
      expect(under.state().bridges).toMatchObject([{ tunnels: ['mega_tap0'] }]);
      await under.removeBridge('vms');
      await isWhole([]);
      expect(under.state().bridges).toEqual([]);
    });

    test('keeps what was set on its bridge, also when its daemon starts again and the database was wiped', async () => {
      await under.configureBridge('vms', { key: 'other_config:mac-aging-time', value: '60' });
      await under.configureBridge('vms', { key: 'mcast_snooping_enable', value: 'true' });
      await under.addTunnel('vms', { kind: 'vxlan', remote: '127.0.0.2', key: '' });
      const config = { 'other_config:mac-aging-time': '60', mcast_snooping_enable: 'true' };
      const settings = () => under.state().bridges.map((bridge) => bridge.config);
      expect(settings()).toEqual([config]);
      await under.stop();
      await begin({ ports: [], bridges: ['vms'] });
      expect(settings()).toEqual([config]);
      await machine.wipe();
      await isWhole(['vms mega_tap0 trunk']);
      expect(settings()).toEqual([config]);
      expect(under.view().ports.get('mega_tap0')?.tunnel).toEqual({ kind: 'vxlan', remote: '127.0.0.2', key: '' });
      await machine.addBridge('rack');
      await expect.poll(() => under.state().bridges.length).toBe(2);
      await expect(
        under.configureBridge('rack', { key: 'mcast_snooping_enable', value: 'true' }),
      ).rejects.toMatchObject({ code: 'refused' });
    });

    test('makes the bridge of its first trunk, and leaves none when the trunk cannot be', async () => {
      await expect(under.addTrunk('vms', 'nonic')).rejects.toMatchObject({ code: 'not-found' });
      expect(under.state().bridges).toEqual([]);
      await machine.addBridge('rack');
      await machine.addPort('rack', 'nic1');
      await machine.deletePort('nic1');
      await expect.poll(() => under.addTrunk('vms', 'nic1').then(() => 'added', String)).toBe('added');
      await isWhole(['vms nic1 trunk']);
      await machine.addAddress('vms', '198.51.100.7/24');
      await expect(under.removeTrunk('vms', 'nic1')).rejects.toMatchObject({ code: 'refused' });
      await expect(under.removeBridge('vms')).rejects.toThrow(
        'this node is reached over vms, which has 198.51.100.7/24',
      );
      await isWhole(['vms nic1 trunk']);
    });

    test('makes the interfaces of a bond one port, keeps it whole, and moves it as a whole', async () => {
      await under.ensureBridge('vms');
      const kind = { mode: 'active-backup', lacp: 'active', hasFallback: true } as const;
      const bonded = (tag: number): Place => ({ ...access(tag), bond: { name: 'mega_bond0', ...kind } });
      const taps = ['mega_tap0', 'mega_tap1'];
      await under.addPorts([...taps.map((tap) => port(tap, bonded(5))), port('mega_tap2', access(5))]);
      const up = taps.concat('mega_tap2').map((tap) => `tap ${tap} up`);
      await isWhole([...up, 'vms mega_bond0 VLAN 5', 'vms mega_tap2 VLAN 5']);
      const bond = () => under.view().ports.get('mega_bond0');
      expect(bond()).toMatchObject({ bond: kind });
      expect([...(bond()?.interfaces ?? [])].sort()).toEqual(taps);
      expect(under.state().bridges).toMatchObject([{ vlans: [5], bonds: ['mega_bond0'] }]);
      await machine.deletePort('mega_bond0');
      await expect.poll(() => [...shown]).toContain('port-missing mega_bond0');
      await isWhole([...up, 'vms mega_bond0 VLAN 5', 'vms mega_tap2 VLAN 5']);
      expect(bond()).toMatchObject({ bond: kind });
      await machine.setTag('mega_bond0', 9);
      await expect.poll(() => [...shown]).toContain('port-changed mega_bond0');
      await isWhole([...up, 'vms mega_bond0 VLAN 5', 'vms mega_tap2 VLAN 5']);
      await machine.deleteTap('mega_tap1');
      await expect.poll(() => [...shown]).toContain('tap-missing mega_tap1');
      await isWhole([...up, 'vms mega_bond0 VLAN 5', 'vms mega_tap2 VLAN 5']);
      for (const move of [access(6), null, bonded(6)])
        await expect(under.movePorts([{ tap: 'mega_tap0', place: move }])).rejects.toThrow(
          'the interfaces of the bond mega_bond0 move together',
        );
      await under.movePorts(taps.map((tap) => ({ tap, place: bonded(6) })));
      await isWhole([...up, 'vms mega_bond0 VLAN 6', 'vms mega_tap2 VLAN 5']);
      const others = ['mega_tap3', 'mega_tap4'];
      await expect(under.addPorts(others.map((tap) => port(tap, bonded(5))))).rejects.toThrow(
        'the bond mega_bond0 is taken',
      );
      const second = { ...access(5), bond: { name: 'b1', ...kind } };
      await expect(under.addPorts([port('mega_tap3', second)])).rejects.toThrow('the bond b1 needs two interfaces');
      await expect(
        under.addPorts([port('mega_tap3', second), port('mega_tap4', { ...second, ...access(6) })]),
      ).rejects.toThrow('on the same bridge and VLAN');
      await under.stop();
      await begin({
        ports: [...taps.map((tap) => port(tap, bonded(6))), port('mega_tap2', access(5))],
        bridges: ['vms'],
      });
      await isWhole([...up, 'vms mega_bond0 VLAN 6', 'vms mega_tap2 VLAN 5']);
      await under.removePorts(taps);
      await isWhole(['tap mega_tap2 up', 'vms mega_tap2 VLAN 5']);
    });

    test('does not put a trunk back over which somebody reaches the node since', async () => {
      await machine.addBridge('rack');
      await machine.addPort('rack', 'nic1');
      await under.ensureBridge('vms');
      await machine.deletePort('nic1');
      await expect.poll(() => under.addTrunk('vms', 'nic1').then(() => 'added', String)).toBe('added');
      await machine.addAddress('nic1', '198.51.100.7/24');
      await machine.deletePort('nic1');
      await expect.poll(() => logged).toContain('nic1 is not put back on its bridge: it has 198.51.100.7/24');
      expect(await machine.describe()).toEqual([]);
      expect(faults()).toMatchObject([{ reason: 'port-missing', subject: 'nic1' }]);
      await under.removeTrunk('vms', 'nic1');
      await expect(under.addTrunk('vms', 'nic1')).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining('nic1 has 198.51.100.7/24') as string,
      });
      await isWhole([]);
    });

    test('takes no tap of a VM for a trunk, and no bridge from under a VM', async () => {
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', null), port('mega_tap1', access(5))]);
      await expect(under.addTrunk('vms', 'mega_tap0')).rejects.toMatchObject({
        code: 'refused',
        message: 'mega_tap0 is the tap of a VM',
      });
      await machine.deletePort('mega_tap1');
      await expect(under.removeBridge('vms')).rejects.toThrow('vms stays: mega_tap1 is on it');
      await isWhole(['tap mega_tap0 up', 'tap mega_tap1 up', 'vms mega_tap1 VLAN 5']);
    });

    test('gives back the names of a launch that it refused', async () => {
      await under.ensureBridge('vms');
      const [tap = ''] = under.reserveTaps(1);
      await expect(under.addPorts([port(tap, access(5, 'nobridge'))])).rejects.toMatchObject({ code: 'not-found' });
      expect(under.reserveTaps(1)).toEqual([tap]);
    });

    test('learns at its tap which addresses a guest uses, and forgets them with the tap', async () => {
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5))]);
      const mac = '02:00:00:00:00:01';
      const silent = { ip4: '', ip6: '' };
      expect(under.addressesOf('mega_tap0', mac)).toEqual(silent);
      const told: string[] = [];
      const stop = under.onAddress((tap) => told.push(tap));
      const guest = await machine.hold('mega_tap0');
      await expect
        .poll(() => {
          guest.send(arpOf(mac, [10, 9, 0, 5]));
          return under.addressesOf('mega_tap0', mac.toUpperCase());
        })
        .toEqual({ ip4: '10.9.0.5', ip6: '' });
      expect(told).toContain('mega_tap0');
      expect(under.addressesOf('mega_tap0', '02:00:00:00:00:02')).toEqual(silent);
      // What it tags itself goes nowhere on an access port. The frame behind it says when that has been looked at.
      guest.send(tagged(arpOf(mac, [10, 66, 0, 5]), 66));
      await expect
        .poll(() => {
          guest.send(arpOf('02:00:00:00:00:03', [10, 9, 0, 6]));
          return under.addressesOf('mega_tap0', '02:00:00:00:00:03').ip4;
        })
        .toBe('10.9.0.6');
      expect(under.addressesOf('mega_tap0', mac).ip4).toBe('10.9.0.5');
      stop();
      await guest.letGo();
      await under.removePorts(['mega_tap0']);
      await under.addPorts([port('mega_tap0', access(5), 'vm2')]);
      expect(under.addressesOf('mega_tap0', mac)).toEqual(silent);
    });

    const hostTap = (name: string, vlan: number) =>
      ({ name, bridge: 'vms', vlan, use: 'tap', namespace: 'lab', address: '192.0.2.1/24' }) as const;

    test('puts the node itself on a VLAN, keeps it there, also over its daemon’s end, and takes it off', async () => {
      await under.addHostTap(hostTap('here0', 5));
      await under.raiseHostTap('here0', '192.0.2.1/24');
      expect(await under.usesOfInterface('here0')).toContain('192.0.2.1/24');
      await isWhole(['vms here0 VLAN 5']);
      await expect(under.addHostTap(hostTap('here0', 6))).rejects.toMatchObject({ message: 'tap already on bridge' });
      await machine.deletePort('here0');
      await expect.poll(() => [...shown]).toContain('port-missing here0');
      await isWhole(['vms here0 VLAN 5']);
      await machine.setTag('here0', 9);
      await expect.poll(() => [...shown]).toContain('port-changed here0');
      await isWhole(['vms here0 VLAN 5']);
      await under.stop();
      await begin();
      expect(under.state().hostTaps).toEqual([hostTap('here0', 5)]);
      await under.moveHostTap('here0', 8);
      await isWhole(['vms here0 VLAN 8']);
      await under.removeHostTaps(['here0']);
      await isWhole([]);
      expect(under.view().links.has('here0')).toBe(false);
    });

    test('mirrors a port to another one, makes a mirror again that somebody removed, and ends it with its ports', async () => {
      const mirrors = () =>
        [...under.view().mirrors.values()].map(({ sources, output }) => [...sources, output].join(' '));
      await under.ensureBridge('vms');
      await under.addPorts([port('mega_tap0', access(5)), port('mega_tap1', access(6), 'vm2')]);
      await under.addHostTap(hostTap('here0', 5));
      const mirror = { bridge: 'vms', source: 'mega_tap0', output: 'mega_tap1', namespace: 'lab' };
      await expect(under.addMirror({ ...mirror, output: 'mega_tap0' })).rejects.toMatchObject({
        message: 'cannot mirror tap to itself',
      });
      await expect(under.addMirror({ ...mirror, source: 'nobody' })).rejects.toMatchObject({ code: 'not-found' });
      await under.addMirror(mirror);
      expect(mirrors()).toEqual(['mega_tap0 mega_tap1']);
      await expect(under.addMirror({ ...mirror, source: 'here0' })).rejects.toMatchObject({
        message: 'destination tap is already a mirror',
      });
      await expect(under.addMirror({ ...mirror, source: 'mega_tap1', output: 'here0' })).rejects.toMatchObject({
        code: 'refused',
      });
      await machine.deleteMirrors('vms');
      await expect.poll(() => [...shown]).toContain('mirror-missing meshdeck-mega_tap1');
      await expect.poll(mirrors).toEqual(['mega_tap0 mega_tap1']);
      await under.stop();
      await begin({ ports: [port('mega_tap0', access(5)), port('mega_tap1', access(6), 'vm2')], bridges: ['vms'] });
      expect(under.state().mirrors).toEqual([mirror]);
      await under.removePorts(['mega_tap1']);
      await expect.poll(mirrors).toEqual([]);
      await under.addMirror({ ...mirror, output: 'here0' });
      expect(mirrors()).toEqual(['mega_tap0 here0']);
      // A daemon that ends, and a VM that is gone when the next one starts.
      await under.stop();
      await begin({ ports: [], bridges: ['vms'] });
      await expect.poll(mirrors).toEqual([]);
      expect(under.state().mirrors).toEqual([]);
    });

    test('comes from any set of ports to any other', async () => {
      await under.ensureBridge('vms');
      await under.ensureBridge('other');
      const seed = Number(process.env['SWITCH_SEED'] ?? Date.now() % 100_000);
      const random = mulberry(seed);
      const has = new Map<string, Place | null>();
      for (let round = 0; round < 12; round += 1) {
        const [added, moved, removed]: [WantedPort[], { tap: string; place: Place | null }[], string[]] = [[], [], []];
        for (let number = 0; number < 6; number += 1) {
          const tap = `mega_tap${number}`;
          const place = random() < 0.2 ? null : access(1 + Math.floor(random() * 4), random() < 0.5 ? 'vms' : 'other');
          const what = random();
          if (!has.has(tap)) {
            if (what < 0.5) added.push(port(tap, place));
          } else if (what < 0.3) removed.push(tap);
          else if (what < 0.7) moved.push({ tap, place });
        }
        await under.removePorts(removed);
        await under.addPorts(added);
        await under.movePorts(moved);
        for (const tap of removed) has.delete(tap);
        for (const { tap, place } of [...added, ...moved]) has.set(tap, place);
        const expected = [...has].flatMap(([tap, place]) => [
          `tap ${tap} up`,
          ...(place?.vlan.kind === 'access' ? [`${place.bridge} ${tap} VLAN ${place.vlan.tag}`] : []),
        ]);
        expect(await machine.describe(), `seed ${seed}, round ${round}`).toEqual(expected.sort());
      }
      expect(under.state().faults, `seed ${seed}`).toEqual([]);
    });
  });
}

function refusal(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (error) {
    return error instanceof AppError ? error.code : error;
  }
}

/** Asks for 10.9.0.254 (RFC 826). */
function arpOf(mac: string, ip: readonly number[]): Buffer {
  const sender = Buffer.from(mac.replaceAll(':', ''), 'hex');
  return Buffer.concat([
    Buffer.from('ffffffffffff', 'hex'),
    sender,
    Buffer.from('08060001080006040001', 'hex'),
    sender,
    Buffer.from([...ip, 0, 0, 0, 0, 0, 0, 10, 9, 0, 254]),
  ]);
}

/** The frame with a tag of 802.1Q. */
function tagged(frame: Buffer, vlan: number): Buffer {
  return Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0, vlan >> 8, vlan & 255]), frame.subarray(12)]);
}

/** Numbers between 0 and 1 that depend on the seed alone. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
