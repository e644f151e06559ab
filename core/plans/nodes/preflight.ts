// Whether a machine is fit to be a node: what one look at it shows, and what that means. The script changes nothing.
import type { Finding } from '../../../contract/known-nodes.ts';

/**
 * Arguments: mesh port, then names of other nodes to be resolved. Prints \`key=value\` lines for parsePreflight. The KVM
 * check starts an empty guest for half a second: /dev/kvm may be there and refuse.
 */
export const preflightScript = `
say() { printf '%s=%s\\n' "$1" "$2"; }
port=$1
shift
name=$(uname -n)
say name "\${name%%.*}"
say machine "$(uname -m)"
say epoch "$(date +%s.%N)"
if [ -r /etc/os-release ]; then . /etc/os-release; say os "$PRETTY_NAME"; say os_id "$ID"; fi
say kernel "$(uname -r)"
say cpus "$(getconf _NPROCESSORS_ONLN)"
grep -qwE 'vmx|svm' /proc/cpuinfo && say virtualisation yes
say memory_kb "$(sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo)"
free() { set -- "$1" $(df -Pk "$2" 2>/dev/null | tail -n1); say "$1" "$5"; }
free disk_state_kb /var/lib
free disk_tree_kb /opt
[ -d /run/systemd/system ] && say systemd yes
command -v apt-get >/dev/null 2>&1 && say apt yes
qemu=$(command -v "qemu-system-$(uname -m)" || command -v kvm)
if [ -n "$qemu" ]; then
  say qemu "$("$qemu" --version 2>/dev/null | head -n1)"
  if [ -e /dev/kvm ]; then
    said=$({ sleep 0.5; echo 'info status'; sleep 0.2; echo quit; } |
      timeout 10 "$qemu" -accel kvm -m 32 -nodefaults -display none -monitor stdio 2>&1 | tr '\\r\\n' '  ')
    case $said in *'VM status: running'*) say kvm works ;; *) say kvm "$said" ;; esac
  fi
fi
[ -e /dev/kvm ] && say kvm_device yes
if command -v ovs-vsctl >/dev/null 2>&1; then
  say ovs "$(ovs-vsctl --version | head -n1)"
  ovs-vsctl --timeout=5 show >/dev/null 2>&1 && say ovs_running yes
fi
if [ -d /sys/module/openvswitch ] || modinfo openvswitch >/dev/null 2>&1; then say datapath kernel; else say datapath userspace; fi
command -v dnsmasq >/dev/null 2>&1 && say dnsmasq yes
command -v tcpdump >/dev/null 2>&1 && say tcpdump yes
# The NIC that the console comes in on is the one that the bridge plan takes; a closed network has no default route.
came=$(printf '%s' "\${SSH_CONNECTION:-}" | cut -d' ' -f3)
nic=
[ -z "$came" ] || nic=$(ip -o address show to "$came" 2>/dev/null | sed -n 's/^[0-9]*: *\\([^ @]*\\).*/\\1/p' | head -n1)
[ -n "$nic" ] || nic=$(ip -o route show default 2>/dev/null | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n1)
say nic "$nic"
if [ -n "$nic" ]; then
  owner=
  if command -v nmcli >/dev/null 2>&1 && nmcli -t -f DEVICE,STATE device 2>/dev/null | grep -q "^$nic:connected"; then owner=NetworkManager; fi
  [ -n "$owner" ] || ! networkctl --no-pager list "$nic" 2>/dev/null | grep -qE '(configured|configuring)' || owner=systemd-networkd
  [ -n "$owner" ] || ! cat /etc/network/interfaces /etc/network/interfaces.d/* 2>/dev/null |
    grep -qE "^[[:space:]]*iface[[:space:]]+$nic[[:space:]]" || owner=ifupdown
  [ -n "$owner" ] || ! ls /etc/netplan/*.y*ml >/dev/null 2>&1 || owner=netplan
  say nic_owner "$owner"
fi
say port_user "$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:((\\"\\([^\\"]*\\)\\".*/\\1/p' | head -n1)"
[ -z "$(ss -Hltn "sport = :$port" 2>/dev/null)" ] || say port_busy yes
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -d /run/sshd ] || mkdir -p /run/sshd 2>/dev/null
from=\${SSH_CONNECTION:-127.0.0.1}
say max_sessions "$("$sshd" -T -C "user=root,host=localhost,addr=\${from%% *}" 2>/dev/null | sed -n 's/^maxsessions //p')"
for other in "$@"; do getent hosts "$other" >/dev/null 2>&1 || say unresolved "$other"; done
exit 0
`;

