import { describe, expect, test } from 'vitest';
import { addQos, describeQos, noQos, parseDelay, parseLoss, parseRate, readQos } from './qos.ts';

describe('what qos sets', () => {
  test.each([
    '',
    'rate 1mbit',
    'rate 512kbit',
    'rate 10gbit',
    'loss 5%',
    'loss 0.5% delay 100ms',
    'delay 1s',
    'delay 250us',
  ])('"%s" is read as it was written', (text) => {
    expect(describeQos(readQos(text))).toBe(text);
  });

  test('a rate takes the place of loss and delay, and the other way round', () => {
    const rate = parseRate('1', 'mbit');
    expect(rate).toEqual({ ok: true, value: { ...noQos, bitsPerSecond: 1_000_000 } });
    const lossy = addQos(addQos(noQos, { lossPercent: '5' }), { delayUs: 1_000 });
    expect(describeQos(lossy)).toBe('loss 5% delay 1ms');
    expect(describeQos(addQos(lossy, { bitsPerSecond: 1_000_000 }))).toBe('rate 1mbit');
    expect(describeQos(addQos(addQos(noQos, { bitsPerSecond: 1_000_000 }), { lossPercent: '1' }))).toBe('loss 1%');
  });

  test.each(['abc', '-1', '101', '', '5%'])('a loss of "%s" is refused in minimega’s words', (text) => {
    expect(parseLoss(text)).toEqual({ ok: false, message: `invalid loss: \`${text}\`` });
  });

  test.each(['0', '7', '-1', '1.5', 'x', '1000000000'])('a rate of "%s" gbit or kbit is refused', (text) => {
    expect(parseRate(text, text === '1000000000' ? 'gbit' : 'kbit').ok).toBe(false);
  });

  test.each(['0ms', '61s', '5', 'ms', '1h'])('a delay of "%s" is refused', (text) => {
    expect(parseDelay(text).ok).toBe(false);
  });
});
