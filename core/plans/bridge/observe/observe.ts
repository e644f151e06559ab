// One look at a node before and after its bridge: a script that changes nothing, and what its answer means. It asks every owner
// of NICs, since a distribution's name says nothing about who has a NIC.
import { readDhcpcdForAll } from './dhcp-clients.ts';
import { AppError } from '../../../../contract/errors.ts';
import type { BridgeFacts, FileFacts } from './facts.ts';
import { markManaged, namersScript, readNamers } from './namers.ts';
import { nameServersIn, readNics, readRoutes } from './nic-facts.ts';
import { cleanText, linesOf, readObserved, type Observed } from './observed.ts';
import { internalPorts, readOvs } from './ovs-facts.ts';
import { judgeDrift, judgeReboot, readCommitted, readUnits } from '../judge/reboot.ts';
import { readRegenerated, regeneratedScript } from './regenerated.ts';
import { readRewriters, rewritersScript } from './rewriters.ts';
import { markScript, readTransaction, stampScript } from './transaction-mark.ts';

/**
 * Argument: the bridge's name. Prints lines for parseBridgeFacts. Changes nothing, and sends nothing but pings from one of the
 * machine's own NICs to another; each program it asks has three seconds, and what does not answer leaves its line empty.
 */
export const observeBridgeScript = `
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
bridge=$1
has() { command -v "$1" >/dev/null 2>&1; }
t() { timeout -k 1 3 "$@" 2>/dev/null; }
# One line: what goes with a name and is a line by nature.
put() { printf '= %s %s\\n' "$1" "$(printf '%s' "$2" | head -n1 | cut -c1-400)"; }
# Any text: in base64, so that nothing in it is read as another line.
encode() { head -c "\${1:-65536}" | base64 -w0; }
blob() { printf '%s ' "$1"; shift; t "$@" | encode; echo; }
big() { printf '%s ' "$1"; shift; t "$@" | encode 4194304; echo; }

${stampScript}
name=$(uname -n)
put name "\${name%%.*}"
put bridge "$bridge"
[ ! -d /run/systemd/system ] || put systemd "$(t systemctl --version)"
! has nft || put nft yes
[ ! -e /etc/network/if-pre-up.d/openvswitch ] || put ovs_hook yes
! has ifreload || put ifupdown2 yes
put disk_kb "$(df -Pk /var/lib /etc 2>/dev/null | awk 'NR > 1 { print $4 }' | sort -n)"
put root "$(t findmnt -nro FSTYPE,SOURCE /)"
source=$(t findmnt -nro SOURCE /)
servers=
case $source in
/dev/*) case $(t lsblk -nso TRAN "$source") in *iscsi*)
  put root_iscsi yes
  servers=$(cat /sys/class/iscsi_connection/*/address 2>/dev/null)
  ;;
esac ;;
*:/*) servers=$(t findmnt -nro OPTIONS / | tr ',' '\n' | sed -n 's/^addr=//p') ;;
esac
# By which interface its server is reached.
for server in $servers; do put root_over "$(t ip -o route get "$server" | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") print $(i + 1) }')"; done
put virtualisation "$(t systemd-detect-virt)"
for path in /dev/ipmi0 /dev/ipmi/0 /sys/firmware/dmi/entries/38-0; do [ ! -e "$path" ] || put bmc "$path"; done
if [ -d /etc/pve ] || has pveversion; then put proxmox yes; fi

# sudo takes SSH_CONNECTION out of the environment: a process above it still has it.
ssh=\${SSH_CONNECTION:-}
pid=$$
while [ -z "$ssh" ] && [ "\${pid:-0}" -gt 1 ]; do
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
  [ "\${pid:-0}" -gt 1 ] || break
  ssh=$(tr '\\0' '\\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p')
done
put ssh "$ssh"

big links ip -d -j address show
big routes4 ip -4 route show table all
big routes6 ip -6 route show table all
blob rules4 ip -4 rule show
blob rules6 ip -6 rule show
blob resolv_conf cat /etc/resolv.conf
put resolv_path "$(readlink -f /etc/resolv.conf 2>/dev/null)"

# Interfaces that may be a machine's own: all but loopback and the taps of VMs.
nics= hardware=
for path in /sys/class/net/*; do
  nic=\${path##*/}
  case $nic in lo | *[!A-Za-z0-9_.:@-]*) continue ;; esac
  [ ! -e "$path/tun_flags" ] || [ "$nic" = "$bridge" ] || continue
  case $nic in ovs-system | ovs-netdev) continue ;; esac
  nics="$nics $nic"
  if [ -e "$path/device" ]; then put hardware "$nic"; hardware=yes; fi
  if [ -d "$path/wireless" ] || [ -e "$path/phy80211" ]; then put wifi "$nic"; fi
  put "mode6 $nic" "$(cat "/proc/sys/net/ipv6/conf/$nic/addr_gen_mode" "/proc/sys/net/ipv6/conf/$nic/disable_ipv6" 2>/dev/null | tr '\\n' ' ')"
done
set -- $nics
[ $# -le 64 ] || nics=$(printf '%s ' "$@" | cut -d' ' -f1-64)

# NICs that lead to the same segment: one answers at the other's link-local address. At most six are asked, all at once.
set --
for nic in $nics; do
  path=/sys/class/net/$nic
  # A bridge has no wire. Nor does a veth of a machine with hardware: its other end is in another namespace.
  [ ! -d "$path/bridge" ] || continue
  if [ -n "$hardware" ] && [ ! -e "$path/device" ] && ! ls -d "$path"/lower_* >/dev/null 2>&1; then
    [ "$(cat "$path/iflink" 2>/dev/null)" = "$(cat "$path/ifindex" 2>/dev/null)" ] || continue
  fi
  [ "$(cat "/sys/class/net/$nic/carrier" 2>/dev/null)" = 1 ] && [ $# -lt 6 ] || continue
  local6=$(t ip -o -6 address show dev "$nic" scope link | awk '{ sub("/.*", "", $4); print $4; exit }')
  [ -z "$local6" ] || set -- "$@" "$nic=$local6"
done
for one in "$@"; do
  for other in "$@"; do
    [ "$one" != "$other" ] || continue
    { t ping -6 -n -c 2 -i 0.3 -W 1 -I "\${one%%=*}" "\${other#*=}" >/dev/null && put same_segment "\${one%%=*} \${other%%=*}"; } &
  done
done
wait

${namersScript}
blob units systemctl show --property=Id,LoadState,ActiveState,UnitFileState \\
  NetworkManager.service systemd-networkd.service networking.service systemd-resolved.service \\
  openvswitch-switch.service ovsdb-server.service ovs-vswitchd.service firewalld.service network.service \\
  meshdeck-bridge-up.service meshdeck-bridge-guard.service meshdeck-bridge-deadman.timer meshdeck-bridge-deadman-2.timer
active() { [ "$(t systemctl is-active "$1")" = active ]; }

if has ovs-vsctl; then
  put ovs_version "$(t ovs-vsctl --version)"
  if t ovs-vsctl --timeout=2 --no-wait get Open_vSwitch . _uuid >/dev/null; then
    put ovs_database yes
    ! t ovs-appctl --timeout=2 version >/dev/null || put ovs_switch yes
    big ovs_bridges ovs-vsctl --timeout=2 --no-wait --format=json --columns=_uuid,name,ports,datapath_type,fail_mode,other_config,external_ids list Bridge
    big ovs_ports ovs-vsctl --timeout=2 --no-wait --format=json --columns=_uuid,name,interfaces,other_config list Port
    big ovs_interfaces ovs-vsctl --timeout=2 --no-wait --format=json --columns=_uuid,name,type,error list Interface
  fi
  if [ -d /sys/module/openvswitch ] || t modinfo openvswitch >/dev/null; then put ovs_module yes; fi
fi

! has dhclient || put dhclient yes
if has nmcli && [ "$(t nmcli -t -f RUNNING general)" = running ]; then
  put nm running
  blob nm_devices nmcli -t -f DEVICE,STATE,CONNECTION device
  blob nm_dhcp nmcli -t -f GENERAL.DEVICE,DHCP4 device show
  put nm_checkpoints "$(t busctl --auto-start=no get-property org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager Checkpoints)"
elif active NetworkManager.service; then
  put nm silent
fi
network_files=
if active systemd-networkd.service; then
  put networkd running
  blob networkd_links networkctl --no-legend --no-pager list
  for nic in $(t networkctl --no-legend --no-pager list | awk '$5 != "unmanaged" { print $2 }' | head -n 16); do
    status=$(t networkctl --no-pager status "$nic")
    file=$(printf '%s\\n' "$status" | sed -n 's/^ *Network File: //p')
    printf '%s\\n' "$status" | encode | sed "s|^|networkd_status $nic |"
    echo
    case $file in /*) network_files="$network_files $file"; put "network_file $nic" "$file" ;; esac
    sed -n 's/^CLIENTID=//p' "/run/systemd/netif/leases/$(cat "/sys/class/net/$nic/ifindex")" 2>/dev/null |
      sed "s|^|= networkd_client_id $nic |"
  done
  blob lldp networkctl --no-legend --no-pager lldp
fi
if active systemd-resolved.service; then blob resolved resolvectl dns; fi
if has ifquery; then
  blob ifstate ifquery --state
  for class in auto hotplug ovs "$bridge"; do
    printf '= class %s %s\\n' "$class" "$(t ifquery --list --allow="$class" | tr '\\n' ' ')"
  done
  labels=$({ t ifquery --list --allow=auto; t ifquery --list --allow=hotplug; t ifquery --state; } | grep : | sed 's/=.*//' | sort -u | head -n 16)
  for nic in $nics "$bridge" $labels; do
    case $nic in *[!A-Za-z0-9_.:@-]*) continue ;; esac
    text=$(t ifquery "$nic") || continue
    printf '%s\\n' "$text" | encode | sed "s|^|ifquery $nic |"
    echo
    # Its own words for what it would run; nothing is run.
    [ "$nic" != lo ] || continue
    timeout -k 1 3 ifup --no-act --force "$nic" 2>&1 | encode | sed "s|^|ifup_runs $nic |"
    echo
  done
fi
for path in /etc/sysconfig/network-scripts/ifcfg-*; do
  [ ! -f "$path" ] || put ifcfg "\${path##*/ifcfg-}"
done
if has netplan && [ -d /etc/netplan ]; then
  # It reads its files alone; a renderer that is not named is networkd.
  blob netplan netplan get
  for nic in $nics; do
    file=$(grep -lE "^[[:space:]]+[\\"']?$nic[\\"']?:" /etc/netplan/*.yaml /run/netplan/*.yaml /lib/netplan/*.yaml 2>/dev/null | tail -n1)
    [ -z "$file" ] || put "netplan_file $nic" "$file"
  done
fi
clients=$(pgrep -x 'dhclient|dhcpcd|udhcpc' 2>/dev/null | head -n 32)
for pid in $clients; do
  [ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ] || continue
  printf 'client %s\\n' "$(tr '\\0' ' ' <"/proc/$pid/cmdline" | encode 4096)"
done
blob dhcpcd_conf grep -hsE '^[[:space:]]*(allow|deny)interfaces[[:space:]]' /etc/dhcpcd.conf
blob dhclient_conf grep -hsE '^[[:space:]]*(send[[:space:]]+dhcp-client-identifier|interface|\\})' /etc/dhcp/dhclient.conf

! has nft || { printf 'nft '; t nft list ruleset | grep -E '^table |"' | encode; echo; }
! has iptables-legacy-save || { printf 'iptables '; { t iptables-legacy-save; t ip6tables-legacy-save; } | grep -E ' -[io] ' | encode; echo; }
if active firewalld.service; then
  blob zones firewall-cmd --get-active-zones
  put zone_default "$(t firewall-cmd --get-default-zone)"
fi
! has tc || { printf 'tc '; t tc qdisc show | grep -E 'clsact|ingress|htb|hfsc' | encode; echo; }
! has ss || { printf 'bound '; t ss -Hlntup | grep '%' | encode; echo; }
! has lldpctl || blob lldpd lldpctl -f keyvalue

qemus=$(pgrep '^(qemu|kvm)' 2>/dev/null | head -n 1000)
if [ -n "$qemus" ]; then
  printf 'vm_names '
  for pid in $qemus; do
    tr '\\0' '\\n' <"/proc/$pid/cmdline" 2>/dev/null | awk -v pid="$pid" 'take { name = $0; exit } $0 == "-name" { take = 1 } END { print pid, name }'
  done | encode
  printf '\\nvm_taps '
  for pid in $qemus; do printf '/proc/%s/fdinfo\\n' "$pid"; done | xargs grep -rs '^iff:' | encode 1048576
  echo
fi
has who && blob users who

${regeneratedScript}
${rewritersScript}
# Files that persistence may touch. Those that hold a secret stay here.
seen=' '
file() {
  case $seen in *" $1 "*) return ;; esac
  seen="$seen$1 "
  count=$((count + 1))
  [ "$count" -le 96 ] && [ -f "$1" ] || return
  state=text
  if [ "$(stat -Lc %s "$1")" -gt 65536 ]; then state=large
  elif grep -qiE '(psk|passphrase|password|privatekey|presharedkey|wep-key)' "$1"; then state=secret; fi
  real=-
  [ ! -L "$1" ] || real=$(readlink -f "$1" | tr -d '\\n' | encode)
  printf 'file %s %s %s %s %s ' "$state" "$(stat -Lc %a "$1")" "$(sha256sum <"$1" | cut -d' ' -f1)" "$(printf '%s' "$1" | encode)" "$real"
  [ "$state" != text ] || encode <"$1"
  echo
}
count=0
# All that ifupdown reads, and a little more: what counts of it is decided where this is read. The first word of a line counts
# from the file's own folder, further ones from /.
follow() {
  local path folder keyword words word lines
  path=$(realpath -ms "$1" 2>/dev/null) || return 0
  case $followed in *" $path "*) return 0 ;; esac
  followed="$followed$path "
  file "$path"
  [ "$2" -gt 0 ] && [ -f "$path" ] || return 0
  lines=$(awk '/^[ \\t]*#/ { next } { while (sub(/\\\\$/, " ") && (getline more) > 0) $0 = $0 more } $1 ~ /^source(-directory)?$/' "$path" 2>/dev/null | head -n 64)
  while read -r keyword words; do
    folder=\${path%/*}/
    set -f
    for word in $words; do
      case $word in /*) ;; *) word=$folder$word ;; esac
      folder=/
      [ "$keyword" = source ] || word=$word/*
      set +f
      for word in $word; do
        [ -f "$word" ] || continue
        [ "$keyword" = source ] || case \${word##*/} in *[!A-Za-z0-9_-]*) continue ;; esac
        follow "$word" $(($2 - 1))
      done
      set -f
    done
    set +f
  done <<LINES
$lines
LINES
}
followed=' '
follow /etc/network/interfaces 8
for path in /etc/network/interfaces.d/*; do file "$path"; done
for file in $network_files; do
  for path in /etc/systemd/network /run/systemd/network /usr/lib/systemd/network; do
    for path in "$path/\${file##*/}.d"/*.conf; do file "$path"; done
  done
done
for path in $network_files /etc/systemd/network/*.network /etc/systemd/network/*.link; do file "$path"; done
for path in /etc/NetworkManager/NetworkManager.conf /etc/NetworkManager/conf.d/*.conf; do file "$path"; done
for path in /etc/systemd/system/meshdeck-bridge-*.service /etc/systemd/system/*.service.d/*meshdeck*.conf /usr/local/lib/meshdeck/* /etc/dhcp/meshdeck-*.conf; do file "$path"; done

if [ -f "$here/committed" ]; then
  blob committed cat "$here/committed"
  sed -n 's/^file=[^ ]* //p' "$here/committed" | head -n 64 | while IFS= read -r path; do
    [ ! -f "$path" ] || put sum "$(sha256sum <"$path" | cut -d' ' -f1) $path"
  done
  sed -n 's/^original=//p' "$here/committed" | head -n 64 | while read -r kept path; do
    if [ "$kept" = none ]; then printf 'original none 0 %s \\n' "$(printf '%s' "$path" | encode)"; fi
    [ -f "$here/$kept" ] || continue
    printf 'original text %s %s ' "$(stat -Lc %a "$here/$kept")" "$(printf '%s' "$path" | encode)"
    encode <"$here/$kept"
    echo
  done
fi
${markScript}
echo end
`;

