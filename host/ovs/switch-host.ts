// What a virtual switch needs from the machine it is on: a view of what is there, and changes. Two adapters: Linux with Open
// vSwitch (linux-host.ts), and one in memory (memory-host.ts). What ought to be there is virtual-switch.ts's.
import type { BridgeConfig } from './bridge-config.ts';
import type { BridgeFlow } from './openflow.ts';

/** How a port treats VLAN tags (ovs-vswitchd.conf.db(5), Port, vlan_mode). */
export type PortVlan =
  /** Untagged frames are of this VLAN. A frame that the guest tagged itself is dropped. */
  | { readonly kind: 'access'; readonly tag: number }
  /** QinQ: what the guest sends, tagged or not, travels below this outer tag. */
  | { readonly kind: 'qinq'; readonly tag: number }
  /** Frames keep their tags; empty `tags` for all VLANs. */
  | { readonly kind: 'trunk'; readonly tags: readonly number[] };

/** Same text, same treatment. */
export const describeVlan = (vlan: PortVlan): string =>
  vlan.kind === 'trunk'
    ? ['trunk', ...[...vlan.tags].sort((a, b) => a - b)].join(' ')
    : `${vlan.kind === 'qinq' ? 'QinQ' : 'VLAN'} ${vlan.tag}`;

/** A port whose frames travel to another machine, in UDP or in GRE. */
export interface Tunnel {
  readonly kind: 'vxlan' | 'gre';
  /** IP address of the other end. */
  readonly remote: string;
  /** Both ends have the same; empty for none. */
  readonly key: string;
}

/** Same text, same tunnel; empty for none. */
export const describeTunnel = (tunnel: Tunnel | null | undefined): string =>
  tunnel ? [tunnel.kind, 'to', tunnel.remote, tunnel.key && `key ${tunnel.key}`].filter(Boolean).join(' ') : '';

/** Several interfaces as one port (ovs-vswitchd.conf.db(5), Port, bonding). */
export interface Bond {
  readonly mode: 'active-backup' | 'balance-slb' | 'balance-tcp';
  readonly lacp: 'active' | 'passive' | 'off';
  /** Where the guest speaks no LACP, one of its interfaces carries all. */
  readonly hasFallback: boolean;
}

/** Same text, same bond; empty for none. */
export const describeBond = (bond: Bond | null | undefined): string =>
  bond ? [bond.mode, `LACP ${bond.lacp}`, bond.hasFallback ? '' : 'no fallback'].filter(Boolean).join(', ') : '';

/** `external_ids`; ours begin with `meshdeck-`. */
export type Marks = ReadonlyMap<string, string>;
/** Every row of ours has it, with the cluster's id. */
export const clusterMark = 'meshdeck-cluster';
/** Aliases of our taps begin with it. */
export const aliasStart = 'meshdeck/';

export interface HostBridge {
  readonly name: string;
  /** `netdev` is the userspace datapath, `system` or empty the kernel's. */
  readonly datapath: string;
  readonly marks: Marks;
  readonly ports: readonly string[];
  /** Of the interface of the same name; null while the switch has not made it. */
  readonly mtu: number | null;
  /** No controller and no OpenFlow pipeline of others decides what it forwards, as far as the database says. */
  readonly isStandalone: boolean;
}

export interface HostPort {
  readonly name: string;
  readonly bridge: string;
  /** Null for a mode that we never set. */
  readonly vlan: PortVlan | null;
  readonly tunnel: Tunnel | null;
  /** Its interface is one of the node itself, which the switch makes. */
  readonly isInternal: boolean;
  /** Of a port with several interfaces. */
  readonly bond: Bond | null;
  readonly marks: Marks;
  readonly interfaces: readonly string[];
  /** OpenFlow number; null until the switch has made it, -1 when it could not. Of a bond: the worst of its interfaces. */
  readonly ofport: number | null;
  /** Of each interface. */
  readonly ofports: readonly (number | null)[];
  /**
   * Its interfaces that take frames which are for everybody: of a bond that has agreed with the switch (LACP) all, of another bond the active one, since
   * the switch sends such frames to each of its interfaces. Empty while none does.
   */
  readonly carriers: readonly string[];
  /** Why it could not. */
  readonly error: string;
  /** Of its first interface; null while the switch has not made it. */
  readonly mtu: number | null;
}

