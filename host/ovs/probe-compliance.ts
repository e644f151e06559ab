// What a machine does for a probe of VLANs, in memory or with Open vSwitch: run by each with three machines on one network.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeProbeFrame, encodeProbeFrame, probeEtherType, probeSourcePrefix } from '../../core/probe/frame.ts';
import { probeSource } from '../../core/probe/plan.ts';
import type { ProbeOptions, ProbePort, SwitchHost } from './switch-host.ts';

/** A machine with the bridge mega_bridge, its uplink eth0, and a guest on VLAN 120. */
export interface ProbeMachine {
  readonly host: SwitchHost;
  /** Frames of probes that its guest got. */
  seen(): number;
  /** What probes have left on its bridges. */
  flows(): Promise<string[]>;
  removeUplink(): Promise<unknown>;
  stopSwitch(): Promise<unknown>;
}

export interface ProbeNetwork {
  readonly machines: readonly [ProbeMachine, ProbeMachine, ProbeMachine];
  end(): Promise<unknown>;
}

const vlan = 120;
const run = '00000000000000ff';
const perSecond = 2_000;
const never = new AbortController().signal;
const frame = (copy: number, { size = 'small', on = vlan }: { size?: 'small' | 'big'; on?: number } = {}) =>
  encodeProbeFrame(
    { run, origin: 0, vlan: on, round: 1, copy, size },
    { source: probeSource('0'), payloadBytes: size === 'small' ? 46 : 1_500 },
  );
const many = (count: number) => Array.from({ length: count }, (_, copy) => frame(copy % 200));

export function describeProbes(name: string, make: () => Promise<ProbeNetwork>): void {
  describe(`probes ${name}`, () => {
    let network: ProbeNetwork;
    let sender: ProbeMachine;
    let receiver: ProbeMachine;
    let third: ProbeMachine;
    let arrived: Uint8Array[];
    let lost: string[];
    let ports: ProbePort[];
    const open = async (machine: ProbeMachine, change: Partial<ProbeOptions> = {}) => {
      const port = await machine.host.openProbe({
        match: { etherType: probeEtherType, sourcePrefix: probeSourcePrefix },
        ...{ holdMs: 60_000, framesAtMost: 1_000, onFrame: (bytes) => void arrived.push(Uint8Array.from(bytes)) },
        onLost: (why) => void lost.push(why),
        ...change,
      });
      ports.push(port);
      return port;
    };
    const ignore = { onFrame: () => undefined };
    const texts = () =>
      arrived.map((bytes) => {
        const read = decodeProbeFrame(bytes);
        return read ? `${read.mark.copy} ${read.mark.size} on ${read.tags.join()} of ${bytes.length}` : 'unknown';
      });

    beforeEach(async () => {
      network = await make();
      [sender, receiver, third] = network.machines;
      [arrived, lost, ports] = [[], [], []];
    });
    afterEach(async () => {
      await Promise.allSettled(ports.map((port) => port.close()));
      await network.end();
    });

    test('frames arrive with the tag that they were sent with, small ones and those that fill the MTU', async () => {
      const out = await open(sender, ignore);
      const port = await open(receiver);
      await open(third, { onFrame: null });
      expect(port).toMatchObject({ whyNot: '', uplink: { bridge: 'mega_bridge', name: 'eth0', mtu: 1_500 } });
      await out.send([frame(1), frame(2, { size: 'big' }), frame(3, { on: 4_094 })], { perSecond, signal: never });
      await expect
        .poll(() => texts().toSorted())
        .toEqual(['1 small on 120 of 64', '2 big on 120 of 1518', '3 small on 4094 of 64']);
    });

    test('no guest sees one while its node is part of a probe, and every one otherwise', async () => {
      const out = await open(sender, ignore);
      await open(third, { onFrame: null });
      // Again and again: a switch may act on its flows a moment after it says so.
      const until = async (isDone: () => boolean) => {
        await expect
          .poll(async () => {
            if (!isDone()) await out.send([frame(250)], { perSecond, signal: never });
            return isDone();
          })
          .toBe(true);
      };
      await until(() => receiver.seen() > 0);
      const port = await open(receiver);
      await until(() => arrived.length > 0);
      const before = { seen: receiver.seen(), arrived: arrived.length };
      await out.send(many(40), { perSecond, signal: never });
      await expect.poll(() => arrived.length).toBe(before.arrived + 40);
      expect(receiver.seen()).toBe(before.seen);
      await port.close();
      await until(() => receiver.seen() > before.seen);
      expect([sender.seen(), third.seen(), arrived.length]).toEqual([0, 0, before.arrived + 40]);
    });

    test('nothing is left when it is closed, or when its time is over', async () => {
      expect(await receiver.flows()).toEqual([]);
      const port = await open(receiver);
      expect(await receiver.flows()).not.toEqual([]);
      await port.close();
      expect(await receiver.flows()).toEqual([]);
      await open(receiver, { holdMs: 1_000 });
      expect(await receiver.flows()).not.toEqual([]);
      await expect.poll(() => receiver.flows()).toEqual([]);
    });

    test('frames that go in circles are taken up to a bound, and reach no guest', async () => {
      const out = await open(sender, ignore);
      await open(third, { onFrame: null });
      await open(receiver, { framesAtMost: 10 });
      await out.send(many(200), { perSecond, signal: never });
      await expect.poll(() => arrived.length).toBe(10);
      await out.send(many(20), { perSecond, signal: never });
      expect([receiver.seen(), arrived.length]).toEqual([0, 10]);
    });

    test('a node without an uplink says why, and shields its guests all the same', async () => {
      await receiver.removeUplink();
      await expect
        .poll(async () => {
          const port = await open(receiver);
          await port.close();
          return [port.uplink, port.whyNot];
        })
        .toEqual([null, expect.stringContaining('mega_bridge')]);
      const port = await open(receiver);
      await expect(port.send([frame(1)], { perSecond, signal: never })).rejects.toMatchObject({ code: 'refused' });
    });

    test('a switch that ends is noticed', async () => {
      const port = await open(receiver);
      await receiver.stopSwitch();
      await expect.poll(() => lost).toHaveLength(1);
      await expect(port.send([frame(1)], { perSecond, signal: never })).rejects.toThrow();
    });

    test('sending ends when nobody waits for it', async () => {
      const out = await open(sender, ignore);
      await open(third, { onFrame: null });
      await open(receiver, { onFrame: null });
      const cancel = new AbortController();
      const sending = out.send(many(100), { perSecond: 10, signal: cancel.signal });
      cancel.abort(new Error('given up'));
      await expect(sending).rejects.toThrow('given up');
    });
  });
}
