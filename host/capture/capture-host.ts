// What captures need of the machine they are on: packets of a tap or of a bridge as a pcap, and flows that a bridge reports. Two adapters: Linux
// with tcpdump and Open vSwitch (linux-capture-host.ts), and one in memory (memory-capture-host.ts). Files and limits are agent/capture's.

/** Every row in the switch's database that a capture makes has it, with the capture's id. */
export const captureMark = 'meshdeck-capture';

export type CapturePlace =
  /** What a VM's interface sends and gets. */
  | { readonly kind: 'tap'; readonly tap: string }
  /** What comes into a bridge, each frame once and with the tag of its VLAN. */
  | { readonly kind: 'bridge'; readonly bridge: string };

export interface TakeOptions {
  /** Of the capture: marks what it makes on a bridge. */
  readonly id: number;
  readonly place: CapturePlace;
  /** Bytes of each packet. */
  readonly snaplen: number;
  /** Empty for all packets. */
  readonly filter: string;
  /** Bytes of a pcap, one call at a time: packets wait while it works, and the kernel drops what its buffer does not hold. */
  readonly onBytes: (bytes: Uint8Array) => Promise<void>;
  /** It ended on its own; not after `stop`. */
  readonly onEnd: (why: string) => void;
}

export interface Taking {
  /** Settles when nothing of it is left and all its bytes were given. @throws AppError when something of it is left */
  stop(): Promise<{
    /** Packets that the kernel dropped; null when it is not known. */ readonly dropped: number | null;
  }>;
}

export interface FlowOptions {
  readonly id: number;
  readonly bridge: string;
  /** After so long a flow that continues is reported. */
  readonly timeoutSeconds: number;
  /** NetFlow, version 5. */
  readonly onDatagram: (datagram: Uint8Array) => void;
}

export interface FlowExport {
  setTimeout(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

export interface CaptureHost {
  /** @throws AppError `invalid` with libpcap's reason; nothing was started */
  checkFilter(filter: string): Promise<void>;
  /** Resolves when packets are taken. @throws AppError `not-found` without that tap or bridge, `failed` with the reason */
  take(options: TakeOptions): Promise<Taking>;
  /** @throws AppError `not-found` without that bridge, `conflict` where it tells somebody else */
  exportFlows(options: FlowOptions): Promise<FlowExport>;
  /** What captures of a meshd before this one left on bridges. @throws AppError when the switch cannot be asked */
  removeLeftovers(): Promise<void>;
}

/** Open vSwitch's bridges, as far as commands name them: no word of theirs can be an option. */
export const bridgeName = /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}$/;
