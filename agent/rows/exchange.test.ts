import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { bridges, clusterKinds, hosts, type HostRow } from '../../contract/cluster-kinds.ts';
import { defineKind, type RowData } from '../../contract/kinds.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import { ClusterRows } from './cluster-rows.ts';
import { FactsExchange1 } from './exchange-1.ts';
import { RowExchange } from './exchange.ts';
import type { RowSink, RowSource } from './source.ts';

const vms = defineKind({
  name: 'vms',
  key: ['Node', 'Id'],
  owner: 'Node',
  bound: 5_000,
  row: z.object({ Node: z.string(), Id: z.number(), State: z.string() }),
});

interface TestNode {
  readonly rows: ClusterRows;
  readonly exchange: RowExchange;
  readonly exchange1: FactsExchange1;
  /** Null while nobody wants its rows. */
  sink: RowSink | null;
  watch(isWatched: boolean): void;
}

/** Nodes on one virtual clock; notices arrive at once, are counted, and can be lost. */
class Cluster {
  now = 0;
  /** Which notices are lost on the way. */
  loses: (kind: string, body: unknown) => boolean = () => false;
  readonly sent: { from: string; to: string; kind: string; body: unknown }[] = [];
  readonly members = new Set<string>();
  private readonly timers = new Set<{ at: number; run: () => void }>();
  private readonly handlers = new Map<string, (body: unknown, from: { nodeId: string }) => void>();
  readonly clock: Clock = {
    now: () => this.now,
    wallNow: () => this.now,
    after: (delayMs, run): Timer => {
      const timer = { at: this.now + delayMs, run };
      this.timers.add(timer);
      return { cancel: () => this.timers.delete(timer) };
    },
  };

  /** `isOld`: it knows no rows. */
  node(nodeId: string, firstRows: readonly RowData[] = [], { isOld = false } = {}): TestNode {
    this.members.add(nodeId);
    const rows = new ClusterRows([...clusterKinds, vms]);
    const mesh = {
      memberIds: () => [...this.members],
      notify: (ids: readonly string[], kind: string, body: unknown) => {
        if (isOld && kind.startsWith('rows')) return;
        for (const to of ids) {
          this.sent.push({ from: nodeId, to, kind, body });
          if (!this.loses(kind, body))
            this.handlers.get(`${to} ${kind}`)?.(JSON.parse(JSON.stringify(body)), { nodeId });
        }
      },
      onNotice: (kind: string, handler: (body: unknown, from: { nodeId: string }) => void) => {
        if (!isOld || !kind.startsWith('rows')) this.handlers.set(`${nodeId} ${kind}`, handler);
      },
    };
    const source = (kind: RowSource['kind'], first: readonly RowData[]): RowSource => ({
      kind,
      start: (sink) => {
        if (kind === vms) node.sink = sink;
        for (const row of first) sink.put(row);
        return () => {
          node.sink = null;
        };
      },
    });
    const sources = [source(hosts, [hostRow(nodeId)]), source(vms, firstRows)];
    const exchange = new RowExchange(nodeId, { mesh, clock: this.clock, rows, sources });
    const self = { nodeId, version: isOld ? '0' : '1' };
    const exchange1 = new FactsExchange1(self, { mesh, clock: this.clock, rows, exchange });
    const node: TestNode = {
      rows,
      exchange,
      exchange1,
      sink: null,
      watch: (isWatched) => {
        exchange.setWatched(isWatched);
        exchange1.setWatched(isWatched);
      },
    };
    return node;
  }

  pass(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now += 10;
      for (const timer of [...this.timers].filter(({ at }) => at <= this.now)) {
        this.timers.delete(timer);
        timer.run();
      }
    }
  }

  /** A notice as another version, or a hostile member, sends it. */
  tell(kind: string, from: string, to: string, body: unknown): void {
    this.handlers.get(`${to} ${kind}`)?.(body, { nodeId: from });
  }

  portions(): unknown[] {
    return this.sent.filter(({ kind }) => kind === 'rows').map(({ body }) => body);
  }
}

