// What one look at a node tells about its NICs, their owner and its bridges: the input of verdict and plan. Types only; the
// script that looks and the parser of what it prints are in observe.ts.

/** Who configures a NIC, found by asking each: `netplan` only names its renderer's work, so the renderer is the owner. */
export type NicOwner = 'ifupdown' | 'ifupdown2' | 'networkmanager' | 'networkd' | 'ifcfg' | 'none';

/** Which interfaces a dhcpcd that runs for all of them takes: patterns of dhcpcd.conf(5). */
export interface DhcpcdForAll {
  /** Empty for all. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** One address as `ip -o address` prints it. */
export interface NicAddress {
  readonly family: 4 | 6;
  /** `10.0.0.5/24`. */
  readonly address: string;
  readonly scope: 'global' | 'link' | 'host' | 'site';
  /** Words such as `dynamic`, `mngtmpaddr`, `noprefixroute`, `temporary`, `deprecated`. */
  readonly flags: readonly string[];
  /** Seconds; null is for ever. */
  readonly validSeconds: number | null;
}

export interface NicFacts {
  readonly name: string;
  /** Other names that the kernel knows it by, such as `enp1s0`. */
  readonly altNames: readonly string[];
  readonly mac: string;
  readonly mtu: number;
  readonly hasCarrier: boolean;
  /** `ethernet`, `wifi`, `bond`, `vlan`, `bridge`, `team`, `macvlan`, `internal` (of Open vSwitch), `virtual`, `other`. */
  readonly kind: string;
  /** For a VLAN sub-interface or macvlan: the NIC below it; empty otherwise. */
  readonly lower: string;
  /** VLAN sub-interfaces, macvlans and the like on top of it. */
  readonly uppers: readonly string[];
  /** Linux bridge, bond or team that it belongs to; empty for none. */
  readonly master: string;
  /** Open vSwitch bridge that it is a port of; empty for none. */
  readonly ovsBridge: string;
  readonly owner: NicOwner;
  /** The .network file that systemd-networkd applies to it; empty for other owners. */
  readonly networkFile: string;
  /** `renderer: networkd` of netplan, and the file that names the NIC; null without netplan. */
  readonly netplan: { readonly renderer: string; readonly file: string } | null;
  readonly addresses: readonly NicAddress[];
  /** Lines of `ip route show table all` that name it, without `table local`, each with its family. */
  readonly routes: readonly { readonly family: 4 | 6; readonly text: string }[];
  /** Which client holds its lease. */
  readonly dhcp: 'dhclient' | 'networkd' | 'networkmanager' | 'dhcpcd' | 'udhcpc' | 'none';
  /** Client programs that run for it, such as one for each family. */
  readonly dhcpPrograms: number;
  /** Client identifier that the lease was asked with, where it is fixed; empty for the client's default. */
  readonly dhcpClientId: string;
  readonly ipv6Mode: 'none' | 'eui64' | 'stable-privacy' | 'static';
  /** XDP programs, tc filters, firewall rules or zones that name it, in words; each a warning. */
  readonly entanglements: readonly string[];
  /** Name servers that systemd-resolved asks for it; with other resolvers they belong to no NIC. */
  readonly dnsServers: readonly string[];
  /** Ethernet address and name that its switch port sends by LLDP; empty when unknown. */
  readonly lldp: string;
}

export interface OvsBridgeFacts {
  readonly name: string;
  /** All ports but the bridge's own. */
  readonly ports: readonly string[];
  readonly datapathType: string;
  readonly failMode: string;
  readonly hwaddr: string;
  /** `external_ids`, ours begin with `meshdeck-`. */
  readonly externalIds: Readonly<Record<string, string>>;
  /** Ports with `other_config:transient=true`. */
  readonly transientPorts: readonly string[];
  /** Interfaces with an error column, as `port: text`. */
  readonly errors: readonly string[];
}

/** A configuration file that a plan may change, as it is now. A file that is not listed does not exist. */
export interface FileFacts {
  readonly path: string;
  /** Where a symbolic link leads: writes go there. */
  readonly realPath?: string;
  /** Text; null when it is withheld, since it holds a secret or is larger than 64 KiB. */
  readonly content: string | null;
  /** Octal, such as `644`. */
  readonly mode: string;
  readonly sha256: string;
}

/** A network file, or a folder of such files, that another program writes: its head says so, or that program's own text. */
export interface RegeneratedFile {
  readonly path: string;
  /** In words. */
  readonly program: string;
  /** At each boot; otherwise when that program runs. */
  readonly isAtBoot: boolean;
  /** What ends it. */
  readonly mend: string;
}

/** `path` is a file, or a folder that is written as a whole. */
export const isWithin = (file: string, path: string) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`);

/** A program beside the owner that names a NIC. */
export interface NicNamer {
  readonly nic: string;
  /** Its name, or the file where that is not known. */
  readonly program: string;
  /** The unit to reload after a change; empty when it is unknown, or there is nothing to reload. */
  readonly unit: string;
  /** Why nothing has to change there; empty when something has to. */
  readonly stays: string;
  /** `/etc/keepalived/keepalived.conf:12: interface eth0`. */
  readonly places: readonly string[];
}

export interface BridgeFacts {
  /** The node's short host name. */
  readonly name: string;
  /** NIC that this SSH connection came in by; empty on the console of the machine itself. */
  readonly ingress: string;
  /** Address that this SSH connection came in at. */
  readonly ingressAddress: string;
  readonly nics: readonly NicFacts[];
  readonly defaultRoutes: readonly {
    readonly family: 4 | 6;
    readonly via: string;
    readonly dev: string;
    readonly metric: number;
  }[];
  /** `ip rule` lines that name a device. */
  readonly deviceRules: readonly string[];
  readonly dnsServers: readonly string[];
  /** `file`, `systemd-resolved`, `resolvconf`. */
  readonly resolver: string;
  readonly ovs: {
    readonly version: string;
    readonly isDatabaseUp: boolean;
    readonly isSwitchUp: boolean;
    readonly hasKernelModule: boolean;
    readonly bridges: readonly OvsBridgeFacts[];
  };
  readonly hasSystemd: boolean;
  readonly systemdVersion: number;
  readonly hasNft: boolean;
  readonly hasIfupdownHook: boolean;
  /** A dhcpcd that runs for all interfaces, and which it takes; null without one. */
  readonly dhcpcdForAll: DhcpcdForAll | null;
  /** Clients that could hold the bridge's lease. */
  readonly dhcpClients: readonly ('dhclient' | 'networkd')[];
  /** Free bytes below /var/lib and /etc. */
  readonly diskBytes: number;
  /** Root file system on the network: `nfs`, `iscsi`; empty for a disk. */
  readonly networkRoot: string;
  /** Interfaces that its servers are reached by; empty when that is not known. */
  readonly networkRootOver: readonly string[];
  /** `kvm`, `vmware`, `none` …, as systemd-detect-virt says. */
  readonly virtualisation: string;
  readonly hasBmc: boolean;
  /** Another NIC with a global address and carrier. */
  readonly otherPaths: readonly string[];
  /** Pairs of interfaces where one was heard on the other's wire. Needs link-local addresses; empty proves nothing. */
  readonly sameSegment: readonly (readonly [string, string])[];
  /** Open checkpoints of NetworkManager; other admins'. */
  readonly nmCheckpoints: number;
  /** A Proxmox VE node, which deletes OVSDB at boot. */
  readonly isProxmox: boolean;
  /** VMs (QEMU processes) with a tap in a bridge, by bridge. */
  readonly taps: Readonly<Record<string, readonly string[]>>;
  /** All VMs (QEMU processes) by name, with a tap or without. */
  readonly vms: readonly string[];
  /** Who is logged in at a terminal: `alice on pts/0`. */
  readonly users: readonly string[];
  /** What ifupdown itself says that it would do at boot; null where it is not installed. */
  readonly ifupdown: IfupdownWords | null;
  /** Configuration files that persistence may touch: /etc/network/interfaces, its drop-ins, networkd and NM files, … */
  readonly files: readonly FileFacts[];
  readonly regenerated: readonly RegeneratedFile[];
  readonly namers: readonly NicNamer[];
  /** What these files were before the bridge, as the last commit recorded it; a null content: there was no such file. */
  readonly originals: readonly { readonly path: string; readonly content: string | null; readonly mode: string }[];
  /** The transaction under way or left over; null for none. */
  readonly transaction: TransactionMark | null;
  /** The last commit; null when we never committed a bridge. */
  readonly committed: CommittedBridge | null;
  /** No transaction began or ended during the look. */
  readonly isSettled: boolean;
  /** Alarms of this look that no second look has confirmed. */
  readonly unconfirmed: readonly string[];
  /** How the node differs from `committed` now, in words. */
  readonly drift: readonly string[];
  /** Reasons against a reboot: where the next boot would differ from what runs. Empty is reboot-safe; null without a bridge. */
  readonly rebootDoubts: readonly string[] | null;
}

/** The node's own ifupdown has the last word about its files. Keys are interfaces, or labels such as `eth0:1`. */
export interface IfupdownWords {
  /** What `ifquery` prints, `address: 10.0.0.5` and the like; only of those that it knows. */
  readonly queries: Readonly<Record<string, string>>;
  /** The commands that `ifup --no-act` prints: what it would run. */
  readonly runs: Readonly<Record<string, string>>;
}

export interface TransactionMark {
  readonly id: string;
  readonly state: TransactionState;
  /** Since it came into this state. */
  readonly ageSeconds: number;
  /** It has been on trial for longer than its plan allows. */
  readonly isPastCap: boolean;
  readonly holder: string;
  /** Its timer is loaded in PID 1. */
  readonly isArmed: boolean;
  /** Its state did not change during the look. Otherwise the look proves nothing. */
  readonly isSteady: boolean;
  /** A program that takes it out of this state is running. */
  readonly isAtWork: boolean;
}

export interface CommittedBridge {
  readonly transaction: string;
  readonly bridge: string;
  readonly uplink: string;
  readonly method: BridgeMethod;
  readonly atMs: number;
}

/** How the bridge comes back at boot: the guide's two ways, and networkd's own files. */
export type BridgeMethod = 'ifupdown' | 'commands' | 'networkd';

/** States of a transaction on its node, in the order of a good one; see docs/bridge.md. */
export const transactionStates = [
  'planned',
  'armed',
  'applied',
  'inside-ok',
  'outside-ok',
  'committing',
  'committed',
  'rolling-back',
  'rolled-back',
  'rollback-failed',
] as const;
export type TransactionState = (typeof transactionStates)[number];
