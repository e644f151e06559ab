// DHCP servers in memory, for simulated nodes and tests: they keep what was asked of them, and give out what a test says.
import type { Lease } from '../../core/dhcp/config-text.ts';
import { AppError } from '../../contract/errors.ts';
import type { ProcessIdentity } from '../detached.ts';
import type { DhcpHost, DhcpOrder } from './dhcp-host.ts';

interface Server {
  readonly order: DhcpOrder;
  readonly process: ProcessIdentity;
}

/** A machine's servers. They outlive the daemons that ask for them. */
export class MemoryDhcp {
  readonly servers = new Map<number, Server>();
  /** Where each interface was brought, with its address. */
  readonly placed = new Map<number, string>();
  private readonly leases = new Map<number, readonly Lease[]>();
  private readonly followers = new Map<number, Set<(leases: readonly Lease[]) => void>>();
  private readonly enders = new Map<number, Set<() => void>>();
  private pids = 1_000;
  /** The next start fails with these words. */
  failure = '';

  host(): DhcpHost {
    return {
      folderOf: (id) => `/dhcp/${id}`,
      lastWords: () => Promise.resolve(this.failure),
      start: (order) => Promise.resolve().then(() => this.start(order)),
      isPlaced: ({ id }) => Promise.resolve(this.placed.has(id)),
      isRunning: ({ pid }) => [...this.servers.values()].some((server) => server.process.pid === pid),
      onEnd: ({ pid }, ended) => joined(this.enders, pid, ended),
      followLeases: (id, told) => {
        const known = this.leases.get(id);
        if (known) told(known);
        return joined(this.followers, id, told);
      },
      stop: (id) => {
        this.servers.delete(id);
        return Promise.resolve();
      },
      remove: (id) => {
        this.servers.delete(id);
        this.placed.delete(id);
        this.leases.delete(id);
        return Promise.resolve();
      },
      found: () => Promise.resolve([...new Set([...this.servers.keys(), ...this.placed.keys()])]),
    };
  }

  private start(order: DhcpOrder): ProcessIdentity {
    const { failure } = this;
    this.failure = '';
    if (failure !== '') throw new AppError('failed', failure);
    this.pids += 1;
    const process = { pid: this.pids, startTicks: '1', bootId: 'memory' };
    this.servers.set(order.id, { order, process });
    this.placed.set(order.id, `${order.tap} ${order.address}`);
    return process;
  }

  // ---- what others do to it

  /** A guest got an address. */
  give(id: number, lease: Lease): void {
    const others = (this.leases.get(id) ?? []).filter(({ mac }) => mac !== lease.mac);
    this.leases.set(id, [...others, lease]);
    for (const told of this.followers.get(id) ?? []) told(this.leases.get(id) ?? []);
  }

  /** The server dies. */
  kill(id: number): void {
    const server = this.servers.get(id);
    this.servers.delete(id);
    for (const ended of [...(this.enders.get(server?.process.pid ?? 0) ?? [])]) ended();
  }
}

function joined<T>(sets: Map<number, Set<T>>, key: number, member: T): () => void {
  const members = sets.get(key) ?? new Set();
  sets.set(key, members.add(member));
  return () => members.delete(member);
}
