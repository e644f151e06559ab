// pcap files (draft-ietf-opsawg-pcap), read as they come and written: what tcpdump says about packets. Owns the format; what is in a packet is
// summary.ts's.
import { AppError } from '../../contract/errors.ts';

/** Microseconds, and nanoseconds. */
const magics = [0xa1b2c3d4, 0xa1b23c4d] as const;
const headerBytes = 24;
export const recordHeaderBytes = 16;
/** libpcap's own bound (MAXIMUM_SNAPLEN): a record that says more is not of a capture. */
export const maxCapturedBytes = 262_144;
export const ethernet = 1;

export interface PcapHeader {
  /** 1 is Ethernet. */
  readonly linkType: number;
  readonly snaplen: number;
}

export interface PcapPacket {
  /** Microseconds since 1970. */
  readonly atUs: number;
  /** On the wire; `data` may be its beginning alone. */
  readonly length: number;
  readonly data: Uint8Array;
}

export interface PcapPiece {
  readonly packets: readonly PcapPacket[];
  /** The same as they came, whole records alone; the file's header is in front of the first. */
  readonly bytes: Uint8Array;
}

const nothing: PcapPiece = { packets: [], bytes: new Uint8Array() };

/** Whether a file that begins so is a pcap, or a pcapng. */
export function isCaptureFile(start: Uint8Array): boolean {
  if (start.length < 4) return false;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const both = [view.getUint32(0, true), view.getUint32(0, false)];
  return both.some((magic) => magics.some((known) => known === magic)) || both[0] === 0x0a0d0d0a;
}

/** A pcap that arrives in pieces. */
export class PcapReader {
  header: PcapHeader | null = null;
  private isLittle = true;
  private isNanos = false;
  private pieces: Uint8Array[] = [];
  private bytes = 0;
  /** What must be there before anything more can be read: pieces are joined then alone, so the work is linear. */
  private needed = headerBytes;

  /** Bytes of a record that is not whole yet. */
  get rest(): number {
    return this.bytes;
  }

  /** Whole packets of these bytes. Their data is a part of `bytes`. @throws AppError `invalid` for what is not a pcap; nothing may be pushed after that */
  push(chunk: Uint8Array): PcapPiece {
    this.pieces.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes < this.needed) return nothing;
    const data = joinBytes(this.pieces);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    let at = 0;
    if (this.header === null) {
      this.readHeader(view);
      at = headerBytes;
    }
    const packets: PcapPacket[] = [];
    this.needed = recordHeaderBytes;
    while (data.length - at >= recordHeaderBytes) {
      const captured = view.getUint32(at + 8, this.isLittle);
      if (captured > maxCapturedBytes) throw new AppError('invalid', `not a pcap: a packet of ${captured} bytes`);
      const end = at + recordHeaderBytes + captured;
      if (end > data.length) {
        this.needed = end - at;
        break;
      }
      const fraction = view.getUint32(at + 4, this.isLittle);
      packets.push({
        atUs: view.getUint32(at, this.isLittle) * 1e6 + (this.isNanos ? Math.floor(fraction / 1_000) : fraction),
        length: view.getUint32(at + 12, this.isLittle),
        data: data.subarray(at + recordHeaderBytes, end),
      });
      at = end;
    }
    const rest = data.subarray(at);
    this.pieces = rest.length === 0 ? [] : [rest];
    this.bytes = rest.length;
    return { packets, bytes: data.subarray(0, at) };
  }

  private readHeader(view: DataView): void {
    this.isLittle = magics.some((magic) => magic === view.getUint32(0, true));
    const magic = view.getUint32(0, this.isLittle);
    if (!magics.some((known) => known === magic))
      throw new AppError('invalid', 'not a pcap: its first bytes are others');
    this.isNanos = magic === magics[1];
    // The upper bits say whether a checksum follows each frame.
    const linkType = view.getUint32(20, this.isLittle) & 0x0fff_ffff;
    this.header = { snaplen: view.getUint32(16, this.isLittle), linkType };
  }
}

/** A file's header, for packets with microseconds. */
export function encodePcapHeader({ snaplen, linkType }: PcapHeader): Uint8Array {
  const view = new DataView(new ArrayBuffer(headerBytes));
  view.setUint32(0, magics[0], true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, snaplen, true);
  view.setUint32(20, linkType, true);
  return new Uint8Array(view.buffer);
}

export function encodePcapPacket({ atUs, length, data }: PcapPacket): Uint8Array {
  const bytes = new Uint8Array(recordHeaderBytes + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(atUs / 1e6), true);
  view.setUint32(4, atUs % 1e6, true);
  view.setUint32(8, data.length, true);
  view.setUint32(12, length, true);
  bytes.set(data, recordHeaderBytes);
  return bytes;
}

export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (pieces.length === 1 && first) return first;
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