export interface PreflightFacts {
  readonly name: string;
  readonly machine: string;
  readonly os: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly hasVirtualisation: boolean;
  /** `works`, or what QEMU said; empty when it was not tried. */
  readonly kvm: string;
  readonly hasKvmDevice: boolean;
  readonly qemu: string;
  readonly openVswitch: string;
  readonly hasDnsmasq: boolean;
  readonly hasTcpdump: boolean;
  readonly isOpenVswitchRunning: boolean;
  readonly datapath: 'kernel' | 'userspace';
  readonly diskStateBytes: number;
  readonly diskTreeBytes: number;
  readonly hasSystemd: boolean;
  readonly hasApt: boolean;
  readonly nic: string;
  readonly nicOwner: string;
  readonly isPortBusy: boolean;
  readonly portUser: string;
  readonly unresolvedNames: readonly string[];
  /** Sessions that sshd allows on one connection; null where it does not say. */
  readonly maxSessions: number | null;
  /** Its clock, ms since 1970. */
  readonly clockMs: number;
}

export function parsePreflight(text: string): PreflightFacts {
  const values = new Map<string, string>();
  const unresolvedNames: string[] = [];
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at < 1) continue;
    const value = line.slice(at + 1).trim();
    if (line.slice(0, at) === 'unresolved') unresolvedNames.push(value.slice(0, 253));
    else values.set(line.slice(0, at), value);
  }
  // What a node reports is shown to people: bounded here, and never taken for markup.
  const value = (key: string) => (values.get(key) ?? '').slice(0, 300);
  return {
    name: value('name'),
    machine: value('machine'),
    os: value('os'),
    kernel: value('kernel'),
    cpus: Number(value('cpus')) || 0,
    memoryBytes: (Number(value('memory_kb')) || 0) * 1024,
    hasVirtualisation: value('virtualisation') === 'yes',
    kvm: value('kvm'),
    hasKvmDevice: value('kvm_device') === 'yes',
    qemu: value('qemu'),
    openVswitch: value('ovs'),
    hasDnsmasq: value('dnsmasq') === 'yes',
    hasTcpdump: value('tcpdump') === 'yes',
    isOpenVswitchRunning: value('ovs_running') === 'yes',
    datapath: value('datapath') === 'kernel' ? 'kernel' : 'userspace',
    diskStateBytes: (Number(value('disk_state_kb')) || 0) * 1024,
    diskTreeBytes: (Number(value('disk_tree_kb')) || 0) * 1024,
    hasSystemd: value('systemd') === 'yes',
    hasApt: value('apt') === 'yes',
    nic: value('nic'),
    nicOwner: value('nic_owner'),
    isPortBusy: value('port_busy') === 'yes',
    portUser: value('port_user'),
    unresolvedNames: unresolvedNames.slice(0, 64),
    maxSessions: /^\d+$/.test(value('max_sessions')) ? Number(value('max_sessions')) : null,
    clockMs: (Number(value('epoch')) || 0) * 1000,
  };
}

/** Packages that a node wants; what each is for. */
export const nodePackages = ['openvswitch-switch', 'qemu-system-x86', 'qemu-utils', 'dnsmasq-base', 'tcpdump'] as const;

const install = 'apt-get install ';

/** Which of these packages are missing, according to the findings' advice. */
export function missingPackages(findings: readonly Finding[]): string[] {
  const asked = findings.flatMap(({ mend }) => (mend.startsWith(install) ? mend.slice(install.length).split(' ') : []));
  return nodePackages.filter((name) => asked.includes(name));
}

/** Skew that certificates forgive easily; logs of several nodes are hard to read long before. */
const maxSkewMs = 2_000;
const wantedDiskBytes = 1e9;

