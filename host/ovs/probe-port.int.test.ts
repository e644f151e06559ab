// Probes on real switches: three, each in its own network namespace, and a fourth as the physical one between them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeProbeFrame, probeEtherType, probeSourcePrefix } from '../../core/probe/frame.ts';
import { probeSource } from '../../core/probe/plan.ts';
import { localRunner } from '../runner.ts';
import { describeProbes, type ProbeMachine, type ProbeNetwork } from './probe-compliance.ts';
import { hasOpenVSwitch, NamespaceGuest, PrivateOvs } from './private-ovs.ts';
import type { LinuxHost } from './linux-host.ts';
import type { ProbePort } from './switch-host.ts';

const dumpFlows = async (ovs: PrivateOvs) =>
  (await localRunner.run(['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', `unix:${ovs.folder}/mega_bridge.mgmt`])).stdout
    .split('\n')
    .filter((line) => line.includes('actions='));

describe.skipIf(!hasOpenVSwitch)('with Open vSwitch', () => {
  const names = ['a', 'b', 'c'] as const;
  let physical: PrivateOvs;
  let switches: PrivateOvs[];
  let guests: NamespaceGuest[];
  let hosts: LinuxHost[];

  beforeAll(async () => {
    physical = await PrivateOvs.start();
    switches = await Promise.all(names.map(() => PrivateOvs.start()));
    await physical.vsctl('add-br', 'switch', '--', 'set', 'bridge', 'switch', 'datapath_type=netdev');
    for (const [index, ovs] of switches.entries()) {
      const port = `p${index}`;
      await physical.plugInto(ovs, port, 'eth0');
      await physical.vsctl('add-port', 'switch', port);
      await ovs.vsctl('add-br', 'mega_bridge', '--', 'set', 'bridge', 'mega_bridge', 'datapath_type=netdev');
    }
  });
  afterAll(async () => {
    await Promise.all([physical, ...switches].map((ovs) => ovs.stop()));
  });

  async function start(): Promise<ProbeNetwork> {
    guests = [];
    hosts = [];
    const machines: ProbeMachine[] = [];
    for (const [index, ovs] of switches.entries()) {
      await ovs.ensureSwitch();
      await ovs.vsctl('--may-exist', 'add-port', 'mega_bridge', 'eth0');
      const guest = await NamespaceGuest.plug(ovs, 'g0');
      guests.push(guest);
      await ovs.vsctl('--may-exist', 'add-port', 'mega_bridge', 'g0', 'tag=120');
      await guest.listen();
      const host = ovs.host();
      hosts.push(host);
      await host.start({ changed: () => undefined, learnt: () => undefined });
      machines[index] = {
        host,
        seen: () => guest.heard('0x88b5'),
        flows: async () => (await dumpFlows(ovs)).filter((line) => line.includes('0x6d65736870726f62')),
        removeUplink: () => ovs.vsctl('del-port', 'eth0'),
        stopSwitch: () => ovs.stopSwitch(),
      };
    }
    const [a, b, c] = machines;
    if (!a || !b || !c) throw new Error('three machines');
    return { machines: [a, b, c], end };
  }

  async function end(): Promise<void> {
    for (const host of hosts) host.stop();
    for (const guest of guests) await guest.stop();
  }

  describeProbes('on real switches', start);

  test.each([
    ['active-backup', 'off'],
    ['balance-slb', 'off'],
    ['balance-tcp', 'active'],
  ])(
    'a bond as uplink (%s, LACP %s): each frame arrives once, also where the switch sends it to both of its NICs',
    async (mode, lacp) => {
      const [ovs, other] = switches;
      if (!ovs || !other) throw new Error('no switch');
      await ovs.ensureSwitch();
      await other.ensureSwitch();
      await other.vsctl('--may-exist', 'add-port', 'mega_bridge', 'eth0');
      await ovs.vsctl('--if-exists', 'del-port', 'eth0');
      await physical.vsctl('--if-exists', 'del-port', 'p0');
      await physical.plugInto(ovs, 'q0', 'eth1');
      await ovs.vsctl('add-bond', 'mega_bridge', 'bond0', 'eth0', 'eth1', `bond_mode=${mode}`, `lacp=${lacp}`);
      if (lacp === 'off') for (const port of ['p0', 'q0']) await physical.vsctl('add-port', 'switch', port);
      else await physical.vsctl('add-bond', 'switch', 'lag', 'p0', 'q0', 'bond_mode=balance-tcp', 'lacp=passive');
      const [host, far] = [ovs.host(), other.host()];
      const arrived = { here: 0, there: 0 };
      const open = (of: LinuxHost, where: keyof typeof arrived) =>
        of.openProbe({
          match: { etherType: probeEtherType, sourcePrefix: probeSourcePrefix },
          ...{ holdMs: 60_000, framesAtMost: 1_000, onLost: () => undefined },
          onFrame: () => void (arrived[where] += 1),
        });
      try {
        for (const each of [host, far]) await each.start({ changed: () => undefined, learnt: () => undefined });
        const carriers = () => host.view().ports.get('bond0')?.carriers.length;
        await expect.poll(carriers).toBe(lacp === 'off' ? 1 : 2);
        const [port, farPort] = [await open(host, 'here'), await open(far, 'there')];
        expect(port.uplink).toMatchObject({ name: expect.stringMatching(/^eth[01] of bond0$/) as string });
        const frames = (origin: number) =>
          [1, 2, 3, 4].map((copy) =>
            encodeProbeFrame(
              { run: '00000000000000ff', origin, vlan: 120, round: 1, copy, size: 'small' },
              { source: probeSource(String(origin)), payloadBytes: 46 },
            ),
          );
        const signal = new AbortController().signal;
        const until = async (where: keyof typeof arrived, from: ProbePort, origin: number) => {
          // The first ones may come before the switch forwards by a port that it has just got.
          await expect
            .poll(async () => {
              if (arrived[where] === 0) await from.send(frames(origin), { perSecond: 1_000, signal });
              return arrived[where];
            })
            .toBeGreaterThan(0);
          await expect
            .poll(async () => {
              arrived[where] = 0;
              await from.send(frames(origin), { perSecond: 1_000, signal });
              await new Promise((resolve) => setTimeout(resolve, 200));
              return arrived[where];
            })
            .toBe(4);
        };
        await until('there', port, 1);
        await until('here', farPort, 2);
        await port.close();
        await farPort.close();
      } finally {
        host.stop();
        far.stop();
        await ovs.vsctl('--if-exists', 'del-port', 'bond0');
        for (const each of ['lag', 'p0', 'q0']) await physical.vsctl('--if-exists', 'del-port', each);
        await ovs.run('ip', 'link', 'delete', 'eth1');
        await physical.vsctl('add-port', 'switch', 'p0');
      }
    },
  );

  test('flows of others stay, and come after those of a probe', async () => {
    const { machines } = await start();
    const [, ovs] = switches;
    if (!ovs) throw new Error('no switch');
    try {
      const foreign = 'priority=65535,dl_type=0x88b5,dl_src=02:00:00:00:00:01,actions=NORMAL';
      await localRunner.run(['ovs-ofctl', 'add-flow', `unix:${ovs.folder}/mega_bridge.mgmt`, foreign]);
      const port = await machines[1].host.openProbe({
        match: { etherType: probeEtherType, sourcePrefix: probeSourcePrefix },
        ...{ holdMs: 60_000, framesAtMost: 10, onFrame: () => undefined, onLost: () => undefined },
      });
      expect(await dumpFlows(ovs)).toHaveLength(4);
      await port.close();
      expect((await dumpFlows(ovs)).map((line) => /priority=\d+/.exec(line)?.[0])).toEqual([
        'priority=65535',
        'priority=0',
      ]);
    } finally {
      await localRunner.run([
        'ovs-ofctl',
        '--strict',
        'del-flows',
        `unix:${ovs.folder}/mega_bridge.mgmt`,
        'priority=65535,dl_type=0x88b5,dl_src=02:00:00:00:00:01',
      ]);
      await end();
    }
  });
});
