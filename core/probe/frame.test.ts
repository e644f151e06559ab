// Frames of a probe: what is encoded is read back, and nothing else is taken for one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeProbeFrame, encodeProbeFrame, smallPayloadBytes, type ProbeMark } from './frame.ts';

const source = Uint8Array.of(0x02, 0x4d, 0x50, 1, 2, 3);
const mark = { run: '0123456789abcdef', origin: 3, vlan: 120, round: 1, copy: 2, size: 'small' } as const;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const marks: fc.Arbitrary<ProbeMark> = fc.record({
  run: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => value.toString(16).padStart(16, '0')),
  origin: fc.nat(0xffff),
  vlan: fc.nat(4094),
  round: fc.nat(255),
  copy: fc.nat(255),
  size: fc.constantFrom('small', 'big'),
});
const payloads = fc.integer({ min: smallPayloadBytes, max: 9_216 });

describe('a frame of a probe', () => {
  test('has its layout', () => {
    const frame = encodeProbeFrame(mark, { source, payloadBytes: smallPayloadBytes });
    expect(hex(frame)).toBe(
      'ffffffffffff024d50010203' +
        '81000078' +
        '88b5' +
        '4d445650' +
        '0100' +
        '0123456789abcdef' +
        '0003' +
        '0078' +
        '0102' +
        '002e' +
        '00000000' +
        hex(frame.subarray(44, 48)) +
        '00'.repeat(16),
    );
    expect(frame).toHaveLength(64);
    expect(encodeProbeFrame({ ...mark, vlan: 0 }, { source, payloadBytes: 46 })).toHaveLength(60);
  });

  test('is read back as it was sent', () => {
    fc.assert(
      fc.property(marks, payloads, (sent, payloadBytes) => {
        const frame = encodeProbeFrame(sent, { source, payloadBytes });
        expect(decodeProbeFrame(frame)).toEqual({ mark: sent, tags: sent.vlan === 0 ? [] : [sent.vlan] });
      }),
    );
  });

  test('arrives with another tag, without one, with two', () => {
    const frame = encodeProbeFrame(mark, { source, payloadBytes: smallPayloadBytes });
    const [addresses, rest] = [frame.subarray(0, 12), frame.subarray(16)];
    const tagged = (...tags: string[]) => Buffer.concat([addresses, Buffer.from(tags.join(''), 'hex'), rest]);
    expect(decodeProbeFrame(tagged())).toEqual({ mark, tags: [] });
    expect(decodeProbeFrame(tagged('8100e082'))?.tags).toEqual([130]);
    expect(decodeProbeFrame(tagged('88a80005', '81000078'))?.tags).toEqual([5, 120]);
    expect(decodeProbeFrame(tagged('88a80005', '81000078', '81000078'))).toBeNull();
  });

  test('is not one with a byte less, or with another byte in its mark', () => {
    const frame = encodeProbeFrame(mark, { source, payloadBytes: smallPayloadBytes });
    for (let length = 0; length < frame.length; length += 1)
      expect(decodeProbeFrame(frame.subarray(0, length))).toBeNull();
    for (let at = 16; at < 48; at += 1) {
      const damaged = Uint8Array.from(frame);
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      expect(decodeProbeFrame(damaged), `byte ${at}`).toBeNull();
    }
  });

  test('no other bytes are taken for one, and none throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeProbeFrame(bytes)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(marks, fc.nat(100), fc.nat(255), (sent, at, byte) => {
        const frame = encodeProbeFrame(sent, { source, payloadBytes: 120 });
        frame[at] = byte;
        const read = decodeProbeFrame(frame);
        if (read) expect(read.mark.run).toHaveLength(16);
      }),
    );
  });
});