/** What the facts mean, in the order that people check them. `askedAtMs`: the console's clock when the node was asked. */
export function judgePreflight(facts: PreflightFacts, context: { askedAtMs: number; meshPort: number }): Finding[] {
  const findings: Finding[] = [];
  const add = (id: string, level: Finding['level'], text: string, mend = '') => {
    findings.push({ id, level, text, mend });
  };
  add(
    'os',
    facts.hasSystemd ? 'ok' : 'fail',
    `${facts.os || 'unknown system'}, kernel ${facts.kernel}`,
    facts.hasSystemd ? '' : 'meshd runs as a systemd service: use a system with systemd',
  );
  add('cpu', 'ok', `${facts.cpus} CPUs, ${facts.machine}`);
  if (facts.kvm === 'works') add('kvm', 'ok', 'KVM starts a guest');
  else if (facts.hasKvmDevice && facts.qemu !== '')
    add(
      'kvm',
      'warn',
      `/dev/kvm is there, and QEMU starts no guest with it: ${facts.kvm}`,
      'look at dmesg; VMs run without KVM, many times slower',
    );
  else if (facts.hasKvmDevice) add('kvm', 'ok', '/dev/kvm is there; a guest was not tried, since QEMU is missing');
  else if (facts.hasVirtualisation)
    add(
      'kvm',
      'warn',
      'the CPU can virtualise, and there is no /dev/kvm',
      'modprobe kvm_intel || modprobe kvm_amd; if that fails, switch virtualisation on in the firmware',
    );
  else
    add(
      'kvm',
      'warn',
      'the CPU offers no virtualisation: VMs run many times slower',
      'switch VT-x or AMD-V on in the firmware, or nested virtualisation in its hypervisor',
    );
  if (facts.qemu === '') add('qemu', 'warn', 'QEMU is missing: no VMs here', `${install}qemu-system-x86 qemu-utils`);
  else add('qemu', 'ok', facts.qemu);
  if (facts.openVswitch === '')
    add('ovs', 'warn', 'Open vSwitch is missing: no bridge here', `${install}openvswitch-switch`);
  else if (!facts.isOpenVswitchRunning)
    add('ovs', 'warn', 'Open vSwitch does not answer', 'systemctl enable --now openvswitch-switch');
  else add('ovs', 'ok', `${facts.openVswitch}, ${facts.datapath} datapath`);
  if (facts.hasDnsmasq) add('dnsmasq', 'ok', 'dnsmasq is there');
  else add('dnsmasq', 'warn', 'dnsmasq is missing: no DHCP for VMs from here', `${install}dnsmasq-base`);
  if (facts.hasTcpdump) add('tcpdump', 'ok', 'tcpdump is there');
  else add('tcpdump', 'warn', 'tcpdump is missing: no captures of packets here', `${install}tcpdump`);
  if (facts.datapath === 'userspace')
    add(
      'datapath',
      'warn',
      'no openvswitch kernel module: the userspace datapath is used, which is slower',
      'install the module of your kernel (linux-modules-extra on Ubuntu)',
    );
  const disk = Math.min(facts.diskStateBytes, facts.diskTreeBytes);
  if (disk < wantedDiskBytes)
    add(
      'disk',
      disk < 200e6 ? 'fail' : 'warn',
      `${megabytes(disk)} free below /var/lib and /opt`,
      'free some space: meshd itself takes 150 MB, images far more',
    );
  else add('disk', 'ok', `${megabytes(disk)} free`);
  add(
    'memory',
    facts.memoryBytes < 1e9 ? 'warn' : 'ok',
    `${megabytes(facts.memoryBytes)} of memory`,
    facts.memoryBytes < 1e9 ? 'VMs want more' : '',
  );
  const skewMs = facts.clockMs - context.askedAtMs;
  if (Math.abs(skewMs) > maxSkewMs)
    add(
      'clock',
      Math.abs(skewMs) > 12 * 3_600_000 ? 'fail' : 'warn',
      `its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs < 0 ? 'behind' : 'ahead of'} the console's`,
      `${install}systemd-timesyncd, and timedatectl set-ntp true`,
    );
  else add('clock', 'ok', 'its clock agrees with the console');
  if (facts.unresolvedNames.length > 0)
    add(
      'names',
      'warn',
      `it does not resolve ${facts.unresolvedNames.join(', ')}`,
      'add them to DNS, or to /etc/hosts on it; the mesh dials addresses and works without',
    );
  else add('names', 'ok', 'it resolves the other nodes');
  if (facts.nic === '')
    add('nic', 'warn', 'which NIC the console comes in on is unknown', 'choose the NIC in the bridge wizard by hand');
  else
    add(
      'nic',
      facts.nicOwner === 'NetworkManager' ? 'warn' : 'ok',
      `${facts.nic} belongs to ${facts.nicOwner || 'nobody that we know'}`,
      facts.nicOwner === 'NetworkManager' ? 'the bridge wizard takes it out of its hands' : '',
    );
  if (facts.isPortBusy && facts.portUser !== 'node' && facts.portUser !== 'meshd')
    add(
      'port',
      'fail',
      `port ${context.meshPort} is taken${facts.portUser ? ` by ${facts.portUser}` : ''}`,
      facts.portUser === 'minimega'
        ? 'attach the console to that minimega (Attach to minimega), or end it before a deploy'
        : 'end that program, or choose another mesh port',
    );
  else add('port', 'ok', `port ${context.meshPort} is ${facts.isPortBusy ? "meshd's" : 'free'}`);
  if (facts.maxSessions !== null && facts.maxSessions < fewSessions)
    add(
      'sessions',
      facts.maxSessions === 0 ? 'fail' : 'warn',
      facts.maxSessions === 0
        ? 'sshd allows no session (MaxSessions 0): no program can be started here'
        : `sshd allows ${facts.maxSessions} at once on one connection (MaxSessions): further connections are made, or programs wait`,
      'set MaxSessions 10, its default, in its sshd_config',
    );
  return findings;
}

/** What a run uses at once on one connection: the program of a step, its lock's renewal, a relay, a look. */
const fewSessions = 4;

/** What start-up files print before each program, where they do. `found`: the answer of startUpScript. */
export function judgeStartUp(user: string, noise: string, found: string): Finding[] {
  const text = noise.split('\n', 1)[0]?.slice(0, 100) ?? '';
  if (text === '') return [];
  const [, line = '0', file = ''] = /^found (\d+) (\/.+)$/m.exec(found) ?? [];
  const place = file === '' ? `a start-up file of ${user}'s shell` : `${file}${line === '0' ? '' : `, line ${line},`}`;
  return [
    {
      id: 'startup',
      level: 'warn',
      text: `${place} prints ${JSON.stringify(text)} before every program that ${user} starts over SSH`,
      mend: 'scp, rsync and others fail by it: have it print for terminals only ([ -t 1 ] before it)',
    },
  ];
}

function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.floor(bytes / 1e6)} MB`;
}
