// What counts as one place on the network: an IPv4 address, or the /64 whose addresses all belong to one IPv6 host.
import { isIP } from 'node:net';

/** Null when the text is not an address. */
export function addressBlock(address: string): string | null {
  const plain = address.toLowerCase().split('%', 1)[0] ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined) return isIP(mapped) === 4 ? mapped : null;
  const family = isIP(plain);
  if (family === 4) return plain;
  return family === 6 ? `${firstGroups(plain).join(':')}::/64` : null;
}

/** The first four groups of an IPv6 address, `::` filled up. */
function firstGroups(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':'));
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  // A dotted end stands for two groups.
  const length = before.length + after.length + Number(address.includes('.'));
  const zeros = Array.from({ length: Math.max(0, 8 - length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
}
