import { expect, it } from 'vitest';
import { typedDiff } from './typed-diff.ts';

it.each([
  ['', 'a', 0, ['a']],
  ['ab', 'a', 1, []],
  ['teh', 'the', 2, ['h', 'e']],
  ['x', 'x', 0, []],
  ['a', 'a\n', 0, ['\n']],
  ['a😀', 'a', 1, []],
])('%j, then %j', (before, now, removed, added) => {
  expect(typedDiff(before, now)).toEqual({ removed, added });
});
