// What brings the bridge up at boot where its owner cannot: our own unit with its script. Unlike rc.local it has status,
// ordering, time-outs and a log (`journalctl -u meshdeck-bridge-up`).
import type { NicFacts } from '../observe/facts.ts';
import { managedFlag } from '../observe/namers.ts';

/** Our boot unit: brings up Open vSwitch's part, and the addresses too where no owner does. */
export const bridgeUnit = 'meshdeck-bridge-up.service';
export const bridgeUnitFile = `/etc/systemd/system/${bridgeUnit}`;
/** What it runs. Removing meshd leaves it. */
export const bridgeScript = '/usr/local/lib/meshdeck/bridge-up';
/** dhclient's own: it takes no client identifier as an argument. Below /etc/dhcp, where AppArmor lets it read. */
export const clientConfigOf = (bridge: string) => `/etc/dhcp/meshdeck-${bridge}.conf`;

/**
 * Without Open vSwitch in the kernel, the kernel's own stack also hears the uplink, and would answer for the bridge's addresses
 * a second time. The datapath reads before this hook.
 */
export function kernelShutOut(uplink: string): string {
  return (
    `add table netdev meshdeck_bridge; add chain netdev meshdeck_bridge uplink ` +
    `{ type filter hook ingress device "${uplink}" priority -500; policy drop; }`
  );
}

export interface BootPlan {
  readonly bridge: string;
  readonly uplink: string;
  readonly mac: string;
  readonly mtu: number;
  readonly datapath: 'system' | 'netdev';
  /** `owner`: another program sets them. */
  readonly addresses: 'dhcp' | 'static' | 'owner';
  readonly dhcpClientId: string;
  /** Has them now; only what is static is written down. */
  readonly carrier: NicFacts;
  /** Name servers for systemd-resolved, which knows them by interface. */
  readonly linkDns: readonly string[];
}

export function describeBootUnit({ bridge, uplink }: BootPlan): string {
  return `# Written by Meshdeck; taking the bridge away takes this away.
[Unit]
Description=Meshdeck: ${bridge} with ${uplink}
DefaultDependencies=no
Wants=ovs-vswitchd.service network.target
After=local-fs.target network-pre.target systemd-sysctl.service ovs-vswitchd.service meshdeck-bridge-guard.service
Before=network.target network-online.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists=${bridgeScript}

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=150
# The DHCP client that it starts outlives it.
KillMode=process
ExecStart=/bin/sh ${bridgeScript}

[Install]
WantedBy=multi-user.target network-online.target
`;
}

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** The words of a route that a person may have typed. The kernel or a DHCP client makes its own again. */
function staticRoutes({ carrier: { routes }, bridge, uplink, addresses }: BootPlan): string[] {
  return (
    routes
      .filter(({ text }) => !/ proto (kernel|dhcp|ra|redirect)( |$)/.test(text) && !text.startsWith('fe80::/'))
      // dhclient does not mark its own.
      .filter(({ text }) => addresses === 'static' || !text.startsWith('default ') || text.includes(' proto static'))
      .filter(({ text }) => (text.match(/ dev /g) ?? []).length === 1)
      .map(({ family, text }) => {
        const words = text.split(' ').filter((word) => !/^(linkdown|dead|offload|trap|onlink_)$/.test(word));
        const at = words.indexOf('dev') + 1;
        if (words[at] === uplink) words[at] = bridge;
        return `limit 5 ip -${family} route replace ${words.map(quote).join(' ')}`;
      })
  );
}

