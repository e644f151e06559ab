// IPv4 addresses as numbers, and networks of them. Pure.

/** Null for anything else. Octets with leading zeros do not count: some programs read them as octal. */
export function parseIp4(text: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return null;
  const octets = match.slice(1);
  if (octets.some((octet) => Number(octet) > 255 || (octet.length > 1 && octet.startsWith('0')))) return null;
  return octets.reduce((value, octet) => value * 256 + Number(octet), 0);
}

export const describeIp4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

export interface Network4 {
  /** First address of it. */
  readonly first: number;
  readonly last: number;
  /** The address that was named. */
  readonly address: number;
  readonly bits: number;
}

/** `192.0.2.1/24`; null for anything else. */
export function parseNetwork4(text: string): Network4 | null {
  const [ip = '', prefix = '', more] = text.split('/');
  const address = parseIp4(ip);
  const bits = Number(prefix);
  if (address === null || more !== undefined || !/^\d{1,2}$/.test(prefix) || bits < 1 || bits > 32) return null;
  const size = 2 ** (32 - bits);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, address, bits };
}

export const describeMask = (bits: number): string => describeIp4(2 ** 32 - 2 ** (32 - bits));

export const overlap = (a: Network4, b: Network4): boolean => a.first <= b.last && b.first <= a.last;

/** Addresses that a machine can have: not those of this machine, of groups, or reserved. */
export const isUnicast = (value: number): boolean =>
  value >= 2 ** 24 && Math.floor(value / 2 ** 24) !== 127 && value < 224 * 2 ** 24;
