// Watchers of the cluster: one snapshot, then deltas as they happen. Owns revisions and coalescing; what the cluster
// looks like is observed from the mesh, and the bound on a slow reader is the socket's.
//
// INVARIANT: a subscriber's deltas are gapless: each `From` is the `Revision` of the message before it.
import type { Revision, WatchMessage } from '../contract/watch.ts';
import { diffCluster, type ClusterState } from '../core/cluster-view.ts';

/** Changes within this time become one delta: a link that comes up is two link states and often a new node. */
const coalesceMs = 20;

export interface WatchOptions {
  /** Node id of this daemon. */
  readonly self: string;
  readonly cluster: string;
  readonly context: string;
  /** Distinguishes this run of the daemon from the one before. */
  readonly runId: string;
}

interface Subscriber {
  revision: Revision;
  readonly push: (message: WatchMessage) => void;
}

export interface Subscription {
  /** Sends a new snapshot under a new epoch: for a reader whose queue was dropped. */
  resync(): void;
  close(): void;
}

export class ClusterWatch {
  private readonly options: WatchOptions;
  private readonly observe: () => ClusterState;
  private readonly onWatched: (isWatched: boolean) => void;
  private readonly subscribers = new Set<Subscriber>();
  private state: ClusterState;
  private epochs = 0;
  private timer: NodeJS.Timeout | null = null;

  /** `observe` gives the cluster of now; `onWatched` is called when the first watcher comes and when the last one leaves. */
  constructor(
    options: WatchOptions,
    components: { observe: () => ClusterState; onWatched: (isWatched: boolean) => void },
  ) {
    this.options = options;
    this.observe = components.observe;
    this.onWatched = components.onWatched;
    this.state = this.observe();
  }

  /** Something may have changed: the difference goes out soon, if there is one. */
  changed(): void {
    if (this.subscribers.size === 0) return;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.flush();
    }, coalesceMs);
  }

  /** Begins with a snapshot, pushed before this returns. */
  subscribe(push: (message: WatchMessage) => void): Subscription {
    if (this.subscribers.size === 0) this.state = this.observe();
    else this.flush();
    const subscriber: Subscriber = { revision: { Epoch: '', N: 0 }, push };
    this.subscribers.add(subscriber);
    if (this.subscribers.size === 1) this.onWatched(true);
    this.sendSnapshot(subscriber);
    return {
      resync: () => {
        if (this.subscribers.has(subscriber)) this.sendSnapshot(subscriber);
      },
      close: () => {
        if (this.subscribers.delete(subscriber) && this.subscribers.size === 0) this.onWatched(false);
      },
    };
  }

  /** Ends all subscriptions without a last message; the sockets close on their own. */
  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.subscribers.clear();
  }

  private sendSnapshot(subscriber: Subscriber): void {
    this.epochs += 1;
    subscriber.revision = { Epoch: `${this.options.runId}.${this.epochs}`, N: 0 };
    subscriber.push({
      Watch: 'snapshot',
      Revision: subscriber.revision,
      Self: this.options.self,
      Cluster: this.options.cluster,
      Context: this.options.context,
      Nodes: [...this.state.nodes.values()],
      Links: [...this.state.links.values()],
    });
  }

  private flush(): void {
    const next = this.observe();
    const change = diffCluster(this.state, next);
    this.state = next;
    if (change === null) return;
    for (const subscriber of this.subscribers) {
      const from = subscriber.revision;
      subscriber.revision = { Epoch: from.Epoch, N: from.N + 1 };
      subscriber.push({ Watch: 'delta', From: from, Revision: subscriber.revision, ...change });
    }
  }
}
