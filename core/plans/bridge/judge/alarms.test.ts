// Alarms, against a node whose transaction moves on while it is looked at: each order of its moments and of what a look reads.
import { describe, expect, test } from 'vitest';
import { confirmLook, findAlarms, lookTwice } from './alarms.ts';
import type { BridgeFacts, TransactionState } from '../observe/facts.ts';
import { readObserved } from '../observe/observed.ts';
import { summariseBridge } from './summary.ts';
import { bridgedFacts, bridgeFacts, ovsBridgeFacts, transactionMark } from '../observe/facts-for-tests.ts';
import { findTrouble, mendOf, readTransaction } from '../observe/transaction-mark.ts';

/** What a look can see of a node. */
interface World {
  readonly pending: string;
  readonly state: string;
  /** s since boot. */
  readonly uptime: number;
  readonly since: number;
  readonly cap: number;
  readonly locks: readonly string[];
  /** Loaded timers and running services. */
  readonly units: readonly string[];
  /** Of the folder of transactions: another for each change in it. */
  readonly stamp: number;
  readonly isMarked: boolean;
  readonly hasDrift: boolean;
}

const idle: World = {
  pending: '',
  state: '',
  uptime: 1_000,
  since: 0,
  cap: 0,
  locks: [],
  units: [],
  stamp: 0,
  isMarked: false,
  hasDrift: false,
};

type Change = Partial<World> | ((world: World) => Partial<World>);
const wait =
  (seconds: number): Change =>
  ({ uptime, cap }) => ({ uptime: uptime + seconds, cap });
const enter = (state: TransactionState): Change[] => [({ uptime }) => ({ since: uptime }), { state }];
const start =
  (unit: string): Change =>
  ({ units }) => ({ units: [...units, unit] });
const stop =
  (...names: string[]): Change =>
  ({ units }) => ({ units: units.filter((unit) => !names.includes(unit)) });
const lock =
  (name: string): Change =>
  ({ locks }) => ({ locks: [...locks, name] });
const unlock =
  (name: string): Change =>
  ({ locks }) => ({ locks: locks.filter((each) => each !== name) });
/** The link that is the lock; its folder changes with it. */
const hold =
  (pending: string): Change =>
  ({ stamp }) => ({ pending, stamp: stamp + 1 });

const [timer, timerToo] = ['deadman.timer', 'deadman-2.timer'];
const begun = [
  lock('begin'),
  hold('r1-1'),
  wait(40),
  ...enter('planned'),
  wait(9),
  start('bridge.service'),
  unlock('begin'),
  wait(200),
];
const armed = [
  ...begun,
  start(timer),
  ({ uptime }: World) => ({ cap: uptime + 600 }),
  ...enter('armed'),
  { isMarked: true },
  wait(20),
  ...enter('applied'),
  wait(20),
];
/** The other timer is there before this one goes. */
const prolonged = (from: string, to: string) => [lock('decide'), start(to), stop(from), unlock('decide'), wait(60)];
const tested = [...armed, ...enter('inside-ok'), ...prolonged(timer, timerToo), ...enter('outside-ok'), wait(50)];
const tidied = [
  stop(timer, timerToo),
  hold(''),
  wait(60),
  unlock('decide'),
  stop('bridge.service', 'keep.service', 'rollback.service', 'deadman.service'),
];
const committing = [
  ...tested,
  start('keep.service'),
  lock('decide'),
  ...enter('committing'),
  { hasDrift: true },
  wait(60),
  { isMarked: false },
];
const goneBack = [...enter('rolling-back'), wait(300), { isMarked: false, hasDrift: false }, ...enter('rolled-back')];
const wentBack = [lock('decide'), ...goneBack, wait(20), ...tidied];

