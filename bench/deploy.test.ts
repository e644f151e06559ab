import { expect, test } from 'vitest';
import { parseStatusLine, PhaseTimes } from './deploy.ts';

test('a status line names its node', () => {
  expect(parseStatusLine('[node2] waiting for hello')).toEqual({ node: 'node2', text: 'waiting for hello' });
  expect(parseStatusLine('host  | size')).toBeNull();
});

test('a phase is passed when the last node has passed it', () => {
  const times = new PhaseTimes();
  times.add('[node2] starting', 10);
  times.add('[node2] waiting for hello', 20);
  times.add('[node3] copying runtime 40%', 25);
  times.add('[node3] starting', 30);
  expect([times.last('copy'), times.last('start'), times.last('hello')]).toEqual([30, 20, NaN]);
});
