// The VMs of this node, as the handlers of `vm …` commands use them: each host of a namespace runs the command itself. Owns the interface alone;
// node-vms.ts implements it, together with VmHost.
import type { VmRecord } from '../../core/vms/record.ts';
import type { Qos } from '../../core/net/qos.ts';
import type { BondSpec } from '../../core/vms/bond-spec.ts';
import type { VmAction } from '../../core/vms/states.ts';
import type { SaveNames, SaveOptions, SaveStatus } from './saving.ts';

/** What an action needs beside the VM. */
export type VmActionArguments =
  | { readonly action: Extract<VmAction, 'start' | 'stop' | 'kill' | 'flush' | 'reboot'> }
  /** Milliseconds that the guest has to follow. */
  | { readonly action: 'shutdown'; readonly deadlineMs: number };

/** What became of one VM that a command meant. */
export interface ActionResult {
  readonly vm: { readonly id: number; readonly name: string };
  /** Empty: done. Otherwise why not; `isSkip`: minimega says this only to who named this one VM. */
  readonly error: string;
  readonly isSkip: boolean;
}

export interface LocalVms {
  /** VMs of this node in a namespace; null: in all. By id. */
  list(namespace: string | null): readonly VmRecord[];
  get(id: number): VmRecord | undefined;
  /** `listener` is called after each change, with the records that changed and the ids that are gone. */
  onChange(listener: (changed: readonly VmRecord[], gone: readonly number[]) => void): () => void;
  /** Acts on VMs side by side, each at most once at a time: a VM that another action has waits its turn. One result for each id. */
  act(
    ids: readonly number[],
    wanted: VmActionArguments,
    options: { readonly signal: AbortSignal; readonly target: 'named' | 'all' },
  ): Promise<readonly ActionResult[]>;
  /** Sets tags; null removes one. */
  tag(id: number, tags: Readonly<Record<string, string | null>>): Promise<void>;
  addNet(id: number, spec: string, options: { readonly signal: AbortSignal }): Promise<void>;
  connectNet(
    id: number,
    index: number,
    vlan: string,
    bridge: string,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
  disconnectNet(id: number, index: number, options: { readonly signal: AbortSignal }): Promise<void>;
  /** What happens to frames on their way to a NIC. @throws AppError `refused` when the kernel cannot do it; it stays as it was then */
  shapeNet(id: number, index: number, change: (before: Qos) => Qos): Promise<void>;
  /** Writes memory and disks of a VM to files; it stands still then. @throws AppError; nothing is saved then */
  save(id: number, names: SaveNames, options: SaveOptions): Promise<void>;
  /** Saves of VMs of a namespace: those that run, and the last one of each. */
  saves(namespace: string): Promise<readonly SaveStatus[]>;
  /** NICs that are on one VLAN of one bridge become one port of it. */
  bondNets(id: number, bond: BondSpec, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Each NIC of a bond is a port again; null: of all bonds. */
  unbondNets(id: number, name: string | null, options: { readonly signal: AbortSignal }): Promise<void>;
  addDisk(id: number, path: string, version: '1.1' | '2.0'): Promise<void>;
  /** Null: all. */
  removeDisk(id: number, disk: number | null): Promise<void>;
  changeCdrom(id: number, path: string | null, options: { readonly force: boolean }): Promise<void>;
  /** PNG. */
  screenshot(id: number, maxSide: number | null): Promise<Buffer>;
  /** JSON text in, JSON text out. */
  qmp(id: number, command: string): Promise<string>;
}
