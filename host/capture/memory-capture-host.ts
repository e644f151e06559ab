// Captures on a machine in memory. Its guests say what a test lets them say (`say`), and those of simulated nodes talk while
// somebody captures them: they ask for each other, ping, and look up names.
import { AppError } from '../../contract/errors.ts';
import { arp, dhcp, dnsName, echo, ethernet, ip4Packet, tcp, udp } from '../../core/capture/made-packets.ts';
import { encodePcapHeader, encodePcapPacket, ethernet as ethernetLink, joinBytes } from '../../core/capture/pcap.ts';
import type { HostPort, SwitchHost } from '../ovs/switch-host.ts';
import type { CaptureHost, CapturePlace, FlowOptions, TakeOptions } from './capture-host.ts';
import { compileMemoryFilter } from './memory-filter.ts';

interface Open {
  readonly options: TakeOptions;
  readonly passes: (frame: Uint8Array) => boolean;
  turn: Promise<void>;
}

const chatMs = 400;

export interface MemoryCaptureHost extends CaptureHost {
  /** A guest sends a frame, or gets it. */
  say(tap: string, frame: Uint8Array): void;
  /** Open vSwitch reports flows. */
  tellFlows(bridge: string, datagram: Uint8Array): void;
  /** The interface or bridge goes away under its captures. */
  lose(place: CapturePlace): void;
  /** Captures and exports that are open. */
  readonly size: number;
}

const isAt = (place: CapturePlace, port: HostPort | undefined, tap: string) =>
  place.kind === 'tap' ? place.tap === tap : place.bridge === port?.bridge;

/** The frame as the bridge sees it. */
function tagged(frame: Uint8Array, port: HostPort | undefined): Uint8Array {
  const vlan = port?.vlan;
  if (vlan?.kind !== 'access') return frame;
  return joinBytes([frame.subarray(0, 12), Uint8Array.of(0x81, 0, vlan.tag >> 8, vlan.tag & 0xff), frame.subarray(12)]);
}

export function createMemoryCaptureHost(
  { view }: { readonly view: SwitchHost['view'] },
  { doGuestsTalk, wallNow }: { readonly doGuestsTalk: boolean; readonly wallNow: () => number },
): MemoryCaptureHost {
  const open = new Set<Open>();
  const exports = new Map<string, FlowOptions>();

  const give = (capture: Open, bytes: Uint8Array) => {
    capture.turn = capture.turn.then(
      () => capture.options.onBytes(bytes),
      () => undefined,
    );
    capture.turn.catch((error: unknown) => {
      if (open.delete(capture)) capture.options.onEnd(String(error));
    });
  };
  const say = (tap: string, frame: Uint8Array) => {
    const port = view().ports.get(tap);
    for (const capture of open) {
      const { place, snaplen } = capture.options;
      if (!isAt(place, port, tap)) continue;
      const seen = place.kind === 'bridge' ? tagged(frame, port) : frame;
      if (!capture.passes(seen)) continue;
      const data = seen.subarray(0, snaplen);
      give(capture, encodePcapPacket({ atUs: Math.round(wallNow() * 1_000), length: seen.length, data }));
    }
  };
  let round = 0;
  const talk = () => {
    round += 1;
    const taps = [...view().ports.keys()].filter((name) => view().links.has(name));
    const heard = taps.filter((tap) =>
      [...open].some(({ options }) => isAt(options.place, view().ports.get(tap), tap)),
    );
    for (const tap of heard) for (const frame of chatter(Number(/\d+/.exec(tap)?.[0] ?? 0), round)) say(tap, frame);
  };
  let timer: NodeJS.Timeout | null = null;
  const retime = () => {
    if (open.size > 0 && doGuestsTalk) timer ??= setInterval(talk, chatMs).unref();
    else if (timer) {
      clearInterval(timer);
      timer = null;
    }
  };
  const assertThere = (place: CapturePlace) => {
    if (place.kind === 'tap' && !view().links.has(place.tap))
      throw new AppError('failed', `no packets from ${place.tap}: No such device exists`);
    if (place.kind === 'bridge' && !view().bridges.has(place.bridge))
      throw new AppError('not-found', `Open vSwitch: no bridge named ${place.bridge}`);
  };

  return {
    say,
    get size() {
      return open.size + exports.size;
    },
    checkFilter: (filter) => Promise.resolve().then(() => void compileMemoryFilter(filter)),
    async take(options) {
      await Promise.resolve();
      assertThere(options.place);
      const capture: Open = { options, passes: compileMemoryFilter(options.filter), turn: Promise.resolve() };
      open.add(capture);
      give(capture, encodePcapHeader({ snaplen: options.snaplen, linkType: ethernetLink }));
      retime();
      return {
        async stop() {
          open.delete(capture);
          retime();
          await capture.turn.catch(() => undefined);
          return { dropped: 0 };
        },
      };
    },
    async exportFlows(options) {
      await Promise.resolve();
      assertThere({ kind: 'bridge', bridge: options.bridge });
      if (exports.has(options.bridge))
        throw new AppError('conflict', `${options.bridge} tells somebody of its flows already`);
      exports.set(options.bridge, options);
      return {
        setTimeout: () => Promise.resolve(),
        stop: () => Promise.resolve(void exports.delete(options.bridge)),
      };
    },
    tellFlows: (bridge, datagram) => exports.get(bridge)?.onDatagram(datagram),
    lose(place) {
      const at = (other: CapturePlace) => JSON.stringify(other) === JSON.stringify(place);
      for (const capture of [...open]) {
        if (!at(capture.options.place)) continue;
        open.delete(capture);
        capture.options.onEnd('The interface disappeared');
      }
      retime();
    },
    removeLeftovers: () => Promise.resolve(),
  };
}

/** What a guest and its neighbour say in one round. */
function chatter(number: number, round: number): Uint8Array[] {
  const [own, other] = [`10.0.0.${(number % 200) + 10}`, `10.0.0.${((number + 1) % 200) + 10}`];
  const macOf = (of: number) => `02:00:00:00:00:${((of % 200) + 10).toString(16).padStart(2, '0')}`;
  const there = { from: macOf(number), to: macOf(number + 1) };
  const back = { from: there.to, to: there.from };
  const packet = (protocol: number, payload: readonly number[], isBack: boolean) =>
    ethernet(
      0x0800,
      ip4Packet(protocol, payload, isBack ? { from: other, to: own } : { from: own, to: other }),
      isBack ? back : there,
    );
  const question = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...dnsName('www.example.org'), 0, 1, 0, 1];
  const answer = [0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...dnsName('www.example.org'), 0, 1, 0, 1];
  const address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7];
  switch (round % 5) {
    case 0:
      return [
        packet(17, udp(5_353 + round, 53, question), false),
        packet(17, udp(53, 5_353 + round, [...answer, ...address]), true),
      ];
    case 1:
      return [ethernet(0x0806, arp(1, own, other), { ...there, to: 'ff:ff:ff:ff:ff:ff' })];
    case 2:
      return [packet(6, tcp(40_000 + round, 22, 0x02), false), packet(6, tcp(22, 40_000 + round, 0x12), true)];
    case 3:
      return round % 10 === 3 ? [packet(17, udp(68, 67, dhcp(3, { wanted: own, host: `vm${number}` })), false)] : [];
    default:
      return [packet(1, echo(8, round), false), packet(1, echo(0, round), true)];
  }
}
