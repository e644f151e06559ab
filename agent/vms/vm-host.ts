// A node as the place of VMs: what a launch, which may run on any node, asks of each host. Owns the interface alone. The node itself
// implements it (node-vms.ts); the others are asked over the mesh (remote-vm-host.ts).
//
// INVARIANTS: a host decides about itself, whatever it said before: `launch` checks again what `survey` found. A name, a UUID or a MAC address that
// one launch holds is taken for all others until `release`, or until the hold's time is over.
import type { VmConfig } from '../../core/vms/config.ts';
import type { PlacementHost } from '../../core/vms/placement.ts';
import type { VmRecord } from '../../core/vms/record.ts';

/** One VM as a launch planned it: complete, so that the host asks nobody. */
export interface PlannedVm {
  readonly name: string;
  /** Never empty. */
  readonly uuid: string;
  /** With the MAC address of each NIC, and file names as the user gave them. */
  readonly config: VmConfig;
  /** By NIC: number of its VLAN, -1 for none, and the alias as `vm info` shows it. */
  readonly vlans: readonly { readonly vlan: number; readonly alias: string }[];
}

export interface SurveyRequest {
  readonly namespace: string;
  /** What the configurations name: their files, and what only a host's QEMU knows. */
  readonly configs: readonly VmConfig[];
}

export interface Survey {
  readonly host: PlacementHost;
  /** Names, UUIDs and MAC addresses that are taken here: VMs of the namespace, and holds of other launches. MAC addresses: of all namespaces. */
  readonly taken: {
    readonly names: readonly string[];
    readonly uuids: readonly string[];
    readonly macs: readonly string[];
  };
  /** Files that this host lacks, with their backing files, which a launch fetches; and bytes of them. */
  readonly missing: readonly { readonly name: string; readonly bytes: number }[];
  /** Why a configuration cannot run here, by its position; empty when all can. Such as a CPU that QEMU lacks, or a file that no node has. */
  readonly issues: readonly { readonly config: number; readonly text: string }[];
  /** Why VMs are slow here; empty with KVM. */
  readonly warning: string;
}

export interface HoldRequest {
  /** Id of the launch, made by its node. */
  readonly launch: string;
  readonly namespace: string;
  /** All VMs of the launch: their names, UUIDs and MAC addresses are held on every host of the namespace. */
  readonly vms: readonly { readonly name: string; readonly uuid: string; readonly macs: readonly string[] }[];
  /** Those that this host will run: memory and number count against its limits while they are held. */
  readonly here: readonly {
    readonly name: string;
    readonly vcpus: number;
    readonly memoryMb: number;
    readonly nets: number;
  }[];
}

export interface LaunchRequest {
  readonly launch: string;
  readonly namespace: string;
  readonly vms: readonly PlannedVm[];
}

/** How one VM's launch ended. With an error its record may stay, in the state ERROR with the tag `error`; `vm` says so. */
export interface Launched {
  readonly name: string;
  /** Null: it is gone without a trace, or the host did not say what became of it, as `error` does. */
  readonly vm: VmRecord | null;
  /** Empty when it is BUILDING as wanted. */
  readonly error: string;
  /** What a person should know, such as an image that was fetched. */
  readonly notes: readonly string[];
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

export interface VmHost {
  /** Name of the node. */
  readonly name: string;
  survey(request: SurveyRequest, options: CallOptions): Promise<Survey>;
  /**
   * Holds for two minutes, again with each call of the same launch, also for what it has made meanwhile.
   * @throws AppError `conflict` with what is taken, by name of the VM in `detail.vms`
   */
  hold(request: HoldRequest, options: CallOptions): Promise<void>;
  release(launch: string): Promise<void>;
  /**
   * Starts VMs, paused (BUILDING), many at a time; one result for each, in their order. Settles when each is in a named state or gone.
   * Calls `onProgress` after each VM, and every few seconds while images are on their way. Aborted: VMs that are not started yet are given up, each with that error.
   */
  launch(
    request: LaunchRequest,
    options: CallOptions & { readonly onProgress?: (done: number, text: string) => void },
  ): Promise<readonly Launched[]>;
}
