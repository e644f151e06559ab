// Bytes of a packet that anybody may have sent: reading beyond their end is a CutShort, and never more work than there are bytes.

/** The packet ends before what it says it has. */
export class CutShort extends Error {}

export class Bytes {
  readonly data: Uint8Array;

  constructor(data: Uint8Array) {
    this.data = data;
  }

  get length(): number {
    return this.data.length;
  }

  u8(at: number): number {
    const value = this.data[at];
    if (value === undefined || at < 0) throw new CutShort();
    return value;
  }

  u16(at: number): number {
    return this.u8(at) * 256 + this.u8(at + 1);
  }

  u32(at: number): number {
    return this.u16(at) * 65_536 + this.u16(at + 2);
  }

  /** From `at` on, at most `length` bytes. */
  from(at: number, length = Infinity): Bytes {
    if (at > this.data.length || at < 0) throw new CutShort();
    return new Bytes(this.data.subarray(at, Math.min(this.data.length, at + Math.max(0, length))));
  }
}

export const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

export function macAt(bytes: Bytes, at: number): string {
  return [0, 1, 2, 3, 4, 5].map((index) => hex(bytes.u8(at + index), 2)).join(':');
}

export function ip4At(bytes: Bytes, at: number): string {
  return [0, 1, 2, 3].map((index) => bytes.u8(at + index)).join('.');
}

/** RFC 5952: the longest run of zeros, of two groups at least, as `::`. */
export function ip6At(bytes: Bytes, at: number): string {
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((index) => bytes.u16(at + index));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}

/** Printable ASCII; all else is a dot, since its author may be hostile. */
export function printable(bytes: Uint8Array, most: number): string {
  return Array.from(bytes.subarray(0, most), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('');
}
