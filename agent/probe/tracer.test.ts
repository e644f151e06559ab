// Traces over machines in memory: what both nodes say, and what a probe between them found.
import { expect, test } from 'vitest';
import { traceRows } from '../../core/probe/trace.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { recordForTests } from './record-for-tests.ts';
import { SimulatedProbes } from './simulated-probes.ts';
import { Tracer } from './tracer.ts';

async function begin() {
  const clock = new VirtualClock();
  const probes = await SimulatedProbes.create({ size: 4 }, clock);
  const vms = [recordForTests('a', 'node1'), recordForTests('b', 'node3')];
  const tracers = probes.machines.map((machine, index) => {
    const mesh = probes.sim.mesh(index);
    return new Tracer({
      ...{ mesh, clock, aliasOf: () => 'lan', host: machine.host() },
      prober: { run: (order, signal) => probes.proberOf(index).run(order, signal) },
      list: () => vms.filter(({ host }) => host === probes.nameOf(index)),
      nodeOf: (_namespace, vm) => {
        const host = vms.find(({ name }) => name === vm)?.host;
        return probes.sim.initial.roster.nodes.find(({ name }) => name === host) ?? null;
      },
    });
  });
  for (const index of [0, 2])
    probes.machines[index]?.addForeignPort('mega_bridge', 'mega_tap0', { kind: 'access', tag: 120 });
  const trace = async (from: string, to: string) => {
    const signal = new AbortController().signal;
    const tracer = tracers[3];
    if (!tracer) throw new Error('four nodes');
    const result = await probes.settle(tracer.run({ namespace: 'lab', from, to }, signal));
    return traceRows(result.hops)
      .filter((row) => row[5] !== 'ok')
      .map((row) => row.slice(2).join(' '));
  };
  return { probes, trace };
}

test('a path that is well, and one with a switch that drops its VLAN', async () => {
  const { probes, trace } = await begin();
  expect(await trace('a', 'b')).toEqual([]);
  probes.network.setFaults('node3', [{ vlan: 120, side: 'to', does: 'block' }]);
  expect(await trace('a', 'b')).toEqual([
    expect.stringMatching(/^node1 switches to node3 broken blocked one way\. The switch port of node1 or of node3/),
  ]);
  probes.network.setFaults('node3', []);
  probes.machines[2]?.setVlan('mega_tap0', { kind: 'access', tag: 5 });
  expect(await trace('a', 'b')).toEqual([
    'node3 port mega_tap0 broken it has VLAN 5 on mega_bridge, not VLAN 120 on mega_bridge',
  ]);
  await probes.stop();
});

test('a flow of somebody else that drops what a VM sends is named', async () => {
  const { probes, trace } = await begin();
  probes.machines[0]?.addFlow('mega_bridge', { priority: 9, does: 'drop', packets: 3 });
  expect(await trace('a', 'b')).toEqual([
    'node1 flows mega_bridge broken the flow of priority 9 drops its frames: 3 packets of all ports',
  ]);
  probes.machines[2]?.setRunning('switch', false);
  expect((await trace('a', 'b')).find((row) => row.startsWith('node3 flows'))).toBe(
    'node3 flows mega_bridge unknown the bridge mega_bridge in memory does not answer',
  );
  await probes.stop();
});

test('VMs that do not exist, and one whose node is away', async () => {
  const { probes, trace } = await begin();
  await expect(trace('a', 'c')).rejects.toThrow('vm not found: c');
  await expect(trace('a', 'a')).rejects.toThrow('a path has two VMs');
  probes.sim.kill(2);
  await probes.clock.advance(5_000);
  await expect(trace('a', 'b')).rejects.toThrow('node3, which has b: node3 is not in the mesh now');
  await probes.stop();
});
