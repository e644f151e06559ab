// What a DHCP server on a VLAN gives out, checked: by the command and at the fields of the form alike. Pure.
import { describeIp4, isUnicast, parseIp4, parseNetwork4 } from '../net/ip4.ts';
import { bad, clip, good, type Result } from '../vms/result.ts';

export interface DhcpSettings {
  /** Of the server, with the prefix length of the network: `10.0.0.1/24`. */
  readonly address: string;
  /** First and last address that guests get. */
  readonly low: string;
  readonly high: string;
  /** The router that it names to guests; empty for none. */
  readonly gateway: string;
  /** Name servers that it names to guests; empty: the server itself, which knows the names of guests. */
  readonly dns: readonly string[];
  /** Of guests' names; empty for none. */
  readonly domain: string;
  readonly leaseSeconds: number;
}

export interface DhcpWords {
  readonly address: string;
  readonly low: string;
  readonly high: string;
  readonly gateway: string;
  /** With commas. */
  readonly dns: string;
  readonly domain: string;
  /** Seconds, or with `m`, `h` or `d`. */
  readonly lease: string;
}
export type DhcpField = keyof DhcpWords;

export const dhcpDefaults = { gateway: '', dns: '', domain: '', lease: '1h' } as const;

const maxDns = 4;
const maxAddresses = 65_536;
const minLeaseSeconds = 120;
const maxLeaseSeconds = 30 * 86_400;
const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 };

/** What is wrong, by field; empty when all is right. */
export function findDhcpIssues(words: DhcpWords): Partial<Record<DhcpField, string>> {
  const issues: Partial<Record<DhcpField, string>> = {};
  const network = parseNetwork4(words.address);
  if (!network) issues.address = `\`${clip(words.address)}\`: an address with its prefix length, such as 10.0.0.1/24`;
  else if (network.bits > 30) issues.address = `/${network.bits}: a network with guests has a prefix of at most 30`;
  else if (!isUnicast(network.address))
    issues.address = `${describeIp4(network.address)} is not an address for a machine`;
  else if (network.address === network.first || network.address === network.last)
    issues.address = `${describeIp4(network.address)} is the first or the last address of its network: neither is one for a machine`;
  const inside = (text: string, what: string): string | null => {
    const value = parseIp4(text);
    if (value === null) return `\`${clip(text)}\` is not an IPv4 address`;
    if (!network || issues.address !== undefined) return null;
    if (value <= network.first || value >= network.last)
      return `${text} is not in ${describeIp4(network.first)}/${network.bits}: ${what}`;
    return null;
  };
  const low = inside(words.low, 'guests get addresses of the server’s network');
  if (low !== null) issues.low = low;
  const high = inside(words.high, 'guests get addresses of the server’s network');
  if (high !== null) issues.high = high;
  const [from, to] = [parseIp4(words.low), parseIp4(words.high)];
  if (!issues.low && !issues.high && from !== null && to !== null) {
    if (from > to) issues.high = `${words.high} is before ${words.low}`;
    else if (to - from >= maxAddresses) issues.high = `more than ${maxAddresses} addresses`;
    else if (network && network.address >= from && network.address <= to)
      issues.low = `${describeIp4(network.address)} is the server’s own: leave it out of the range`;
  }
  if (words.gateway !== '') {
    const gateway = inside(words.gateway, 'a gateway is on the guests’ own network');
    if (gateway !== null) issues.gateway = gateway;
  }
  const servers = splitDns(words.dns);
  const wrong = servers.find((text) => parseIp4(text) === null);
  if (wrong !== undefined) issues.dns = `\`${clip(wrong)}\` is not an IPv4 address`;
  else if (servers.length > maxDns) issues.dns = `at most ${maxDns} name servers`;
  if (words.domain !== '' && !isDomain(words.domain)) issues.domain = `\`${clip(words.domain)}\` is not a domain`;
  if (parseLease(words.lease) === null)
    issues.lease = `\`${clip(words.lease)}\`: 120 seconds to 30 days, such as 300, 10m, 1h or 7d`;
  return issues;
}

export function parseDhcp(words: DhcpWords): Result<DhcpSettings> {
  const [issue] = Object.values(findDhcpIssues(words));
  if (issue !== undefined) return bad(issue);
  const { address, low, high, gateway, domain } = words;
  return good({
    ...{ address, low, high, gateway, domain },
    dns: splitDns(words.dns),
    leaseSeconds: parseLease(words.lease) ?? 3_600,
  });
}

/** `gateway=10.0.0.254 dns=10.0.0.2,10.0.0.3 domain=lab lease=10m`, in any order. */
export function readDhcpOptions(options: readonly string[]): Result<Omit<DhcpWords, 'address' | 'low' | 'high'>> {
  const words: Record<string, string> = { ...dhcpDefaults };
  for (const option of options) {
    const at = option.indexOf('=');
    const key = at < 0 ? option : option.slice(0, at);
    if (at < 0 || !Object.hasOwn(dhcpDefaults, key))
      return bad(`\`${clip(option)}\`: options are ${Object.keys(dhcpDefaults).join('=, ')}=`);
    words[key] = option.slice(at + 1);
  }
  return good({ ...dhcpDefaults, ...words });
}

/** The line's words for settings that differ from the defaults. */
export function describeDhcpOptions({
  gateway,
  dns,
  domain,
  lease,
}: Omit<DhcpWords, 'address' | 'low' | 'high'>): string[] {
  const given = { gateway, dns: splitDns(dns).join(','), domain, lease };
  return Object.entries(given).flatMap(([key, value]) =>
    value === '' || value === dhcpDefaults[key as keyof typeof dhcpDefaults] ? [] : [`${key}=${value}`],
  );
}

/** An address for the server and a range for its guests, of a network that is named or 10.0.0.0/24. */
export function suggestDhcp(network = '10.0.0.0/24'): Pick<DhcpWords, 'address' | 'low' | 'high'> {
  const { first, last, bits } = parseNetwork4(network) ?? { first: 10 * 2 ** 24, last: 10 * 2 ** 24 + 255, bits: 24 };
  const from = last - first > 64 ? first + 10 : first + 2;
  return {
    address: `${describeIp4(first + 1)}/${bits}`,
    low: describeIp4(from),
    high: describeIp4(Math.min(last - 1, from + 199)),
  };
}

const splitDns = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '');

/** Name of a host or a domain (RFC 1123). */
export const isDomain = (text: string): boolean =>
  text.length <= 253 && text.split('.').every((part) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(part));

function parseLease(text: string): number | null {
  const match = /^(\d{1,8})([smhd]?)$/.exec(text);
  const seconds = match ? Number(match[1]) * (unitSeconds[match[2] ?? ''] ?? 0) : 0;
  return seconds >= minLeaseSeconds && seconds <= maxLeaseSeconds ? seconds : null;
}
