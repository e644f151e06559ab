// The NICs of a node with addresses, routes and who configures each, from what its programs said.
import { clientsOf } from './dhcp-clients.ts';
import { z } from 'zod';
import { AppError } from '../../../../contract/errors.ts';
import type { NicAddress, NicFacts, NicOwner } from './facts.ts';
import { cleanText, linesOf, type Observed } from './observed.ts';

// What `ip -d -j address show` of iproute2 prints, as far as it is used. Flags of addresses are keys with `true`.
const linkSchema = z.looseObject({
  ifname: z.string(),
  link: z.string().optional(),
  master: z.string().optional(),
  altnames: z.array(z.string()).default([]),
  mtu: z.number().optional(),
  address: z.string().optional(),
  link_type: z.string().optional(),
  flags: z.array(z.string()).default([]),
  xdp: z.unknown().optional(),
  linkinfo: z.looseObject({ info_kind: z.string().optional() }).optional(),
  addr_info: z.array(z.looseObject({ family: z.string(), local: z.string(), prefixlen: z.number() })).default([]),
});
type Link = z.infer<typeof linkSchema>;
const linksSchema = z.array(z.unknown()).max(10_000);

const forever = 4_294_967_295;
const scopes = ['global', 'link', 'host', 'site'] as const;

/** All but loopback and the taps of VMs. */
export function readNics(
  observed: Observed,
  internal: ReadonlySet<string>,
  bridgeOf: (port: string) => string,
): NicFacts[] {
  const links = readLinks(observed.text('links'));
  const candidates = links.filter((link) => {
    const kind = link.linkinfo?.info_kind;
    // With the userspace datapath the ports that Open vSwitch made are taps too.
    return link.ifname !== 'lo' && (kind !== 'tun' || internal.has(link.ifname)) && kind !== 'openvswitch_system';
  });
  const routes = [...readRoutes(observed.text('routes4'), 4), ...readRoutes(observed.text('routes6'), 6)];
  return candidates
    .filter(({ ifname }) => !/^(ovs-system|ovs-netdev)$/.test(ifname))
    .map((link): NicFacts => {
      const name = link.ifname;
      const addresses = link.addr_info.flatMap((info) => readAddress(info));
      const { owner, networkFile, rivals } = readOwner(observed, name);
      return {
        name,
        altNames: link.altnames.map(cleanText).slice(0, 16),
        mac: link.address ?? '',
        mtu: link.mtu ?? 0,
        hasCarrier: link.flags.includes('LOWER_UP'),
        kind: readKind(observed, link, internal),
        lower: isStacked(link) ? (link.link ?? '') : '',
        uppers: links.filter((other) => isStacked(other) && other.link === name).map((other) => other.ifname),
        master: link.master === 'ovs-system' ? '' : (link.master ?? ''),
        ovsBridge: bridgeOf(name),
        owner,
        networkFile,
        netplan: readNetplan(observed, name, owner),
        addresses,
        routes: routes
          .filter((route) => route.devices.includes(name))
          .map(({ family, text }) => ({ family, text: text.trim() })),
        ...readDhcp(observed, name, owner, addresses),
        ipv6Mode: readIpv6Mode(observed, link, addresses),
        entanglements: [...rivals, ...readEntanglements(observed, link, routes)],
        dnsServers: readLinkDns(observed, name),
        lldp: readLldp(observed, name),
      };
    });
}

/** `Link 2 (eth0): 10.0.0.1 10.0.0.2`. */
function readLinkDns(observed: Observed, name: string): string[] {
  const lines = linesOf(observed.text('resolved')).filter(
    (line) => line.startsWith('Link ') && line.includes(` (${name}):`),
  );
  return lines.flatMap((line) => nameServersIn(line.slice(line.indexOf('):') + 2))).slice(0, 16);
}

/** Addresses among words; a port or a server's name behind one is left out. */
export function nameServersIn(text: string): string[] {
  return text.split(/\s+/).filter((word) => /^[0-9a-fA-F.:]+$/.test(word) && /[.:]/.test(word));
}

function readLinks(json: string): Link[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new AppError('failed', 'its ip (iproute2) lists no interfaces as JSON: install iproute2 4.14 or newer there');
  }
  return linksSchema.parse(parsed).flatMap((link) => {
    // An unknown address family must not make an interface unreadable: what does not fit is left out.
    const read = linkSchema.safeParse(link);
    return read.success && /^[\w.:@-]{1,15}$/.test(read.data.ifname) ? [read.data] : [];
  });
}