export function describeBootScript(plan: BootPlan): string {
  const { bridge, uplink, mac, mtu, datapath, addresses, carrier } = plan;
  const isStatic = (flags: readonly string[]) =>
    !flags.some((flag) => ['dynamic', 'mngtmpaddr', 'temporary', managedFlag].includes(flag));
  // Without a mark on any address, nothing shows which one is leased: the client brings it.
  const isLeaseMarked =
    addresses === 'static' || carrier.addresses.some(({ family, flags }) => family === 4 && !isStatic(flags));
  const given = carrier.addresses
    .filter(({ scope, flags, family }) => scope === 'global' && isStatic(flags) && (isLeaseMarked || family === 6))
    .map(
      ({ family, address }) =>
        `limit 5 ip address replace ${quote(address)} ${family === 4 ? 'broadcast + ' : 'nodad '}dev "$bridge"`,
    );
  const routes = staticRoutes(plan);
  const leases = (name: string) => `/var/lib/dhcp/dhclient.${name}.leases`;
  const config = plan.dhcpClientId === '' ? ' -i' : ` -cf ${clientConfigOf(bridge)}`;
  const parts = [
    `#!/bin/sh
# Written by Meshdeck, and run at boot by ${bridgeUnit}. Running it again changes nothing that is right.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
bridge=${quote(bridge)}
uplink=${quote(uplink)}
mac=${quote(mac)}
datapath=${datapath}
addresses=${addresses}
limit() { timeout -k 1 "$@"; }

seconds=0
until [ -d "/sys/class/net/$uplink" ]; do
	seconds=$((seconds + 1))
	[ "$seconds" -le 60 ] || { echo "there is no $uplink" >&2; exit 1; }
	sleep 1
done
limit 5 ip link set dev "$uplink" mtu ${Math.round(mtu)}
limit 5 ip link set dev "$uplink" up
limit 62 ovs-vsctl --timeout=60 -- --may-exist add-br "$bridge" \\
	-- set bridge "$bridge" datapath_type=${datapath} fail_mode=standalone "other_config:hwaddr=\\"$mac\\"" \\
	external_ids:meshdeck-owner=meshdeck "external_ids:meshdeck-uplink=$uplink" \\
	-- --may-exist add-port "$bridge" "$uplink" || exit 1
`,
    ...(datapath === 'netdev'
      ? [
          `# The kernel's own stack hears the uplink too, and would answer a second time.\nlimit 5 nft ${quote(kernelShutOut(uplink))}\n`,
        ]
      : []),
    ...(addresses === 'owner'
      ? []
      : [
          `limit 5 ip address flush dev "$uplink"\nlimit 5 ip link set dev "$bridge" up\n`,
          ...given.map((line) => `${line}\n`),
        ]),
    ...(addresses === 'dhcp'
      ? [
          `
# Its identity stands in the lease file: with another one it would ask for another address.
mkdir -p /var/lib/dhcp
[ -s ${leases(bridge)} ] || [ ! -s ${leases(uplink)} ] ||
	sed "s/interface \\"$uplink\\"/interface \\"$bridge\\"/" ${leases(uplink)} >${leases(bridge)}
if [ ! -s "/run/dhclient.$bridge.pid" ] || ! kill -0 "$(cat "/run/dhclient.$bridge.pid")" 2>/dev/null; then
	limit 20 dhclient -4 -nw${config} -pf "/run/dhclient.$bridge.pid" -lf ${leases(bridge)} "$bridge"
fi
seconds=0
until ip -o -4 address show dev "$bridge" | grep -q inet; do
	seconds=$((seconds + 1))
	[ "$seconds" -le 60 ] || { echo "no lease yet: the client keeps asking" >&2; break; }
	sleep 0.5
done
`,
        ]
      : []),
    ...(addresses === 'owner' ? [] : routes.map((line) => `${line}\n`)),
    ...(addresses !== 'owner' && plan.linkDns.length > 0
      ? [`limit 5 resolvectl dns "$bridge" ${plan.linkDns.map(quote).join(' ')}\n`]
      : []),
    'exit 0\n',
  ];
  return parts.join('');
}

export function describeClientConfig(bridge: string, clientId: string): string {
  return `# Written by Meshdeck: the client of ${bridge} asks with the identity that its address was given to.
include "/etc/dhcp/dhclient.conf";
interface "${bridge}" {
  send dhcp-client-identifier ${clientId};
}
`;
}
