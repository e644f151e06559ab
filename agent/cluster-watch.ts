// Watchers of the cluster: the rows of the kinds that each asked for, then what changes in them, as it happens. Owns revisions
// and coalescing; where rows come from is agent/rows, and the bound on a slow reader is the socket's.
//
// INVARIANT: a subscriber's messages are gapless: each `From` is the `Revision` of the message before it.
import { type Kind, type RowChanges } from '../contract/kinds.ts';
import type { Revision, WatchMessage } from '../contract/watch-messages.ts';
import type { WatchMessage1 } from '../contract/watch-messages-1.ts';
import { PendingRows } from '../core/rows.ts';
import type { ClusterRows } from './rows/cluster-rows.ts';
import { kinds1, snapshot1, delta1 } from './cluster-watch-1.ts';

/** Changes within this time become one message: a link that comes up is two link states and often a new node. */
const coalesceMs = 20;
/** Rows of one message: a reader that is slow to parse gets a turn for something else in between. */
const messageRows = 1_000;

export interface WatchOptions {
  /** Node id of this daemon. */
  readonly self: string;
  readonly cluster: string;
  readonly context: string;
  /** Distinguishes this run of the daemon from the one before. */
  readonly runId: string;
}

/** `kinds`: names of those wanted, unknown ones among them; null: nodes and links as they were before kinds. */
export interface WatchRequest {
  readonly kinds: readonly string[] | null;
}

interface Subscriber {
  readonly kinds: readonly Kind[];
  readonly is1: boolean;
  readonly pending: PendingRows;
  revision: Revision;
  readonly push: (message: WatchMessage | WatchMessage1) => void;
}

export interface Subscription {
  /** Begins again under another epoch: for a reader whose queue was dropped. */
  resync(): void;
  close(): void;
}

export class ClusterWatch {
  private readonly options: WatchOptions;
  private readonly rows: ClusterRows;
  private readonly onWatched: (isWatched: boolean) => void;
  private readonly subscribers = new Set<Subscriber>();
  private readonly stopListening: () => void;
  private epochs = 0;
  private timer: NodeJS.Timeout | null = null;

  /** `onWatched` is called before the first watcher gets its rows, and after the last one left. */
  constructor(options: WatchOptions, components: { rows: ClusterRows; onWatched: (isWatched: boolean) => void }) {
    this.options = options;
    this.rows = components.rows;
    this.onWatched = components.onWatched;
    this.stopListening = this.rows.onChange((kind, key, change) => {
      for (const { kinds, pending } of this.subscribers) {
        if (!kinds.includes(kind)) continue;
        if (change === null) pending.noteGone(kind, key);
        else pending.notePut(kind, change);
      }
      this.schedule();
    });
  }

  /** Names of the kinds that it knows. */
  get kinds(): readonly string[] {
    return this.rows.kinds.map(({ name }) => name);
  }

  /** Begins with the rows that are there, pushed before this returns. */
  subscribe(request: WatchRequest, push: Subscriber['push']): Subscription {
    const names = request.kinds ?? kinds1;
    const subscriber: Subscriber = {
      kinds: this.rows.kinds.filter(({ name }) => names.includes(name)),
      is1: request.kinds === null,
      pending: new PendingRows(),
      revision: { Epoch: '', N: 0 },
      push,
    };
    if (this.subscribers.size === 0) this.onWatched(true);
    this.subscribers.add(subscriber);
    this.begin(subscriber);
    return {
      resync: () => {
        if (this.subscribers.has(subscriber)) this.begin(subscriber);
      },
      close: () => {
        if (this.subscribers.delete(subscriber) && this.subscribers.size === 0) this.onWatched(false);
      },
    };
  }

  /** Ends all subscriptions without a last message; the sockets close on their own. */
  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.stopListening();
    this.subscribers.clear();
  }

  private begin(subscriber: Subscriber): void {
    const { self: Self, cluster: Cluster, context: Context } = this.options;
    this.epochs += 1;
    const Revision = { Epoch: `${this.options.runId}.${this.epochs}`, N: 0 };
    subscriber.revision = Revision;
    const { pending } = subscriber;
    pending.clear();
    if (subscriber.is1) {
      subscriber.push({ Watch: 'snapshot', Revision, Self, Cluster, Context, ...snapshot1(this.rows) });
      return;
    }
    for (const kind of subscriber.kinds) for (const row of this.rows.table(kind).values()) pending.notePut(kind, row);
    const Kinds = pending.take(messageRows);
    subscriber.push({
      Watch: 'begin',
      Revision,
      Self,
      Cluster,
      Context,
      Kinds: mutable(Kinds),
      More: pending.size > 0,
    });
    this.flush(subscriber);
  }

  private schedule(): void {
    if (this.subscribers.size === 0) return;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      for (const subscriber of this.subscribers) this.flush(subscriber);
    }, coalesceMs);
  }

  private flush(subscriber: Subscriber): void {
    const { pending } = subscriber;
    while (pending.size > 0) {
      const Kinds = pending.take(messageRows);
      const From = subscriber.revision;
      subscriber.revision = { Epoch: From.Epoch, N: From.N + 1 };
      const place = { From, Revision: subscriber.revision };
      if (subscriber.is1) subscriber.push({ Watch: 'delta', ...place, ...delta1(this.rows, Kinds) });
      else subscriber.push({ Watch: 'rows', ...place, Kinds: mutable(Kinds), More: pending.size > 0 });
    }
  }
}

/** The wire's type has no `readonly`; nobody writes into it. */
const mutable = (changes: RowChanges) => changes as Extract<WatchMessage, { Watch: 'rows' }>['Kinds'];