const stackedKinds = ['vlan', 'macvlan', 'macvtap', 'ipvlan', 'ipvtap'];
const isStacked = (link: Link) => stackedKinds.includes(link.linkinfo?.info_kind ?? '');

function readKind(observed: Observed, link: Link, internal: ReadonlySet<string>): string {
  if (internal.has(link.ifname)) return 'internal';
  if (observed.all('wifi').includes(link.ifname)) return 'wifi';
  const kind = link.linkinfo?.info_kind ?? '';
  if (kind === 'macvtap' || kind === 'ipvlan' || kind === 'ipvtap') return 'macvlan';
  if (['bond', 'vlan', 'bridge', 'team', 'macvlan'].includes(kind)) return kind;
  const hardware = observed.all('hardware');
  if (kind === 'veth' && hardware.length > 0 && !hardware.includes(link.ifname)) return 'virtual';
  // Without hardware this is a container or a network namespace, and its end of a veth is its NIC.
  return (kind === '' || kind === 'veth') && link.link_type === 'ether' ? 'ethernet' : 'other';
}

function readAddress(info: Link['addr_info'][number]): NicAddress[] {
  const family = info.family === 'inet' ? 4 : info.family === 'inet6' ? 6 : null;
  if (family === null || !/^[0-9a-fA-F.:]{2,45}$/.test(info.local)) return [];
  const scope = scopes.find((name) => name === info.scope) ?? 'global';
  const valid = typeof info.valid_life_time === 'number' ? info.valid_life_time : forever;
  const { protocol } = info;
  const flags = [
    ...Object.keys(info).filter((key) => info[key] === true && /^[a-z-]{1,20}$/.test(key)),
    ...(typeof protocol === 'string' && /^[a-z0-9_]{1,20}$/.test(protocol) ? [`protocol-${protocol}`] : []),
  ];
  return [
    {
      family,
      address: `${info.local}/${info.prefixlen}`,
      scope,
      flags,
      validSeconds: valid === forever ? null : valid,
    },
  ];
}

export interface Route {
  readonly family: 4 | 6;
  readonly text: string;
  readonly devices: readonly string[];
}

/** Lines of `ip route show table all`, without those that the kernel keeps; the next hops of one route are one text. */
export function readRoutes(text: string, family: 4 | 6): Route[] {
  const joined = text.replace(/\n[ \t]+/g, ' ');
  return linesOf(joined)
    .filter((line) => !/ table local( |$)/.test(line) && !/^(local|broadcast|anycast|multicast) /.test(line))
    .slice(0, 2000)
    .map((line) => ({
      family,
      text: `${cleanText(line).trim()} `,
      devices: [...line.matchAll(/ dev (\S+)/g)].map((match) => match[1] ?? ''),
    }));
}

/** Asks each owner; the one that says yes has the NIC. Others that also name it are rivals. */
function readOwner(observed: Observed, name: string): { owner: NicOwner; networkFile: string; rivals: string[] } {
  const claims: NicOwner[] = [];
  const deviceLine = linesOf(observed.text('nm_devices')).find((line) => line.startsWith(`${name}:`)) ?? '';
  const nmState = deviceLine.slice(name.length + 1).split(':')[0] ?? '';
  if (/^(connected|connecting)/.test(nmState) && !nmState.includes('externally')) claims.push('networkmanager');
  const setup = linesOf(observed.text('networkd_links'))
    .map((line) => line.trim().split(/\s+/))
    .find((words) => words[1] === name)?.[4];
  if (setup !== undefined && /^(configured|configuring|failed)$/.test(setup)) claims.push('networkd');
  const isUp = linesOf(observed.text('ifstate')).some((line) => line.startsWith(`${name}=`));
  if (isUp || observed.texts('ifquery').some(({ words }) => words[0] === name)) {
    claims.push(observed.one('ifupdown2') === 'yes' ? 'ifupdown2' : 'ifupdown');
  }
  if (observed.all('ifcfg').includes(name) && claims.length === 0) claims.push('ifcfg');
  // It would take the NIC as soon as a profile for it exists.
  if (claims.length === 0 && nmState !== '' && nmState !== 'unmanaged' && !nmState.includes('externally')) {
    claims.push('networkmanager');
  }
  const [owner = 'none', ...others] = claims;
  const networkFile =
    observed
      .all('network_file')
      .find((words) => words.startsWith(`${name} `))
      ?.slice(name.length + 1) ?? '';
  return {
    owner,
    networkFile: owner === 'networkd' ? networkFile : '',
    rivals: others.map((other) => `${other} also configures it`),
  };
}

