// Filters of the machine in memory: words of pcap-filter(7) that people type most, joined by `and`, `or` and `not` from left to right. It refuses
// all others, so that a filter never means less than it says.
import { AppError } from '../../contract/errors.ts';
import { summarise, type PacketSummary } from '../../core/capture/summary.ts';

type Test = (summary: PacketSummary) => boolean;

const isIp4 = ({ source }: PacketSummary) => /^\d+\.\d+\.\d+\.\d+$/.test(source);
const overUdp: ReadonlySet<string> = new Set(['UDP', 'DNS', 'DHCP', 'mDNS', 'NTP', 'VXLAN']);
const overTcp: ReadonlySet<string> = new Set(['TCP', 'HTTP', 'SSH', 'TLS']);

const words: Readonly<Record<string, Test>> = {
  arp: ({ protocol }) => protocol === 'ARP',
  ip: isIp4,
  ip6: ({ source, protocol }) => source.includes('::') && protocol !== 'ARP',
  icmp: ({ protocol }) => protocol === 'ICMP',
  udp: ({ protocol }) => overUdp.has(protocol),
  tcp: ({ protocol }) => overTcp.has(protocol),
};
const withValue: Readonly<Record<string, (value: string) => Test>> = {
  host:
    (value) =>
    ({ source, destination }) =>
      source === value || destination === value,
  vlan:
    (value) =>
    ({ vlans }) =>
      vlans[0] === Number(value),
};

/** @throws AppError `invalid` in libpcap's words */
export function compileMemoryFilter(filter: string): (frame: Uint8Array) => boolean {
  const tokens = filter.split(/\s+/).filter((word) => word !== '');
  let at = 0;
  const fail = () => new AppError('invalid', "can't parse filter expression: syntax error");
  const term = (): Test => {
    const word = tokens[at++];
    if (word === undefined) throw fail();
    if (word === 'not' || word === '!') {
      const inner = term();
      return (summary) => !inner(summary);
    }
    const plain = Object.hasOwn(words, word) ? words[word] : undefined;
    if (plain) return plain;
    const value = tokens[at++];
    const make = Object.hasOwn(withValue, word) ? withValue[word] : undefined;
    if (!make || value === undefined) throw fail();
    return make(value);
  };
  if (tokens.length === 0) return () => true;
  let test = term();
  while (at < tokens.length) {
    const join = tokens[at++];
    const [left, right] = [test, term()];
    if (join === 'and' || join === '&&') test = (summary) => left(summary) && right(summary);
    else if (join === 'or' || join === '||') test = (summary) => left(summary) || right(summary);
    else throw fail();
  }
  return (frame) => test(summarise(frame));
}
