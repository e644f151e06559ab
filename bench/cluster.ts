// What the membership benches know of a cluster, ours or a peer's: processes of this machine that learn of each other and
// lose each other, with the moment at which each node saw it. Views arrive as events; nothing is polled.

export interface ViewChange {
  /** Node that saw it. */
  readonly observer: number;
  /** Nodes that it now counts as members, itself included. */
  readonly members: ReadonlySet<number>;
}

export interface Cluster {
  readonly name: string;
  readonly size: number;
  /** Members as each node sees them now, by node. */
  readonly views: readonly ReadonlySet<number>[];
  /** Calls `listen` at each change of a view; returns the way to stop. */
  subscribe(listen: (change: ViewChange) => void): () => void;
  /** When the first process was started, and when the last one was ready to join (ms of performance.now). */
  readonly startedAtMs: number;
  readonly readyAtMs: number;
  /** Asks all nodes to become one mesh; settles when all have been asked. */
  join(): Promise<void>;
  /** Resident memory of each process, MB. */
  memoryMb(): Promise<number[]>;
  stop(): Promise<void>;
}

/** One whose nodes can be made to fail. */
export interface MortalCluster extends Cluster {
  signal(node: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Starts a node's process again after KILL, and lets it join. */
  restart(node: number): Promise<void>;
}

/** Views and their listeners; what the adapters of ours and serf share. */
export class Views {
  readonly views: ReadonlySet<number>[];
  private readonly listeners = new Set<(change: ViewChange) => void>();

  constructor(size: number) {
    this.views = Array.from({ length: size }, () => new Set<number>());
  }

  set(observer: number, members: ReadonlySet<number>): void {
    this.views[observer] = members;
    for (const listen of this.listeners) listen({ observer, members });
  }

  subscribe(listen: (change: ViewChange) => void): () => void {
    this.listeners.add(listen);
    return () => this.listeners.delete(listen);
  }
}

/**
 * Settles with the moment (performance.now) at which `isReached` first held for every one of `observers`; a view that
 * falls back before that counts as not reached. `describe` names the observers that are missing at the deadline.
 */
export async function whenAllSee(
  cluster: Pick<Cluster, 'views' | 'subscribe' | 'name'>,
  observers: readonly number[],
  options: {
    isReached: (members: ReadonlySet<number>, observer: number) => boolean;
    timeoutMs: number;
    /** Ends the wait with its reason. */
    signal?: AbortSignal;
  },
): Promise<number> {
  const missing = new Set(observers.filter((node) => !options.isReached(cluster.views[node] ?? new Set(), node)));
  if (missing.size === 0) return performance.now();
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      unsubscribe();
      options.signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = () => finish(() => reject(options.signal?.reason as Error));
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => {
      const list = [...missing].map((node) => `${node} sees ${[...(cluster.views[node] ?? [])].join(',')}`);
      finish(() => reject(new Error(`${cluster.name}: not within ${options.timeoutMs} ms: ${list.join('; ')}`)));
    }, options.timeoutMs);
    const unsubscribe = cluster.subscribe(({ observer, members }) => {
      if (!observers.includes(observer)) return;
      if (options.isReached(members, observer)) missing.delete(observer);
      else missing.add(observer);
      if (missing.size > 0) return;
      const atMs = performance.now();
      finish(() => resolve(atMs));
    });
  });
}