/** @throws AppError `failed` when the answer is not whole, or an owner runs and does not say what it has: look again */
export function parseBridgeFacts(output: string): BridgeFacts {
  const observed = readObserved(output);
  if (!observed.isWhole) throw new AppError('failed', 'it did not finish telling about its network: look again');
  if (observed.one('nm') === 'silent' || (observed.one('nm') === 'running' && observed.text('nm_devices') === '')) {
    throw new AppError('failed', 'NetworkManager runs and does not answer: `systemctl status NetworkManager` there');
  }
  if (observed.one('networkd') === 'running' && observed.text('networkd_links') === '') {
    throw new AppError('failed', 'systemd-networkd runs and does not answer: `networkctl` there');
  }
  const ovs = readOvs(observed);
  const bridgeOf = (port: string) => ovs.bridges.find(({ ports }) => ports.includes(port))?.name ?? '';
  const nics = markManaged(readNics(observed, internalPorts(observed), bridgeOf), observed);
  const [, , ingressAddress = ''] = observed.one('ssh').split(' ');
  const ingress = nics.find((nic) => nic.addresses.some(({ address }) => address.split('/')[0] === ingressAddress));
  const defaultRoutes = readDefaultRoutes(observed);
  const mainNic = ingress?.name ?? defaultRoutes[0]?.dev ?? '';
  const [rootType = ''] = observed.one('root').split(' ');
  const units = readUnits(observed.text('units'));
  const partial: Omit<BridgeFacts, 'rebootDoubts' | 'drift'> = {
    name: observed.one('name'),
    ingress: ingress?.name ?? '',
    ingressAddress,
    nics,
    defaultRoutes,
    deviceRules: ['rules4', 'rules6']
      .flatMap((family) => linesOf(observed.text(family)))
      .filter((line) => / [io]if \S/.test(line))
      .slice(0, 200)
      .map(cleanText),
    ...readResolver(observed),
    ovs,
    hasSystemd: observed.one('systemd') !== '',
    systemdVersion: Number(/^systemd (\d+)/.exec(observed.one('systemd'))?.[1] ?? 0),
    hasNft: observed.one('nft') === 'yes',
    hasIfupdownHook: observed.one('ovs_hook') === 'yes',
    dhcpcdForAll: readDhcpcdForAll(
      observed,
      nics.map(({ name }) => name),
    ),
    dhcpClients: [
      ...(observed.one('dhclient') === 'yes' ? (['dhclient'] as const) : []),
      ...(units('systemd-networkd.service').isLoaded ? (['networkd'] as const) : []),
    ],
    diskBytes: (Number(observed.one('disk_kb')) || 0) * 1024,
    networkRoot: rootType.startsWith('nfs') ? 'nfs' : observed.one('root_iscsi') === 'yes' ? 'iscsi' : '',
    networkRootOver: observed.all('root_over').filter((name) => name !== ''),
    virtualisation: observed.one('virtualisation'),
    hasBmc: observed.one('bmc') !== '',
    otherPaths: nics
      .filter(({ name, kind, hasCarrier, addresses }) => {
        const isPath = ['ethernet', 'wifi', 'bond', 'team', 'vlan'].includes(kind) && hasCarrier;
        return isPath && name !== mainNic && addresses.some(({ scope }) => scope === 'global');
      })
      .map(({ name }) => name),
    sameSegment: observed.all('same_segment').flatMap((words) => {
      const [one = '', other = ''] = words.split(' ');
      return nics.some(({ name }) => name === one) && nics.some(({ name }) => name === other) ? [[one, other]] : [];
    }),
    nmCheckpoints: Number(/^ao (\d+)/.exec(observed.one('nm_checkpoints'))?.[1] ?? 0),
    isProxmox: observed.one('proxmox') === 'yes',
    taps: readTaps(observed, bridgeOf),
    vms: [...readVmNames(observed).values()],
    users: linesOf(observed.text('users'))
      .slice(0, 100)
      .map((line) => cleanText(line).split(/\s+/).slice(0, 2).join(' on ')),
    ifupdown: readIfupdown(observed),
    files: readFiles(observed),
    regenerated: [...readRegenerated(observed), ...readRewriters(observed)],
    namers: readNamers(observed, nics),
    originals: readOriginals(observed),
    transaction: readTransaction(observed),
    isSettled: observed.one('moved') !== 'yes',
    unconfirmed: [],
    committed: readCommitted(observed.text('committed')),
  };
  const sums = new Map(
    observed.all('sum').map((words) => [words.slice(words.indexOf(' ') + 1), words.split(' ')[0] ?? ''] as const),
  );
  return {
    ...partial,
    drift: judgeDrift(partial, observed.text('committed'), sums),
    rebootDoubts: judgeReboot(partial, observed),
  };
}

