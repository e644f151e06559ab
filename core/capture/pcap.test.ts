import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePcapHeader, encodePcapPacket, isCaptureFile, joinBytes, PcapReader, type PcapPacket } from './pcap.ts';
import { mergeCaptures } from './pcapng.ts';

const header = { linkType: 1, snaplen: 1_600 };
const packet = (atUs: number, ...data: number[]): PcapPacket => ({
  atUs,
  length: data.length,
  data: Uint8Array.from(data),
});
const fileOf = (...packets: PcapPacket[]) => joinBytes([encodePcapHeader(header), ...packets.map(encodePcapPacket)]);
const plain = ({ atUs, length, data }: PcapPacket) => ({ atUs, length, data: [...data] });

describe('a pcap that arrives in pieces', () => {
  const packets = [
    packet(1_700_000_000_000_001, 1, 2, 3),
    packet(1_700_000_000_999_999),
    packet(1_700_000_001_000_000, 9),
  ];

  it('gives the same packets and bytes, however it is cut', () => {
    const file = fileOf(...packets);
    fc.assert(
      fc.property(fc.array(fc.nat(file.length), { maxLength: 12 }), (cuts) => {
        const reader = new PcapReader();
        const places = [0, ...cuts.toSorted((a, b) => a - b), file.length];
        const found = places.slice(1).map((end, index) => reader.push(file.subarray(places[index], end)));
        expect(found.flatMap((piece) => piece.packets).map(plain)).toEqual(packets.map(plain));
        expect([...joinBytes(found.map(({ bytes }) => bytes))]).toEqual([...file]);
        expect(reader.header).toEqual(header);
      }),
    );
  });

  it('keeps the end of one that is not whole to itself', () => {
    const file = fileOf(...packets);
    const reader = new PcapReader();
    const { packets: found, bytes } = reader.push(file.subarray(0, file.length - 1));
    expect(found).toHaveLength(2);
    expect(bytes.length + reader.rest).toBe(file.length - 1);
  });

  it('reads nanoseconds and the other byte order', () => {
    const view = new DataView(new ArrayBuffer(24 + 16 + 1));
    [0xa1b23c4d, 0x00020004, 0, 0, 96, 1, 12, 3_999, 1, 60].forEach((value, index) => view.setUint32(4 * index, value));
    const reader = new PcapReader();
    expect(reader.push(new Uint8Array(view.buffer)).packets.map(plain)).toEqual([
      { atUs: 12_000_003, length: 60, data: [0] },
    ]);
    expect(reader.header).toEqual({ linkType: 1, snaplen: 96 });
  });

  it('refuses anything else', () => {
    expect(() => new PcapReader().push(new Uint8Array(24))).toThrow('not a pcap');
    const huge = fileOf(packet(0, 1));
    new DataView(huge.buffer).setUint32(24 + 8, 0x7fff_ffff, true);
    expect(() => new PcapReader().push(huge)).toThrow('a packet of 2147483647 bytes');
  });

  it('knows captures by their first bytes', () => {
    expect(isCaptureFile(fileOf())).toBe(true);
    expect(isCaptureFile(Uint8Array.from([0x0a, 0x0d, 0x0d, 0x0a]))).toBe(true);
    expect(isCaptureFile(Uint8Array.from([0x51, 0x46, 0x49, 0xfb]))).toBe(false);
    expect(isCaptureFile(new Uint8Array())).toBe(false);
  });
});

/** Blocks of a pcapng by type: names of interfaces, and packets. */
function readPcapng(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names: string[] = [];
  const packets: { place: number; atUs: number; length: number; data: number[] }[] = [];
  const types: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const [type, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    expect(view.getUint32(at + length - 4, true)).toBe(length);
    expect(length % 4).toBe(0);
    types.push(type);
    if (type === 1)
      names.push(new TextDecoder().decode(bytes.subarray(at + 20, at + 20 + view.getUint16(at + 18, true))));
    if (type === 6)
      packets.push({
        place: view.getUint32(at + 8, true),
        atUs: view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 16, true),
        length: view.getUint32(at + 24, true),
        data: [...bytes.subarray(at + 28, at + 28 + view.getUint32(at + 20, true))],
      });
    at += length;
  }
  return { types, names, packets };
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return joinBytes(all);
}

describe('captures in one pcapng', () => {
  it('has the packets of all by time, each of its interface', async () => {
    const t = 1_700_000_000_000_000;
    const merged = await joined(
      mergeCaptures([
        { name: 'node1/web/0', bytes: inPieces(fileOf(packet(t, 1), packet(t + 3, 3, 3)), 5) },
        { name: 'node2/db/1', bytes: inPieces(fileOf(packet(t + 1, 2), packet(t + 9, 4)), 64) },
        { name: 'node3', bytes: inPieces(new Uint8Array(), 1) },
      ]),
    );
    const { types, names, packets } = readPcapng(merged);
    expect(types).toEqual([0x0a0d0d0a, 1, 1, 1, 6, 6, 6, 6]);
    expect(names).toEqual(['node1/web/0', 'node2/db/1', 'node3']);
    expect(packets).toEqual([
      { place: 0, atUs: t, length: 1, data: [1] },
      { place: 1, atUs: t + 1, length: 1, data: [2] },
      { place: 0, atUs: t + 3, length: 2, data: [3, 3] },
      { place: 1, atUs: t + 9, length: 1, data: [4] },
    ]);
  });

  it('holds a piece of each at a time', async () => {
    const data = new Uint8Array(1_000);
    let [read, held, most] = [0, 0, 0];
    const source = async function* () {
      yield encodePcapHeader(header);
      for (let index = 0; index < 2_000; index += 1) {
        await Promise.resolve();
        read += 1;
        held += 1;
        most = Math.max(most, held);
        yield encodePcapPacket({ atUs: index, length: 1_000, data });
      }
    };
    for await (const piece of mergeCaptures([{ name: 'a', bytes: source() }])) held -= Math.floor(piece.length / 1_032);
    expect(read).toBe(2_000);
    expect(most).toBeLessThan(200);
  });

  it('ends what it reads when its reader goes away', async () => {
    const ended: string[] = [];
    const endless = async function* (name: string) {
      try {
        yield encodePcapHeader(header);
        for (let at = 0; ; at += 1) {
          await Promise.resolve();
          yield encodePcapPacket({ atUs: at, length: 60, data: new Uint8Array(60) });
        }
      } finally {
        ended.push(name);
      }
    };
    for await (const piece of mergeCaptures(['a', 'b'].map((name) => ({ name, bytes: endless(name) })))) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(ended).toEqual(['a', 'b']);
  });
});
