// What runs VMs on a node. Owns the interface alone; two adapters implement it and pass hypervisor-compliance.ts: QEMU on this Linux machine
// (linux-hypervisor.ts), and one in memory for simulated nodes and tests (memory-hypervisor.ts).
//
// INVARIANTS: a VM that runs stays, whatever becomes of the process that started it; `adopt` finds it again. `remove` alone deletes anything.
import type { Duplex } from 'node:stream';
import type { VmConfig } from '../../core/vms/config.ts';
import type { QemuCatalogue } from '../../core/vms/config-fields.ts';
import type { QemuMachine, QemuNic } from '../../core/vms/qemu-args.ts';
import type { Accelerator } from '../../core/vms/record.ts';
import type { ProcessIdentity } from '../detached.ts';

export interface HypervisorFacts {
  /** Such as `7.2.22`. */
  readonly version: string;
  readonly accelerator: Accelerator;
  /** Why VMs are slow here; empty with KVM. */
  readonly warning: string;
  readonly catalogue: QemuCatalogue;
}

/** How a VM that runs is found again: goes into its record. */
export interface Instance {
  readonly id: number;
  readonly uuid: string;
  readonly process: ProcessIdentity;
}

/** A VM as QEMU has it. The states are those of core/vms/states.ts that a process can have. */
export interface VmStatus {
  readonly state: 'BUILDING' | 'RUNNING' | 'PAUSED' | 'QUIT';
  /** Why, where nobody asked for it: `io-error: …` beside PAUSED; how QEMU ended beside QUIT. Empty otherwise. */
  readonly reason: string;
}

export interface LaunchRequest {
  /** Without what the adapter decides. `disks` are images with their formats; with `config.snapshot` each gets an overlay. */
  readonly machine: Omit<QemuMachine, 'accelerator' | 'folder'>;
  /** A hugetlbfs for its memory; none unless given. */
  readonly hugepages?: string;
  /** Files that it reads beside those of its configuration: backing files of its disks. */
  readonly reads?: readonly string[];
}

/** A USB disk that can be read. minimega's can be written, and then belongs to one VM. */
export interface UsbDisk {
  readonly id: number;
  /** Absolute, below -filepath. */
  readonly path: string;
  readonly format: string;
  readonly version: '1.1' | '2.0';
}

/** What a VM wrote to a disk, in the format qcow2: the image below it is another file. */
export interface OverlayFile {
  readonly bytes: number;
  /** Fewer bytes than asked for at its end. */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** One VM with a QEMU. Every call has a deadline. @throws AppError `refused` once it has ended, and what Qmp.command throws */
export interface RunningVm {
  readonly instance: Instance;
  readonly status: VmStatus;
  /** Calls `listener` after each change of `status`, until the returned function is called. */
  onStatus(listener: (status: VmStatus) => void): () => void;
  /** Processors run; settles when they do. Also after an io-error, when there is room again. */
  resume(): Promise<void>;
  pause(): Promise<void>;
  /** Ends QEMU; settles when the process is gone. */
  kill(): Promise<void>;
  /** Presses the power button (ACPI). False: the guest did not follow within `timeoutMs`, and the VM runs as before. */
  powerDown(timeoutMs: number): Promise<boolean>;
  /** As the reset button: the guest is not asked. */
  reset(): Promise<void>;
  /** The screen as PNG, neither side above `maxSide` pixels; null for its own size. */
  screenshot(maxSide: number | null): Promise<Buffer>;
  /** A connection to its screen, as a VNC client has one (RFC 6143, without a password). Up to 32 may have it at a time. */
  openScreen(): Promise<Duplex>;
  /**
   * The connection to a serial port, from 0 up: bytes both ways. @throws AppError `not-found` for a port that it has not, `conflict` while somebody
   * else has it, since QEMU takes one at a time
   */
  openSerial(port: number): Promise<Duplex>;
  /** Puts an ISO into the CD drive. @throws AppError `failed` when the guest locked it and `force` is false */
  changeCdrom(path: string, options: { force: boolean }): Promise<void>;
  ejectCdrom(options: { force: boolean }): Promise<void>;
  addUsbDisk(disk: UsbDisk): Promise<void>;
  removeUsbDisk(id: number): Promise<void>;
  /** Adds the NIC at this position of the VM's list. */
  addNic(nic: QemuNic, index: number): Promise<void>;
  /**
   * Takes the NIC at this position out and puts it in again: its tap was removed and made again, and QEMU holds the one that is gone.
   * The guest sees its device go and come. @throws AppError `timeout` when it does not let go of it
   */
  replugNic(nic: QemuNic, index: number): Promise<void>;
  /** Carrier of a NIC: off while it is connected to no VLAN. */
  setLink(index: number, isUp: boolean): Promise<void>;
  /** A command of QMP as minimega's `vm qmp` takes it; the JSON text of its answer, `{"return":…}` or `{"error":…}`. */
  qmp(command: { readonly execute: string; readonly arguments?: Readonly<Record<string, unknown>> }): Promise<string>;
  /** A line of QEMU's human monitor; what it printed. */
  monitor(line: string): Promise<string>;
  /**
   * Hands on memory and devices, piece by piece, as a launch with `config.state` reads them. The VM must stand still. After it all that the guest wrote
   * is in its disks, and `resume` continues. A second save without `resume` between lets the guest run for some milliseconds first. @throws AppError `cancelled` by the signal, `failed` with QEMU's words or what `write` threw; it stands still as before
   */
  saveState(write: (piece: Buffer) => Promise<void>, options: { readonly signal: AbortSignal }): Promise<void>;
  /** How far `saveState` is, 0 to 100. */
  savedPercent(): Promise<number>;
  /** Lets go of the VM, which keeps running. */
  close(): void;
}

export interface Hypervisor {
  /** What QEMU here is and can do. Asked once for each QEMU and kernel, then remembered. @throws AppError `failed` without a QEMU that runs */
  facts(): Promise<HypervisorFacts>;
  /** User that runs the VM with this id: its taps must belong to it. Null: the user of this process. */
  userOf(id: number): number | null;
  /** Where the sockets of the VM with this id are. */
  folderOf(id: number): string;
  /**
   * Starts a VM, its processors paused. @throws AppError `invalid` before anything is made; `failed` with QEMU's words as soon as it dies, and
   * then no process is left
   */
  launch(request: LaunchRequest): Promise<RunningVm>;
  /** The VM with this instance and configuration if exactly that process still runs; null when it has ended. @throws AppError `conflict` */
  adopt(instance: Instance, config: VmConfig): Promise<RunningVm | null>;
  /**
   * Ends a QEMU of the VM with this id that nobody has: the daemon that started it died before it wrote down which process that is. Does
   * nothing without one. @throws AppError `conflict` while this object has it running, `timeout` when it does not end
   */
  endStray(id: number): Promise<void>;
  /** The overlay of a disk of a VM with `config.snapshot`. @throws AppError `not-found` without one, `invalid` for anything but a regular file */
  openOverlay(id: number, disk: number): Promise<OverlayFile>;
  /** Why the QEMU of a VM that has ended did so, as far as its log says: its last lines; empty for none. */
  lastWords(id: number): Promise<string>;
  /** Deletes the folder of a VM that has ended, with its overlays and sockets. @throws AppError `conflict` while this object has it running */
  remove(id: number): Promise<void>;
}
