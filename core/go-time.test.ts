import { expect, test } from 'vitest';
import { goRfc822 } from './go-time.ts';

test('points in time are printed as Go does', () => {
  expect(goRfc822(Date.UTC(2026, 10, 29, 13, 5, 59))).toBe('29 Nov 26 13:05 UTC');
  expect(goRfc822(Date.UTC(2009, 0, 2, 3, 4))).toBe('02 Jan 09 03:04 UTC');
});
