// The console's watch over a transaction, against nodes in memory, in virtual time.
import { describe, expect, test } from 'vitest';
import { AppError } from '../../../contract/errors.ts';
import type { ErrorCode } from '../../../contract/errors.ts';
import type { Plan, RunSummary } from '../../../contract/plans.ts';
import { bridgeKind } from '../../../core/plans/kinds.ts';
import type { TrialSignal } from '../../../core/plans/bridge/plan/trial-signals.ts';
import { BridgeForm } from '../../../core/plans/bridge/plan/inputs.ts';
import type { PlanPersistence } from '../../../core/plans/bridge/plan/inputs.ts';
import { planBridge } from '../../../core/plans/bridge/plan/plan.ts';
import { BridgeStepArgs } from '../../../core/plans/bridge/plan/step-args.ts';
import type { BridgeProgress, WitnessPlan } from '../../../core/plans/bridge/plan/step-args.ts';
import { bridgeFacts, nicFacts } from '../../../core/plans/bridge/observe/facts-for-tests.ts';
import type { BridgeTransaction } from '../../../core/plans/bridge/plan/transaction.ts';
import { openTransaction, placeTransaction } from '../../../host/bridge/node-transaction.ts';
import { sha256Hex } from '../../../host/hash.ts';
import { RunCore } from '../../runs/run-core.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { awaitHandOver, beginOnce } from './calls.ts';
import { MemoryNode } from './memory-node.ts';
import type { MemoryNodeOptions } from './memory-node.ts';
import { describeState, watchTransaction } from './transaction-watch.ts';
import type { Door, WatchParts } from './transaction-watch.ts';

/** Time advances only when everything due at this moment has happened: a busy machine changes nothing. */
class VirtualTime {
  at = 0;
  /** Reads of real files under way. */
  reading = 0;
  private sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  readonly sleep = (ms: number) =>
    new Promise<void>((wake) => void this.sleepers.push({ until: this.at + ms, wake: () => wake() }));

