// What a capture of packets takes, and when it ends on its own: settings that stay for the next ones, as minimega has them, and words of one line,
// `capture pcap vm web 0 web.pcap size=10 time=60 "filter=icmp or arp"`.
import { bad, clip, good, parseAtoi, parseUint, type Result } from '../vms/result.ts';
import { safeText } from '../safe-text.ts';

export interface CaptureSettings {
  /** Bytes of each packet. */
  readonly snaplen: number;
  /** Empty for all packets. */
  readonly filter: string;
  /** Of the file. */
  readonly maxBytes: number;
  readonly maxSeconds: number;
  /** Who asked for it, as the console says; empty where it was typed on a node. */
  readonly by: string;
}

/** What 0 means in minimega: a whole frame of Ethernet. */
export const defaultSnaplen = 1_600;
export const maxSnaplen = 262_144;
/** Ten gigabytes and a day: longer than anybody looks, shorter than a disk that fills unseen. */
export const defaultMaxBytes = 10e9;
export const defaultMaxSeconds = 24 * 3_600;
const mostMegabytes = 1_000_000;
const mostSeconds = 30 * 24 * 3_600;
export const maxFilterCharacters = 1_000;
const maxByCharacters = 100;

export const defaultSettings: CaptureSettings = {
  snaplen: 0,
  filter: '',
  maxBytes: defaultMaxBytes,
  maxSeconds: defaultMaxSeconds,
  by: '',
};

export function parseSnaplen(text: string): Result<number> {
  const size = parseUint(text);
  if (!size.ok) return size;
  return size.value <= maxSnaplen ? size : bad(`a packet has at most ${maxSnaplen} bytes; 0 is ${defaultSnaplen}`);
}

export function parseFilter(text: string): Result<string> {
  if (text.length > maxFilterCharacters) return bad(`a filter has at most ${maxFilterCharacters} characters`);
  return safeText(text) === text && !text.includes('\n')
    ? good(text.trim())
    : bad('a filter has no control characters');
}

function parseWithin(text: string, what: string, most: number): Result<number> {
  const value = parseAtoi(text);
  if (!value.ok) return value;
  return value.value >= 1 && value.value <= most ? value : bad(`${what} is a number from 1 to ${most}`);
}

type Change = Partial<CaptureSettings>;

const options: Readonly<Record<string, (value: string) => Result<Change>>> = {
  snaplen: (value) => map(parseSnaplen(value), (snaplen) => ({ snaplen })),
  filter: (value) => map(parseFilter(value), (filter) => ({ filter })),
  size: (value) => map(parseWithin(value, 'size, in megabytes,', mostMegabytes), (mb) => ({ maxBytes: mb * 1e6 })),
  time: (value) => map(parseWithin(value, 'time, in seconds,', mostSeconds), (maxSeconds) => ({ maxSeconds })),
  by: (value) => good({ by: safeText(value).slice(0, maxByCharacters) }),
};

function map<T, U>(result: Result<T>, to: (value: T) => U): Result<U> {
  return result.ok ? good(to(result.value)) : result;
}

/** Whose name a line of words gives a capture; null: nobody's. */
export function nameOfWords(words: readonly string[]): string | null {
  return words.findLast((word) => word.startsWith('by='))?.slice('by='.length) ?? null;
}

/** `option=value` words of a line, over what is set. */
export function withOptions(settings: CaptureSettings, words: readonly string[]): Result<CaptureSettings> {
  let changed = settings;
  for (const word of words) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    const read = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!read || at < 0) return bad(`\`${clip(word)}\`: ${Object.keys(options).join(', ')}, such as time=60`);
    const change = read(word.slice(at + 1));
    if (!change.ok) return change;
    changed = { ...changed, ...change.value };
  }
  return good(changed);
}
