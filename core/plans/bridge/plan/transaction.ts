// A bridge transaction as data: what the console sends to a node, and what the node's state file says of it. The node's side
// is shell (host/bridge), which runs without the console, without meshd and without a network.
import type { BridgeMethod, NicOwner, TransactionState } from '../observe/facts.ts';
import type { BridgeTimes } from './times.ts';

/** The phases of the node's script, in the order in which it goes through them (phases.ts has them in words). */
export const phaseIds = [
  'check',
  'snapshot',
  'way-back',
  'next-boot',
  'rehearse',
  'arm',
  'park',
  'move',
  'watch',
  'write',
  'hand-over',
] as const;
export type PhaseId = (typeof phaseIds)[number];

export function isPhase(text: string): text is PhaseId {
  return (phaseIds as readonly string[]).includes(text);
}

/**
 * To be typed as root at the console of the machine itself. It uses the link to the pending transaction, so that it is known
 * before the id is.
 */
export const rescueCommand = 'sh /var/lib/meshd/bridge/pending/tx undo';

/** A file as the commit writes it, with the content that it replaces. Any other content there stops the transaction. */
export interface FileChange {
  readonly path: string;
  /** Null removes it. */
  readonly content: string | null;
  readonly mode: string;
  /** Of the file when the plan was made; null when it did not exist. */
  readonly oldSha256: string | null;
}

export interface BridgeTransaction {
  /** `<run id>-<attempt>`: one run, all its nodes. Letters, digits, hyphens. */
  readonly id: string;
  /**
   * `ensure`: NIC into the bridge. `remove`: out of it, permanently. `persist`: nothing changes now, only what the next boot does
   * (a bridge made by hand is completed).
   */
  readonly kind: 'ensure' | 'remove' | 'persist';
  /** Who runs it, for others who want the node. */
  readonly holder: string;
  readonly bridge: string;
  readonly uplink: string;
  readonly mac: string;
  readonly mtu: number;
  readonly datapath: 'system' | 'netdev';
  readonly owner: NicOwner;
  readonly method: BridgeMethod;
  /** Client that takes over the lease after the commit. */
  readonly dhcp: 'dhclient' | 'networkd' | 'none';
  readonly dhcpClientId: string;
  /** Written at the commit, in this order. */
  readonly files: readonly FileChange[];
  /** Units enabled or disabled at the commit. */
  readonly enable: readonly string[];
  readonly disable: readonly string[];
  /** The uplink's addresses when the plan was made, such as `10.0.0.5/24`; others there now stop the transaction. */
  readonly addresses: readonly string[];
  /** Those that another program put there and manages: neither carried nor put back. */
  readonly leave: readonly string[];
  /** Inside checks that passed before the change: only these count after it. */
  readonly checks: readonly InsideCheck[];
  /** SHA-256 of the nonce, in hex: only the nonce's holder can keep the change. */
  readonly nonceSha256: string;
  /** Waits for a person's `keep`, up to the end of the window. */
  readonly isHeld: boolean;
  readonly times: BridgeTimes;
}

export const insideChecks = ['carrier', 'addresses', 'routes', 'ovs', 'gateway', 'dns'] as const;
export type InsideCheck = (typeof insideChecks)[number];

/** The node's answer about its transaction, parsed. Times are the node's clock, ms since 1970; countdowns use `leftMs`. */
export interface TransactionStatus {
  readonly id: string;
  readonly kind: BridgeTransaction['kind'];
  readonly state: TransactionState;
  readonly nowMs: number;
  /** The script's current or last phase; null before the first, and with an older script. */
  readonly phase: PhaseId | null;
  /** When it came into this state. */
  readonly sinceMs: number;
  /** Until the timer in PID 1 rolls it back; null when no timer is loaded. */
  readonly leftMs: number | null;
  /** By how much the window could still be prolonged. */
  readonly capLeftMs: number;
  readonly checks: readonly { readonly name: InsideCheck; readonly isOk: boolean; readonly text: string }[];
  /** Who saw the node from outside, as reported with `seen`. */
  readonly witnesses: readonly string[];
  /** From when the uplink lost its address until the bridge had it, measured on the node; null before. */
  readonly outageMs: number | null;
  /** Why it went back, or what failed; empty otherwise. */
  readonly reason: string;
  /** Of the hand-over to the DHCP client; `other:<address>` is not taken without asking. */
  readonly dhcp: string;
  /** Reasons against a safe reboot; empty is safe; null before it was compared. */
  readonly rebootDoubts: readonly string[] | null;
  /** Transitions, oldest first. */
  readonly journal: readonly { readonly atMs: number; readonly state: string; readonly text: string }[];
}
