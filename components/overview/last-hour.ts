// What changed in the last hour, newest first: nodes, links and bridges as the fleet reports them, and runs. Pure.
import type { FleetEvent } from '../../contract/fleet.ts';
import type { RunSummary } from '../../contract/plans.ts';
import { eventLines, type EventLine } from '../fleet/events.ts';
import { runWords } from '../runs/run-words.ts';
import type { State } from '../ui/StateMark.tsx';

const hourMs = 3_600_000;

export interface RunLine {
  readonly at: number;
  readonly state: State;
  readonly run: string;
  readonly title: string;
  /** `running`, `done`, `2 of 9 steps failed`. */
  readonly word: string;
}

export type HourLine = { readonly event: EventLine } | { readonly run: RunLine };

/** A run is one line: where it stands, at its end or, until then, at its start. */
export function hourLines(
  { events, runs, now }: { events: readonly FleetEvent[]; runs: readonly RunSummary[]; now: number },
  limit: number,
): HourLine[] {
  const ofRuns = runs.filter((run) => now - runAt(run) < hourMs).map((run) => ({ run: runLine(run) }));
  const ofEvents = eventLines(events, limit).map((event) => ({ event }));
  return [...ofRuns, ...ofEvents].sort((a, b) => lineAt(b) - lineAt(a)).slice(0, limit);
}

/** When runs began and ended, for the count of changes by minute. */
export function runTimes(runs: readonly RunSummary[]): { At: number }[] {
  return runs.flatMap((run) => [run.startedAt, ...(run.endedAt === null ? [] : [run.endedAt])].map((At) => ({ At })));
}

export function lineAt(line: HourLine): number {
  return 'run' in line ? line.run.at : line.event.at;
}

function runAt(run: RunSummary): number {
  return run.endedAt ?? run.startedAt;
}

function runLine(run: RunSummary): RunLine {
  const { word, tone } = runWords[run.state];
  const { failed, total } = run.counts;
  return {
    at: runAt(run),
    state: tone === 'quiet' ? 'lost' : tone,
    run: run.id,
    title: run.title,
    word: run.state === 'failed' && failed > 0 ? `${failed} of ${total} steps failed` : word,
  };
}
