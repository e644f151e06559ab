import { describe, expect, test } from 'vitest';
import { describeDuration } from './go-duration.ts';

describe('durations', () => {
  test.each([
    [0, '0s'],
    [7.28e9, '7.28s'],
    [1027.28e9, '17m7.28s'],
    [3601e9, '1h0m1s'],
    [90061.5e9, '25h1m1.5s'],
  ])('%d ns prints as %s', (nanoseconds, text) => {
    expect(describeDuration(nanoseconds)).toBe(text);
  });
});
