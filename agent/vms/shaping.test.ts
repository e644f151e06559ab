// What happens to frames on their way to NICs, over a machine in memory: it is in the record, and is there again after whatever took it away.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addQos, noQos } from '../../core/net/qos.ts';
import type { NodeVms } from './node-vms.ts';
import { launchOf, never, plan, SimulatedMachine } from './simulated-vms.ts';

let machine: SimulatedMachine;
let vms: NodeVms;

beforeEach(async () => {
  machine = new SimulatedMachine();
  vms = await machine.start();
  await vms.launch(launchOf([plan('a', {}, [101, 250])]), { signal: never });
  await vms.act([0], { action: 'start' }, { signal: never, target: 'named' });
});
afterEach(() => vms.stop());

const shapings = () => Object.fromEntries(machine.network.shapings);
const qos = () => vms.list(null)[0]?.nets.map((net) => net.qos);
const rate = { kind: 'rate', bitsPerSecond: 1_000_000 };

test('a rate, then loss and delay, then nothing', async () => {
  await vms.shapeNet(0, 1, (before) => addQos(before, { bitsPerSecond: 1_000_000 }));
  expect([qos(), shapings()]).toEqual([['', 'rate 1mbit'], { mega_tap1: rate }]);
  await vms.shapeNet(0, 1, (before) => addQos(before, { lossPercent: '5' }));
  await vms.shapeNet(0, 1, (before) => addQos(before, { delayUs: 1_000 }));
  expect(qos()).toEqual(['', 'loss 5% delay 1ms']);
  expect(shapings()).toEqual({ mega_tap1: { kind: 'netem', lossPercent: '5', delayUs: 1_000 } });
  await vms.shapeNet(0, 1, () => noQos);
  expect([qos(), shapings()]).toEqual([['', ''], {}]);
  await expect(vms.shapeNet(0, 5, () => noQos)).rejects.toThrow('invalid tap index specified: 5');
});

test('it is there again on a tap that was made again, after a restart of the switch, and after meshd died', async () => {
  await vms.shapeNet(0, 0, (before) => addQos(before, { bitsPerSecond: 1_000_000 }));
  machine.network.deleteTap('mega_tap0');
  await machine.clock.advance(1_000);
  await expect.poll(shapings).toEqual({ mega_tap0: rate });
  // The switch takes away what it did not set when it starts.
  machine.network.setRunning('switch', false);
  await machine.clock.advance(1_000);
  machine.network.shapings.clear();
  machine.network.setRunning('switch', true);
  await machine.clock.advance(1_000);
  await expect.poll(shapings).toEqual({ mega_tap0: rate });
  machine.crash();
  machine.network.shapings.clear();
  vms = await machine.start();
  await expect.poll(shapings).toEqual({ mega_tap0: rate });
});

test('it goes with the VM', async () => {
  await vms.shapeNet(0, 0, (before) => addQos(before, { bitsPerSecond: 1_000_000 }));
  for (const action of ['kill', 'flush'] as const) await vms.act([0], { action }, { signal: never, target: 'named' });
  expect(shapings()).toEqual({});
});