function readDefaultRoutes(observed: Observed): BridgeFacts['defaultRoutes'] {
  const all = [...readRoutes(observed.text('routes4'), 4), ...readRoutes(observed.text('routes6'), 6)];
  return all
    .filter(({ text }) => text.startsWith('default ') && !/ table (?!main )/.test(text))
    .map(({ family, text, devices }) => ({
      family,
      via: / via (?:inet6? )?(\S+)/.exec(text)?.[1] ?? '',
      dev: devices[0] ?? '',
      // The kernel's own when none is set, as ip-route(8) has it.
      metric: Number(/ metric (\d+)/.exec(text)?.[1] ?? (family === 4 ? 0 : 1024)),
    }))
    .sort((a, b) => a.family - b.family || a.metric - b.metric);
}

function readResolver(observed: Observed): Pick<BridgeFacts, 'resolver' | 'dnsServers'> {
  const path = observed.one('resolv_path');
  if (path.startsWith('/run/systemd/resolve/')) {
    const servers = linesOf(observed.text('resolved')).flatMap((line) =>
      nameServersIn(line.slice(line.indexOf(':') + 1)),
    );
    return { resolver: 'systemd-resolved', dnsServers: [...new Set(servers)].slice(0, 16) };
  }
  const servers = linesOf(observed.text('resolv_conf'))
    .filter((line) => /^nameserver\s/.test(line))
    .flatMap((line) => nameServersIn(line.replace(/^nameserver/, '')));
  return { resolver: path.includes('/resolvconf/') ? 'resolvconf' : 'file', dnsServers: servers.slice(0, 16) };
}