const hostRow = (Node: string): HostRow => ({
  ...{ Node, Name: Node, Version: '1', CPUs: 2, Load: '0 0 0', MemTotal: 1, MemUsed: 1, RxBps: 0, TxBps: 0, VMs: 0 },
  ...{ AndroidVMs: 0, Limit: -1, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 1 },
});
const vm = (Node: string, Id: number, State = 'RUNNING') => ({ Node, Id, State });
const vmsOf = (node: TestNode) => [...node.rows.table(vms).values()];

let cluster: Cluster;
let a: TestNode;
let b: TestNode;
beforeEach(() => {
  cluster = new Cluster();
  a = cluster.node('a');
  b = cluster.node('b', [vm('b', 1), vm('b', 2)]);
});

test('K1: nothing is sent or observed while nobody looks', () => {
  cluster.pass(20_000);
  expect([cluster.sent, b.sink]).toEqual([[], null]);
});

test('K2: a watcher gets all rows, its own too, then changed fields only', () => {
  a.watch(true);
  cluster.pass(1_000);
  expect([...a.rows.table(hosts).keys()]).toEqual(['a', 'b']);
  expect(vmsOf(a)).toEqual([vm('b', 1), vm('b', 2)]);
  cluster.sent.length = 0;
  b.sink?.put({ Node: 'b', Id: 1, State: 'PAUSED' });
  b.sink?.drop('b 2');
  cluster.pass(1_000);
  expect(vmsOf(a)).toEqual([vm('b', 1, 'PAUSED')]);
  expect(cluster.portions()).toMatchObject([{ more: false, rows: { vms: { gone: ['b 2'] } } }]);
  expect(JSON.stringify(cluster.portions())).not.toContain('hosts');
});

test('K2, K3: many rows come in portions, and count only when all of the beginning are there', () => {
  const many = Array.from({ length: 1_000 }, (_, id) => vm('c', id));
  const c = cluster.node('c', many);
  const seen: number[] = [];
  a.rows.onChange((kind) => {
    if (kind === vms) seen.push(cluster.portions().length);
  });
  a.watch(true);
  cluster.pass(100);
  // A row changes and another goes while the beginning is on its way.
  c.sink?.put({ Node: 'c', Id: 999, State: 'PAUSED' });
  c.sink?.drop('c 998');
  cluster.pass(2_000);
  expect(vmsOf(a).filter(({ Node }) => Node === 'c')).toHaveLength(999);
  expect(a.rows.table(vms).get('c 999')?.State).toBe('PAUSED');
  for (const { body } of cluster.sent.filter(({ kind }) => kind === 'rows'))
    expect(JSON.stringify(body).length).toBeLessThan(64 * 1024);
});

test('K4: a portion that is lost leads to all rows again, at once when another follows, else with a renewal', () => {
  a.watch(true);
  cluster.pass(1_500);
  let lost = 0;
  cluster.loses = (kind) => kind === 'rows' && (lost += 1) === 1;
  b.sink?.put(vm('b', 3));
  cluster.pass(200);
  expect(vmsOf(a)).toHaveLength(2);
  b.sink?.put(vm('b', 4));
  cluster.pass(200);
  expect(vmsOf(a).map(({ Id }) => Id)).toEqual([1, 2, 3, 4]);
  lost = 0;
  b.sink?.drop('b 1');
  cluster.pass(12_000);
  expect(vmsOf(a).map(({ Id }) => Id)).toEqual([2, 3, 4]);
});

test('K5: a member says nothing about the rows of another', () => {
  a.watch(true);
  cluster.pass(1_000);
  const c = cluster.node('c', [vm('c', 1)]);
  a.exchange.membersChanged();
  cluster.pass(1_000);
  // It forges: its source puts and drops what is not its own.
  c.rows.put(vms, vm('b', 77));
  cluster.sent.length = 0;
  a.rows.applyFrom('c', vms, { put: [vm('b', 1, 'QUIT'), vm('b', 78)], gone: ['b 2'] });
  expect(vmsOf(a)).toEqual([vm('b', 1), vm('b', 2), vm('c', 1)]);
});

