import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../../contract/plans.ts';
import type { ConnectionState } from '../../lib/client.ts';
import { testPlan, testRun, testStep } from '../wizard/plan-for-tests.ts';
import { describeConnection } from './describe-connection.ts';
import { runNews } from './run-news.ts';

const live: ConnectionState = { state: 'live', since: 1, reason: '' };
const fleet = { asOf: 5_000, status: 'live' as const, error: '' };
const cluster = { State: 'live' as const, Context: 'lab', AsOf: 5_000, Reason: '' };

describe('the banner', () => {
  it('says nothing while all is live', () => {
    expect(describeConnection({ connection: live, fleet, cluster, now: 9_000 })).toBeNull();
    expect(describeConnection({ connection: live, fleet, cluster: null, now: 9_000 })).toBeNull();
  });

  it('says since when and why the console is gone, but not for a blip', () => {
    const connection: ConnectionState = { state: 'lost', since: 6_000, reason: 'transport close' };
    expect(describeConnection({ connection, fleet, cluster, now: 6_500 })).toBeNull();
    expect(describeConnection({ connection, fleet, cluster, now: 8_000 })).toEqual({
      tone: 'bad',
      text: 'No connection to the console (transport close): what you see may have changed.',
      asOf: 5_000,
    });
  });

  it('says that a cluster is lost, or being attached to', () => {
    const lost = { ...cluster, State: 'lost' as const, Reason: 'node1: timed out' };
    expect(describeConnection({ connection: live, fleet, cluster: lost, now: 9_000 })).toMatchObject({
      tone: 'bad',
      text: 'No node of lab answers: node1: timed out.',
    });
    const attaching = { ...cluster, State: 'attaching' as const };
    expect(describeConnection({ connection: live, fleet, cluster: attaching, now: 9_000 })?.tone).toBe('warn');
  });
});

describe('toasts about runs', () => {
  const plan = testPlan([testStep('pin', 'node1')]);
  const run = (parts: Partial<RunSummary>): RunSummary => testRun(plan, [], parts);
  const facts = { reader: 'Bob <bob@example.org>', node: '', isShown: false };

  it('tell what others start, on the node that is looked at', () => {
    expect(runNews({ ...facts, before: undefined, now: run({}) })?.title).toContain('Ann');
    expect(runNews({ ...facts, before: undefined, now: run({}), node: 'node1' })).not.toBeNull();
    expect(runNews({ ...facts, before: undefined, now: run({}), node: 'node2' })).toBeNull();
  });

  it('tell nothing of what the reader started or has on the screen', () => {
    expect(runNews({ ...facts, before: undefined, now: run({}), reader: 'Ann <ann@example.org>' })).toBeNull();
    expect(runNews({ ...facts, before: undefined, now: run({}), isShown: true })).toBeNull();
  });

  it('tell how the reader’s own run ended elsewhere, once', () => {
    const now = run({ state: 'failed', counts: { total: 4, done: 1, failed: 3 } });
    const own = { ...facts, reader: 'Ann <ann@example.org>', node: 'node9' };
    expect(runNews({ ...own, before: run({}), now })).toMatchObject({ tone: 'bad', description: '3 of 4 steps' });
    expect(runNews({ ...own, before: now, now })).toBeNull();
  });
});