function readNetplan(observed: Observed, name: string, owner: NicOwner): NicFacts['netplan'] {
  const file = observed.all('netplan_file').find((words) => words.startsWith(`${name} `));
  if (file === undefined) return null;
  // The NIC's owner is the renderer. Before the owner has started, netplan's own setting counts.
  if (owner === 'networkmanager') return { renderer: 'NetworkManager', file: file.slice(name.length + 1) };
  // A renderer may be set for a NIC, for its kind, or for all: the nearest one counts. netplan's default is networkd.
  const lines = observed.text('netplan').split('\n');
  let renderer = 'networkd';
  let isOwn = false;
  for (const line of lines) {
    const indent = line.length - line.trimStart().length;
    if (indent <= 4) isOwn = new RegExp(`^ {4}["']?${name.replace(/[.]/g, '\\.')}["']?:`).test(line);
    const value = /^\s*renderer:\s*(\w+)/.exec(line)?.[1];
    if (value !== undefined && (indent <= 4 || isOwn)) renderer = value;
  }
  return { renderer, file: file.slice(name.length + 1) };
}

function readDhcp(
  observed: Observed,
  name: string,
  owner: NicOwner,
  addresses: readonly NicAddress[],
): Pick<NicFacts, 'dhcp' | 'dhcpClientId' | 'dhcpPrograms'> {
  const clients = clientsOf(observed, name);
  const [client] = clients;
  if (client) return { dhcp: client, dhcpClientId: '', dhcpPrograms: clients.length };
  return { ...readOwnersLease(observed, name, owner, addresses), dhcpPrograms: 0 };
}

function readOwnersLease(
  observed: Observed,
  name: string,
  owner: NicOwner,
  addresses: readonly NicAddress[],
): Pick<NicFacts, 'dhcp' | 'dhcpClientId'> {
  const isLeased = addresses.some(({ family, flags }) => family === 4 && flags.includes('dynamic'));
  if (!isLeased) return { dhcp: 'none', dhcpClientId: '' };
  if (owner === 'networkd') {
    const hex = observed
      .all('networkd_client_id')
      .find((words) => words.startsWith(`${name} `))
      ?.slice(name.length + 1);
    return { dhcp: 'networkd', dhcpClientId: hexBytes(hex ?? '') };
  }
  if (owner === 'networkmanager') {
    const [, own = ''] = observed.text('nm_dhcp').split(`GENERAL.DEVICE:${name}\n`);
    const id = /dhcp_client_identifier = (\S+)/.exec(own.split('GENERAL.DEVICE:')[0] ?? '')?.[1];
    return { dhcp: 'networkmanager', dhcpClientId: hexBytes(id ?? '') };
  }
  return { dhcp: 'none', dhcpClientId: '' };
}

/** `ff87ce…` or `01:02:4d…` as `01:02:4d:…`; empty for all else. */
function hexBytes(text: string): string {
  const digits = text.replaceAll(':', '').toLowerCase();
  return /^([0-9a-f]{2}){2,128}$/.test(digits) ? (digits.match(/../g) ?? []).join(':') : '';
}

function readIpv6Mode(observed: Observed, link: Link, addresses: readonly NicAddress[]): NicFacts['ipv6Mode'] {
  const own = addresses.filter(({ family }) => family === 6);
  if (own.length === 0) return 'none';
  // addr_gen_mode of the kernel (ip-sysctl): 2 and 3 are stable-privacy; NetworkManager has 1 and marks its addresses.
  const [generation] =
    observed
      .all('mode6')
      .find((words) => words.startsWith(`${link.ifname} `))
      ?.split(' ')
      .slice(1) ?? [];
  if (generation === '2' || generation === '3' || own.some(({ flags }) => flags.includes('stable-privacy'))) {
    return 'stable-privacy';
  }
  if (own.some(({ scope, flags }) => scope === 'global' && !flags.includes('dynamic'))) return 'static';
  return own.every(({ address }) => isFromMac(address, link.address ?? '')) ? 'eui64' : 'stable-privacy';
}

