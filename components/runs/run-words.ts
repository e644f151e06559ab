// States and times of runs in words. A state is never colour alone: each has a tone, and a word.
import type { RunState, StepState } from '../../contract/plans.ts';
import type { LaneState } from '../../core/plans/run-state.ts';

export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'lost' | 'quiet';

export const runWords: Readonly<Record<RunState, { word: string; tone: Tone }>> = {
  running: { word: 'running', tone: 'busy' },
  asking: { word: 'asks', tone: 'warn' },
  'needs-secret': { word: 'needs password', tone: 'warn' },
  done: { word: 'done', tone: 'ok' },
  failed: { word: 'failed', tone: 'bad' },
  cancelled: { word: 'cancelled', tone: 'lost' },
  undone: { word: 'undone', tone: 'quiet' },
};

export const stepWords: Readonly<Record<StepState, { word: string; tone: Tone }>> = {
  waiting: { word: 'waits', tone: 'quiet' },
  asking: { word: 'asks', tone: 'warn' },
  running: { word: 'running', tone: 'busy' },
  done: { word: 'done', tone: 'ok' },
  unchanged: { word: 'right already', tone: 'ok' },
  failed: { word: 'failed', tone: 'bad' },
  skipped: { word: 'skipped', tone: 'quiet' },
  cancelled: { word: 'cancelled', tone: 'lost' },
  undoing: { word: 'undoing', tone: 'busy' },
  undone: { word: 'undone', tone: 'quiet' },
  'undo-failed': { word: 'undo failed', tone: 'bad' },
};

export const laneWords: Readonly<Record<LaneState, { word: string; tone: Tone }>> = {
  waiting: { word: 'waits', tone: 'quiet' },
  running: { word: 'running', tone: 'busy' },
  asking: { word: 'asks', tone: 'warn' },
  done: { word: 'done', tone: 'ok' },
  failed: { word: 'failed', tone: 'bad' },
  skipped: { word: 'skipped', tone: 'quiet' },
  cancelled: { word: 'cancelled', tone: 'lost' },
  undone: { word: 'undone', tone: 'quiet' },
};

/** `3 s`, `4 min 05 s`, `2 h 03 min`. Below a second `0 s`. */
export function describeDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** How long a step or run takes or took, and what is left to its deadline; null before it starts. */
export function elapsedOf(
  times: { readonly startedAt: number | null; readonly endedAt: number | null },
  now: number,
  deadlineMs: number | null = null,
): { readonly elapsedMs: number; readonly leftMs: number | null; readonly isLate: boolean } | null {
  if (times.startedAt === null) return null;
  const elapsedMs = Math.max(0, (times.endedAt ?? now) - times.startedAt);
  const leftMs = times.endedAt === null && deadlineMs !== null ? deadlineMs - elapsedMs : null;
  // The last fifth of its time is worth a look.
  return { elapsedMs, leftMs, isLate: leftMs !== null && deadlineMs !== null && leftMs < deadlineMs / 5 };
}
