// What a node knows about one capture: what is on disk, in rows for watchers, and printed by `capture`. Owns its shape alone.

export type CaptureKind = 'pcap' | 'netflow';
/** `ended`: as asked, or at a limit. `failed`: before that. */
export type CaptureState = 'running' | 'ended' | 'failed';

export interface CaptureRecord {
  /** Per node, never given twice. */
  readonly id: number;
  readonly kind: CaptureKind;
  readonly namespace: string;
  readonly bridge: string;
  /** Null for a whole bridge. */
  readonly vm: { readonly id: number; readonly name: string; readonly nic: number } | null;
  /** Its file from -filepath on, or `tcp host:port` where flows go. */
  readonly target: string;
  readonly isFile: boolean;
  /** Of netflow: `raw` or `ascii`; empty otherwise. */
  readonly mode: string;
  readonly isCompressed: boolean;
  readonly snaplen: number;
  readonly filter: string;
  readonly maxBytes: number;
  readonly maxSeconds: number;
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly state: CaptureState;
  /** Why it is not running; empty when somebody ended it. */
  readonly reason: string;
  /** Packets, or flows. */
  readonly packets: number;
  readonly bytes: number;
  /** Packets that the kernel dropped; null while it is not known. */
  readonly dropped: number | null;
}

/** minimega's column `interface`. */
export const interfaceOf = ({ vm }: Pick<CaptureRecord, 'vm'>): string => (vm === null ? '' : `${vm.name}:${vm.nic}`);