/** A mirror (ovs-vswitchd.conf.db(5), Mirror). */
export interface HostMirror {
  readonly name: string;
  readonly bridge: string;
  readonly marks: Marks;
  /** Ports whose frames it copies, in both directions, sorted. */
  readonly sources: readonly string[];
  /** The port that gets them; empty when that is gone. */
  readonly output: string;
}

/** A network interface of the kernel. */
export interface HostLink {
  readonly name: string;
  readonly index: number;
  readonly isUp: boolean;
  /** Of a tap: a program holds it. */
  readonly hasCarrier: boolean;
  /** Who it belongs to (ip-link(8)); empty for none. */
  readonly alias: string;
}

export interface HostView {
  /** Grows with each connection to the database. */
  readonly epoch: number;
  /** Why the database cannot be read, and nothing of it is known; empty when it can. */
  readonly databaseFailure: string;
  /** Why nothing moves on the bridges; empty when the switch runs, or when nobody asked for a bridge yet. */
  readonly switchFailure: string;
  readonly bridges: ReadonlyMap<string, HostBridge>;
  readonly ports: ReadonlyMap<string, HostPort>;
  readonly mirrors: ReadonlyMap<string, HostMirror>;
  /** Names of all interfaces in the database: a name that one has is taken. */
  readonly interfaces: ReadonlySet<string>;
  readonly links: ReadonlyMap<string, HostLink>;
}

export interface NewTap {
  readonly name: string;
  /** The user whose programs may hold it. */
  readonly user: number;
  readonly mtu: number;
  readonly alias: string;
}

export interface NewPort {
  readonly name: string;
  readonly bridge: string;
  readonly vlan: PortVlan;
  readonly marks: Readonly<Record<string, string>>;
  readonly tunnel?: Tunnel;
  /** The switch makes its interface, and the node itself uses it. */
  readonly isInternal?: boolean;
  /** Its interfaces, where they are not one of the port's own name. */
  readonly bond?: Bond & { readonly interfaces: readonly string[] };
}

export interface NewMirror {
  readonly name: string;
  readonly bridge: string;
  /** Ports of this bridge. */
  readonly source: string;
  readonly output: string;
  readonly marks: Readonly<Record<string, string>>;
}

/** What a tap does to frames on their way to its VM. Rate and the rest exclude each other. */
export type Shaping =
  | { readonly kind: 'rate'; readonly bitsPerSecond: number }
  | { readonly kind: 'netem'; readonly lossPercent: string; readonly delayUs: number | null };

export interface NewBridge {
  readonly name: string;
  readonly datapath: 'system' | 'netdev';
  readonly marks: Readonly<Record<string, string>>;
}

/**
 * Applied in this order: bridges and ports in one transaction between the taps that are made and those that go. An adapter
 * decides by what it knows when it sends: ports and interfaces without our mark are not dropped, and never set.
 */
export interface SwitchChange {
  readonly makeTaps: readonly NewTap[];
  /** Taps that exist and are down. */
  readonly raiseTaps: readonly string[];
  readonly makeBridges: readonly NewBridge[];
  /** All settings of a bridge of ours (bridge-config.ts), which may be among those that are made. Others stay as they are. */
  readonly setBridges: readonly { readonly name: string; readonly config: BridgeConfig }[];
  /** Made, or corrected where they exist. */
  readonly setPorts: readonly NewPort[];
  readonly dropPorts: readonly string[];
  /** Made, or corrected where they exist. */
  readonly setMirrors: readonly NewMirror[];
  readonly dropMirrors: readonly string[];
  readonly dropBridges: readonly string[];
  readonly dropTaps: readonly string[];
}

export const noChange: SwitchChange = {
  makeTaps: [],
  raiseTaps: [],
  makeBridges: [],
  setBridges: [],
  setPorts: [],
  dropPorts: [],
  setMirrors: [],
  dropMirrors: [],
  dropBridges: [],
  dropTaps: [],
};

export function mergeChanges(changes: readonly Partial<SwitchChange>[]): SwitchChange {
  const all = <T>(read: (change: Partial<SwitchChange>) => readonly T[] | undefined) =>
    changes.flatMap((change) => read(change) ?? []);
  return {
    makeTaps: all((change) => change.makeTaps),
    raiseTaps: all((change) => change.raiseTaps),
    makeBridges: all((change) => change.makeBridges),
    setBridges: all((change) => change.setBridges),
    setPorts: all((change) => change.setPorts),
    dropPorts: all((change) => change.dropPorts),
    setMirrors: all((change) => change.setMirrors),
    dropMirrors: all((change) => change.dropMirrors),
    dropBridges: all((change) => change.dropBridges),
    dropTaps: all((change) => change.dropTaps),
  };
}

