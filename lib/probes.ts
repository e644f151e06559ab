// Probes of VLANs and traces of paths that this page's reader ran, by cluster: what runs, what the last one found, and why one could not be made.
// They outlive a change of page. The last probe also outlives a reload, in the storage of this tab.
import type { CommandResponse } from '../contract/command-socket.ts';
import { describeError } from '../contract/errors.ts';
import type { ProbeResult } from '../contract/probe.ts';
import type { TraceResult } from '../contract/trace.ts';
import type { CommandLine } from './command-line.ts';
import { Observable, type Readable } from './observable.ts';

export interface Measured<Result> {
  /** The line that gave it. */
  readonly line: string;
  /** When its answer was here, by this browser's clock; ms since 1970. */
  readonly at: number;
  /** Null: it was too large to be sent whole, and `rows` has what people read of it. */
  readonly result: Result | null;
  readonly rows: readonly (readonly string[])[];
  /** It was made before this page was loaded. */
  readonly isRestored: boolean;
}

export interface LiveLine<Result> {
  /** What runs now; null: nothing does. `said`: how far it is. */
  readonly running: { readonly line: string; readonly said: string; readonly since: number } | null;
  /** Why the last one gave nothing; empty otherwise. */
  readonly failure: string;
  readonly last: Measured<Result> | null;
}

export const noLine: LiveLine<never> = { running: null, failure: '', last: null };

/** Of a tab: window.sessionStorage. */
export type TabStorage = Pick<Storage, 'getItem' | 'setItem'>;

export interface ProbesComponents {
  readonly commands: Pick<CommandLine, 'run'>;
  readonly now: () => number;
  /** Null where the browser has none. */
  readonly storage: () => TabStorage | null;
}

/** A probe of the most nodes and VLANs takes a minute, and a trace has a probe in it. */
const timeoutMs = 180_000;
/** Browsers give a site 5 MB: what is larger is of this page alone. */
const keptCharacters = 1_000_000;

/** One command at a time, with the last thing that it gave. */
export class Measuring<Result extends object> {
  private readonly components: ProbesComponents;
  private readonly cluster: string;
  private readonly read: (data: unknown, at: number) => Promise<Result | null>;
  private readonly current = new Observable<LiveLine<Result>>(noLine);
  private over: AbortController | null = null;
  readonly state: Readable<LiveLine<Result>> = this.current;

  constructor(
    of: { cluster: string; read: (data: unknown, at: number) => Promise<Result | null> },
    components: ProbesComponents,
  ) {
    this.cluster = of.cluster;
    this.read = of.read;
    this.components = components;
  }

  /** Resolves when it is over, whatever came of it. Does nothing while another one runs. */
  async run(line: string): Promise<void> {
    if (this.over) return;
    const over = (this.over = new AbortController());
    const { commands, now } = this.components;
    this.change({ running: { line, said: '', since: now() }, failure: '' });
    try {
      let last: CommandResponse | null = null;
      await commands.run({ cluster: this.cluster, node: '' }, line, {
        timeoutMs,
        signal: over.signal,
        onAnswer: (answer) => {
          if (answer.Status) this.said(answer.Rendered);
          else if (answer.Resp) last = answer;
        },
      });
      const measured = await this.measured(line, last);
      this.change({ running: null, failure: '', last: measured });
    } catch (error) {
      this.change({ running: null, failure: over.signal.aborted ? '' : describeError(error) });
    } finally {
      this.over = null;
    }
  }

  /** The nodes end it, and it gives nothing. */
  cancel(): void {
    this.over?.abort();
  }

  /** What an earlier page of this tab measured, unless there is something newer. */
  restore(last: Measured<Result>): void {
    if (this.current.get().last === null) this.change({ last });
  }

  private async measured(line: string, answer: CommandResponse | null): Promise<Measured<Result>> {
    const [entry] = answer?.Resp ?? [];
    if (!entry) throw new Error('the node gave no answer');
    if (entry.Error !== '') throw new Error(entry.Error);
    const at = this.components.now();
    const result = entry.Data === null ? null : await this.read(entry.Data, at);
    if (entry.Data !== null && result === null)
      throw new Error('the node’s answer has no known shape: bring meshd and the console to one version');
    return { line, at, result, rows: entry.Tabular ?? [], isRestored: false };
  }

  private said(text: string): void {
    const { running } = this.current.get();
    if (running) this.change({ running: { ...running, said: text } });
  }

  private change(change: Partial<LiveLine<Result>>): void {
    this.current.set({ ...this.current.get(), ...change });
  }
}

interface OfCluster {
  readonly probe: Measuring<ProbeResult>;
  readonly trace: Measuring<TraceResult>;
}

const keyOf = (cluster: string): string => `meshdeck.probe.${cluster}`;

export class ProbesCollection {
  private readonly components: ProbesComponents;
  private readonly clusters = new Map<string, OfCluster>();

  constructor(components: ProbesComponents) {
    this.components = components;
  }

  /** `cluster`: its id. */
  of(cluster: string): OfCluster {
    const known = this.clusters.get(cluster);
    if (known) return known;
    const { components } = this;
    const made = {
      probe: new Measuring({ cluster, read: readProbe }, components),
      trace: new Measuring({ cluster, read: readTrace }, components),
    };
    this.clusters.set(cluster, made);
    void this.restore(cluster, made.probe);
    made.probe.state.subscribe(() => this.keep(cluster, made.probe.state.get().last));
    return made;
  }

  private keep(cluster: string, last: Measured<ProbeResult> | null): void {
    if (last?.result == null || last.isRestored) return;
    const text = JSON.stringify(last);
    try {
      this.components.storage()?.setItem(keyOf(cluster), text.length > keptCharacters ? '' : text);
    } catch {
      // A full or forbidden storage: it ends with this page.
    }
  }

  private async restore(cluster: string, probe: Measuring<ProbeResult>): Promise<void> {
    try {
      const text = this.components.storage()?.getItem(keyOf(cluster)) ?? '';
      if (text === '') return;
      const { line, at, result } = JSON.parse(text) as Partial<Record<keyof Measured<ProbeResult>, unknown>>;
      if (typeof line !== 'string' || typeof at !== 'number') return;
      const read = await parseProbe(result);
      if (read) probe.restore({ line, at, result: read, rows: [], isRestored: true });
    } catch {
      // Written by another version, or by hand.
    }
  }
}

// The schemas are large and needed by who measures alone.
async function parseProbe(data: unknown): Promise<ProbeResult | null> {
  const { ProbeResult } = await import('../contract/probe.ts');
  return ProbeResult.safeParse(data).data ?? null;
}

/** With its times by this browser's clock: the node's may be off by hours. */
async function readProbe(data: unknown, at: number): Promise<ProbeResult | null> {
  const result = await parseProbe(data);
  return result && onClock(result, at);
}

const onClock = (result: ProbeResult, at: number): ProbeResult => ({
  ...result,
  atMs: at,
  staleAtMs: at + result.staleAtMs - result.atMs,
});

async function readTrace(data: unknown, at: number): Promise<TraceResult | null> {
  const { TraceResult } = await import('../contract/trace.ts');
  const result = TraceResult.safeParse(data).data ?? null;
  return result && { ...result, probe: result.probe && onClock(result.probe, at) };
}
