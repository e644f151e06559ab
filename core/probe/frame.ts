// The frames of a VLAN probe, as bytes. Owns their layout alone; which are sent is plan.ts's.
//
//   ff:ff:ff:ff:ff:ff | source 6 | [8100, VLAN 4] | 88b5 | "MDVP" 4, version 1, size 1, run 8, origin 2, VLAN 2, round 1, copy 1,
//   length 2, zeros 4, checksum 4 | zeros
//
// 0x88b5 is the EtherType that IEEE 802 leaves to local experiments. All go to everybody, as a guest's ARP does: what drops these drops ARP too.

/** Of the EtherType, behind the tag if there is one. */
export const probeEtherType = 0x88b5;
/** Every frame's source begins with it: locally administered, and not among those that VMs get. */
export const probeSourcePrefix = Uint8Array.of(0x02, 0x4d, 0x50);

const magic = 0x4d44_5650;
const version = 1;
const tagType = 0x8100;
const outerTagType = 0x88a8;
const addressBytes = 12;
const tagBytes = 4;
const typeBytes = 2;
const markBytes = 30;
const checksumAt = 26;
/** The least that Ethernet carries (IEEE 802.3, 3.2.7), and what each frame of the small size has. */
export const smallPayloadBytes = 46;
/** More than one of either says nothing about VLANs. */
const maxTags = 2;

export const frameSizes = ['small', 'big'] as const;
export type FrameSize = (typeof frameSizes)[number];

/** What a frame says about itself. */
export interface ProbeMark {
  /** 16 hex digits that nobody can guess: a frame without them is somebody else's. */
  readonly run: string;
  /** Place of the sender in the run's list of nodes. */
  readonly origin: number;
  /** That it was sent on; 0 without a tag. */
  readonly vlan: number;
  readonly round: number;
  readonly copy: number;
  readonly size: FrameSize;
}

/** A frame with the tag that it was sent with. `payloadBytes` counts from behind the EtherType. */
export function encodeProbeFrame(
  mark: ProbeMark,
  { source, payloadBytes }: { readonly source: Uint8Array; readonly payloadBytes: number },
): Uint8Array {
  const payloadAt = addressBytes + (mark.vlan === 0 ? 0 : tagBytes) + typeBytes;
  const frame = new Uint8Array(payloadAt + payloadBytes);
  const view = new DataView(frame.buffer);
  frame.fill(0xff, 0, 6);
  frame.set(source.subarray(0, 6), 6);
  if (mark.vlan !== 0) view.setUint32(addressBytes, tagType * 0x1_0000 + mark.vlan);
  view.setUint16(payloadAt - typeBytes, probeEtherType);
  view.setUint32(payloadAt, magic);
  view.setUint8(payloadAt + 4, version);
  view.setUint8(payloadAt + 5, frameSizes.indexOf(mark.size));
  view.setBigUint64(payloadAt + 6, BigInt(`0x${mark.run}`));
  view.setUint16(payloadAt + 14, mark.origin);
  view.setUint16(payloadAt + 16, mark.vlan);
  view.setUint8(payloadAt + 18, mark.round);
  view.setUint8(payloadAt + 19, mark.copy);
  view.setUint16(payloadAt + 20, payloadBytes);
  view.setUint32(payloadAt + checksumAt, checksum(frame.subarray(payloadAt, payloadAt + checksumAt)));
  return frame;
}

export interface ArrivedFrame {
  readonly mark: ProbeMark;
  /** Those that it arrived with, the outer one first. */
  readonly tags: readonly number[];
}

/** Null for anything that is not a whole frame of a probe. */
export function decodeProbeFrame(frame: Uint8Array): ArrivedFrame | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const tags: number[] = [];
  let at = addressBytes;
  for (;;) {
    if (frame.length < at + typeBytes) return null;
    const type = view.getUint16(at);
    if (type === probeEtherType) break;
    if ((type !== tagType && type !== outerTagType) || tags.length === maxTags) return null;
    if (frame.length < at + tagBytes + typeBytes) return null;
    tags.push(view.getUint16(at + 2) & 0x0fff);
    at += tagBytes;
  }
  at += typeBytes;
  if (frame.length < at + markBytes || view.getUint32(at) !== magic || view.getUint8(at + 4) !== version) return null;
  const size = frameSizes[view.getUint8(at + 5)];
  const payloadBytes = view.getUint16(at + 20);
  const isWhole = frame.length >= at + payloadBytes;
  if (size === undefined || !isWhole) return null;
  if (view.getUint32(at + checksumAt) !== checksum(frame.subarray(at, at + checksumAt))) return null;
  const mark = {
    run: view
      .getBigUint64(at + 6)
      .toString(16)
      .padStart(16, '0'),
    origin: view.getUint16(at + 14),
    vlan: view.getUint16(at + 16),
    round: view.getUint8(at + 18),
    copy: view.getUint8(at + 19),
    size,
  };
  return { mark, tags };
}

/** FNV-1a of 32 bits: for bytes that were damaged, not for an enemy; the run's id is for that. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c_9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return hash >>> 0;
}
