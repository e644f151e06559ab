// The configuration of one dnsmasq, and its file of leases (dnsmasq(8)). Values come from settings that were checked: nothing here may hold a line break.
import { describeMask, parseNetwork4 } from '../net/ip4.ts';
import type { DhcpSettings } from './settings.ts';

/** What `dnsmasq configure` added. */
export interface DhcpExtras {
  /** An address for a MAC address. */
  readonly statics: readonly { readonly mac: string; readonly ip: string }[];
  /** Names that the server knows beside those of guests. */
  readonly names: readonly { readonly ip: string; readonly name: string }[];
  /** Name servers that it asks what it does not know, as far as its VLAN reaches them. */
  readonly upstream: readonly string[];
  /** Options for guests, in dnsmasq's notation (--dhcp-option). */
  readonly options: readonly string[];
}

export const noExtras: DhcpExtras = { statics: [], names: [], upstream: [], options: [] };

/** `tap`: the only interface that it may use. */
export function describeDnsmasqConfig(
  { address, low, high, gateway, dns, domain, leaseSeconds }: DhcpSettings,
  extras: DhcpExtras,
  { tap, leases }: { readonly tap: string; readonly leases: string },
): string {
  const bits = parseNetwork4(address)?.bits ?? 24;
  const lines = [
    '# Written by meshd: `dnsmasq` on this node changes it.',
    // Nothing of the machine: no name servers, names or settings of it.
    ...['no-resolv', 'no-hosts', 'no-poll', 'pid-file='],
    // The interface comes and goes with Open vSwitch.
    ...[`interface=${tap}`, 'except-interface=lo', 'bind-dynamic'],
    // Without the right to send echo requests. Guests ask by ARP whether somebody has their address.
    ...['no-ping', 'dhcp-authoritative', `dhcp-leasefile=${leases}`],
    ...['quiet-dhcp', 'quiet-dhcp6', 'quiet-ra'],
    `dhcp-range=${low},${high},${describeMask(bits)},${leaseSeconds}s`,
    // Without a value it names none; without the option, dnsmasq would name itself.
    `dhcp-option=option:router${gateway === '' ? '' : `,${gateway}`}`,
    ...(dns.length === 0 ? [] : [`dhcp-option=option:dns-server,${dns.join(',')}`]),
    ...['bogus-priv', 'domain-needed'],
    ...(domain === '' ? [] : [`domain=${domain}`, `local=/${domain}/`, 'expand-hosts']),
    ...extras.statics.map(({ mac, ip }) => `dhcp-host=${mac},${ip}`),
    ...extras.names.map(({ ip, name }) => `host-record=${name},${ip}`),
    ...extras.upstream.map((ip) => `server=${ip}`),
    ...extras.options.map((option) => `dhcp-option=${option}`),
  ];
  return `${lines.join('\n')}\n`;
}

export interface Lease {
  readonly mac: string;
  readonly ip: string;
  /** What the guest calls itself; empty for nothing. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

const maxLeases = 4_096;

/** Lines that are half written, and leases of IPv6, are left out. */
export function parseLeases(text: string): Lease[] {
  return text
    .split('\n')
    .slice(0, maxLeases)
    .flatMap((line): Lease[] => {
      const match = /^(\d{1,12}) ([0-9a-f]{2}(?::[0-9a-f]{2}){5}) (\d+\.\d+\.\d+\.\d+) (\S{1,255}) \S+$/i.exec(line);
      if (!match) return [];
      const [, expires = '', mac = '', ip = '', name = ''] = match;
      return [{ mac: mac.toLowerCase(), ip, name: name === '*' ? '' : name, expiresAtMs: Number(expires) * 1_000 }];
    });
}
