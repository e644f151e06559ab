// The words for tc(8) about a tap.
import { expect, test } from 'vitest';
import { shapingWords } from './node-links.ts';

test('a rate lets at least two long frames go at once, and a hundredth of a second’s worth of fast ones', () => {
  const burst = (bitsPerSecond: number) => {
    const words = shapingWords('tap0', { kind: 'rate', bitsPerSecond });
    expect(words.slice(0, 8)).toEqual([
      'qdisc',
      'replace',
      'dev',
      'tap0',
      'root',
      'tbf',
      'rate',
      `${bitsPerSecond}bit`,
    ]);
    return words[words.indexOf('burst') + 1];
  };
  expect(burst(1_000_000)).toBe('4096b');
  expect(burst(1_000_000_000)).toBe('1250000b');
});

test('loss and delay are one queue', () => {
  const words = (lossPercent: string, delayUs: number | null) =>
    shapingWords('tap0', { kind: 'netem', lossPercent, delayUs }).slice(5).join(' ');
  expect(words('5', null)).toBe('netem loss 5%');
  expect(words('', 100_000)).toBe('netem delay 100000us');
  expect(words('0.5', 1_000)).toBe('netem delay 1000us loss 0.5%');
});

test('nothing is wanted: the queue goes', () => {
  expect(shapingWords('tap0', null)).toEqual(['qdisc', 'del', 'dev', 'tap0', 'root']);
});
