// Traces over machines in memory: what both nodes say, and what a probe between them found.
import { expect, test } from 'vitest';
import { defaultConfig } from '../../core/vms/config.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { traceRows } from '../../core/probe/trace.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedProbes } from './simulated-probes.ts';
import { Tracer } from './tracer.ts';

const recordOf = (name: string, host: string): VmRecord => ({
  ...{ id: 1, name, namespace: 'lab', host, uuid: name, config: defaultConfig, state: 'RUNNING', reason: '' },
  ...{ launchedAtMs: 0, pid: 1, hotplug: [], accelerator: 'tcg' },
  nets: [
    {
      ...{
        alias: 'lan',
        vlan: 120,
        bridge: 'mega_bridge',
        tap: 'mega_tap0',
        mac: '02:00:00:00:00:01',
        driver: 'e1000',
      },
      ...{ qinq: false, ip4: '', ip6: '', qos: '', raw: '' },
    },
  ],
});

async function begin() {
  const clock = new VirtualClock();
  const probes = await SimulatedProbes.create({ size: 4 }, clock);
  const vms = [recordOf('a', 'node1'), recordOf('b', 'node3')];
  const tracers = probes.machines.map((machine, index) => {
    const mesh = probes.sim.mesh(index);
    return new Tracer({
      ...{ mesh, clock, aliasOf: () => 'lan', view: () => machine.host().view() },
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

test('VMs that do not exist, and one whose node is away', async () => {
  const { probes, trace } = await begin();
  await expect(trace('a', 'c')).rejects.toThrow('vm not found: c');
  await expect(trace('a', 'a')).rejects.toThrow('a path has two VMs');
  probes.sim.kill(2);
  await probes.clock.advance(5_000);
  await expect(trace('a', 'b')).rejects.toThrow('node3, which has b: node3 is not in the mesh now');
  await probes.stop();
});
