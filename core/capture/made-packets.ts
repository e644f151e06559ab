// Packets as machines send them, made from what they say: of simulated guests, and for tests.

export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16));

const two = (value: number) => [value >> 8, value & 0xff];
const four = (value: number) => [...two(value >>> 16), ...two(value & 0xffff)];
export const ip4 = (text: string): number[] => text.split('.').map(Number);
export const mac = (text: string): number[] => text.split(':').map((part) => parseInt(part, 16));

export const macA = '02:00:00:00:00:0a';
export const macB = '02:00:00:00:00:0b';

export function ethernet(
  type: number,
  payload: readonly number[],
  { from = macA, to = macB, tags = [] as readonly number[] } = {},
): Uint8Array {
  return Uint8Array.from([
    ...mac(to),
    ...mac(from),
    ...tags.flatMap((tag) => [0x81, 0, ...two(tag)]),
    ...two(type),
    ...payload,
  ]);
}

export function ip4Packet(
  protocol: number,
  payload: readonly number[],
  { from = '10.0.0.1', to = '10.0.0.2' } = {},
): number[] {
  const header = [0x45, 0, ...two(20 + payload.length), 0, 1, 0, 0, 64, protocol, 0, 0, ...ip4(from), ...ip4(to)];
  return [...header, ...payload];
}

export const udp = (from: number, to: number, payload: readonly number[]): number[] => [
  ...[...two(from), ...two(to), ...two(8 + payload.length), 0, 0],
  ...payload,
];

export const tcp = (from: number, to: number, flags: number, payload: readonly number[] = []): number[] => [
  ...[...two(from), ...two(to), ...four(1_000), ...four(2_000), 0x50, flags, ...two(512), 0, 0, 0, 0],
  ...payload,
];

export const echo = (type: 0 | 8, sequence: number): number[] => [type, 0, 0, 0, 0, 7, ...two(sequence)];

export const text = (value: string): number[] => Array.from(value, (char) => char.charCodeAt(0) & 0xff);

export const dnsName = (name: string): number[] => [
  ...name.split('.').flatMap((label) => [label.length, ...text(label)]),
  0,
];

/** An ARP packet: who has `to`, or the answer. */
export const arp = (operation: 1 | 2, from: string, to: string): number[] => [
  ...[0, 1, 8, 0, 6, 4, 0, operation, ...mac(macA), ...ip4(from)],
  ...[...(operation === 1 ? [0, 0, 0, 0, 0, 0] : mac(macB)), ...ip4(to)],
];

export function dhcp(message: number, { given = '0.0.0.0', wanted = '', host = '' } = {}): number[] {
  const head = [message === 2 || message === 5 ? 2 : 1, 1, 6, 0, ...four(7), 0, 0, 0, 0, 0, 0, 0, 0, ...ip4(given)];
  const addresses = [0, 0, 0, 0, 0, 0, 0, 0, ...mac(macA)];
  const options = [
    ...[0x63, 0x82, 0x53, 0x63, 53, 1, message],
    ...(wanted === '' ? [] : [50, 4, ...ip4(wanted)]),
    ...(host === '' ? [] : [12, host.length, ...text(host)]),
    255,
  ];
  const fixed = [...head, ...addresses];
  return [...fixed, ...Array.from({ length: 236 - fixed.length }, () => 0), ...options];
}