const healthy: Record<string, readonly Change[]> = {
  'is kept': [...committing, ...enter('committed'), wait(30), { hasDrift: false }, ...tidied],
  'is prolonged to its cap': [
    ...tested,
    ...Array.from({ length: 8 }, (_, at) =>
      at % 2 === 0 ? prolonged(timerToo, timer) : prolonged(timer, timerToo),
    ).flat(),
  ],
  'gives up before its rollback is ready': [...begun, ...enter('rolled-back'), wait(60), ...tidied],
  'gives up after its rehearsal': [...begun, ...wentBack],
  'is undone on request': [...tested, start('rollback.service'), wait(30), stop('bridge.service'), ...wentBack],
  'goes back when its window ends': [
    ...armed,
    // A timer of systemd counts as active until what it started has ended.
    start('deadman.service'),
    stop(timer),
    stop('bridge.service'),
    ...wentBack,
  ],
  'goes back while its commit holds the lock': [
    ...committing,
    start('deadman.service'),
    stop(timerToo),
    wait(35),
    stop('keep.service'),
    ...goneBack,
    ...tidied,
  ],
  'goes back a second time, after it failed': [
    ...tested,
    start('rollback.service'),
    lock('decide'),
    ...enter('rolling-back'),
    wait(400),
    ...enter('rollback-failed'),
    ...goneBack,
    ...tidied,
  ],
  'is followed by another': [
    ...committing,
    ...enter('committed'),
    { hasDrift: false },
    ...tidied,
    { state: '' },
    ...tested.map((change): Change => (change === begun[1] ? hold('r2-1') : change)),
  ],
  'is taken away': [
    ...committing,
    ...enter('committed'),
    { hasDrift: false },
    ...tidied,
    { hasDrift: true },
    ...begun,
  ].slice(0, -begun.length - 1),
};

function play(changes: readonly Change[]): World[] {
  const worlds = [idle];
  for (const change of changes) {
    const last = worlds.at(-1) ?? idle;
    worlds.push({ ...last, ...(typeof change === 'function' ? change(last) : change) });
  }
  return worlds;
}

const unitNames = [
  timer,
  timerToo,
  timer,
  'bridge.service',
  'keep.service',
  'rollback.service',
  'deadman.service',
  'deadman-2.service',
  'guard.service',
];
/** Reads of the part that is repeated while it does not hold still. */
const readsPerTry = 3 + 2 + unitNames.length + 2;
const readsPerLook = 3 + readsPerTry + 2;

/** One look as the script has it: each read sees the node at the moment that `at` gives. */
function look(world: () => World): BridgeFacts {
  const before = world().stamp;
  const { isMarked } = world();
  const { hasDrift } = world();
  const lines: string[] = [];
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const { pending } = world();
    if (pending === '') break;
    const { state } = world();
    const locks = [
      ...world().locks.filter((each) => each === 'begin'),
      ...world().locks.filter((each) => each !== 'begin'),
    ];
    const units = unitNames.map((name) => (world().units.includes(name) ? 'active' : 'inactive'));
    const { since } = world();
    const { uptime, cap } = world();
    const isSteady = world().state === state && world().pending === pending;
    lines.splice(
      0,
      lines.length,
      `= pending ${pending}`,
      `= pending_state 1 ${state}`,
      `= pending_locks ${locks.join(' ')}`,
    );
    lines.push(`= pending_units ${units.join(' ')}`, `= pending_since ${since * 1000}`, '= pending_made 1');
    lines.push(`= uptime ${uptime}`, '= now_ms 1000', ...(cap > 0 ? [`= pending_cap ${cap * 1000}`] : []));
    if (isSteady) lines.push('= pending_steady yes');
    if (isSteady) break;
  }
  const { stamp } = world();
  return bridgedFacts({
    transaction: readTransaction(readObserved(lines.join('\n'))),
    isSettled: before === stamp,
    drift: hasDrift ? ['/etc/network/interfaces was changed since'] : [],
    ovs: { bridges: [ovsBridgeFacts({ transientPorts: isMarked ? ['eth0'] : [] })] },
  });
}

/** A look that begins at `from`, during which the node moves on after the reads that are named, by as many moments. */
function lookDuring(worlds: readonly World[], from: number, moves: ReadonlyMap<number, number>): BridgeFacts {
  let [at, reads] = [from, 0];
  return look(() => {
    const seen = worlds[Math.min(at, worlds.length - 1)] ?? idle;
    at += moves.get(reads) ?? 0;
    reads += 1;
    return seen;
  });
}

describe('a healthy transaction raises no alarm, whatever of it a look sees', () => {
  test.each(Object.entries(healthy))('that %s', { timeout: 60_000 }, (_, changes) => {
    const worlds = play(changes);
    const found = new Set<string>();
    for (let from = 0; from < worlds.length; from += 1)
      for (let first = 0; first < readsPerLook; first += 1)
        for (let second = first; second < readsPerLook; second += 4)
          for (const [one, two] of [
            [1, 0],
            [1, 1],
            [2, 3],
            [12, 12],
          ] as const) {
            const facts = lookDuring(
              worlds,
              from,
              new Map([
                [first, one],
                [second, two + (first === second ? one : 0)],
              ]),
            );
            for (const alarm of findAlarms(facts)) found.add(`${from} ${first}+${one} ${second}+${two} ${alarm}`);
          }
    expect([...found].slice(0, 5)).toEqual([]);
  });
});

