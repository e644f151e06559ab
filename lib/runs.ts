// Runs in the browser: the list, and one run with its steps and log.
import type { RunEvent, RunSummary, RunView } from '../contract/plans.ts';
import type { ConsoleClient } from './client.ts';
import { Collection, type CollectionState } from './collection.ts';
import type { Readable } from './observable.ts';

export interface RunsState extends CollectionState {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
}

export interface RunState extends CollectionState {
  readonly run: RunView | null;
}

export const noRuns: RunsState = { status: 'loading', runs: [], error: '' };
export const noRun: RunState = { status: 'loading', run: null, error: '' };

const listLimit = 200;
/** Lines of one run that a page keeps; the server has them all. */
const maxLogLines = 5_000;

export class RunsCollection {
  private readonly client: ConsoleClient;
  private readonly list: Collection<RunsState, readonly RunSummary[], RunSummary>;

  constructor(components: { client: ConsoleClient }) {
    const { client } = components;
    this.client = client;
    this.list = new Collection<RunsState, readonly RunSummary[], RunSummary>({
      client,
      empty: noRuns,
      ask: () => client.call('runs.list', { limit: listLimit }),
      start: (state, runs) => ({ ...state, runs }),
      next: (state, summary) => ({ ...state, runs: withSummary(state.runs, summary) }),
    });
    client.on('runs.changed', (summary) => {
      this.list.receive(summary);
    });
  }

  get state(): Readable<RunsState> {
    return this.list.state;
  }

  /** Keeps the list up to date until the returned function is called. */
  retain(): () => void {
    return this.list.retain();
  }

  /** Follows one run until `close`. */
  open(id: string): OpenRun {
    return new OpenRun(id, { client: this.client });
  }
}

export class OpenRun {
  readonly id: string;
  private readonly run: Collection<RunState, RunView, RunEvent>;
  private readonly stopHearing: () => void;

  constructor(id: string, components: { client: ConsoleClient }) {
    const { client } = components;
    this.id = id;
    this.run = new Collection<RunState, RunView, RunEvent>({
      client,
      empty: noRun,
      ask: () => client.call('runs.subscribe', { run: id }),
      leave: () => client.call('runs.unsubscribe', { run: id }),
      start: (state, run) => ({ ...state, run }),
      next: (state, event) => (state.run ? { ...state, run: withRunEvent(state.run, event) } : state),
    });
    this.stopHearing = client.on('run.event', (event) => {
      if (event.run === id) this.run.receive(event);
    });
    this.run.retain();
  }

  get state(): Readable<RunState> {
    return this.run.state;
  }

  close(): void {
    this.stopHearing();
    this.run.close();
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