  async during<T>(work: Promise<T>): Promise<T> {
    const state = { isOver: false };
    const watched = work.finally(() => (state.isOver = true));
    watched.catch(() => undefined);
    for (;;) {
      await new Promise(setImmediate);
      if (state.isOver) return watched;
      const next = this.reading > 0 ? undefined : this.sleepers.sort((a, b) => a.until - b.until).shift();
      if (next) {
        this.at = Math.max(this.at, next.until);
        next.wake();
      } else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

const time = new VirtualTime();
const now = () => time.at;
const nonce = 'n';
const persist: PlanPersistence = () => ({ files: [], enable: [], disable: [], dhcp: 'none', findings: [] });
const target = (name: string) => ({ name, address: `${name}.lab`, port: 22, user: 'root' });

function planOf(
  names: readonly string[],
  form: Record<string, unknown> = {},
  nic: Parameters<typeof nicFacts>[0] = {},
): Plan {
  const nodes = names.map((name) => ({
    target: target(name),
    isHead: false,
    isConsole: false,
    facts: bridgeFacts({ name, nics: [nicFacts(nic)] }),
    error: '',
  }));
  const made = planBridge(
    BridgeForm.parse({ nodes: 'all', times: { settle: 1, inside: 10, cap: 60 }, window: 15, ...form }),
    { nodes, bystanders: [target('peer1'), target('peer2')] },
    { id: 'p1', nowMs: 1 },
    persist,
  );
  if (!made.ok) throw new Error(made.message);
  return made.plan;
}

interface Scene {
  readonly node?: Partial<MemoryNodeOptions>;
  readonly form?: Record<string, unknown>;
  readonly nic?: Parameters<typeof nicFacts>[0];
  /** Whether the console gets through directly. */
  readonly direct?: (node: MemoryNode) => boolean;
  /** Why it does not. */
  readonly directError?: ErrorCode;
  /** Whether a peer does. */
  readonly peer?: (node: MemoryNode, name: string) => boolean;
  /** Whether a peer is a way in; when absent, it is one when it sees the node. */
  readonly via?: (node: MemoryNode, name: string) => boolean;
  /** How long a peer looks. */
  readonly lookMs?: number;
  readonly signals?: (progress: BridgeProgress) => TrialSignal[];
  readonly witness?: Partial<WitnessPlan>;
}

async function begin(scene: Scene = {}) {
  const args = BridgeStepArgs.parse(planOf(['node1'], scene.form, scene.nic).steps[0]?.do.args);
  const node = new MemoryNode({ name: 'node1', now, ...scene.node });
  const transaction = { ...args.transaction, id: 'r1-1', holder: 'Ann', nonceSha256: sha256Hex(nonce) };
  await place(node, transaction);
  return { args, node };
}

async function place(node: MemoryNode, transaction: BridgeTransaction): Promise<void> {
  time.reading += 1;
  try {
    const placed = await placeTransaction(node, transaction);
    await beginOnce(placed, { signal: new AbortController().signal, log: () => undefined });
  } finally {
    time.reading -= 1;
  }
}

function watch(args: BridgeStepArgs, node: MemoryNode, scene: Scene = {}, logs: string[] = []) {
  const shown: BridgeProgress[] = [];
  const queue: TrialSignal[] = [];
  const door = (isOpen: boolean, by: string, code: ErrorCode = 'timeout'): Promise<Door> =>
    isOpen && node.isReachable
      ? Promise.resolve({ transaction: openTransaction(node, 'r1-1'), close: () => undefined })
      : Promise.reject(new AppError(code, `no way by ${by}`));
  const parts: WatchParts = {
    node: 'node1',
    transaction: args.transaction,
    witness: { ...args.witness, ...scene.witness },
    nonce,
    openDirect: () => door(scene.direct?.(node) ?? true, 'the console', scene.directError),
    openVia: (peer) => door((scene.via ?? scene.peer)?.(node, peer) ?? true, peer),
    lookFrom: async (peer) => {
      const isSeen = (scene.peer?.(node, peer) ?? true) && node.isReachable;
      if (scene.lookMs !== undefined) await time.sleep(scene.lookMs);
      return { isSeen, isStranger: false, error: isSeen ? '' : 'no route' };
    },
    takeSignals: () => queue.splice(0),
    onTurn: () => undefined,
    progress: (progress) => {
      shown.push(progress);
      queue.push(...(scene.signals?.(progress) ?? []));
    },
    log: (text) => void logs.push(text),
    now,
    sleep: time.sleep,
  };
  return { end: watchTransaction(parts), shown, logs };
}

async function play(scene: Scene = {}) {
  const { args, node } = await begin(scene);
  const { end, ...told } = watch(args, node, scene);
  return { end: await time.during(end), node, ...told };
}
const once = (when: (progress: BridgeProgress) => boolean, signal: TrialSignal) => {
  let isSaid = false;
  return (progress: BridgeProgress): TrialSignal[] => {
    if (isSaid || !when(progress)) return [];
    isSaid = true;
    return [signal];
  };
};

describe('a transaction is kept', () => {
  test('automatically, once the console and one peer have seen the node', async () => {
    const { end } = await play();
    expect(end.status).toMatchObject({ state: 'committed' });
    expect(end.status?.witnesses).toContain('@console');
    expect(end.status?.witnesses.some((name) => name.startsWith('peer'))).toBe(true);
  });

  test('by two peers, through one of them, where the console does not get through', async () => {
    const { end } = await play({ direct: (node) => !['applied', 'inside-ok', 'outside-ok'].includes(node.stateNow) });
    expect(end.status?.state).toBe('committed');
    expect(end.status?.witnesses.toSorted()).toEqual(['peer1', 'peer2']);
    expect(end.console.isSeen).toBe(false);
  });

  test('by two peers where the console is on the node itself and does not count', async () => {
    const { end } = await play({ witness: { isConsoleOnNode: true, rule: { kind: 'two-peers', hasGateway: true } } });
    expect(end.status?.witnesses.toSorted()).toEqual(['peer1', 'peer2']);
    expect(end.status?.state).toBe('committed');
  });

  test('after half a minute in which LACP lets nothing through, with the window that a bond gets', async () => {
    const form = { window: undefined, times: { settle: 1, inside: 60 } };
    const { end } = await play({ form, nic: { kind: 'bond' }, node: { linkMs: 30_000 } });
    expect(end.status?.state).toBe('committed');
    expect((await play({ nic: { kind: 'bond' }, node: { linkMs: 30_000 } })).end.status?.state).toBe('rolled-back');
  });

  test.each([3_600_000, -3_600_000])('while its clock jumps by %d ms', async (jump) => {
    const base = 1_700_000_000_000;
    let jumpAt = Infinity;
    const node = { wallClock: (at: number) => base + at + (at > jumpAt ? jump : 0) };
    const { args, node: memory } = await begin({ node });
    jumpAt = now() + 1_500;
    const { end, shown } = watch(args, memory);
    expect((await time.during(end)).status?.state).toBe('committed');
    expect(Math.max(...shown.map(({ leftMs }) => leftMs ?? 0))).toBeLessThanOrEqual(15_300);
  });

  test('by a console that was killed after the change and came back', async () => {
    const { args, node } = await begin();
    await time.during(time.sleep(2_000));
    expect(node.stateNow).toBe('inside-ok');
    const logs: string[] = [];
    expect((await time.during(watch(args, node, {}, logs).end)).status?.state).toBe('committed');
  });

  test('and a console that comes back later reads how it ended', async () => {
    const { args, node } = await begin();
    await time.during(watch(args, node).end);
    const asked = await time.during(watch(args, node).end);
    expect(asked.status?.state).toBe('committed');
    const { args: others, node: lonely } = await begin();
    await time.during(time.sleep(17_000));
    expect((await time.during(watch(others, lonely).end)).status).toMatchObject({ state: 'rolled-back' });
  });
});

describe('a transaction rolls back automatically', () => {
  test('when the console alone sees the node and there are peers who do not', async () => {
    const { end } = await play({ peer: () => false });
    expect(end.status).toMatchObject({ state: 'rolled-back' });
    expect(end.peers.map(({ lastError }) => lastError)).toEqual(['no route', 'no route']);
  });

  test('and who met another host key there is known by the code of the error, not by its words', async () => {
    const { end } = await play({ direct: () => false, peer: () => false, directError: 'host-key-changed' });
    expect(end.console).toMatchObject({ isSeen: false, isStranger: true });
    expect(end.peers.map(({ isStranger }) => isStranger)).toEqual([false, false]);
  });

  // The console gets through from the change on; all that peers saw was the node as it was.
  const isBefore = (node: MemoryNode) => ['', 'planned', 'armed'].includes(node.stateNow);
  const onlyBefore: Scene = {
    node: { rehearsalMs: 20_000 },
    form: { window: 40, times: { settle: 1, inside: 10, cap: 60 } },
    direct: (node) => !isBefore(node),
    peer: isBefore,
  };
  test.each<[string, Scene]>([
    ['looked at it', { via: () => false }],
    ['were the way in', {}],
    ['began to look', { via: () => false, lookMs: 12_000 }],
  ])('when peers %s before the change, and not after it', async (_, scene) => {
    const { end } = await play({ ...onlyBefore, ...scene });
    expect(end.status).toMatchObject({ state: 'rolled-back', witnesses: ['@console'] });
    expect(end.peers.map(({ isSeen }) => isSeen)).toEqual([false, false]);
  });

  test('when the one that saw it is a peer called console', async () => {
    const { end } = await play({
      direct: (node) => isBefore(node),
      peer: (_, name) => name === 'console',
      witness: { peers: [target('console'), target('peer2')] },
    });
    expect(end.status?.state).toBe('rolled-back');
    expect(end.console.isSeen).toBe(false);
    expect(end.peers.map(({ isSeen }) => isSeen)).toEqual([true, false]);
  });

  test('or fails to: what comes next is said as it is', () => {
    const failed = { state: 'rollback-failed', reason: 'ovs-vsctl hangs', outageMs: null, witnesses: [] } as const;
    expect(describeState(failed, 0)).toBe(
      'the rollback failed; it is tried again at the next start of the machine: ovs-vsctl hangs',
    );
    expect(describeState(failed, 300)).toContain('the machine restarts in 5 min, as planned');
  });

  test('when its gateway stays silent', async () => {
    expect((await play({ node: { gateway: 'silent' } })).end.status?.state).toBe('rolled-back');
  });

  test('when nobody gets through; the console learns of it afterwards', async () => {
    const isChanged = (node: MemoryNode) => ['applied', 'inside-ok', 'outside-ok'].includes(node.stateNow);
    const { end, shown } = await play({ direct: (node) => !isChanged(node), peer: (node) => !isChanged(node) });
    expect(end.status).toMatchObject({ state: 'rolled-back' });
    expect(shown.some(({ text }) => text.includes('not reached from the console now'))).toBe(true);
  });

  test('a slow console costs nothing: seen now and then, the window is prolonged, up to its cap', async () => {
    let turn = 0;
    const slow = await play({
      direct: () => ++turn % 8 === 0,
      peer: () => false,
      form: { times: { settle: 1, inside: 10, cap: 40 } },
    });
    const at = (state: string) => slow.end.status?.journal.find((line) => line.state === state)?.atMs ?? 0;
    const seconds = (at('rolled-back') - at('applied')) / 1000;
    expect(seconds).toBeGreaterThan(25);
    expect(seconds).toBeLessThan(42);
  });
});

describe('the ends of a transaction', () => {
  const signal = new AbortController().signal;
  const log = () => undefined;

  test('one that gave up in its rehearsal ends with its reason and its causes, as any other', async () => {
    const { args, node } = await begin({ node: { givesUp: 'nothing was changed: eth0 has another address' } });
    expect((await time.during(watch(args, node).end)).status).toMatchObject({
      state: 'rolled-back',
      reason: 'nothing was changed: eth0 has another address',
    });
  });

  test('one that the node refused before it had a state ends with that refusal', async () => {
    const refused = new AppError('conflict', 'transaction r0-1 holds this machine');
    const placed = { ...openTransaction(new MemoryNode({ name: 'node1', now }), 'r1-1') };
    await expect(beginOnce({ ...placed, begin: () => Promise.reject(refused) }, { signal, log })).rejects.toBe(refused);
  });

  test('with a fixed address the console asks about the next boot once the transaction is no longer pending', async () => {
    const { args, node } = await begin({ node: { handOverMs: 2_500 } });
    const { status } = await time.during(watch(args, node).end);
    if (status === null) throw new Error('silent');
    const transaction = openTransaction(node, 'r1-1');
    const wait = { signal, forMs: 10_000, now, sleep: time.sleep, onWait: log };
    const over = await time.during(awaitHandOver(transaction, status, wait));
    expect(over.dhcp).toBe('none');
    expect((await transaction.prove()).rebootDoubts).toEqual([]);
  });
});

describe('people', () => {
  const onTrial = ({ state }: BridgeProgress) => state === 'inside-ok' || state === 'outside-ok';

  test('hold it: it waits for keep though all have seen it, and goes back without', async () => {
    const form = { hold: true };
    const { end, shown } = await play({ form });
    expect(end.status?.state).toBe('rolled-back');
    expect(shown.some(({ text }) => /waits for somebody to say keep.*returns to how it was in \d+ s/.test(text))).toBe(
      true,
    );
    // Screen readers speak each change: that text holds no seconds.
    expect(shown.length).toBeGreaterThan(10);
    expect(new Set(shown.map(({ news }) => news)).size).toBeLessThan(5);
    expect(shown.at(-1)?.news).toContain('if you do nothing, node1 returns to how it was');
    const kept = await play({ form, signals: once(onTrial, 'keep') });
    expect(kept.end.status?.state).toBe('committed');
  });

  test('have it undone, now', async () => {
    const { end } = await play({ form: { hold: true }, signals: once(onTrial, 'undo') });
    expect(end).toMatchObject({ isUndone: true, status: { state: 'rolled-back', reason: 'undone on request' } });
  });

  test('take more time', async () => {
    const { end } = await play({ form: { hold: true }, signals: once(onTrial, 'more') });
    const at = (state: string) => end.status?.journal.find((line) => line.state === state)?.atMs ?? 0;
    expect((at('rolled-back') - at('applied')) / 1000).toBeGreaterThan(25);
  });

  test('say keep before its own checks have passed: that is too early, and must be said again', async () => {
    const early = once(({ state }) => state === 'applied', 'keep');
    const peer = () => false;
    const { end, logs } = await play({ peer, signals: early });
    expect(end.status?.state).toBe('rolled-back');
    expect(logs.some((text) => /^keep: too early.*say it again/.test(text))).toBe(true);
    const again = once(({ state }) => state === 'outside-ok', 'keep');
    const said = await play({ peer, signals: (progress) => [...early(progress), ...again(progress)] });
    expect(said.end.status?.state).toBe('committed');
  });

  test('say keep where nobody is left to look: that is what the rule asks for', async () => {
    const witness: WitnessPlan = {
      isConsoleOnNode: true,
      peers: [],
      rule: { kind: 'person-and-gateway', hasGateway: true },
    };
    expect((await play({ witness })).end.status?.state).toBe('rolled-back');
    const kept = await play({ witness, signals: once(onTrial, 'keep') });
    expect(kept.end.status?.state).toBe('committed');
    // The other half of the rule: the gateway answers.
    const lost = await play({ witness, node: { gateway: 'lost' }, signals: once(onTrial, 'keep') });
    expect(lost.end.status?.state).toBe('rolled-back');
    expect(lost.shown.some(({ text }) => text.includes('waits for its gateway'))).toBe(true);
  });
});

describe('200 nodes at once', () => {
  const names = Array.from({ length: 200 }, (_, at) => `node${at + 1}`);
  const caller = { userId: 'u1', name: 'Ann', role: 'admin' } as const;
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

  async function rollOut(deaf: ReadonlySet<string>) {
    const plan = planOf(names, { atOnce: 64 });
    const nodes = new Map(
      names.map((name) => [name, new MemoryNode({ name, now, gateway: deaf.has(name) ? 'silent' : 'answers' })]),
    );
    let [atWork, most] = [0, 0];
    const core = new RunCore({
      store: createMemoryStore().runs,
      kinds: [{ facts: bridgeKind, plan: () => Promise.resolve(plan) }],
      executor: {
        open: () => ({
          perform: async ({ step, run }) => {
            most = Math.max(most, ++atWork);
            const args = BridgeStepArgs.parse(step.do.args);
            const node = nodes.get(step.node);
            if (!node) throw new Error(step.node);
            const full = { ...args.transaction, id: 'r1-1', holder: run, nonceSha256: sha256Hex(nonce) };
            await place(node, full);
            const { status } = await watch(args, node).end;
            atWork -= 1;
            if (status?.state !== 'committed') throw new AppError('failed', status?.reason ?? 'unknown');
            return { changed: true };
          },
          undo: () => Promise.reject(new Error('no undo here')),
          releaseNode: () => Promise.resolve(),
          close: () => Promise.resolve(),
        }),
      },
      log,
      now: Date.now,
      resumesAtStart: false,
    });
    const made = await core.makePlan(caller, {
      kind: 'bridge',
      form: {},
      secrets: {},
      signal: new AbortController().signal,
    });
    const { id } = await core.startRun(caller, made.id, {});
    const over = new Promise<RunSummary>((resolve) => {
      core.onChanged((summary) => {
        if (summary.id === id && summary.endedAt !== null) resolve(summary);
      });
    });
    const ended = await time.during(over);
    await core.stop();
    return { ended, nodes, most };
  }

  test('all are kept, in waves of 32 at most', { timeout: 60_000 }, async () => {
    const { ended, nodes, most } = await rollOut(new Set());
    expect(ended).toMatchObject({ state: 'done', counts: { total: 200, done: 200, failed: 0 } });
    expect([...nodes.values()].every(({ stateNow }) => stateNow === 'committed')).toBe(true);
    expect(most).toBeLessThanOrEqual(32);
  });

  test('a bad one stops the rest: what comes after its wave is never touched', { timeout: 60_000 }, async () => {
    const { ended, nodes } = await rollOut(new Set(['node7']));
    expect(ended.state).toBe('failed');
    expect(ended.counts.failed).toBe(1);
    const states = [...nodes.values()].map(({ stateNow }) => stateNow);
    expect(nodes.get('node7')?.stateNow).toBe('rolled-back');
    expect(states.filter((state) => state === 'committed').length).toBeLessThan(9);
    expect(states.filter((state) => state === '').length).toBeGreaterThan(190);
  });
});
