// Programs beside the NIC's owner that name it: their configuration has to name the bridge, or they keep their own address on it.
// A bounded search below /etc finds them; each is a finding with file and line, and what to write there.
import type { BridgeFacts, NicAddress, NicFacts, NicNamer } from './facts.ts';
import { cleanText, linesOf, type Observed } from './observed.ts';
import type { BridgeFinding } from '../judge/finding.ts';

/**
 * Part of the look at a node, after the list of NICs. At most eight names, four lines of a file, 400 lines and 5 s. Where a line
 * may hold a secret, only its place is shown.
 */
export const namersScript = `
named=
for nic in $nics; do
  case $nic in lo | mega_tap* | vnet* | veth* | docker* | virbr* | ovs-* | "$bridge") continue ;; esac
  named="$named $nic"
done
named=$(printf '%s' "$named" | tr ' ' '\\n' | grep . | head -n 8 | sed 's/[.]/[.]/g' | paste -s -d '|')
if [ -n "$named" ]; then
  printf 'namers '
  timeout -k 1 5 grep -rnIE -m 4 -D skip -e "(^|[^A-Za-z0-9_.-])($named)([^A-Za-z0-9_-]|$)" \\
    --exclude-dir=ssl --exclude-dir=alternatives --exclude-dir=openvswitch --exclude-dir=netplan --exclude-dir=system-connections \\
    --exclude-dir=hwdb.d --exclude-dir=apparmor.d --exclude-dir=ssh --exclude-dir=shadow --exclude='*.dpkg-*' --exclude='*~' --exclude='*.sample' --exclude='*.example' --exclude='*.bak' --exclude='*.orig' --exclude='*.old' \\
    --exclude='*.rpmnew' --exclude='*.rpmsave' /etc 2>/dev/null |
    head -n 400 | cut -c 1-240 | sed -E 's/((pass|secret|psk|token|key)[A-Za-z_]*).*/\\1 …/I' | encode
  echo
  for nic in $(printf '%s' "$named" | tr '|' ' ' | tr -d '[]'); do
    put "device_units $nic" "$(t systemctl show --value -p BoundBy -p RequiredBy -p WantedBy "sys-subsystem-net-devices-$(t systemd-escape "$nic").device" | tr '\\n' ' ')"
  done
fi
put holders "$(pgrep -l -x 'keepalived|corosync|pacemakerd|heartbeat|ucarp|vip-manager|kube-vip|vrrpd|carpd' 2>/dev/null | cut -d ' ' -f 2 | sort -u | tr '\\n' ' ')"
printf 'vips '
{ cat /etc/keepalived/*.conf /etc/keepalived/*/*.conf 2>/dev/null | awk '
    { sub(/[#!].*/, "") }
    /virtual_ipaddress(_excluded)?/ { inside = 1; sub(/.*virtual_ipaddress(_excluded)?/, "") }
    inside { end = index($0, "}"); text = end ? substr($0, 1, end - 1) : $0; gsub(/[{}]/, " ", text); n = split(text, words, /[ \\t]+/)
      if (words[1] == "" && n > 1) first = words[2]; else first = words[1]
      if (first ~ /^[0-9a-fA-F.:]+(\\/[0-9]+)?$/) print "keepalived " first
      if (end) inside = 0 }'
  sed -n 's/.*name="ip" value="\\([0-9a-fA-F.:]*\\)".*/pacemaker \\1/p' /var/lib/pacemaker/cib/cib.xml 2>/dev/null
} | head -n 200 | encode
echo
`;

