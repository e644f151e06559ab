// TCP and UDP in a line each (RFC 9293, 768), and what is known by its port.
import { printable, type Bytes } from './bytes.ts';
import { describeDhcp4, describeDhcp6 } from './dhcp.ts';
import { describeDns } from './dns.ts';
import { layered, type Layer } from './layer.ts';

const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

/** By port, for people; what these bytes really are is not looked at. */
const tcpNames: Readonly<Record<number, string>> = { 22: 'SSH', 53: 'DNS', 80: 'HTTP', 443: 'TLS' };
const udpNames: Readonly<Record<number, string>> = { 123: 'NTP', 443: 'QUIC', 514: 'Syslog', 4789: 'VXLAN' };

const maxLine = 120;
const isHttpStart = /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|HTTP\/1\.[01]) /;

export function readTcp(bytes: Bytes, lower: Layer): Layer {
  const [from, to] = [bytes.u16(0), bytes.u16(2)];
  const [sequence, acknowledged] = [bytes.u32(4), bytes.u32(8)];
  const headerBytes = Math.max(20, (bytes.u8(12) >> 4) * 4);
  const bits = bytes.u8(13);
  const window = bytes.u16(14);
  const flags = flagNames.filter((_name, bit) => (bits & (1 << bit)) !== 0).join(' ');
  const payload = bytes.length > headerBytes ? bytes.from(headerBytes) : null;
  const length = payload?.length ?? 0;
  const ack = (bits & 0x10) === 0 ? '' : ` ack ${acknowledged}`;
  const plain = `${from} → ${to} [${flags}] seq ${sequence}${ack} win ${window} len ${length}`;
  if (payload) {
    const end = payload.data.indexOf(0x0d);
    const line = printable(payload.data, end < 0 ? maxLine : Math.min(end, maxLine));
    if (isHttpStart.test(line)) return { ...lower, protocol: 'HTTP', info: line };
  }
  return { ...lower, protocol: length === 0 ? 'TCP' : (tcpNames[to] ?? tcpNames[from] ?? 'TCP'), info: plain };
}

export function readUdp(bytes: Bytes, lower: Layer): Layer {
  const [from, to, length] = [bytes.u16(0), bytes.u16(2), bytes.u16(4)];
  const plain: Layer = { ...lower, protocol: 'UDP', info: `${from} → ${to} len ${Math.max(0, length - 8)}` };
  const payload = bytes.from(8, length < 8 ? Infinity : length - 8);
  const either = (...ports: readonly number[]) => ports.includes(from) || ports.includes(to);
  const named = (protocol: string, describe: (payload: Bytes) => string) =>
    layered(() => ({ ...plain, protocol, info: describe(payload) }), { ...plain, protocol });
  if (either(67, 68)) return named('DHCP', describeDhcp4);
  if (either(546, 547)) return named('DHCPv6', describeDhcp6);
  if (either(53)) return named('DNS', describeDns);
  if (either(5353)) return named('mDNS', describeDns);
  if (either(5355)) return named('LLMNR', describeDns);
  return { ...plain, protocol: udpNames[to] ?? udpNames[from] ?? 'UDP' };
}
