// NetFlow version 5, as Open vSwitch sends it, in the forms that minimega writes: as it came, or a line for each flow.
import { Bytes, CutShort, ip4At } from './bytes.ts';
import { describeDuration } from '../go-duration.ts';

const headerBytes = 24;
const recordBytes = 48;

export interface Flows {
  readonly count: number;
  readonly packets: number;
  readonly octets: number;
  /** minimega's form: begin, duration, protocol, source, `<->`, destination, packets, bytes, with tabs between. */
  readonly text: string;
}

/** Null for what is not a datagram of version 5. */
export function readNetflow(datagram: Uint8Array): Flows | null {
  const bytes = new Bytes(datagram);
  if (bytes.length < headerBytes || bytes.u16(0) !== 5 || (bytes.length - headerBytes) % recordBytes !== 0) return null;
  const count = (bytes.length - headerBytes) / recordBytes;
  const [uptimeMs, seconds, nanos] = [bytes.u32(4), bytes.u32(8), bytes.u32(12)];
  const lines: string[] = [];
  let [packets, octets] = [0, 0];
  try {
    for (let index = 0; index < count; index += 1) {
      const record = bytes.from(headerBytes + index * recordBytes, recordBytes);
      const [first, last] = [record.u32(24), record.u32(28)];
      const begin = new Date(seconds * 1_000 - (uptimeMs - first) + nanos / 1e6);
      packets += record.u32(16);
      octets += record.u32(20);
      lines.push(
        [
          `${begin.toISOString().slice(0, 19)}Z`,
          describeDuration(Math.max(0, last - first) * 1e6),
          record.u8(38),
          `${ip4At(record, 0)}:${record.u16(32)}`,
          '<->',
          `${ip4At(record, 4)}:${record.u16(34)}`,
          record.u32(16),
          record.u32(20),
        ].join('\t'),
      );
    }
  } catch (error) {
    // A time beyond all dates.
    if (error instanceof CutShort || error instanceof RangeError) return null;
    throw error;
  }
  return { count, packets, octets, text: lines.map((line) => `${line}\n`).join('') };
}
