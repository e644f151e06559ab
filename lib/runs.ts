// Runs in the browser: the list, and one run with its steps and log. Both are kept up to date by events, and asked for
// again when the connection comes back.
import { describeError } from '../contract/errors.ts';
import type { RunEvent, RunSummary, RunView } from '../contract/plans.ts';
import type { ConsoleClient } from './client.ts';
import { Observable, type Readable } from './observable.ts';

export interface RunsState {
  readonly status: 'loading' | 'live' | 'stale';
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  readonly error: string;
}

export interface RunState {
  readonly status: 'loading' | 'live' | 'stale' | 'missing';
  readonly run: RunView | null;
  readonly error: string;
}

const listLimit = 200;
/** Lines of one run that a page keeps; the server has them all. */
const maxLogLines = 5_000;

export class RunsCollection {
  private readonly client: ConsoleClient;
  private readonly list = new Observable<RunsState>({ status: 'loading', runs: [], error: '' });
  private users = 0;
  /** What events said while the list is on its way: newer than its answer. */
  private held: RunSummary[] | null = null;

  constructor(components: { client: ConsoleClient }) {
    const { client } = components;
    this.client = client;
    client.on('runs.changed', (summary) => {
      this.held?.push(summary);
      const state = this.list.get();
      this.list.set({ ...state, runs: withSummary(state.runs, summary) });
    });
    client.onConnected(() => {
      if (this.users > 0) void this.load();
    });
    client.connection.subscribe(() => {
      const state = this.list.get();
      if (client.connection.get().state !== 'live' && state.status === 'live') {
        this.list.set({ ...state, status: 'stale' });
      }
    });
  }

  get state(): Readable<RunsState> {
    return this.list;
  }

  /** Keeps the list loaded over reconnects until the returned function is called. */
  retain(): () => void {
    this.users += 1;
    if (this.list.get().status !== 'live' && this.client.connection.get().state === 'live') void this.load();
    return () => {
      this.users -= 1;
    };
  }

  /** Follows one run until `close`. */
  open(id: string): OpenRun {
    return new OpenRun(id, { client: this.client });
  }

  private async load(): Promise<void> {
    const held: RunSummary[] = [];
    this.held = held;
    try {
      const runs: readonly RunSummary[] = await this.client.call('runs.list', { limit: listLimit });
      // Asked again meanwhile: the later call has what came since, and its answer stands.
      if (this.held !== held) return;
      this.list.set({ status: 'live', runs: held.reduce(withSummary, runs), error: '' });
    } catch (error) {
      if (this.held === held) this.list.set({ ...this.list.get(), error: describeError(error) });
    } finally {
      if (this.held === held) this.held = null;
    }
  }
}

export class OpenRun {
  readonly id: string;
  private readonly client: ConsoleClient;
  private readonly current = new Observable<RunState>({ status: 'loading', run: null, error: '' });
  private readonly ends: (() => void)[];
  private held: RunEvent[] | null = null;

  constructor(id: string, components: { client: ConsoleClient }) {
    this.id = id;
    this.client = components.client;
    this.ends = [
      this.client.on('run.event', (event) => {
        if (event.run !== this.id) return;
        if (this.held) this.held.push(event);
        else this.apply(event);
      }),
      this.client.onConnected(() => void this.load()),
      this.client.connection.subscribe(() => {
        const state = this.current.get();
        if (this.client.connection.get().state !== 'live' && state.status === 'live') {
          this.current.set({ ...state, status: 'stale' });
        }
      }),
    ];
  }

  get state(): Readable<RunState> {
    return this.current;
  }

  close(): void {
    for (const end of this.ends.splice(0)) end();
    if (this.client.connection.get().state !== 'live') return;
    this.client.call('runs.unsubscribe', { run: this.id }).catch(() => undefined);
  }

  private async load(): Promise<void> {
    const held: RunEvent[] = [];
    this.held = held;
    try {
      const run = await this.client.call('runs.subscribe', { run: this.id });
      if (this.held !== held) return;
      this.current.set({ status: 'live', run, error: '' });
      for (const event of held) this.apply(event);
    } catch (error) {
      if (this.held !== held) return;
      const { status, run } = this.current.get();
      this.current.set({ status: run ? status : 'missing', run, error: describeError(error) });
    } finally {
      if (this.held === held) this.held = null;
    }
  }

  private apply(event: RunEvent): void {
    const { run } = this.current.get();
    if (run) this.current.set({ status: 'live', run: withRunEvent(run, event), error: '' });
  }
}

/** The list after a summary came: replaced where it was, else put on top. */
export function withSummary(runs: readonly RunSummary[], summary: RunSummary): readonly RunSummary[] {
  const at = runs.findIndex((run) => run.id === summary.id);
  if (at < 0) return [summary, ...runs].slice(0, listLimit);
  return runs.map((run, index) => (index === at ? summary : run));
}

/** A run after one of its events. */
export function withRunEvent(run: RunView, event: RunEvent): RunView {
  switch (event.event) {
    case 'run':
      return { ...run, ...event.summary };
    case 'progress': {
      const { [event.step]: _, ...others } = run.progress;
      return { ...run, progress: event.progress === null ? others : { ...others, [event.step]: event.progress } };
    }
    case 'log':
      return { ...run, log: [...run.log, ...event.lines].slice(-maxLogLines) };
    case 'step': {
      const isKnown = run.steps.some((step) => step.key === event.step.key);
      const steps = isKnown
        ? run.steps.map((step) => (step.key === event.step.key ? event.step : step))
        : [...run.steps, event.step];
      const begun = event.isBegun && !run.begun.includes(event.step.key) ? [...run.begun, event.step.key] : run.begun;
      return { ...run, steps, begun };
    }
  }
}
