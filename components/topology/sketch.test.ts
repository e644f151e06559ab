import { describe, expect, it } from 'vitest';
import { fitInto, stagePadding } from './sketch.ts';

describe('fitInto', () => {
  it('puts the outermost nodes beside the rim, the higher ones further up, and keeps proportions', () => {
    const places = [
      { x: -10, y: 0 },
      { x: 10, y: 0 },
      { x: 0, y: 5 },
      { x: 0, y: -5 },
    ];
    const inPixels = fitInto(places, { width: 1000, height: 900 });
    expect(inPixels({ x: -10, y: 0 })).toEqual({ x: stagePadding, y: 450 });
    expect(inPixels({ x: 10, y: 0 })).toEqual({ x: 1000 - stagePadding, y: 450 });
    const [top, bottom] = [inPixels({ x: 0, y: 5 }), inPixels({ x: 0, y: -5 })];
    expect(top.y).toBeLessThan(bottom.y);
    expect(bottom.y - top.y).toBeCloseTo((1000 - 2 * stagePadding) / 2);
  });

  it('leaves one node in the middle', () => {
    expect(fitInto([{ x: 7, y: 7 }], { width: 400, height: 300 })({ x: 7, y: 7 })).toEqual({ x: 200, y: 150 });
  });
});
