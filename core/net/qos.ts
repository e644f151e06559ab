// What `qos` sets on the way to a NIC, as text: `rate 1mbit`, or `loss 5%` and `delay 100ms`. A rate and the rest exclude each other.
import { bad, clip, good, type Result } from '../vms/result.ts';

/** Units of `qos add … rate`, in bits a second. */
export const rateUnits = { kbit: 1e3, mbit: 1e6, gbit: 1e9 } as const;
export type RateUnit = keyof typeof rateUnits;

export interface Qos {
  /** Bits a second; null for no limit. */
  readonly bitsPerSecond: number | null;
  /** As it was typed, 0 to 100; empty for none. */
  readonly lossPercent: string;
  /** Microseconds; null for none. */
  readonly delayUs: number | null;
}

export const noQos: Qos = { bitsPerSecond: null, lossPercent: '', delayUs: null };

const maxBitsPerSecond = 1e12;
const maxDelayUs = 60_000_000;

export function parseRate(text: string, unit: RateUnit): Result<Qos> {
  const bits = Number(text) * rateUnits[unit];
  if (!/^[0-9]{1,12}$/.test(text) || bits < 8_000 || bits > maxBitsPerSecond)
    return bad(`invalid rate: \`${clip(text)}\`: a whole number, 8 kbit to 1000 gbit`);
  return good({ ...noQos, bitsPerSecond: bits });
}

/** minimega's text. */
export function parseLoss(text: string): Result<string> {
  if (!/^[0-9]{1,3}(\.[0-9]{1,6})?$/.test(text) || Number(text) > 100) return bad(`invalid loss: \`${clip(text)}\``);
  return good(String(Number(text)));
}

const unitUs = { us: 1, µs: 1, ms: 1e3, s: 1e6 } as const;

/** Go's duration, to a minute. @returns microseconds */
export function parseDelay(text: string): Result<number> {
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,6})?)(us|µs|ms|s)$/.exec(text);
  const us = match ? Math.round(Number(match[1]) * unitUs[match[2] as keyof typeof unitUs]) : 0;
  if (us < 1 || us > maxDelayUs) return bad(`invalid delay: \`${clip(text)}\`: such as 100ms, to 60s`);
  return good(us);
}

/** What is there, with what was added. What excludes it goes. */
export function addQos(before: Qos, added: Partial<Qos>): Qos {
  if (added.bitsPerSecond !== undefined) return { ...noQos, bitsPerSecond: added.bitsPerSecond };
  return { ...before, ...added, bitsPerSecond: null };
}

export function describeQos({ bitsPerSecond, lossPercent, delayUs }: Qos): string {
  return [
    bitsPerSecond === null ? '' : `rate ${describeBits(bitsPerSecond)}`,
    lossPercent === '' ? '' : `loss ${lossPercent}%`,
    delayUs === null ? '' : `delay ${describeDelay(delayUs)}`,
  ]
    .filter((text) => text !== '')
    .join(' ');
}

/** Reads what `describeQos` wrote; what it does not know is left out. */
export function readQos(text: string): Qos {
  const after = (word: string) => new RegExp(String.raw`\b${word} (\S+)`).exec(text)?.[1] ?? '';
  const [, amount = '', unit = ''] = /^([0-9]+)(kbit|mbit|gbit)$/.exec(after('rate')) ?? [];
  const rate = amount === '' ? null : parseRate(amount, unit as RateUnit);
  const loss = parseLoss(after('loss').replace(/%$/, ''));
  const delay = parseDelay(after('delay'));
  return {
    bitsPerSecond: rate?.ok === true ? rate.value.bitsPerSecond : null,
    lossPercent: loss.ok ? loss.value : '',
    delayUs: delay.ok ? delay.value : null,
  };
}

function describeBits(bits: number): string {
  const unit = (['gbit', 'mbit', 'kbit'] as const).find((each) => bits % rateUnits[each] === 0) ?? 'kbit';
  return `${Math.round(bits / rateUnits[unit])}${unit}`;
}

function describeDelay(us: number): string {
  if (us % 1e6 === 0) return `${us / 1e6}s`;
  return us % 1e3 === 0 ? `${us / 1e3}ms` : `${us}us`;
}