test.each([
  ['a text of 3 MB', { Load: 'x'.repeat(3_000_000) }],
  ['a number beyond all bounds', { MemUsed: 1e308 }],
  ['a row of another shape', { CPUs: 'two' }],
])('K5: %s reaches no watcher, and what was known before stays', (_, lie) => {
  a.watch(true);
  cluster.pass(1_000);
  const { epoch, portion } = cluster.portions().at(-1) as { epoch: string; portion: number };
  const put = [{ Node: 'b', ...lie }];
  cluster.tell('rows', 'b', 'a', { epoch, portion: portion + 1, more: false, rows: { hosts: { put, gone: [] } } });
  expect(a.rows.table(hosts).get('b')).toEqual(hostRow('b'));
  const { Node: _node, Version: _version, ...facts } = hostRow('b');
  cluster.tell('facts', 'b', 'a', { version: '1', full: true, facts: { ...facts, ...lie } });
  expect(a.rows.table(hosts).get('b')).toEqual(hostRow('b'));
});

test('K1: interest ends with its lease, and rows of a lost node are forgotten', () => {
  a.watch(true);
  cluster.pass(1_000);
  a.watch(false);
  expect([vmsOf(a), a.rows.table(hosts).size]).toEqual([[], 0]);
  cluster.pass(20_000);
  expect(b.sink).not.toBeNull();
  b.sink?.put(vm('b', 9));
  cluster.pass(1_000);
  expect(b.sink).toBeNull();
  cluster.sent.length = 0;
  cluster.pass(20_000);
  expect(cluster.sent).toEqual([]);
  a.watch(true);
  cluster.pass(1_000);
  expect(vmsOf(a)).toHaveLength(2);
  cluster.members.delete('b');
  a.exchange.membersChanged();
  expect(vmsOf(a)).toEqual([]);
});

test('K1: a member that came back is asked at once, and a new life of it replaces what was known', () => {
  a.watch(true);
  cluster.pass(1_000);
  cluster.members.delete('b');
  a.exchange.membersChanged();
  cluster.node('b', [vm('b', 5)]);
  a.exchange.membersChanged();
  cluster.pass(200);
  expect(vmsOf(a)).toEqual([vm('b', 5)]);
});

test('K6: a member of the version before tells and gets the facts of hosts', () => {
  const old = cluster.node('old', [], { isOld: true });
  a.watch(true);
  cluster.pass(7_000);
  expect([...a.rows.table(hosts).values()].map(({ Node, Version }) => `${Node} ${Version}`).sort()).toEqual([
    'a 1',
    'b 1',
    'old 0',
  ]);
  // As that version sends it: the bridge is in the facts of the host.
  const { Node: _node, Version: _version, ...facts } = hostRow('old');
  const bridge = { Bridge: 'br0', BridgeUplink: 'eth0', BridgeAlarms: 'one\ntwo' };
  cluster.tell('facts', 'old', 'a', { version: '0', full: true, facts: { ...facts, ...bridge } });
  expect(a.rows.table(hosts).get('old')).toMatchObject({ Version: '0', CPUs: 2 });
  expect(a.rows.table(bridges).get('old')).toMatchObject({ Uplink: 'eth0', Alarms: ['one', 'two'] });
  cluster.tell('facts', 'old', 'a', { version: '0', full: false, facts: { CPUs: 4 } });
  expect(a.rows.table(hosts).get('old')).toMatchObject({ CPUs: 4 });
  old.watch(false);
  cluster.sent.length = 0;
  cluster.tell('facts-wanted', 'old', 'b', { full: true });
  cluster.pass(3_000);
  expect(cluster.sent.filter(({ from, to }) => from === 'b' && to === 'old')[0]).toMatchObject({
    kind: 'facts',
    body: { version: '1', full: true, facts: { Name: 'b', CPUs: 2 } },
  });
});
