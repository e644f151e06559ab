import { beforeEach, expect, test } from 'vitest';
import type { HostFacts } from '../contract/watch.ts';
import { FactsExchange } from './facts-exchange.ts';
import type { Clock, Timer } from './mesh/clock.ts';

/** Two nodes on one virtual clock; notices arrive at once, are counted, and can be lost. */
class Pair {
  now = 0;
  isLossy = false;
  isBlind = false;
  readonly errors: unknown[] = [];
  readonly sent: { from: string; kind: string; body: unknown }[] = [];
  readonly memory = new Map<string, number>();
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

  node(nodeId: string): FactsExchange {
    this.memory.set(nodeId, 100);
    return new FactsExchange(
      { nodeId, version: '1' },
      {
        clock: this.clock,
        observe: () =>
          this.isBlind
            ? Promise.reject(new Error('EMFILE'))
            : Promise.resolve({ ...sample, Name: nodeId, MemUsed: this.memory.get(nodeId)! }),
        onChange: () => undefined,
        onError: (error) => this.errors.push(error),
        mesh: {
          memberIds: () => [...this.memory.keys()],
          notify: (ids, kind, body) => {
            for (const id of ids) {
              this.sent.push({ from: nodeId, kind, body });
              if (!this.isLossy) this.handlers.get(`${id} ${kind}`)?.(body, { nodeId });
            }
          },
          onNotice: (kind, handler) => this.handlers.set(`${nodeId} ${kind}`, handler),
        },
      },
    );
  }

  /** A notice as a hostile member may send it. */
  tell(from: string, to: string, body: unknown): void {
    this.handlers.get(`${to} facts`)?.(body, { nodeId: from });
  }

  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    while (this.now < end) {
      this.now += 100;
      for (const timer of [...this.timers].filter(({ at }) => at <= this.now)) {
        this.timers.delete(timer);
        timer.run();
        // A round observes first, which is asynchronous.
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      }
    }
  }
}

const sample: HostFacts = {
  Name: '',
  CPUs: 2,
  Load: '0.00 0.00 0.00',
  MemTotal: 1000,
  MemUsed: 100,
  RxBps: 0,
  TxBps: 0,
  VMs: 0,
  AndroidVMs: 0,
  Limit: -1,
  CPUCommit: 0,
  MemCommit: 0,
  NetworkCommit: 0,
  Uptime: 1,
};

let pair: Pair;
let a: FactsExchange;
let b: FactsExchange;
beforeEach(() => {
  pair = new Pair();
  a = pair.node('a');
  b = pair.node('b');
});

test('nothing is sent while nobody looks', async () => {
  await pair.pass(20_000);
  expect(pair.sent).toEqual([]);
});

test('a watcher gets all facts, then changed fields only, at most once a second', async () => {
  a.setWatched(true);
  await pair.pass(3_000);
  expect(a.get('b')).toMatchObject({ version: '1', facts: { Name: 'b', MemUsed: 100 } });
  expect(a.get('a')?.facts.Name).toBe('a');
  pair.sent.length = 0;
  pair.memory.set('b', 200);
  await pair.pass(3_000);
  expect(a.get('b')?.facts.MemUsed).toBe(200);
  const facts = pair.sent.filter(({ kind }) => kind === 'facts');
  expect(facts).toEqual([{ from: 'b', kind: 'facts', body: { version: '1', full: false, facts: { MemUsed: 200 } } }]);
});

test('facts lost on the way arrive within the refresh period', async () => {
  a.setWatched(true);
  await pair.pass(3_000);
  pair.isLossy = true;
  pair.memory.set('b', 300);
  await pair.pass(3_000);
  pair.isLossy = false;
  expect(a.get('b')?.facts.MemUsed).toBe(100);
  await pair.pass(40_000);
  expect(a.get('b')?.facts.MemUsed).toBe(300);
});

test('a host that cannot be observed for a while sends its facts again', async () => {
  pair.isBlind = true;
  a.setWatched(true);
  await pair.pass(3_000);
  expect(pair.errors).toContainEqual(new Error('EMFILE'));
  expect(a.get('b')).toBeNull();
  pair.isBlind = false;
  await pair.pass(3_000);
  expect(a.get('b')?.facts.MemUsed).toBe(100);
});

test.each<[string, Partial<HostFacts>]>([
  ['a text of 3 MB', { Load: 'x'.repeat(3_000_000) }],
  ['a number beyond all bounds', { MemUsed: 1e308 }],
])('%s reaches no watcher, and what was known before stays', async (_, lie) => {
  a.setWatched(true);
  await pair.pass(3_000);
  pair.tell('b', 'a', { version: '1', full: false, facts: lie });
  pair.tell('b', 'a', { version: '1', full: true, facts: { ...sample, ...lie } });
  expect(a.get('b')?.facts).toEqual({ ...sample, Name: 'b' });
});

test('interest ends with its lease, and facts of a lost node are forgotten', async () => {
  a.setWatched(true);
  await pair.pass(3_000);
  a.setWatched(false);
  await pair.pass(20_000);
  pair.sent.length = 0;
  pair.memory.set('b', 400);
  await pair.pass(5_000);
  expect(pair.sent).toEqual([]);
  a.setWatched(true);
  await pair.pass(2_000);
  expect(a.get('b')?.facts.MemUsed).toBe(400);
  pair.memory.delete('b');
  a.membersChanged();
  expect(a.get('b')).toBeNull();
  b.stop();
});