describe('a transaction that stays wrong raises an alarm, and says how to fix it', () => {
  const cut = (changes: readonly Change[], ...more: Change[]) => [...changes, ...more, wait(1_000)];
  test.each<[string, readonly Change[], RegExp]>([
    ['cut short before its service started', cut(begun.slice(0, 6), unlock('begin')), /cut short.*: sh \S+\/tx undo$/],
    ['whose service was killed while it rehearsed', cut(begun, stop('bridge.service')), /cut short.*tx undo$/],
    ['that hangs in its rehearsal', cut(begun), /longer than all its time limits.*systemctl kill/],
    ['whose timer is gone', [...tested, stop(timerToo)], /no timer in PID 1.*tx undo$/],
    ['that is past its cap', cut(tested), /past the time that it can be on trial.*tx undo$/],
    [
      'whose commit was killed with its timer',
      cut(committing, stop('keep.service', timerToo), unlock('decide')),
      /no timer/,
    ],
    ['whose commit hangs', cut(committing), /longer than all its time limits/],
    ['whose rollback was killed', cut(armed, ...enter('rolling-back'), stop(timer)), /cut short.*tx undo$/],
    ['whose rollback hangs', cut(armed, lock('decide'), ...enter('rolling-back')), /longer than all its time limits/],
    [
      'that could not go back',
      [...armed, ...enter('rollback-failed'), stop(timer)],
      /could not go back.*own console: sh/,
    ],
    ['that is over, with its timer', cut(tested, ...enter('committed')), /left over: sh \S+\/rollback leftover$/],
    ['that left its mark', [{ isMarked: true }], /mark of a trial.*ovs-vsctl remove port eth0/],
    ['whose files were changed', [{ hasDrift: true }], /was changed since: the bridge plan repairs it/],
  ])('%s', async (_, changes, alarm) => {
    const end = play(changes).at(-1) ?? idle;
    const facts = await lookTwice(
      () => Promise.resolve(look(() => end)),
      () => Promise.resolve(),
    );
    expect(summariseBridge(facts).alarms).toEqual([expect.stringMatching(alarm)]);
  });
});

describe('an alarm is what two looks have found', () => {
  const bad = bridgeFacts({ transaction: transactionMark({ state: 'applied', isArmed: false }) });
  const good = bridgeFacts({ transaction: transactionMark({ state: 'rolling-back', isAtWork: true }) });
  const looks = (...all: BridgeFacts[]) => {
    let count = 0;
    return { look: () => Promise.resolve(all[count++] ?? bad), taken: () => count };
  };

  test.each([
    ['gone in the second look: none', [bad, good], 0, 2],
    ['in both: one', [bad, bad], 1, 2],
    ['none in the first look: no second one', [good, bad], 0, 1],
  ] as const)('%s', async (_, all, alarms, taken) => {
    const each = looks(...all);
    const facts = await lookTwice(each.look, () => Promise.resolve());
    expect(summariseBridge(facts).alarms).toHaveLength(alarms);
    expect(each.taken()).toBe(taken);
  });

  test('another one than the first look found is not confirmed', () => {
    const other = bridgeFacts({ transaction: transactionMark({ state: 'inside-ok', isPastCap: true }) });
    expect(summariseBridge(confirmLook(bad, other)).alarms).toEqual([]);
  });

  test('a look that a transaction ended in is taken again, and the same bounds hold where it never settles', async () => {
    const torn = bridgedFacts({ isSettled: false, drift: ['changed'] });
    const each = looks(torn, torn, torn, torn);
    expect(summariseBridge(await lookTwice(each.look, () => Promise.resolve())).alarms).toEqual([]);
    expect(each.taken()).toBe(3);
  });
});

test('the demo’s run: planned comes before it is armed, and that raises no alarm', () => {
  const facts = bridgeFacts({ transaction: transactionMark({ state: 'planned', isArmed: false, isAtWork: true }) });
  expect(summariseBridge(facts)).toMatchObject({ alarms: [], transaction: 'r1-1 of Ann: planned' });
});

test('each trouble has its own command, with the id of the transaction', () => {
  const mark = transactionMark({ id: 'r7-2', state: 'rolling-back', ageSeconds: 1_000, isAtWork: true });
  expect(findTrouble(mark)).toBe('hangs');
  expect(mendOf(mark, 'hangs')).toContain('/var/lib/meshd/bridge/r7-2/tx undo');
});
