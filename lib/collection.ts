// What the server tells a page: asked for as a whole, kept up to date by events, asked for again when the connection comes
// back or an event is missing, and kept on the screen while there is no connection. Fleet, known nodes, runs and one run are
// collections; each says how to ask, and what an event makes of its state.
import { AppError, describeError } from '../contract/errors.ts';
import type { ConsoleClient } from './client.ts';
import { Observable, type Readable } from './observable.ts';

export interface CollectionState {
  /**
   * `loading`: nothing came yet. `stale`: what is shown was so when the connection was lost. `missing`: there is no such thing.
   */
  readonly status: 'loading' | 'live' | 'stale' | 'missing';
  /** Why there is nothing, for people; empty otherwise. */
  readonly error: string;
}

/** Asked for before the whole, on the same connection; the whole need not have it again. */
export interface EarlyPart<State extends CollectionState, Snapshot, Event> {
  readonly ask: () => Promise<Snapshot>;
  readonly start: (state: State, snapshot: Snapshot) => State;
  /** As that of the whole, for the early part alone. */
  readonly next: (state: State, event: Event) => State | null;
}

/** The early part when the rest comes, and the events since it was asked for: it has followed them, the rest has not. */
export interface Begun<State, Event> {
  readonly state: State;
  readonly events: readonly Event[];
}

export interface CollectionParts<State extends CollectionState, Snapshot, Event> {
  readonly client: ConsoleClient;
  readonly empty: State;
  readonly ask: () => Promise<Snapshot>;
  /** What comes much sooner than the whole, and is worth showing until that is there. */
  readonly early?: EarlyPart<State, Snapshot, Event>;
  /** Tells the server that it need send no more events. If that is lost, the server forgets us with the connection. */
  readonly leave?: () => Promise<unknown>;
  /** The state after the whole has come; null when an event is missing between it and the early part. */
  readonly start: (state: State, snapshot: Snapshot, begun: Begun<State, Event> | null) => State | null;
  /** The state after an event; the same when it is known already; null when one before it is missing. */
  readonly next: (state: State, event: Event) => State | null;
  /** How long it is kept up to date after the last user left, ms: 30,000 unless given. */
  readonly graceMs?: number;
  /** Hears each event after it was applied, and null after a whole has come. */
  readonly onApplied?: (event: Event | null) => void;
}

/** Errors that asking again does not change. */
const lasting: ReadonlySet<string> = new Set(['not-found', 'invalid', 'refused']);
/** Pages come and go while one moves about: leaving and coming back must not cost a whole. */
const defaultGraceMs = 30_000;
const firstRetryMs = 500;
const maxRetryMs = 10_000;

export class Collection<State extends CollectionState, Snapshot, Event> {
  private readonly parts: CollectionParts<State, Snapshot, Event>;
  private readonly current: Observable<State>;
  private readonly first: Observable<State>;
  private readonly ends: (() => void)[];
  private users = 0;
  private isWanted = false;
  /** Events that came while the whole was asked for: it may be older. Null while nothing is asked. */
  private held: Event[] | null = null;
  private retryMs = firstRetryMs;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(parts: CollectionParts<State, Snapshot, Event>) {
    this.parts = parts;
    this.current = new Observable(parts.empty);
    this.first = new Observable(parts.empty);
    const { client } = parts;
    this.ends = [
      client.onConnected(() => {
        if (this.isWanted) void this.ask();
      }),
      client.connection.subscribe(() => {
        if (client.connection.get().state !== 'live') this.markStale();
      }),
    ];
  }

  get state(): Readable<State> {
    return this.current;
  }

  /** The early part as soon as it is there, and then the whole: the same objects as in `state`. */
  get early(): Readable<State> {
    return this.first;
  }

  /** Keeps it up to date until the returned function is called. Users are counted. */
  retain(): () => void {
    this.users += 1;
    this.clearTimer();
    if (!this.isWanted) {
      this.isWanted = true;
      if (this.isConnected()) void this.ask();
    }
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.users -= 1;
      if (this.users > 0) return;
      this.after(this.parts.graceMs ?? defaultGraceMs, () => this.leave());
    };
  }

  /** An event of the server. */
  receive(event: Event): void {
    if (this.held) {
      this.held.push(event);
      this.followEarly(event);
      return;
    }
    if (!this.isWanted || this.current.get().status !== 'live') return;
    const state = this.current.get();
    const next = this.parts.next(state, event);
    if (next === null) {
      this.markStale();
      void this.ask();
    } else if (next !== state) {
      this.show(next);
      this.parts.onApplied?.(event);
    }
  }

  close(): void {
    for (const end of this.ends.splice(0)) end();
    this.clearTimer();
    if (this.isWanted) this.leave();
  }

  private async ask(): Promise<void> {
    const held: Event[] = [];
    this.held = held;
    this.clearTimer();
    try {
      const [begun, snapshot] = await Promise.all([this.askEarly(held), this.parts.ask()]);
      // Asked again meanwhile: the later call has what came since, and its answer stands.
      if (this.held !== held) return;
      const start = this.parts.start(
        this.current.get(),
        snapshot,
        begun ? { state: this.first.get(), events: held } : null,
      );
      if (start === null) {
        void this.ask();
        return;
      }
      this.held = null;
      this.retryMs = firstRetryMs;
      this.show({ ...start, status: 'live', error: '' });
      this.parts.onApplied?.(null);
      for (const event of held) this.receive(event);
    } catch (error) {
      if (this.held !== held) return;
      this.held = null;
      const isMissing = error instanceof AppError && lasting.has(error.code);
      const state = this.current.get();
      this.show({ ...state, ...(isMissing ? { status: 'missing' } : {}), error: describeError(error) });
      if (isMissing || !this.isWanted || !this.isConnected()) return;
      this.after(this.retryMs, () => void this.ask());
      this.retryMs = Math.min(2 * this.retryMs, maxRetryMs);
    }
  }

  /** True when there is such a part, and it is shown. */
  private async askEarly(held: Event[]): Promise<boolean> {
    const { early } = this.parts;
    if (!early) return false;
    const snapshot = await early.ask();
    if (this.held !== held) return false;
    this.first.set({ ...early.start(this.current.get(), snapshot), status: 'live', error: '' });
    for (const event of held) this.followEarly(event);
    return true;
  }

  /** One that is missing is found when the rest comes. */
  private followEarly(event: Event): void {
    const state = this.first.get();
    // Not the one that was shown before it was asked for.
    if (state === this.current.get() || state.status !== 'live') return;
    this.first.set(this.parts.early?.next(state, event) ?? state);
  }

  private show(state: State): void {
    this.current.set(state);
    this.first.set(state);
  }

  private isConnected(): boolean {
    return this.parts.client.connection.get().state === 'live';
  }

  private markStale(): void {
    const [state, early] = [this.current.get(), this.first.get()];
    if (state.status === 'live') this.show({ ...state, status: 'stale' });
    else if (early.status === 'live') this.first.set({ ...early, status: 'stale' });
  }

  private leave(): void {
    this.isWanted = false;
    this.held = null;
    this.markStale();
    if (this.isConnected()) this.parts.leave?.().catch(() => undefined);
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
