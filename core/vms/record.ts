// What a node knows about one VM: what is on disk, in rows for watchers, and printed by `vm info`. Owns its shape alone.
import type { VmConfig } from './config.ts';
import type { VmState } from './states.ts';

/** One NIC of a VM that exists. */
export interface VmNet {
  /** Alias of its VLAN as shown, such as `alpha` or `other//alpha`; empty for a number without one. */
  readonly alias: string;
  /** -1: disconnected. */
  readonly vlan: number;
  /** Empty while disconnected. */
  readonly bridge: string;
  readonly tap: string;
  readonly mac: string;
  readonly driver: string;
  readonly qinq: boolean;
  /** Empty until an address was seen. */
  readonly ip4: string;
  readonly ip6: string;
  /** As `qos` prints it; empty for none. */
  readonly qos: string;
  /** Spec it was made from. */
  readonly raw: string;
}

export interface HotplugDisk {
  /** Counts from 0 for each VM. */
  readonly id: number;
  readonly path: string;
  /** USB version: `1.1` or `2.0`. */
  readonly version: string;
}

export type Accelerator = 'kvm' | 'tcg';

export interface VmRecord {
  /** Per node, never given twice. Folders, sockets and units are named by it. */
  readonly id: number;
  readonly name: string;
  readonly namespace: string;
  /** Name of its node. */
  readonly host: string;
  /** Never empty, unlike the configuration's. */
  readonly uuid: string;
  readonly config: VmConfig;
  readonly state: VmState;
  /** Why it is PAUSED, QUIT, ERROR or LOST, where nobody asked for it; empty otherwise. */
  readonly reason: string;
  readonly launchedAtMs: number;
  /** 0 while no QEMU runs. */
  readonly pid: number;
  readonly nets: readonly VmNet[];
  readonly hotplug: readonly HotplugDisk[];
  /** Null before its first start. */
  readonly accelerator: Accelerator | null;
}
