// A packet in a line, as people know it from Wireshark: from whom to whom, which protocol, and what it says. Bounded and without memory: the
// same bytes give the same line. Owns Ethernet and its tags; what is above them is in ip.ts and its neighbours.
import { Bytes, CutShort, hex, macAt } from './bytes.ts';
import { readArp, readIp4, readIp6 } from './ip.ts';
import { layered, type Layer } from './layer.ts';

export interface PacketSummary extends Layer {
  /** The outer tag first. */
  readonly vlans: readonly number[];
}

/** Characters of `info`: what a row of a table holds. */
const maxInfo = 200;
/** Two tags are QinQ; beyond that nobody sends them for a reason. */
const maxTags = 4;
const tagTypes: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);

const names: Readonly<Record<number, string>> = {
  0x0027: 'STP',
  0x8809: 'LACP',
  0x88cc: 'LLDP',
  0x888e: 'EAPOL',
  0x8847: 'MPLS',
  0x8863: 'PPPoE',
  0x8864: 'PPPoE',
};

/** Of an Ethernet frame, which may be cut: a frame of any bytes has a summary. */
export function summarise(frame: Uint8Array): PacketSummary {
  const bytes = new Bytes(frame);
  const vlans: number[] = [];
  let outer: Layer = { source: '', destination: '', protocol: 'Ethernet', info: '' };
  try {
    outer = { ...outer, source: macAt(bytes, 6), destination: macAt(bytes, 0) };
    let at = 12;
    let type = bytes.u16(at);
    while (tagTypes.has(type) && vlans.length < maxTags) {
      vlans.push(bytes.u16(at + 2) & 0x0fff);
      at += 4;
      type = bytes.u16(at);
    }
    outer = readPayload(type, bytes.from(at + 2), outer);
  } catch (error) {
    if (!(error instanceof CutShort)) throw error;
    outer = { ...outer, info: outer.info === '' ? 'cut short' : `${outer.info} (cut short)` };
  }
  const { info } = outer;
  return { ...outer, info: info.length > maxInfo ? `${info.slice(0, maxInfo - 1)}…` : info, vlans };
}

function readPayload(type: number, payload: Bytes, outer: Layer): Layer {
  if (type === 0x0806) return layered(() => readArp(payload), { ...outer, protocol: 'ARP' });
  if (type === 0x0800) return layered(() => readIp4(payload), { ...outer, protocol: 'IPv4' });
  if (type === 0x86dd) return layered(() => readIp6(payload), { ...outer, protocol: 'IPv6' });
  // Below 0x600 it is a length (IEEE 802.3), and what follows says which protocol it is: 0x42 is a bridge's spanning tree.
  if (type < 0x600)
    return payload.length > 0 && payload.u8(0) === 0x42
      ? { ...outer, protocol: 'STP', info: 'spanning tree of a bridge' }
      : { ...outer, protocol: 'LLC', info: `${type} bytes` };
  const known = names[type];
  return known === undefined
    ? { ...outer, info: `type 0x${hex(type, 4)}, ${payload.length} bytes` }
    : { ...outer, protocol: known, info: `${payload.length} bytes` };
}
