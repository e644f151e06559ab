import { expect, test } from 'vitest';
import type { FleetEvent } from '../../contract/fleet.ts';
import type { RunSummary } from '../../contract/plans.ts';
import { hourLines, runTimes } from './last-hour.ts';

const now = 10_000_000;
const minute = 60_000;
const event = (at: number, kind: FleetEvent['Kind'], ...nodes: string[]): FleetEvent => ({
  At: at,
  Cluster: 'c1',
  Kind: kind,
  Nodes: nodes,
});
const run = (id: string, times: Pick<RunSummary, 'state' | 'startedAt' | 'endedAt'>): RunSummary => ({
  id,
  kind: 'bridge',
  title: `Run ${id}`,
  startedBy: 'Ann',
  nodes: ['node1'],
  counts: { total: 9, done: 7, failed: times.state === 'failed' ? 2 : 0 },
  missingSecrets: [],
  ...times,
});
const words = (lines: ReturnType<typeof hourLines>) =>
  lines.map((line) =>
    'run' in line
      ? `${line.run.state}: ${line.run.title}: ${line.run.word}`
      : `${line.event.state}: ${line.event.nodes.join()} ${line.event.after}`,
  );

test('runs and bridges stand among nodes and links, newest first', () => {
  const events = [
    event(now - 30 * minute, 'node-down', 'node4'),
    event(now - 10 * minute, 'bridge-up', 'node1'),
    event(now - 10 * minute + 500, 'bridge-up', 'node2'),
  ];
  const runs = [
    run('a', { state: 'running', startedAt: now - minute, endedAt: null }),
    run('b', { state: 'done', startedAt: now - 70 * minute, endedAt: now - 20 * minute }),
    run('c', { state: 'failed', startedAt: now - 9 * minute, endedAt: now - 5 * minute }),
    run('d', { state: 'done', startedAt: now - 90 * minute, endedAt: now - 61 * minute }),
  ];
  expect(words(hourLines({ events, runs, now }, 14))).toEqual([
    'busy: Run a: running',
    'bad: Run c: 2 of 9 steps failed',
    'ok: node1,node2 has a bridge now',
    'ok: Run b: done',
    'bad: node4 left the mesh',
  ]);
});

test('a run that ends moves to its end, and is one line', () => {
  const started = run('a', { state: 'running', startedAt: now - 20 * minute, endedAt: null });
  const ended: RunSummary = { ...started, state: 'done', endedAt: now };
  expect(hourLines({ events: [], runs: [started], now }, 14)).toMatchObject([{ run: { at: started.startedAt } }]);
  expect(hourLines({ events: [], runs: [ended], now }, 14)).toMatchObject([{ run: { at: now, word: 'done' } }]);
  expect(runTimes([started, ended])).toEqual([{ At: started.startedAt }, { At: started.startedAt }, { At: now }]);
});

test('the limit keeps the newest of both', () => {
  const events = Array.from({ length: 20 }, (_, at) => event(now - (40 - at) * minute, 'node-up', `node${at}`));
  const runs = [run('a', { state: 'done', startedAt: now - 25 * minute, endedAt: now - 22 * minute - 1 })];
  expect(words(hourLines({ events, runs, now }, 3))).toEqual([
    'ok: node19 is in the mesh',
    'ok: node18 is in the mesh',
    'ok: Run a: done',
  ]);
});
