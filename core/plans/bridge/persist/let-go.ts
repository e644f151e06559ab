// How NetworkManager and systemd-networkd let go of an interface permanently, and how networkd gives addresses to the bridge.
// Adds new files only and edits none of the administrator's, so that removing ours is the rollback.
import type { NicFacts } from '../observe/facts.ts';

export const nmFile = '/etc/NetworkManager/conf.d/90-meshdeck-bridge.conf';

/** `isOnly`: it has no other NIC, and would write an empty resolv.conf at its next start. */
export function describeNmConfig(bridge: string, uplink: string, isOnly: boolean): string {
  return `# Written by Meshdeck: ${uplink} is the uplink of ${bridge}, which Open vSwitch has.
[device-meshdeck-bridge]
match-device=interface-name:${uplink},interface-name:${bridge}
managed=0
${isOnly ? '\n# It has no other interface, and would empty /etc/resolv.conf at its next start.\n[main]\ndns=none\nrc-manager=unmanaged\n' : ''}`;
}

/** The first file that matches an interface is the one that counts: 00 comes before netplan's 10. */
export const networkFileOf = (name: string) => `/etc/systemd/network/00-meshdeck-${name}.network`;

interface Section {
  readonly name: string;
  readonly lines: readonly string[];
}

function readSections(text: string): Section[] {
  const sections: { name: string; lines: string[] }[] = [];
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const name = /^\s*\[(\w+)\]\s*$/.exec(line)?.[1];
    if (name !== undefined) sections.push({ name, lines: [] });
    else if (/^\s*[^#;\s]/.test(line)) sections.at(-1)?.lines.push(line.trim());
  }
  return sections;
}

const describeSections = (sections: readonly Section[]) =>
  sections.map(({ name, lines }) => `[${name}]\n${lines.map((line) => `${line}\n`).join('')}`).join('\n');
const keyOf = (line: string) => line.slice(0, line.indexOf('=')).trim();

/**
 * The uplink comes up without an address. What the old file said about the link itself stays. Where networkd has no other link
 * to wait for, it waits for the uplink's carrier: with no link to wait for, it would delay the boot by two minutes.
 */
export function describeUplinkNetwork(
  uplink: string,
  bridge: string,
  { oldFile, waitsFor }: { oldFile: string; waitsFor: 'no' | 'carrier' },
): string {
  const link = readSections(oldFile)
    .filter(({ name }) => name === 'Link')
    .flatMap(({ lines }) => lines)
    .filter((line) => !['RequiredForOnline', 'Unmanaged', 'RequiredFamilyForOnline'].includes(keyOf(line)));
  return `# Written by Meshdeck: the uplink of ${bridge}, which has its addresses.\n${describeSections([
    { name: 'Match', lines: [`Name=${uplink}`] },
    { name: 'Link', lines: [...link, `RequiredForOnline=${waitsFor}`] },
    { name: 'Network', lines: ['DHCP=no', 'LinkLocalAddressing=no', 'IPv6AcceptRA=no'] },
  ])}`;
}

/**
 * The bridge with what the uplink had. networkd derives an identity from the interface's name, and would ask for another
 * address under a new one, so the old identity is fixed (IAID, the four bytes behind ff in its client id; RFC 4361, 6.1).
 */
export function describeBridgeNetwork(bridge: string, nic: NicFacts, oldFile: string): string {
  const old = readSections(oldFile);
  const dhcp = old.filter(({ name }) => name === 'DHCPv4' || name === 'DHCP').flatMap(({ lines }) => lines);
  const identity = dhcp.some((line) => ['ClientIdentifier', 'IAID'].includes(keyOf(line)))
    ? []
    : describeIdentity(nic.dhcpClientId);
  const isDhcp6 = (name: string) => name === 'DHCPv6';
  const dhcp6 = old.filter(({ name }) => isDhcp6(name)).flatMap(({ lines }) => lines);
  const iaid = identity.filter((line) => line.startsWith('IAID='));
  return `# Written by Meshdeck: ${bridge} has what ${nic.name} had.\n${describeSections([
    { name: 'Match', lines: [`Name=${bridge}`] },
    ...old.filter(({ name }) => !['Match', 'Link', 'DHCPv4', 'DHCP', 'DHCPv6'].includes(name)),
    ...(dhcp.length + identity.length > 0 ? [{ name: 'DHCPv4', lines: [...dhcp, ...identity] }] : []),
    ...(dhcp6.length + iaid.length > 0
      ? [{ name: 'DHCPv6', lines: [...dhcp6, ...(dhcp6.some((line) => keyOf(line) === 'IAID') ? [] : iaid)] }]
      : []),
  ])}`;
}

const enabledMark = 'systemd-networkd was enabled for it.';

/**
 * The bridge for networkd alone, where it holds nothing but its lease. `isNew`: nothing else on the machine wanted networkd. The
 * lease's route gets the metric of the carried one, which it replaces then: networkd's own would be a second one beside it.
 */
export function describeLeaseNetwork(bridge: string, nic: NicFacts, isNew: boolean): string {
  const route = nic.routes.find(({ family, text }) => family === 4 && text.startsWith('default '));
  const metric = route ? [`RouteMetric=${/ metric (\d+)/.exec(route.text)?.[1] ?? '0'}`] : [];
  return `# Written by Meshdeck: the lease of ${bridge}.${isNew ? ` ${enabledMark}` : ''}\n${describeSections([
    { name: 'Match', lines: [`Name=${bridge}`] },
    { name: 'Network', lines: ['DHCP=ipv4'] },
    { name: 'DHCPv4', lines: [...describeIdentity(nic.dhcpClientId), ...metric] },
  ])}`;
}

/** Whether networkd was enabled for our file alone, and is disabled with it. */
export const hadNetworkdEnabled = (leaseNetwork: string) => leaseNetwork.includes(enabledMark);

function describeIdentity(clientId: string): string[] {
  const bytes = clientId.split(':');
  if (bytes.length === 7 && bytes[0] === '01') return ['ClientIdentifier=mac'];
  if (bytes.length < 7 || bytes[0] !== 'ff') return [];
  return [`IAID=0x${bytes.slice(1, 5).join('')}`];
}

/** Settings of [Network] that tie a NIC to another interface, which a port of a bridge cannot be. */
export function tiesOf(oldFile: string): string[] {
  return readSections(oldFile)
    .filter(({ name }) => name === 'Network')
    .flatMap(({ lines }) => lines.map(keyOf))
    .filter((key) => ['Bridge', 'Bond', 'VRF', 'BatmanAdvanced'].includes(key));
}
