// A physical network with faults on its ports, for tests and machines in memory, and what a probe’s nodes report about it. One frame at a time, as a switch does it.
import { Arrivals, type ProbeReport } from './arrivals.ts';
import { decodeProbeFrame } from './frame.ts';
import { framesOf, planRound, probeSource, type ProbeRound } from './plan.ts';

/** What a port does to frames of one VLAN, on their way from its node or to it. */
export interface PortFault {
  readonly node: number;
  readonly vlan: number;
  readonly side: 'from' | 'to';
  /** A number: frames continue on that VLAN; 0 without a tag. */
  readonly does: 'block' | 'lose-big' | 'double' | number;
}

/** Frames that pass one port: none, one or two, perhaps with another tag. */
export function passPort(frame: Uint8Array, faults: readonly Pick<PortFault, 'vlan' | 'does'>[]): Uint8Array[] {
  const tag = decodeProbeFrame(frame)?.tags[0] ?? 0;
  let passing = [frame];
  for (const { vlan, does } of faults) {
    if (vlan !== tag) continue;
    if (does === 'block' || (does === 'lose-big' && frame.length > 1_000)) return [];
    if (does === 'double') passing = passing.flatMap((each) => [each, each]);
    if (typeof does === 'number') passing = passing.map((each) => retag(each, does));
  }
  return passing;
}

/** The same frame with another tag, or without one. */
export function retag(frame: Uint8Array, vlan: number): Uint8Array {
  const isTagged = frame[12] === 0x81 && frame[13] === 0x00;
  const rest = frame.subarray(isTagged ? 16 : 12);
  const tag = vlan === 0 ? [] : [0x81, 0x00, vlan >> 8, vlan & 0xff];
  return Uint8Array.of(...frame.subarray(0, 12), ...tag, ...rest);
}

const run = '00000000000000aa';

/** All frames of all nodes through the network. */
export function simulateRound(
  network: { readonly nodes: number; readonly vlans: readonly number[] },
  passes: (frame: Uint8Array, from: number, to: number) => readonly Uint8Array[],
  number: 1 | 2 = 1,
): { round: ProbeRound; reports: Map<number, ProbeReport> } {
  const round = planRound(number, network);
  const places = Array.from({ length: network.nodes }, (_, place) => place);
  const arrivals = places.map(() => new Arrivals({ run, round: number, nodes: network.nodes }, network.vlans));
  for (const from of places) {
    const source = probeSource(`node${from}`);
    for (const frame of framesOf(round, { run, origin: from, source, mtu: 1_500 }))
      for (const to of places) if (to !== from) for (const each of passes(frame, from, to)) arrivals[to]?.take(each);
  }
  return { round, reports: new Map(arrivals.map((each, place) => [place, each.report(round)])) };
}

/** By faults of ports alone. */
export const throughPorts = (faults: readonly PortFault[]) => (frame: Uint8Array, from: number, to: number) =>
  passPort(
    frame,
    faults.filter(({ node, side }) => node === from && side === 'from'),
  ).flatMap((each) =>
    passPort(
      each,
      faults.filter(({ node, side }) => node === to && side === 'to'),
    ),
  );
