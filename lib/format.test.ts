import { describe, expect, it } from 'vitest';
import { countOf, formatAgo, formatDuration, formatInstant, formatMegabytes, listOf } from './format.ts';

describe('format', () => {
  it.each([
    [-5, 'now'],
    [999, 'now'],
    [1000, '1 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [47 * 3_600_000, '47 h'],
    [48 * 3_600_000, '2 d'],
  ])('a duration of %d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('never says that something is to come: clocks differ by a little', () => {
    expect(formatAgo(1000, 500)).toBe('just now');
    expect(formatAgo(1000, 13_000)).toBe('12 s ago');
  });

  it('writes an instant with its zone', () => {
    const at = Date.UTC(2026, 10, 22, 9, 53, 39);
    expect(formatInstant(at)).toMatch(/^2026-11-2[123] \d\d:\d\d:39 UTC([+-]\d{1,2}(:\d\d)?)?$/);
  });

  it('writes memory in the largest unit that says enough', () => {
    expect([512, 1024, 16_000, 204_800, 2_097_152].map(formatMegabytes)).toEqual([
      '512 MB',
      '1.0 GB',
      '15.6 GB',
      '200 GB',
      '2.0 TB',
    ]);
  });

  it('counts and lists', () => {
    expect(countOf(1, 'node')).toBe('1 node');
    expect(countOf(0, 'VM')).toBe('0 VMs');
    expect(listOf([])).toBe('');
    expect(listOf(['a'])).toBe('a');
    expect(listOf(['a', 'b', 'c'])).toBe('a, b and c');
    expect(listOf(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
  });
});
