import { expect, test } from 'vitest';
import { describeUnsafe } from './actions.ts';

const args = (kind: 'ensure' | 'remove') =>
  ({ target: { name: 'node5' }, transaction: { kind, bridge: 'mega_bridge' } }) as Parameters<typeof describeUnsafe>[0];

test('a bridge with doubts about the next boot is not done: the error says what would be missing', () => {
  expect(describeUnsafe(args('ensure'), [])).toBe(null);
  expect(describeUnsafe(args('ensure'), ['the next boot would not give mega_bridge 10.0.0.6/24'])).toMatch(
    /^node5 has mega_bridge now, and its next boot is not safe: the next boot would not give mega_bridge 10\.0\.0\.6\/24\./,
  );
  expect(describeUnsafe(args('remove'), ['a file is not as it was committed'])).toBe(null);
});
