// Hands a watcher's messages to its socket. What the reader does not take is queued here, up to a bound; then the queue is
// dropped and, once the reader reads again, the source is asked to begin again. Memory stays bounded, and a reader
// never sees a gap without a new epoch.
import type { Writable } from 'node:stream';
import { maxWatchQueueBytes } from '../../contract/limits.ts';
import type { WatchMessage } from '../../contract/watch-messages.ts';
import type { WatchMessage1 } from '../../contract/watch-messages-1.ts';
import { goJson } from '../../core/go-json.ts';
import type { WatchRequest } from '../cluster-watch.ts';

/** Where watchers get their messages from: what is there at once, changes as they happen. */
export interface WatchSource {
  /** Names of the kinds that it knows. */
  readonly kinds: readonly string[];
  subscribe(request: WatchRequest, push: (message: WatchMessage | WatchMessage1) => void): WatchSubscription;
}

export interface WatchSubscription {
  /** Begins again under a new epoch. */
  resync(): void;
  close(): void;
}

export class WatchWriter {
  private readonly out: Writable;
  private readonly subscription: WatchSubscription;
  private queue: string[] = [];
  private queueBytes = 0;
  private isBlocked = false;
  private isStale = false;

  constructor(out: Writable, request: WatchRequest, components: { source: WatchSource }) {
    this.out = out;
    out.on('drain', this.onDrain);
    this.subscription = components.source.subscribe(request, (message) => {
      this.push(message);
    });
  }

  close(): void {
    this.out.off('drain', this.onDrain);
    this.queue = [];
    this.subscription.close();
  }

  private push(message: WatchMessage | WatchMessage1): void {
    if (this.isStale) return;
    const text = `${goJson(message)}\n`;
    if (!this.isBlocked) {
      this.isBlocked = !this.out.write(text);
      return;
    }
    const bytes = Buffer.byteLength(text);
    if (this.queueBytes + bytes > maxWatchQueueBytes) {
      this.queue = [];
      this.queueBytes = 0;
      this.isStale = true;
      return;
    }
    this.queue.push(text);
    this.queueBytes += bytes;
  }

  private readonly onDrain = (): void => {
    this.isBlocked = false;
    if (this.isStale) {
      this.isStale = false;
      this.subscription.resync();
      return;
    }
    while (!this.isBlocked) {
      const text = this.queue.shift();
      if (text === undefined) return;
      this.queueBytes -= Buffer.byteLength(text);
      this.isBlocked = !this.out.write(text);
    }
  };
}
