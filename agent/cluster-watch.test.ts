import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bridges, clusterKinds, hosts, links, nodes, type NodeRow } from '../contract/cluster-kinds.ts';
import type { WatchMessage } from '../contract/watch-messages.ts';
import type { WatchMessage1 } from '../contract/watch-messages-1.ts';
import { applyWatch, emptyCluster, watchedKinds } from '../core/watched-cluster.ts';
import { ClusterRows } from './rows/cluster-rows.ts';
import { ClusterWatch } from './cluster-watch.ts';

const node = (Id: string): NodeRow => ({
  Id,
  Name: `node${Id}`,
  Addresses: [],
  State: 'member',
  Head: Id === '1',
  Degree: 3,
});
const host = {
  ...{ CPUs: 2, Load: '0 0 0', MemTotal: 1, MemUsed: 1, RxBps: 0, TxBps: 0, VMs: 0, AndroidVMs: 0 },
  ...{ Limit: -1, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 1, Name: 'node1' },
};

let rows: ClusterRows;
let watched: boolean[];
let watch: ClusterWatch;
beforeEach(() => {
  vi.useFakeTimers();
  rows = new ClusterRows(clusterKinds);
  rows.replace(nodes, null, [node('1'), node('2')]);
  rows.put(links, { A: '1', B: '2', State: 'up' });
  watched = [];
  watch = new ClusterWatch(
    { self: '1', cluster: 'c', context: 'john', runId: 'run' },
    { rows, onWatched: (isWatched) => watched.push(isWatched) },
  );
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});
const soon = () => vi.advanceTimersByTime(50);
const request = { kinds: watchedKinds };

test('a watcher follows the cluster from the beginning on, without a gap', () => {
  const messages: (WatchMessage | WatchMessage1)[] = [];
  watch.subscribe(request, (message) => messages.push(message));
  rows.put(nodes, node('3'));
  soon();
  rows.drop(nodes, '2');
  rows.drop(links, '1 2');
  soon();
  let cluster = emptyCluster;
  let revision: unknown = null;
  for (const message of messages as WatchMessage[]) {
    if (message.Watch === 'rows') expect(message.From).toEqual(revision);
    revision = message.Revision;
    cluster = applyWatch(cluster, message);
  }
  expect(messages.map(({ Watch }) => Watch)).toEqual(['begin', 'rows', 'rows']);
  expect([...cluster.nodes.values()]).toEqual([node('1'), node('3')]);
  expect(cluster.links.size).toBe(0);
});

test('many changes at once make one message, and nothing is sent without a change', () => {
  const push = vi.fn();
  watch.subscribe(request, push);
  rows.put(nodes, node('1'));
  soon();
  rows.put(nodes, { Id: '1', Degree: 4 });
  rows.put(nodes, { Id: '1', Degree: 5 });
  soon();
  expect(push).toHaveBeenCalledTimes(2);
  expect(push.mock.calls[1]![0]).toMatchObject({ Kinds: { nodes: { put: [{ Id: '1', Degree: 5 }], gone: [] } } });
});

test('a watcher gets the kinds that it asked for, and no others', () => {
  const push = vi.fn();
  watch.subscribe({ kinds: ['hosts', 'clocks'] }, push);
  rows.put(nodes, node('9'));
  soon();
  expect(push).toHaveBeenCalledTimes(1);
  rows.put(hosts, { Node: '1', Version: '1', ...host });
  soon();
  expect(push.mock.calls[1]![0]).toMatchObject({ Kinds: { hosts: { put: [{ Node: '1', CPUs: 2 }] } } });
});

test('a beginning of many rows comes in parts, the last of which says so', () => {
  for (let id = 10; id < 2_500; id += 1) rows.put(nodes, node(String(id)));
  const messages: WatchMessage[] = [];
  watch.subscribe(request, (message) => messages.push(message as WatchMessage));
  expect(messages.map(({ Watch, More }) => [Watch, More])).toEqual([
    ['begin', true],
    ['rows', true],
    ['rows', false],
  ]);
  expect(messages.reduce(applyWatch, emptyCluster).nodes.size).toBe(2_492);
});

test('a dropped queue is replaced by a beginning of another epoch, for that reader only', () => {
  const slow = vi.fn<(message: WatchMessage | WatchMessage1) => void>();
  const quick = vi.fn<(message: WatchMessage | WatchMessage1) => void>();
  const subscription = watch.subscribe(request, slow);
  watch.subscribe(request, quick);
  const before = slow.mock.calls[0]![0].Revision.Epoch;
  subscription.resync();
  expect(slow.mock.calls[1]![0]).toMatchObject({ Watch: 'begin', Revision: { N: 0 } });
  expect(slow.mock.calls[1]![0].Revision.Epoch).not.toBe(before);
  expect(quick).toHaveBeenCalledTimes(1);
});

test('the mesh is notified of the first watcher and of the last one leaving', () => {
  const a = watch.subscribe(request, () => undefined);
  const b = watch.subscribe(request, () => undefined);
  a.close();
  b.close();
  b.close();
  expect(watched).toEqual([true, false]);
});

test('a watcher of the version before gets nodes with their facts in them', () => {
  const push = vi.fn();
  rows.put(hosts, { Node: '1', Version: '2', ...host });
  watch.subscribe({ kinds: null }, push);
  expect(push.mock.calls[0]![0]).toMatchObject({
    Watch: 'snapshot',
    Nodes: [
      { Id: '1', Name: 'node1', Version: '2', Facts: { CPUs: 2 } },
      { Id: '2', Version: null, Facts: null },
    ],
    Links: [{ A: '1', B: '2', State: 'up' }],
  });
  const told = { Bridge: 'br0', Uplink: 'eth0', Owner: '', Persistence: '', Reboot: 'safe', Alarms: ['one', 'two'] };
  rows.put(bridges, { Node: '1', ...told });
  rows.drop(links, '1 2');
  soon();
  expect(push.mock.calls[1]![0]).toMatchObject({
    Watch: 'delta',
    Nodes: [{ Id: '1', Facts: { Bridge: 'br0', BridgeAlarms: 'one\ntwo' } }],
    GoneNodes: [],
    Links: [],
    GoneLinks: [{ A: '1', B: '2' }],
  });
  rows.forget('1');
  rows.drop(nodes, '2');
  soon();
  expect(push.mock.calls[2]![0]).toMatchObject({ Nodes: [{ Id: '1', Facts: null }], GoneNodes: ['2'] });
});