/** QEMU processes by pid. One without a name is known by its pid. */
function readVmNames(observed: Observed): Map<string, string> {
  return new Map(
    linesOf(observed.text('vm_names')).map((line) => {
      const [pid = '', name = ''] = line.split(' ');
      const said = cleanText(name).split(',')[0] ?? '';
      return [pid, said.replace(/^guest=/, '') || `process ${pid}`] as const;
    }),
  );
}

/** VMs by bridge: a tap's file descriptor in QEMU says which interface it is (`iff:` in /proc/<pid>/fdinfo). */
function readTaps(observed: Observed, bridgeOf: (port: string) => string): Record<string, string[]> {
  const names = readVmNames(observed);
  const taps: Record<string, string[]> = {};
  for (const line of linesOf(observed.text('vm_taps'))) {
    const [, pid = '', tap = ''] = /^\/proc\/(\d+)\/fdinfo\/\d+:iff:\s*(\S{1,15})/.exec(line) ?? [];
    const bridge = bridgeOf(tap);
    if (bridge === '') continue;
    const vm = names.get(pid) ?? `process ${pid}`;
    const known = (taps[bridge] ??= []);
    if (!known.includes(vm)) known.push(vm);
  }
  return taps;
}

function readIfupdown(observed: Observed): BridgeFacts['ifupdown'] {
  // It answers for the loopback at least, and knows only the stanzas that it accepts.
  if (observed.all('class').length === 0) return null;
  const by = (name: string) =>
    Object.fromEntries(observed.texts(name).map(({ words, text }) => [words[0] ?? '', text] as const));
  return { queries: by('ifquery'), runs: by('ifup_runs') };
}

function readFiles(observed: Observed): FileFacts[] {
  return observed.texts('file').flatMap(({ words, text }) => {
    const [state = '', mode = '', sha256 = '', path64 = '', real64 = ''] = words;
    const path = readPath(path64);
    const realPath = readPath(real64);
    if (path === '' || !/^[0-7]{3,4}$/.test(mode) || !/^[0-9a-f]{64}$/.test(sha256)) return [];
    return [{ path, ...(realPath === '' ? {} : { realPath }), content: state === 'text' ? text : null, mode, sha256 }];
  });
}

function readOriginals(observed: Observed): BridgeFacts['originals'] {
  return observed.texts('original').flatMap(({ words, text }) => {
    const [state = '', mode = '', path64 = ''] = words;
    const path = readPath(path64);
    if (path === '') return [];
    return [state === 'none' ? { path, content: null, mode: '644' } : { path, content: text, mode }];
  });
}

/** A path that was sent in base64; empty when it is not a valid path. */
function readPath(base64: string): string {
  try {
    const path = atob(base64);
    return /^\/[\x20-\x7e]{1,400}$/.test(path) ? path : '';
  } catch {
    return '';
  }
}
