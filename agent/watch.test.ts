import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LinkView, NodeView, WatchMessage } from '../contract/watch.ts';
import { applyChange, clusterState, type ClusterState } from '../core/cluster-view.ts';
import { ClusterWatch } from './watch.ts';

const node = (Id: string): NodeView => ({
  Id,
  Name: `node${Id}`,
  Addresses: [],
  State: 'member',
  Head: Id === '1',
  Degree: 3,
  Version: null,
  Facts: null,
});
const link: LinkView = { A: '1', B: '2', State: 'up' };

let cluster: ClusterState;
let watched: boolean[];
let watch: ClusterWatch;
beforeEach(() => {
  vi.useFakeTimers();
  cluster = clusterState([node('1'), node('2')], [link]);
  watched = [];
  watch = new ClusterWatch(
    { self: '1', cluster: 'c', context: 'john', runId: 'run' },
    { observe: () => cluster, onWatched: (isWatched) => watched.push(isWatched) },
  );
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

function change(next: ClusterState): void {
  cluster = next;
  watch.changed();
  vi.advanceTimersByTime(50);
}

test('a watcher follows the cluster from its snapshot on, without a gap', () => {
  const messages: WatchMessage[] = [];
  watch.subscribe((message) => messages.push(message));
  change(clusterState([node('1'), node('2'), node('3')], [link]));
  change(clusterState([node('1'), node('3')], []));
  const [snapshot, ...deltas] = messages;
  if (snapshot?.Watch !== 'snapshot') throw new Error('no snapshot first');
  let state = clusterState(snapshot.Nodes, snapshot.Links);
  let revision = snapshot.Revision;
  for (const delta of deltas) {
    if (delta.Watch !== 'delta') throw new Error('a second snapshot');
    expect(delta.From).toEqual(revision);
    revision = delta.Revision;
    state = applyChange(state, delta);
  }
  expect(deltas).toHaveLength(2);
  expect(state).toEqual(cluster);
});

test('many changes at once make one delta, and without a change there is no delta', () => {
  const push = vi.fn();
  watch.subscribe(push);
  watch.changed();
  cluster = clusterState([node('1')], []);
  watch.changed();
  watch.changed();
  vi.advanceTimersByTime(50);
  change(clusterState([node('1')], []));
  expect(push).toHaveBeenCalledTimes(2);
});

test('a dropped queue is replaced by a snapshot of another epoch, for that reader only', () => {
  const slow = vi.fn<(message: WatchMessage) => void>();
  const quick = vi.fn<(message: WatchMessage) => void>();
  const subscription = watch.subscribe(slow);
  watch.subscribe(quick);
  const before = slow.mock.calls[0]![0].Revision.Epoch;
  subscription.resync();
  expect(slow.mock.calls[1]![0]).toMatchObject({ Watch: 'snapshot', Revision: { N: 0 } });
  expect(slow.mock.calls[1]![0].Revision.Epoch).not.toBe(before);
  expect(quick).toHaveBeenCalledTimes(1);
});

test('the mesh is notified of the first watcher and of the last one leaving', () => {
  const a = watch.subscribe(() => undefined);
  const b = watch.subscribe(() => undefined);
  a.close();
  b.close();
  b.close();
  expect(watched).toEqual([true, false]);
});
