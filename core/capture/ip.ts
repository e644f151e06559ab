// ARP, IPv4, IPv6 and their ICMP in a line each (RFC 826, 791, 8200, 792, 4443, 4861).
import { hex, ip4At, ip6At, macAt, type Bytes } from './bytes.ts';
import { layered, type Layer } from './layer.ts';
import { readTcp, readUdp } from './transport.ts';

export function readArp(bytes: Bytes): Layer {
  const operation = bytes.u16(6);
  const [mac, sender, target] = [macAt(bytes, 8), ip4At(bytes, 14), ip4At(bytes, 24)];
  const layer = { source: mac, destination: 'broadcast', protocol: 'ARP' };
  if (operation === 1) {
    const info = sender === target ? `announces ${sender}` : `who has ${target}? tell ${sender}`;
    return { ...layer, info };
  }
  if (operation === 2) return { ...layer, destination: macAt(bytes, 18), info: `${sender} is at ${mac}` };
  return { ...layer, info: `operation ${operation}` };
}

/** Names of protocols that are shown by name alone (IANA, Protocol Numbers). */
const protocols: Readonly<Record<number, string>> = {
  2: 'IGMP',
  4: 'IPIP',
  41: '6in4',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  88: 'EIGRP',
  89: 'OSPF',
  103: 'PIM',
  112: 'VRRP',
  132: 'SCTP',
};

export function readIp4(bytes: Bytes): Layer {
  const headerBytes = (bytes.u8(0) & 0x0f) * 4;
  const total = bytes.u16(2);
  const fragment = bytes.u16(6);
  const offset = (fragment & 0x1fff) * 8;
  const lower: Layer = { source: ip4At(bytes, 12), destination: ip4At(bytes, 16), protocol: 'IPv4', info: '' };
  const protocol = bytes.u8(9);
  if (offset > 0) return { ...lower, info: `fragment of protocol ${protocol}, from byte ${offset}` };
  // Behind the packet a short frame has padding. A total of 0 is of a packet that the NIC was to cut.
  const payload = bytes.from(Math.max(20, headerBytes), total === 0 ? Infinity : total - Math.max(20, headerBytes));
  return readUpper(protocol, payload, lower);
}

/** Headers between IPv6 and what it carries: eight bytes times a length, or a fragment's. */
const extensions: ReadonlySet<number> = new Set([0, 43, 44, 60, 135]);
const maxExtensions = 8;

export function readIp6(bytes: Bytes): Layer {
  const lower: Layer = { source: ip6At(bytes, 8), destination: ip6At(bytes, 24), protocol: 'IPv6', info: '' };
  let next = bytes.u8(6);
  let at = 40;
  for (let count = 0; extensions.has(next) && count < maxExtensions; count += 1) {
    const isFragment = next === 44;
    const following = bytes.u8(at);
    if (isFragment && bytes.u16(at + 2) >= 8)
      return { ...lower, info: `fragment of protocol ${following}, from byte ${bytes.u16(at + 2) & 0xfff8}` };
    at += isFragment ? 8 : 8 * (bytes.u8(at + 1) + 1);
    next = following;
  }
  return readUpper(next, bytes.from(at), lower);
}

function readUpper(protocol: number, payload: Bytes, lower: Layer): Layer {
  switch (protocol) {
    case 1:
      return layered(() => ({ ...lower, protocol: 'ICMP', info: describeIcmp4(payload) }), {
        ...lower,
        protocol: 'ICMP',
      });
    case 58:
      return layered(() => ({ ...lower, protocol: 'ICMPv6', info: describeIcmp6(payload) }), {
        ...lower,
        protocol: 'ICMPv6',
      });
    case 6:
      return layered(() => readTcp(payload, lower), { ...lower, protocol: 'TCP' });
    case 17:
      return layered(() => readUdp(payload, lower), { ...lower, protocol: 'UDP' });
    case 59:
      return { ...lower, info: 'nothing follows' };
    default: {
      const name = protocols[protocol];
      return { ...lower, protocol: name ?? lower.protocol, info: `protocol ${protocol}, ${payload.length} bytes` };
    }
  }
}

const unreachable4: readonly string[] = ['network', 'host', 'protocol', 'port', 'too large'];

function describeIcmp4(bytes: Bytes): string {
  const [type, code] = [bytes.u8(0), bytes.u8(1)];
  const echo = () => `id ${bytes.u16(4)}, sequence ${bytes.u16(6)}`;
  switch (type) {
    case 0:
      return `echo reply, ${echo()}`;
    case 8:
      return `echo request, ${echo()}`;
    case 3:
      return code === 4 ? `too large, MTU ${bytes.u16(6)}` : `unreachable: ${unreachable4[code] ?? `code ${code}`}`;
    case 5:
      return `redirect to ${ip4At(bytes, 4)}`;
    case 11:
      return 'time to live exceeded';
    default:
      return `type ${type}, code ${code}`;
  }
}

const unreachable6: readonly string[] = ['no route', 'prohibited', 'scope', 'address', 'port'];

function describeIcmp6(bytes: Bytes): string {
  const [type, code] = [bytes.u8(0), bytes.u8(1)];
  const echo = () => `id ${bytes.u16(4)}, sequence ${bytes.u16(6)}`;
  switch (type) {
    case 1:
      return `unreachable: ${unreachable6[code] ?? `code ${code}`}`;
    case 2:
      return `too large, MTU ${bytes.u32(4)}`;
    case 3:
      return 'hop limit exceeded';
    case 128:
      return `echo request, ${echo()}`;
    case 129:
      return `echo reply, ${echo()}`;
    case 130:
    case 131:
    case 143:
      return 'multicast listener';
    case 133:
      return 'router solicitation';
    case 134:
      return 'router advertisement';
    case 135:
      return `who has ${ip6At(bytes, 8)}?`;
    case 136:
      return `${ip6At(bytes, 8)} is here`;
    default:
      return `type ${type}, code 0x${hex(code, 2)}`;
  }
}
