// Probes on machines in memory; which port is the uplink; and messages as bytes, which ovs-ofctl printed as they are meant (Open vSwitch 3.1).
import { describe, expect, test } from 'vitest';
import { MemoryMachine } from './memory-host.ts';
import { MemoryNetwork } from './memory-network.ts';
import { encodeCaptureFlow, encodeControllerId, encodePacketOut, encodeShieldFlow } from './openflow-probe.ts';
import { messageTypes, OpenFlowReader } from './openflow.ts';
import { describeProbes, type ProbeMachine, type ProbeNetwork } from './probe-compliance.ts';
import { findUplink, passesTagged } from './uplink.ts';

describeProbes('in memory', () => {
  const network = new MemoryNetwork();
  const machineOf = (name: string): ProbeMachine => {
    const memory = new MemoryMachine();
    memory.plug(network, name);
    return {
      host: memory.host(),
      seen: () => memory.passed.length,
      flows: () => Promise.resolve(memory.isProbed ? ['probe'] : []),
      removeUplink: () => Promise.resolve().then(() => memory.deletePort('eth0')),
      stopSwitch: () => Promise.resolve().then(() => memory.setRunning('switch', false)),
    };
  };
  const machines: ProbeNetwork['machines'] = [machineOf('a'), machineOf('b'), machineOf('c')];
  return Promise.resolve({ machines, end: () => Promise.resolve() });
});

describe('the uplink of a node', () => {
  const trunk = { kind: 'trunk', tags: [] } as const;
  const why = (machine: MemoryMachine) => {
    const found = findUplink(machine.host().view());
    return found.ok ? `${found.uplink.name} on ${found.uplink.bridge}` : found.why;
  };

  test('is the marked one', () => {
    const machine = new MemoryMachine();
    expect(why(machine)).toContain('no bridge with an uplink');
    machine.addForeignBridge('rack', { 'meshdeck-uplink': 'eno2' });
    machine.addForeignPort('rack', 'eno2', trunk);
    expect(why(machine)).toBe('eno2 on rack');
    machine.addForeignBridge('mega_bridge', { 'meshdeck-uplink': 'eno1' });
    expect(why(machine)).toBe('eno1 is not on mega_bridge: `meshdeck bridge <node>` puts it back');
    machine.addForeignPort('mega_bridge', 'eno1', trunk);
    expect(why(machine)).toBe('eno1 on mega_bridge');
    machine.setRunning('database', false);
    expect(why(machine)).toBe('the switch in memory is off');
  });

  test('of a bridge that was made by hand is the one port that is neither ours nor a VM’s', () => {
    const machine = new MemoryMachine();
    machine.addForeignBridge('mega_bridge');
    expect(why(machine)).toBe('mega_bridge has no uplink: `meshdeck bridge <node>` gives it one');
    machine.addForeignPort('mega_bridge', 'mega_tap3', { kind: 'access', tag: 5 });
    machine.addForeignPort('mega_bridge', 'eth0', trunk);
    expect(why(machine)).toBe('eth0 on mega_bridge');
    machine.addForeignPort('mega_bridge', 'eth1', trunk);
    expect(why(machine)).toMatch(/^eth0, eth1 on mega_bridge may all be its uplink: name it by `ovs-vsctl br-set/);
  });

  test('of a bond is the NIC that carries frames for everybody now', () => {
    const machine = new MemoryMachine();
    machine.addForeignBridge('mega_bridge');
    machine.addForeignBond('mega_bridge', 'bond0', ['eth0', 'eth1']);
    expect(why(machine)).toBe('eth0 of bond0 on mega_bridge');
    machine.deleteTap('eth0');
    expect(why(machine)).toBe('eth1 of bond0 on mega_bridge');
    machine.deleteTap('eth1');
    machine.addLink('eth2');
    machine.addForeignBridge('mega_bridge', { 'meshdeck-uplink': 'eth1' });
    expect(why(machine)).toBe(
      'bond0, a bond of eth0 and eth1, has no NIC that carries frames now: `ovs-appctl bond/show`',
    );
  });

  test('passes VLANs with their tags as a trunk that has them', () => {
    expect(passesTagged(trunk, 120)).toBe(true);
    expect(passesTagged({ kind: 'trunk', tags: [100, 120] }, 120)).toBe(true);
    expect(passesTagged({ kind: 'trunk', tags: [100] }, 120)).toBe(false);
    expect(passesTagged({ kind: 'access', tag: 120 }, 120)).toBe(false);
    expect(passesTagged(null, 120)).toBe(true);
  });
});

describe('messages of a probe', () => {
  const match = { etherType: 0x88b5, sourcePrefix: Uint8Array.of(0x02, 0x4d, 0x50) };
  const bodyOf = (message: Buffer) => new OpenFlowReader().push(message)[0]?.body.toString('hex') ?? '';
  const hex = (text: string) => text.replaceAll(/\s/g, '');

  test('frames of one port come here alone, for a time', () => {
    expect(bodyOf(encodeCaptureFlow(1, { ...match, inPort: 7 }, { id: 0x4d44, timeoutS: 6 }))).toBe(
      hex(`
        6d65736870726f62 0000000000000000 00 00 0000 0006 ffff ffffffff ffffffff ffffffff 0000 0000
        0001 0022 80000004 00000007 8000090c 024d50000000 ffffff000000 80000a02 88b5 000000000000
        0004 0018 00000000 ffff 0010 00002320 0014 ffff 4d44 01 00
      `),
    );
  });

  test('frames of all other ports go nowhere', () => {
    expect(bodyOf(encodeShieldFlow(1, match, 6))).toBe(
      hex(`
        6d65736870726f62 0000000000000000 00 00 0000 0006 fffe ffffffff ffffffff ffffffff 0000 0000
        0001 001a 8000090c 024d50000000 ffffff000000 80000a02 88b5 000000000000
      `),
    );
  });

  test('an id of the connection, and a frame out of a port', () => {
    expect(bodyOf(encodeControllerId(1, 0x4d44))).toBe(hex('00002320 00000014 000000000000 4d44'));
    const [message] = new OpenFlowReader().push(encodePacketOut(9, 7, Uint8Array.of(1, 2, 3)));
    expect(message).toMatchObject({ type: messageTypes.packetOut, xid: 9 });
    expect(message?.body.toString('hex')).toBe(
      hex('ffffffff fffffffd 0010 000000000000 0000 0010 00000007 0080 000000000000 010203'),
    );
  });
});
