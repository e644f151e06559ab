// What DHCP servers need of the machine they are on. Two adapters: dnsmasq on Linux (linux-dhcp.ts), and one in memory (memory-dhcp.ts).
import type { Lease } from '../../core/dhcp/config-text.ts';
import type { ProcessIdentity } from '../detached.ts';

/** One server, as it is to run. */
export interface DhcpOrder {
  readonly id: number;
  /** The only interface that it uses. */
  readonly tap: string;
  /** `10.0.0.1/24`, which the server has on it. */
  readonly address: string;
  /**
   * The interface is in a network namespace of the server's own, with nothing of the machine in it. Otherwise somebody asked for the interface, and
   * it is the machine's.
   */
  readonly isOwnNetwork: boolean;
  /** Its configuration, which keeps leases in this file. */
  readonly config: (leasesPath: string) => string;
}

export interface DhcpHost {
  /** Starts a server with its interface, in place of one that runs. Leases of one before it stay. @throws AppError with its last words */
  start(order: DhcpOrder): Promise<ProcessIdentity>;
  /**
   * A server of this order that runs has its interface. It keeps the one that it was started with: of an interface that was made again it hears
   * nothing, and has to be started again. False also when that is not known.
   */
  isPlaced(order: Omit<DhcpOrder, 'config'>): Promise<boolean>;
  /** This server still runs. */
  isRunning(process: ProcessIdentity): boolean;
  /** Calls back when it has ended, unless the returned function was called before. */
  onEnd(process: ProcessIdentity, ended: () => void): () => void;
  /** What it said last; empty for nothing. */
  lastWords(id: number): Promise<string>;
  /** Its leases now, and after each change, until the returned function is called. */
  followLeases(id: number, told: (leases: readonly Lease[]) => void): () => void;
  folderOf(id: number): string;
  /** Ends the server of this id, also one that an earlier daemon started. */
  stop(id: number): Promise<void>;
  /** Ends the server of this id, also one that an earlier daemon started, with its network and its folder. */
  remove(id: number): Promise<void>;
  /** Ids of which anything is here: a server, a network, a folder. */
  found(): Promise<readonly number[]>;
}
