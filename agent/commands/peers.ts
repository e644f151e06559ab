// What the commands know about the mesh: names, and a way to run a line elsewhere. agent/mesh implements it; tests fake it.
import type { ResponseEntry } from '../../contract/command-socket.ts';

export interface Peers {
  /** Names of all other members of the mesh, in natural order. */
  names(): string[];
  /**
   * Runs `line` on each target (names; `all` was resolved by the caller) and answers with the entries of those that
   * answered, and one error entry for each target that is unknown, lost, or silent beyond the deadline.
   */
  send(targets: readonly string[], line: string, options: PeerSendOptions): Promise<ResponseEntry[]>;
}

export interface PeerSendOptions {
  /** Namespace the line runs in on the other side; it never fans out again there. */
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
