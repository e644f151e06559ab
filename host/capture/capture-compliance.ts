// What a machine does for captures, in memory or with tcpdump and Open vSwitch: run by each, with a bridge and two guests on different VLANs.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arp, echo, ethernet, ip4Packet } from '../../core/capture/made-packets.ts';
import { PcapReader } from '../../core/capture/pcap.ts';
import { summarise, type PacketSummary } from '../../core/capture/summary.ts';
import type { CaptureHost, CapturePlace, Taking } from './capture-host.ts';

/** A machine with the bridge mega_bridge, and the taps `tap-a` on VLAN 101 and `tap-b` on VLAN 102, each held by a guest. */
export interface CaptureMachine {
  readonly host: CaptureHost;
  /** The guest behind this tap sends a frame. */
  say(tap: string, frame: Uint8Array): Promise<void> | void;
  removeTap(tap: string): Promise<unknown>;
  /** What captures have made on bridges. */
  leftovers(): Promise<string[]>;
  end(): Promise<unknown>;
}

const ping = (sequence: number) => ethernet(0x0800, ip4Packet(1, echo(8, sequence)), { to: 'ff:ff:ff:ff:ff:ff' });
const question = ethernet(0x0806, arp(1, '10.0.0.1', '10.0.0.2'), { to: 'ff:ff:ff:ff:ff:ff' });
const onTap = (tap: string): CapturePlace => ({ kind: 'tap', tap });
const onBridge: CapturePlace = { kind: 'bridge', bridge: 'mega_bridge' };

export function describeCaptures(name: string, make: () => Promise<CaptureMachine>): void {
  describe(`captures ${name}`, () => {
    let machine: CaptureMachine;
    const running: Taking[] = [];
    beforeEach(async () => {
      machine = await make();
    });
    afterEach(async () => {
      for (const taking of running.splice(0)) await taking.stop().catch(() => undefined);
      await machine.end();
    });

    async function take(place: CapturePlace, { filter = '', snaplen = 1_600, id = 1 } = {}) {
      const reader = new PcapReader();
      const seen: (PacketSummary & { readonly bytes: number; readonly length: number })[] = [];
      const ends: string[] = [];
      const onBytes = (bytes: Uint8Array): Promise<void> => {
        for (const { data, length } of reader.push(bytes).packets)
          seen.push({ ...summarise(data), bytes: data.length, length });
        return Promise.resolve();
      };
      const taking = await machine.host.take({ id, place, filter, snaplen, onBytes, onEnd: (why) => ends.push(why) });
      running.push(taking);
      const infos = () => seen.map(({ info }) => info);
      return { taking, seen, ends, infos };
    }

    test('one interface: its packets, and no one else’s', async () => {
      const { infos, taking } = await take(onTap('tap-a'), { filter: 'icmp' });
      await machine.say('tap-b', ping(1));
      await machine.say('tap-a', ping(2));
      await machine.say('tap-b', ping(3));
      await machine.say('tap-a', ping(4));
      await expect.poll(infos).toHaveLength(2);
      await taking.stop();
      expect(infos()).toEqual([2, 4].map((sequence) => `echo request, id 7, sequence ${sequence}`));
    });

    test('a bridge: the packets of all, once, each with its VLAN, also of what passed before', async () => {
      for (let sequence = 90; sequence < 96; sequence += 1) await machine.say('tap-a', ping(sequence));
      const { seen, taking } = await take(onBridge, { filter: 'icmp' });
      await machine.say('tap-a', ping(1));
      await machine.say('tap-b', ping(2));
      await expect.poll(() => seen.length).toBe(2);
      await taking.stop();
      expect(seen.map(({ vlans, info }) => [...vlans, info]).sort()).toEqual([
        [101, 'echo request, id 7, sequence 1'],
        [102, 'echo request, id 7, sequence 2'],
      ]);
      expect(await machine.leftovers()).toEqual([]);
    });

    test('what the filter keeps, and so many bytes of it', async () => {
      const { seen } = await take(onTap('tap-a'), { filter: 'arp', snaplen: 64 });
      await machine.say('tap-a', ping(1));
      await machine.say('tap-a', question);
      const long = ethernet(0x0806, [...arp(1, '10.0.0.1', '10.0.0.3'), ...Array.from({ length: 200 }, () => 0)]);
      await machine.say('tap-a', long);
      await expect
        .poll(() => seen.map(({ protocol, bytes, length }) => [protocol, bytes, length]))
        .toEqual([
          ['ARP', question.length, question.length],
          ['ARP', 64, long.length],
        ]);
    });

    test('a filter that does not compile is refused with its reason', async () => {
      await machine.host.checkFilter('icmp or arp');
      await expect(machine.host.checkFilter('icmp or')).rejects.toMatchObject({
        code: 'invalid',
        message: "can't parse filter expression: syntax error",
      });
      // A word that could be an option, or more than a word, is a filter all the same.
      for (const filter of ['-w /tmp/x', '$(reboot)', '; reboot']) {
        await expect(machine.host.checkFilter(filter)).rejects.toMatchObject({ code: 'invalid' });
      }
    });

    test('an interface or bridge that is not there', async () => {
      await expect(take(onTap('tap-z'))).rejects.toThrow(/tap-z/);
      await expect(take({ kind: 'bridge', bridge: 'nobridge' })).rejects.toMatchObject({ code: 'not-found' });
      await expect(take({ kind: 'bridge', bridge: '--help' })).rejects.toMatchObject({ code: 'not-found' });
      expect(await machine.leftovers()).toEqual([]);
    });

    test('an interface that goes away ends its capture, with the reason', async () => {
      const { ends } = await take(onTap('tap-a'));
      await machine.removeTap('tap-a');
      await expect.poll(() => ends.length).toBe(1);
      expect(ends[0]).toMatch(/disappeared|down|went away/i);
    });

    test('several at a time, and nothing is left of those of a meshd before', async () => {
      await take(onBridge, { id: 1 });
      await take(onBridge, { id: 2 });
      const { infos } = await take(onTap('tap-a'), { id: 3, filter: 'icmp' });
      await machine.say('tap-a', ping(1));
      await expect.poll(infos).toHaveLength(1);
      await machine.host.exportFlows({ id: 4, bridge: 'mega_bridge', timeoutSeconds: 10, onDatagram: () => undefined });
      await expect(
        machine.host.exportFlows({ id: 5, bridge: 'mega_bridge', timeoutSeconds: 10, onDatagram: () => undefined }),
      ).rejects.toMatchObject({ code: 'conflict' });
      await machine.host.removeLeftovers();
      expect(await machine.leftovers()).toEqual([]);
    });
  });
}