export const isEmptyChange = (change: SwitchChange): boolean =>
  Object.values(change).every((list: readonly unknown[]) => list.length === 0);

/** Bytes and packets as the switch counts them: received from the guest, sent to it. */
export interface PortCounters {
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxPackets: number;
  readonly txPackets: number;
}

/** What a guest says of one of its MACs; empty for what it has not said. */
export interface GuestAddresses {
  readonly ip4: string;
  readonly ip6: string;
}

export interface SwitchEvents {
  /** The view is another one. */
  changed(): void;
  /** A guest behind this tap has said another address. */
  learnt(tap: string): void;
}

/** The NIC on the bridge of VMs, over which they meet those of other nodes. */
export interface Uplink {
  readonly bridge: string;
  /** The interface; of a bond the one that sends, as `eth1 of bond0`. */
  readonly name: string;
  /** OpenFlow number. */
  readonly ofport: number;
  /** OpenFlow numbers that frames arrive by: of a bond there may be several. */
  readonly hears: readonly number[];
  readonly mtu: number;
  /** Null for a mode that we never set. */
  readonly vlan: PortVlan | null;
}

/** Frames of a probe, by what they look like from outside. */
export interface ProbeMatch {
  readonly etherType: number;
  readonly sourcePrefix: Uint8Array;
}

export interface ProbeOptions {
  readonly match: ProbeMatch;
  /** What keeps its frames from VMs ends after this time in whole seconds, also if this process does not live to see it. */
  readonly holdMs: number;
  /** Gets each frame that arrives; null to keep frames from VMs and nothing else. */
  readonly onFrame: ((frame: Uint8Array) => void) | null;
  /** After so many no more are taken: they go in circles. */
  readonly framesAtMost: number;
  /** The switch ended while it was needed. */
  readonly onLost: (why: string) => void;
}

export interface ProbePort {
  /** Null where the node lacks one, or nobody asked for it. */
  readonly uplink: Uplink | null;
  /** Why it lacks one; empty otherwise. */
  readonly whyNot: string;
  /** Out of the uplink, as they are. Resolves when the switch has sent them. @throws AppError, and the signal's reason */
  send(
    frames: readonly Uint8Array[],
    options: { readonly perSecond: number; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Ends what the probe needs of the bridges. @throws AppError when that is not certain: it ends on its own */
  close(): Promise<void>;
}

export interface SwitchHost {
  /** Begins to watch. Settles with the first look. */
  start(events: SwitchEvents): Promise<void>;
  stop(): void;
  view(): HostView;
  /** Whether a bridge has it: one is enough, a VM's interface may move to any. Asked for each VM that starts: no whole view is made for that. */
  hasUserspaceDatapath(): boolean;
  /**
   * `waitMs`: how long the switch may take to act on it; 0 to not wait for it. `onWritten`: taps and rows are there, and the switch has not acted yet.
   * @throws AppError `conflict` when a name is taken, `timeout` when the outcome is unknown, `failed` with the reason
   */
  apply(change: SwitchChange, waitMs: number, onWritten?: () => void): Promise<void>;
  /** Of all ports that have this mark. @throws AppError */
  counters(mark: readonly [key: string, value: string]): Promise<Map<string, PortCounters>>;
  /** Of a new bridge on a machine that has none yet. */
  defaultDatapath(): Promise<'system' | 'netdev'>;
  /** What this machine has on an interface, and a bridge would take away: addresses, the default route. @throws AppError */
  addressesOf(link: string): Promise<string[]>;
  /** Takes an interface of the node into use, with this address and prefix length or none. @throws AppError */
  raiseInterface(name: string, address: string): Promise<void>;
  /** Of what a tap sends to its VM; null: as it comes. @throws AppError `refused` when this kernel cannot do it */
  shape(tap: string, shaping: Shaping | null): Promise<void>;
  /** Listens to what guests say of their addresses, behind these taps and no others. Called again after each change of the view. */
  listen(taps: ReadonlySet<string>): void;
  /** What a guest behind this tap said. It can say anything. */
  guestAddresses(tap: string, mac: string): GuestAddresses;
  /** All flows of a bridge with ports of VMs. @throws AppError when it does not answer */
  flows(bridge: string): Promise<readonly BridgeFlow[]>;
  /** The uplink for a probe of VLANs; until it is closed, no VM here sees frames of one. @throws AppError */
  openProbe(options: ProbeOptions): Promise<ProbePort>;
}
