import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodePng, parsePpm, pngSize, shrink, type Picture } from './screen-picture.ts';

const checks: Picture = {
  width: 4,
  height: 2,
  rgb: Uint8Array.from([0, 0, 0, 100, 100, 100, 9, 9, 9, 9, 9, 9, 200, 200, 200, 100, 100, 100, 9, 9, 9, 9, 9, 9]),
};

describe('pictures of a screen', () => {
  it('reads what QEMU writes', () => {
    const ppm = Buffer.concat([Buffer.from('P6\n4 2\n255\n'), checks.rgb]);
    expect(parsePpm(ppm)).toEqual({ ...checks, rgb: expect.objectContaining({ length: 24 }) as unknown });
    expect([...parsePpm(ppm).rgb]).toEqual([...checks.rgb]);
  });

  it.each(['', 'P5\n4 2\n255\n', 'P6\n0 2\n255\n', 'P6\n4 2\n255\nxx', 'P6\n999999 999999\n255\n'])(
    'refuses %j',
    (text) => {
      expect(() => parsePpm(Buffer.from(text))).toThrow(/QEMU wrote a screenshot/);
    },
  );

  it('shrinks to a side, in proportion, by the mean', () => {
    const small = shrink(checks, 2);
    expect([small.width, small.height, [...small.rgb]]).toEqual([2, 1, [100, 100, 100, 9, 9, 9]]);
    expect(shrink(checks, 4)).toBe(checks);
    expect(shrink(checks, 1)).toMatchObject({ width: 1, height: 1 });
  });

  it('the PNG holds the same pixels', () => {
    const png = encodePng(checks);
    expect(pngSize(png)).toEqual({ width: 4, height: 2 });
    const length = png.readUInt32BE(33);
    const rows = inflateSync(png.subarray(41, 41 + length));
    const pixels = [0, 1].flatMap((y) => [...rows.subarray(y * 13 + 1, (y + 1) * 13)]);
    expect(pixels).toEqual([...checks.rgb]);
  });
});