/** A program, known by its own files. `reload`: what to reload after the name was changed there; empty where nothing needs it. */
const programs: readonly {
  readonly at: RegExp;
  readonly program: string;
  readonly unit?: string;
  readonly stays?: string;
}[] = [
  { at: /^\/etc\/keepalived\//, program: 'keepalived', unit: 'keepalived' },
  { at: /^\/etc\/(dnsmasq\.conf|dnsmasq\.d\/|default\/dnsmasq)/, program: 'dnsmasq', unit: 'dnsmasq' },
  {
    at: /^\/etc\/(lldpd\.conf|lldpd\.d\/|default\/lldpd)/,
    program: 'lldpd',
    stays: 'nothing: it speaks to the switch on the wire, which stays the NIC’s',
  },
  {
    at: /^\/etc\/(dhcp\/dhcpd|dhcpd|default\/isc-dhcp-server|kea\/)/,
    program: 'the DHCP server',
    unit: 'isc-dhcp-server',
  },
  { at: /^\/etc\/(chrony\/|chrony\.conf)/, program: 'chrony', unit: 'chrony' },
  { at: /^\/etc\/(ntp\.conf|ntpsec\/)/, program: 'ntpd', unit: 'ntp' },
  { at: /^\/etc\/radvd\.conf/, program: 'radvd', unit: 'radvd' },
  { at: /^\/etc\/nftables/, program: 'nftables', unit: 'nftables' },
  { at: /^\/etc\/(iptables\/|default\/ip6?tables)/, program: 'iptables', unit: 'netfilter-persistent' },
  { at: /^\/etc\/firewalld\//, program: 'firewalld', unit: 'firewalld' },
  { at: /^\/etc\/(ufw\/|default\/ufw)/, program: 'ufw', unit: 'ufw' },
  { at: /^\/etc\/shorewall6?\//, program: 'shorewall', unit: 'shorewall' },
  { at: /^\/etc\/(corosync|pacemaker)\//, program: 'corosync', unit: 'corosync' },
  { at: /^\/etc\/(frr|quagga)\//, program: 'FRRouting', unit: 'frr' },
  { at: /^\/etc\/bird/, program: 'bird', unit: 'bird' },
  { at: /^\/etc\/hostapd/, program: 'hostapd', unit: 'hostapd' },
  { at: /^\/etc\/samba\//, program: 'samba', unit: 'smbd' },
  { at: /^\/etc\/udev\//, program: 'udev', stays: 'nothing, unless the rule is about its addresses' },
  { at: /^\/etc\/(sysctl\.conf|sysctl\.d\/)/, program: 'sysctl' },
  { at: /^\/etc\/systemd\/system\//, program: 'a unit of systemd' },
  { at: /^\/etc\/(cron|crontab)/, program: 'cron' },
  { at: /^\/etc\/network\/if-/, program: 'a script of ifupdown' },
];

/** Files that the plan itself deals with: the owner's, ours, and those that other findings are about. */
const owners =
  /^\/etc\/(network\/interfaces|network\/run|systemd\/network\/|NetworkManager\/|netplan\/|sysconfig\/network-scripts\/|dhcp\/(dhclient|meshdeck)|systemd\/system\/meshdeck|cloud\/|hosts$|resolv\.conf|udev\/rules\.d\/70-persistent-net)/;

/** Copies and samples, which no program reads. */
const unread = /(~|\.(sample|example|bak|orig|old|rpmnew|rpmsave))$/;

/** Each program once for each NIC, with the places that name it. */
export function readNamers(observed: Observed, nics: readonly Pick<NicFacts, 'name'>[]): NicNamer[] {
  const found = new Map<string, { nic: string; program: string; unit: string; stays: string; places: string[] }>();
  const note = (
    nic: string,
    { program, unit = '', stays = '' }: Pick<(typeof programs)[number], 'program' | 'unit' | 'stays'>,
    place: string,
  ) => {
    const key = `${nic} ${program}`;
    const entry = found.get(key) ?? { nic, program, unit, stays, places: [] };
    entry.places.push(place);
    found.set(key, entry);
  };
  for (const line of linesOf(observed.text('namers')).slice(0, 400)) {
    const [, path = '', number = '', text = ''] = /^(\/[^:]{1,200}):(\d{1,7}):(.*)$/.exec(line) ?? [];
    // A comment configures nothing.
    if (path === '' || owners.test(path) || unread.test(path) || /^\s*([#;!]|\/\/)/.test(text)) continue;
    const known = programs.find(({ at }) => at.test(path)) ?? { program: path };
    for (const { name } of nics)
      if (namesWord(text, name)) note(name, known, `${path}:${number}: ${cleanText(text.trim()).slice(0, 80)}`);
  }
  for (const words of observed.all('device_units')) {
    const [nic = '', ...bound] = words.split(' ');
    const units = [...new Set(bound)].filter((unit) => /^[\w@.\\:-]{1,80}$/.test(unit) && !isOwners(unit));
    for (const unit of units.slice(0, 8)) note(nic, { program: unit }, `bound to the device ${nic}`);
  }
  return [...found.values()].slice(0, 64);
}

const isOwners = (unit: string) =>
  /^(ifup@|networking\.|NetworkManager|systemd-networkd|meshdeck-|wpa_supplicant|netplan-)/.test(unit);

function namesWord(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const [before = '', after = ''] = [text[at - 1], text[at + name.length]];
    if (!/[A-Za-z0-9_.-]/.test(before) && !/[A-Za-z0-9_-]/.test(after)) return true;
    // `net.ipv4.conf.eth0.rp_filter` and `conf/eth0/`.
    if (before === '.' && after === '.') return true;
  }
  return false;
}

/** More findings than this help nobody: the last one counts the rest. */
const shownPrograms = 12;
const shownPlaces = 3;

export function judgeNamers(
  { namers }: Pick<BridgeFacts, 'namers'>,
  { uplink, bridge }: { readonly uplink: string; readonly bridge: string },
): BridgeFinding[] {
  const own = namers.filter(({ nic }) => nic === uplink);
  const warn = (text: string, mend: string): BridgeFinding => ({ id: 'named', level: 'warn', field: '', text, mend });
  const shown = own.slice(0, shownPrograms).map(({ program, unit, stays, places }) => {
    const more = places.length > shownPlaces ? `; and ${places.length - shownPlaces} more` : '';
    const text = `${program} names ${uplink}: ${places.slice(0, shownPlaces).join('; ')}${more}`;
    if (stays !== '') return warn(text, stays);
    const reload = unit === '' ? '' : `, then systemctl reload-or-restart ${unit}`;
    return warn(text, `after the change write ${bridge} there in the place of ${uplink}${reload}`);
  });
  const rest = own.length - shown.length;
  return rest > 0 ? [...shown, warn(`${rest} more programs name ${uplink}`, `grep -rnw ${uplink} /etc`)] : shown;
}

/** The flag of an address that a program beside the owner put there, and takes away as it sees fit. */
export const managedFlag = 'managed';

/** Marks addresses that stay with their program: those in its configuration, those that the kernel knows to be its own, and lone /32. */
export function markManaged(nics: readonly NicFacts[], observed: Observed): NicFacts[] {
  const vips = new Set(
    linesOf(observed.text('vips'))
      .map((line) => hostOf(line.split(' ')[1] ?? ''))
      .filter((host) => host !== ''),
  );
  const hasHolder = observed.one('holders') !== '';
  return nics.map((nic) => ({
    ...nic,
    addresses: nic.addresses.map((address) =>
      isManaged(address, nic, { vips, hasHolder }) ? { ...address, flags: [...address.flags, managedFlag] } : address,
    ),
  }));
}

/** rtnetlink's number of keepalived (RTPROT_KEEPALIVED), which iproute2 from 6.3 on prints with an address. */
const keepalivedProtocols = new Set(['protocol-18', 'protocol-keepalived']);

function isManaged(
  { address, family, flags, scope, validSeconds }: NicAddress,
  nic: NicFacts,
  { vips, hasHolder }: { readonly vips: ReadonlySet<string>; readonly hasHolder: boolean },
): boolean {
  if (scope !== 'global') return false;
  if (flags.some((flag) => keepalivedProtocols.has(flag)) || vips.has(hostOf(address))) return true;
  // What a program that holds virtual addresses adds looks like this, and nothing that an owner of NICs gives beside another one.
  const isLone = address.endsWith(family === 4 ? '/32' : '/128') || (family === 6 && flags.includes('deprecated'));
  const hasOther = nic.addresses.some(
    (other) =>
      other.family === family &&
      other.scope === 'global' &&
      other.address !== address &&
      !/\/(32|128)$/.test(other.address),
  );
  return hasHolder && isLone && hasOther && validSeconds === null && !flags.includes('dynamic');
}

const hostOf = (address: string) => address.split('/')[0]?.toLowerCase() ?? '';

/** What becomes of them, for the plan. */
export function judgeManaged(uplink: NicFacts, bridge: string): BridgeFinding[] {
  const managed = uplink.addresses.filter(({ flags }) => flags.includes(managedFlag)).map(({ address }) => address);
  if (managed.length === 0) return [];
  return [
    {
      id: 'managed',
      level: 'warn',
      field: '',
      text: `${managed.join(', ')} on ${uplink.name} belongs to another program, such as keepalived: it is not carried to ${bridge}, and another node may take it over`,
      mend: `have that program watch ${bridge} right after the change`,
    },
  ];
}
