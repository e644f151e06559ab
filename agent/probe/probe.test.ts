// Probes over a simulated mesh and network: what they find, whom they leave alone, and what is left when something ends in the middle.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import type { ProbeResult } from '../../contract/probe.ts';
import { verdictOfPath } from '../../core/probe/verdicts.ts';
import type { SwitchHost } from '../../host/ovs/switch-host.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedProbes, type SimulatedProbesOptions } from './simulated-probes.ts';

let clock: VirtualClock;
let probes: SimulatedProbes;
const begin = async (options: Partial<SimulatedProbesOptions> = {}) => {
  probes = await SimulatedProbes.create({ size: 4, ...options }, clock);
};
beforeEach(() => {
  clock = new VirtualClock();
});
afterEach(async () => {
  expect(probes.left()).toEqual([]);
  expect(probes.machines.map(({ passed }) => passed.length)).toEqual(probes.machines.map(() => 0));
  await probes.stop();
});

const verdict = (result: ProbeResult, from: number, to: number, vlan = 120) =>
  verdictOfPath(result, { vlan, from: `node${from}`, to: `node${to}` }, result.atMs);
const states = ({ nodes }: ProbeResult) => nodes.map(({ name, state, reason }) => `${name} ${state} ${reason}`.trim());
const refusal = (running: Promise<unknown>) =>
  probes.settle(
    running.then(
      () => 'no error',
      (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
    ),
  );

describe('what a probe finds', () => {
  test('a network that is well, also from a node that takes no part', async () => {
    await begin({ size: 5 });
    const beganMs = clock.wallNow();
    const result = await probes.settle(probes.run(4, [100, 120, 4094], { nodes: [0, 1, 2, 3] }));
    expect(result).toMatchObject({ bad: [], causes: [], unsteady: [], flooded: [], unshielded: [], bigBytes: 1_514 });
    expect(result.nodes[0]).toEqual({
      ...{ name: 'node1', state: 'ok', reason: '', bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
    });
    // By the clock of the test: it was measured between begin and end.
    const times = [beganMs, result.atMs, clock.wallNow()];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(verdict(result, 1, 4)).toBe('ok');
  });

  test('the port of node3 and VLAN 120, and nothing else', async () => {
    await begin();
    const faults = (['from', 'to'] as const).map((side) => ({ vlan: 120, side, does: 'block' as const }));
    probes.network.setFaults('node3', faults);
    const result = await probes.settle(probes.run(0, [100, 120, 130]));
    expect(result.causes).toEqual([
      {
        ...{ kind: 'port', symptom: 'blocked', vlans: [120], groups: [['node3']] },
        ...{ direction: 'both', arrivedOn: 0, or: [] },
      },
    ]);
    expect(result.bad).toHaveLength(6);
    expect(verdict(result, 3, 1, 100)).toBe('ok');
  });

  test('a fault that is gone at the second look is mentioned alone', async () => {
    let sends = 0;
    await begin({
      wrap: (host) => ({
        openProbe: async (options) => {
          const port = await host.openProbe(options);
          return {
            ...port,
            send: async (frames, how) => {
              sends += 1;
              if (sends > 4) probes.network.setFaults('node3', []);
              await port.send(frames, how);
            },
          };
        },
      }),
    });
    probes.network.setFaults('node3', [{ vlan: 120, side: 'to', does: 'block' }]);
    const result = await probes.settle(probes.run(0, [100, 120]));
    expect(result).toMatchObject({ bad: [], causes: [], unsteady: [{ vlan: 120, paths: 3 }] });
    expect(sends).toBe(8);
  });
});

describe('nodes that cannot take part', () => {
  test('one without an uplink, one with an older meshd, one that is away', async () => {
    await begin({ size: 6, hasUplink: (index) => index !== 2, knows: (index) => index !== 3 });
    probes.sim.kill(4);
    probes.machines[4]?.unplug();
    await clock.advance(5_000);
    const result = await probes.settle(probes.run(0, [120]));
    expect(states(result)).toEqual([
      'node1 ok',
      'node2 ok',
      'node3 unable no bridge with an uplink: `meshdeck bridge <node>` makes mega_bridge',
      'node4 unable its meshd knows no probes: upgrade it',
      'node5 silent it is not in the mesh now',
      'node6 ok',
    ]);
    expect([verdict(result, 1, 2), verdict(result, 1, 3), verdict(result, 5, 1)]).toEqual(['ok', 'unknown', 'silent']);
    expect(result.bad).toEqual([]);
    // It could not keep the frames from its VMs.
    probes.machines[3]?.passed.splice(0);
  });

  test('nodes that cannot shield their VMs are named', async () => {
    await begin({ size: 5, knows: (index) => index !== 3 });
    for (const index of [2, 3, 4]) probes.vms.add(`${probes.sim.node(index).id} 120`);
    // meshd is away, and the machine with its VMs is not.
    probes.sim.kill(4);
    await clock.advance(5_000);
    const result = await probes.settle(probes.run(0, [100, 120], { nodes: [0, 1, 2] }));
    expect(result.unshielded).toEqual(['node4', 'node5']);
    expect((await probes.settle(probes.run(0, [100], { nodes: [0, 1, 2] }))).unshielded).toEqual([]);
    for (const index of [3, 4]) probes.machines[index]?.passed.splice(0);
  });

  test('a node whose switch does not run says so', async () => {
    await begin();
    probes.machines[1]?.setRunning('switch', false);
    const result = await probes.settle(probes.run(0, [120]));
    expect(states(result)[1]).toBe('node2 unable the switch in memory does not run');
    expect(result.bad).toEqual([]);
  });

  test('a node whose switch does not answer is silent, and holds up nobody for long', async () => {
    await begin({
      wrap: (host, index) => (index === 2 ? { openProbe: () => new Promise(() => undefined) } : host),
    });
    const begun = clock.now();
    const result = await probes.settle(probes.run(0, [120]));
    expect(states(result)[2]).toBe('node3 silent it did not answer in time');
    expect(result).toMatchObject({ bad: [], causes: [] });
    expect(clock.now() - begun).toBeLessThan(10_000);
    // It never kept anything from its VMs.
    probes.machines[2]?.passed.splice(0);
  });

  test('without two nodes there is no probe, and the reasons are the error', async () => {
    await begin({ size: 3, hasUplink: (index) => index === 0 });
    expect(await refusal(probes.run(0, [120]))).toMatch(
      /^failed: a probe needs two nodes that can take part: node2: no bridge with an uplink: .*; node3: no bridge/,
    );
    expect(await refusal(probes.run(0, [120], { nodes: [1] }))).toBe(
      'invalid: a probe needs two nodes at least: name them with `nodes <range>`',
    );
  });

  test('too many paths are refused before anything is asked', async () => {
    await begin();
    const vlans = Array.from({ length: 4_094 }, (_, at) => at + 1);
    const nodes = Array.from({ length: 40 }, (_, at) => at % 4);
    expect(await refusal(probes.run(0, vlans, { nodes }))).toMatch(/^invalid: 40 nodes on 4094 VLANs are \d+ paths/);
  });
});

describe('in the middle of a probe', () => {
  /** Called on a node when it sends for the first time. */
  const atFirstSend = (act: (index: number) => Promise<void> | void) => ({
    wrap: (host: SwitchHost, index: number) => ({
      openProbe: async (options: Parameters<SwitchHost['openProbe']>[0]) => {
        const port = await host.openProbe(options);
        let isFirst = true;
        return {
          ...port,
          send: async (...args: Parameters<typeof port.send>) => {
            if (isFirst) await act(index);
            isFirst = false;
            await port.send(...args);
          },
        };
      },
    }),
  });

  test('a node dies: it is silent, and the others are judged', async () => {
    await begin(
      atFirstSend((index) => {
        if (index !== 2) return;
        probes.sim.kill(2);
        probes.machines[2]?.unplug();
        return new Promise(() => undefined);
      }),
    );
    const result = await probes.settle(probes.run(0, [100, 120]));
    expect(states(result)).toEqual(['node1 ok', 'node2 ok', expect.stringMatching(/^node3 silent /), 'node4 ok']);
    expect(result).toMatchObject({ bad: [], causes: [] });
    expect([verdict(result, 1, 3), verdict(result, 1, 2)]).toEqual(['silent', 'ok']);
    // Nobody ends it there but its own deadline; the machine is off.
    probes.machines[2]?.setRunning('switch', false);
  });

  test('a switch ends: its node is left out with the reason', async () => {
    await begin(
      atFirstSend((index) => {
        if (index === 1) probes.machines[1]?.setRunning('switch', false);
      }),
    );
    const result = await probes.settle(probes.run(0, [120]));
    expect(states(result)[1]).toMatch(/^node2 unable /);
    expect(result).toMatchObject({ bad: [], causes: [] });
  });

  test('the asker dies: all end it by their deadline', async () => {
    await begin(
      atFirstSend((index) => {
        if (index === 0) probes.sim.kill(0);
      }),
    );
    void probes.run(0, [120]).catch(() => undefined);
    await clock.advance(10_000);
    expect(probes.left()).toEqual([1, 2, 3]);
    await clock.advance(30_000);
    expect(probes.left()).toEqual([]);
    probes.machines[0]?.unplug();
    expect(await probes.settle(probes.run(1, [120], { nodes: [1, 2, 3] }))).toMatchObject({ bad: [] });
  });

  test('a second probe is refused with the name of who holds the first, and disturbs nothing', async () => {
    const held = Promise.withResolvers<undefined>();
    await begin(atFirstSend(() => held.promise));
    const first = probes.run(1, [100, 101, 120]);
    await clock.advance(2_000);
    expect(await refusal(probes.run(2, [100], { nodes: [2, 3] }))).toMatch(
      /^conflict: node\d takes part in a probe of VLANs 100-101, 120 that node2 began 2 s ago: try again/,
    );
    held.resolve(undefined);
    expect(await probes.settle(first)).toMatchObject({ bad: [], causes: [] });
    expect(await probes.settle(probes.run(2, [100], { nodes: [2, 3] }))).toMatchObject({ bad: [] });
  });

  test('of two that begin together, one finds its way', async () => {
    await begin();
    const texts = await Promise.all([0, 3].map((index) => refusal(probes.run(index, [120]))));
    expect(texts.filter((text) => text === 'no error')).toHaveLength(1);
    expect(texts.find((text) => text !== 'no error')).toMatch(/^conflict: /);
  });

  test('the person cancels: nothing is left', async () => {
    const cancel = new AbortController();
    await begin(atFirstSend(() => cancel.abort(new AppError('cancelled', 'cancelled'))));
    expect(await refusal(probes.run(0, [120], { signal: cancel.signal }))).toBe('cancelled: cancelled');
    expect(probes.left()).toEqual([]);
  });
});
