// The fleet in the browser: subscribed while anyone looks, kept whole by snapshot and deltas, kept on the screen with its
// age when the connection is lost. Owns: when to ask for a snapshot, and how old what is shown may be.
import { deltaFit, applyFleetDelta, emptyFleet, fleetFromSnapshot, type FleetView } from '../core/fleet-view.ts';
import { describeError } from '../contract/errors.ts';
import type { FleetDelta } from '../contract/fleet.ts';
import type { ConsoleClient } from './client.ts';
import { Observable, type Readable } from './observable.ts';

export interface FleetState {
  /** `loading`: nothing came yet. `stale`: what is shown is as of `asOf`, and may have changed since. */
  readonly status: 'loading' | 'live' | 'stale';
  readonly view: FleetView;
  /** When the server last said so, by this browser's clock, ms since 1970; null before the first snapshot. */
  readonly asOf: number | null;
  /** The server's clock minus this browser's, ms: ages of what the server dates are `now + serverOffsetMs - At`. */
  readonly serverOffsetMs: number;
  /** Why there is no snapshot, for people; empty otherwise. */
  readonly error: string;
}

/** Pages come and go while one moves about: leaving and coming back must not cost a snapshot. */
const graceMs = 30_000;
/** A clock that seems to have moved by less has not: messages take longer at times, and ages are shown in seconds. */
const clockJitterMs = 250;
const firstRetryMs = 500;
const maxRetryMs = 10_000;

export class FleetCollection {
  private readonly client: ConsoleClient;
  private readonly now: () => number;
  private readonly current = new Observable<FleetState>({
    status: 'loading',
    view: emptyFleet,
    asOf: null,
    serverOffsetMs: 0,
    error: '',
  });
  private readonly deltaListeners = new Set<(delta: FleetDelta | null) => void>();
  private users = 0;
  private isWanted = false;
  private isAsking = false;
  /** Deltas that came while a snapshot was asked for: those after it are applied. */
  private held: FleetDelta[] = [];
  private retryMs = firstRetryMs;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(components: { client: ConsoleClient; now: () => number }) {
    const { client } = components;
    this.client = client;
    this.now = components.now;
    client.on('fleet.delta', (delta) => {
      this.receive(delta);
    });
    client.onConnected(() => {
      if (this.isWanted) void this.ask();
    });
    client.connection.subscribe(() => {
      const { state } = client.connection.get();
      if (state === 'lost' || state === 'ended') this.markStale();
    });
  }

  get state(): Readable<FleetState> {
    return this.current;
  }

  /** Keeps it subscribed until the returned function is called. Subscriptions are counted. */
  retain(): () => void {
    this.users += 1;
    this.clearTimer();
    if (!this.isWanted) {
      this.isWanted = true;
      if (this.client.connection.get().state === 'live') void this.ask();
    }
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.users -= 1;
      if (this.users === 0) this.after(graceMs, () => this.leave());
    };
  }

  /** Hears each delta after it was applied, and null after a new snapshot: for pictures that change in place. */
  onDelta(listener: (delta: FleetDelta | null) => void): () => void {
    this.deltaListeners.add(listener);
    return () => {
      this.deltaListeners.delete(listener);
    };
  }

  private async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    this.held = [];
    try {
      const snapshot = await this.client.call('fleet.subscribe', {});
      this.retryMs = firstRetryMs;
      this.isAsking = false;
      this.put(fleetFromSnapshot(snapshot), null);
      const held = this.held;
      this.held = [];
      for (const delta of held) this.receive(delta);
    } catch (error) {
      this.isAsking = false;
      this.current.set({ ...this.current.get(), error: describeError(error) });
      if (!this.isWanted || this.client.connection.get().state !== 'live') return;
      this.after(this.retryMs, () => void this.ask());
      this.retryMs = Math.min(2 * this.retryMs, maxRetryMs);
    }
  }

  private receive(delta: FleetDelta): void {
    if (this.isAsking) {
      this.held.push(delta);
      return;
    }
    if (!this.isWanted) return;
    const { view } = this.current.get();
    switch (deltaFit(view, delta)) {
      case 'next':
        this.put(applyFleetDelta(view, delta), delta);
        return;
      case 'old':
        return;
      case 'gap':
        this.markStale();
        void this.ask();
    }
  }

  private put(view: FleetView, delta: FleetDelta | null): void {
    const now = this.now();
    const before = this.current.get();
    const offsetMs = view.now - now;
    const isJitter = before.asOf !== null && Math.abs(offsetMs - before.serverOffsetMs) < clockJitterMs;
    const serverOffsetMs = isJitter ? before.serverOffsetMs : offsetMs;
    this.current.set({ status: 'live', view, asOf: now, serverOffsetMs, error: '' });
    for (const listener of [...this.deltaListeners]) listener(delta);
  }

  private markStale(): void {
    const state = this.current.get();
    if (state.status === 'live') this.current.set({ ...state, status: 'stale' });
  }

  private leave(): void {
    this.isWanted = false;
    this.markStale();
    if (this.client.connection.get().state !== 'live') return;
    // Whether it arrives or not: the server forgets us with the connection.
    this.client.call('fleet.unsubscribe', {}).catch(() => undefined);
  }

  private after(delayMs: number, run: () => void): void {
    this.clearTimer();
    this.timer = setTimeout(() => {
      this.timer = null;
      run();
    }, delayMs);
  }

  private clearTimer(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