/** Whether an address ends in the MAC with ff:fe in its middle (RFC 4291, appendix A). */
function isFromMac(address: string, mac: string): boolean {
  const bytes = mac.split(':').map((byte) => parseInt(byte, 16));
  if (bytes.length !== 6) return false;
  const [first = 0, ...rest] = bytes;
  const identifier = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const groups = [0, 2, 4, 6].map((at) => (((identifier[at] ?? 0) << 8) | (identifier[at + 1] ?? 0)).toString(16));
  const [host = ''] = address.split('/');
  return host.endsWith(`:${groups.join(':')}`) || host.endsWith(groups.join(':'));
}

function readEntanglements(observed: Observed, link: Link, routes: readonly Route[]): string[] {
  const name = link.ifname;
  const found: string[] = [];
  if (link.xdp !== undefined) found.push('an XDP program is attached to it');
  if (linesOf(observed.text('tc')).some((line) => line.split(' ').includes(name)))
    found.push('tc shapes or filters it');
  let table = '';
  const tables = new Set<string>();
  for (const line of linesOf(observed.text('nft'))) {
    if (line.startsWith('table ')) table = line.replace(/^table | \{$/g, '');
    // Our own, which shuts the kernel's stack out of an uplink.
    else if (line.includes(`"${name}"`) && table !== 'netdev meshdeck_bridge') tables.add(table);
  }
  if (linesOf(observed.text('iptables')).some((line) => line.split(' ').includes(name))) tables.add('iptables');
  // The tables that firewalld made from its zones are reported as zones.
  if (observed.text('zones') !== '') for (const each of tables) if (/^\w+ firewalld$/.test(each)) tables.delete(each);
  for (const each of tables) found.push(`firewall rules name it (${cleanText(each)})`);
  const zones = readZones(observed);
  const zone = zones.get(name);
  const bridge = observed.one('bridge');
  const bridgeZone = zones.get(bridge) ?? (observed.one('zone_default') || 'the default');
  if (zone !== undefined && name !== bridge && zone !== bridgeZone) {
    found.push(`it is in firewalld's zone ${zone}, and ${bridge} in ${bridgeZone}`);
  }
  for (const line of linesOf(observed.text('bound'))) {
    if (!line.includes(`%${name}:`)) continue;
    if (/users:\(\("(systemd-network|NetworkManager|dhclient|dhcpcd|udhcpc)"/.test(line)) continue;
    const program = /users:\(\("([^"]{1,40})"/.exec(line)?.[1];
    found.push(`a socket of ${cleanText(program ?? 'a program')} is bound to it`);
  }
  if (routes.some((route) => route.devices.length > 1 && route.devices.includes(name))) {
    found.push('a route with several next hops goes over it');
  }
  return [...new Set(found)].slice(0, 32);
}

/** firewalld's zones by the interfaces that they name. */
function readZones(observed: Observed): Map<string, string> {
  const zones = new Map<string, string>();
  let zone = '';
  for (const line of linesOf(observed.text('zones'))) {
    const [first = '', ...interfaces] = line.trim().split(/\s+/);
    // `public`, and `public (default)` of newer ones.
    if (!/^\s/.test(line)) zone = cleanText(first);
    else if (first === 'interfaces:') for (const name of interfaces) zones.set(name, zone);
  }
  return zones;
}

function readLldp(observed: Observed, name: string): string {
  const line = linesOf(observed.text('lldp')).find((each) => each.startsWith(`${name} `));
  if (line !== undefined) {
    const [, chassis = '', system = '', , port = ''] = line.trim().split(/\s+/);
    return cleanText([chassis, system, port].filter((word) => word !== '' && word !== 'n/a').join(' '));
  }
  const value = (key: string) =>
    linesOf(observed.text('lldpd'))
      .find((each) => each.startsWith(`lldp.${name}.${key}=`))
      ?.split('=')[1] ?? '';
  return cleanText([value('chassis.mac'), value('chassis.name'), value('port.ifname')].filter(Boolean).join(' '));
}
