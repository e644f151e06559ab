import { expect, test } from 'vitest';
import { describeEntry, describeNumber, median, Report } from './report.ts';

test.each([
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (samples, middle) => {
  expect(median(samples)).toBe(middle);
});

test.each([
  [0.123, '0.12'],
  [5, '5.00'],
  [42.06, '42.1'],
  [1234.5, '1235'],
  [NaN, '?'],
])('%d prints as %s', (value, text) => {
  expect(describeNumber(value)).toBe(text);
});

test('a figure prints median, spread and whether its goal is met', () => {
  const lines: string[] = [];
  const report = new Report((line) => lines.push(line));
  report.figure('x', 'join', { unit: 'ms', samples: [300, 100, 200], goal: { at: 'most', value: 150 } });
  expect(lines).toEqual(['  join: 200 ms  (100 to 300, 3 rounds)  goal at most 150 ms: MISSED']);
  expect(report.shortfalls()).toHaveLength(1);
});

test('a ratio is of medians, and is left out where a side is missing', () => {
  const report = new Report(() => undefined);
  const of = report.figure('a', 'ours', { unit: 'per s', samples: [70, 80, 90] });
  const by = report.figure('b', 'theirs', { unit: 'per s', samples: [20] });
  report.ratio('a/b', 'ours / theirs', { of, by, goal: { at: 'least', value: 4 } });
  report.ratio('a/c', 'ours / nobody', { of, by: undefined });
  expect(report.entries.slice(2).map(describeEntry)).toEqual(['ours / theirs: 4.00 x  goal at least 4.00 x: met']);
  expect(report.shortfalls()).toEqual([]);
});

test('what was not measured is a shortfall', () => {
  const report = new Report(() => undefined);
  report.missing('deploy', 'needs root');
  expect(report.shortfalls()).toEqual(['deploy: NOT MEASURED: needs root']);
});
