// The run machinery on nodes in memory: waves, needs, deadlines, questions, secrets, undo, and a crash at each write of the
// journal. "Crash" is a store that answers no more: what was written before is what the next process finds.
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { browserMethods } from '../../contract/browser.ts';
import { AppError } from '../../contract/errors.ts';
import { maxStepLogLines } from '../../contract/limits.ts';
import type { LogLine, Plan, RunEvent, RunSummary, Step, StepView } from '../../contract/plans.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import { Role } from '../../contract/roles.ts';
import { planKinds } from '../../core/plans/kinds.ts';
import { makePlan, stepsOf } from '../../core/plans/step.ts';
import { undoable } from '../../core/plans/undoable.ts';
import type { Caller, ListedRun, RunStore, StoredRun } from '../ports.ts';
import { SecretMissing } from './executor.ts';
import type { Executor, StepContext, StepOutcome } from './executor.ts';
import type { RunKind } from './kind.ts';
import { RunCore } from './run-core.ts';

class Journal implements RunStore {
  readonly runs = new Map<string, string>();
  readonly views = new Map<string, Map<string, string>>();
  readonly lines = new Map<string, string[]>();
  /** Writes until the machine loses its power. */
  writesLeft = Infinity;

  private async write(act: () => void): Promise<void> {
    await Promise.resolve();
    if (this.writesLeft <= 0) await new Promise<never>(() => undefined);
    this.writesLeft -= 1;
    act();
  }
  create(run: StoredRun) {
    return this.write(() => void this.runs.set(run.id, JSON.stringify(run)));
  }
  update(id: string, change: Partial<StoredRun>, steps: readonly StepView[] = []) {
    const text = JSON.stringify(change);
    const put = this.putter(id, steps);
    return this.write(() => {
      put();
      const run = JSON.parse(this.runs.get(id) ?? '{}') as StoredRun;
      this.runs.set(id, JSON.stringify({ ...run, ...(JSON.parse(text) as Partial<StoredRun>) }));
    });
  }
  get(id: string) {
    const text = this.runs.get(id);
    return Promise.resolve(text === undefined ? null : (JSON.parse(text) as StoredRun));
  }
  list() {
    // As a store does: without the plans.
    const listed = this.all().map((run) => JSON.parse(JSON.stringify({ ...run, plan: undefined })) as ListedRun);
    return Promise.resolve(listed.reverse());
  }
  unfinished() {
    return Promise.resolve(this.all().filter((run) => run.endedAt === null));
  }
  private all(): StoredRun[] {
    return [...this.runs.values()].map((text) => JSON.parse(text) as StoredRun);
  }
  putSteps(id: string, steps: readonly StepView[]) {
    return this.write(this.putter(id, steps));
  }
  private putter(id: string, steps: readonly StepView[]): () => void {
    const texts = steps.map((step) => [step.key, JSON.stringify(step)] as const);
    return () => {
      const known = this.views.get(id) ?? new Map<string, string>();
      for (const [key, text] of texts) known.set(key, text);
      this.views.set(id, known);
    };
  }
  steps(id: string) {
    return Promise.resolve([...(this.views.get(id)?.values() ?? [])].map((text) => JSON.parse(text) as StepView));
  }
  appendLog(id: string, lines: readonly LogLine[]) {
    const texts = lines.map((line) => JSON.stringify(line));
    return this.write(() => void this.lines.set(id, [...(this.lines.get(id) ?? []), ...texts]));
  }
  log(id: string) {
    return Promise.resolve((this.lines.get(id) ?? []).map((text) => JSON.parse(text) as LogLine));
  }
  get text(): string {
    return JSON.stringify([[...this.runs], [...this.views].map(([, views]) => [...views]), [...this.lines]]);
  }
}

/** Machines in memory: a step makes a mark once; what a step does can be replaced by its key. */
class Machines implements Executor {
  readonly marks = new Set<string>();
  readonly made: string[] = [];
  readonly released: string[] = [];
  atWork = 0;
  mostAtWork = 0;
  readonly special = new Map<string, (context: StepContext) => Promise<StepOutcome>>();
  /** Nodes that do not answer when they are let go. */
  readonly deaf = new Map<string, Promise<undefined>>();

  open() {
    return {
      perform: (context: StepContext) => this.act(context, () => this.mark(context.step)),
      undo: (context: StepContext) =>
        this.act(context, () => {
          this.marks.delete(context.step.key);
          this.made.push(`undo ${context.step.key}`);
          return true;
        }),
      releaseNode: (node: string) => {
        this.released.push(node);
        return this.deaf.get(node) ?? Promise.resolve(undefined);
      },
      close: () => Promise.resolve(),
    };
  }
  private mark(step: Step): boolean {
    if (this.marks.has(step.key)) return false;
    this.marks.add(step.key);
    this.made.push(step.key);
    return true;
  }
  private async act(context: StepContext, change: () => boolean): Promise<StepOutcome> {
    this.atWork += 1;
    this.mostAtWork = Math.max(this.mostAtWork, this.atWork);
    try {
      const special = this.special.get(context.step.key);
      if (special) return await special(context);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return { changed: change(), result: { mark: context.step.key } };
    } finally {
      this.atWork -= 1;
    }
  }
}

const nothing = z.object({});
const markStep = stepsOf({ mark: { args: nothing, result: nothing }, unmark: { args: nothing, result: nothing } });
const step = (verb: string, node: string, needs: string[] = [], parts: Partial<Step> = {}): Step => ({
  ...markStep({
    verb,
    action: 'mark',
    node,
    needs,
    title: verb,
    why: '',
    args: {},
    undo: { action: 'unmark', args: {} },
  }),
  ...parts,
});
const planOf = (steps: Step[], parts: Partial<Plan> = {}): Plan =>
  makePlan('add-nodes', { id: 'p1', nowMs: 1 }, { title: 'Test', command: 'meshdeck test', steps, ...parts });
const caller: Caller = { userId: 'u1', name: 'Ann', role: 'admin' };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** `hooks`: what the kind of these plans knows of its steps. */
function createCore(plan: Plan, journal = new Journal(), machines = new Machines(), hooks: Partial<RunKind> = {}) {
  const core = new RunCore({
    store: journal,
    executor: machines,
    kinds: planKinds.map((facts) => ({
      facts,
      plan: ({ context }) => Promise.resolve({ ...plan, id: context.id }),
      ...hooks,
    })),
    log,
    now: Date.now,
    resumesAtStart: true,
  });
  return { core, journal, machines };
}
const nobody = new AbortController().signal;
async function begin(core: RunCore, secrets: Record<string, string> = {}) {
  const plan = await core.makePlan(caller, { kind: 'add-nodes', form: {}, secrets: {}, signal: nobody });
  return core.startRun(caller, plan.id, secrets);
}
/** Waits until the run is in one of the states. */
function reach(core: RunCore, id: string, ...states: RunSummary['state'][]): Promise<RunSummary> {
  return reachBefore(nobody, core, id, ...states);
}
async function reachBefore(
  end: AbortSignal,
  core: RunCore,
  id: string,
  ...states: RunSummary['state'][]
): Promise<RunSummary> {
  for (let tries = 0; tries < 2_000 && !end.aborted; tries += 1) {
    const run = (await core.list(10)).find((each) => each.id === id);
    if (run && states.includes(run.state)) return run;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`run ${id} came to none of ${states.join(', ')}: ${JSON.stringify(await core.list(10))}`);
}
const statesOf = async (journal: Journal, id: string) =>
  Object.fromEntries((await journal.steps(id)).map((view) => [view.key, view.state]));
const chain = (node: string) => [
  step('one', node),
  step('two', node, [`one ${node}`]),
  step('three', node, [`two ${node}`]),
];

describe('a run', () => {
  test('does what can be done at once, each step after what it needs', async () => {
    const { core, journal, machines } = createCore(planOf([...chain('a'), ...chain('b'), ...chain('c')]));
    const { id } = await begin(core);
    const end = await reach(core, id, 'done', 'failed');
    expect(end).toMatchObject({ state: 'done', counts: { total: 9, done: 9, failed: 0 }, nodes: ['a', 'b', 'c'] });
    expect(machines.mostAtWork).toBeGreaterThan(1);
    for (const node of ['a', 'b', 'c']) {
      expect(machines.made.filter((key) => key.endsWith(node))).toEqual([
        `one ${node}`,
        `two ${node}`,
        `three ${node}`,
      ]);
    }
    expect(machines.released.sort()).toEqual(['a', 'b', 'c']);
    expect(new Set(Object.values(await statesOf(journal, id)))).toEqual(new Set(['done']));
  });

  test('a second run finds nothing to do', async () => {
    const plan = planOf(chain('a'));
    const first = createCore(plan);
    await reach(first.core, (await begin(first.core)).id, 'done');
    const { core, journal } = createCore(plan, new Journal(), first.machines);
    const { id } = await begin(core);
    await reach(core, id, 'done');
    expect(new Set(Object.values(await statesOf(journal, id)))).toEqual(new Set(['unchanged']));
  });

  test('waves wait for each other, and a failure skips its node only', async () => {
    const plan = planOf([...chain('a'), ...chain('b'), ...chain('c')], { waves: [['a', 'b'], ['c']] });
    const { core, journal, machines } = createCore(plan);
    machines.special.set('two a', () => Promise.reject(new AppError('failed', 'no space on a')));
    const { id } = await begin(core);
    const end = await reach(core, id, 'done', 'failed');
    expect(end).toMatchObject({ state: 'failed', counts: { done: 7, failed: 1 } });
    const states = await statesOf(journal, id);
    expect(states).toMatchObject({ 'two a': 'failed', 'three a': 'skipped', 'three b': 'done', 'three c': 'done' });
    expect(machines.made.indexOf('one c')).toBeGreaterThan(machines.made.indexOf('three b'));
    const skipped = (await journal.steps(id)).find((view) => view.key === 'three a');
    expect(skipped?.error).toContain('"two a" is failed');
  });

  test('with stop, a failure ends everything that has not begun', async () => {
    const plan = planOf([...chain('a'), ...chain('c')], { waves: [['a'], ['c']], onFailure: 'stop' });
    const { core, journal, machines } = createCore(plan);
    machines.special.set('one a', () => Promise.reject(new AppError('failed', 'no')));
    const { id } = await begin(core);
    await reach(core, id, 'failed');
    expect(await statesOf(journal, id)).toMatchObject({ 'one a': 'failed', 'one c': 'skipped', 'three c': 'skipped' });
  });

  test('a step that hangs ends by its deadline, and hides no other node', async () => {
    const hang = step('hang', 'a', [], { deadlineMs: 30 });
    const { core, journal, machines } = createCore(planOf([hang, ...chain('b')]));
    machines.special.set('hang a', () => new Promise(() => undefined));
    const { id } = await begin(core);
    await reach(core, id, 'failed');
    const view = (await journal.steps(id)).find(({ key }) => key === 'hang a');
    expect(view?.error).toContain('no end within 0.03 s: its outcome is unknown');
    expect((await statesOf(journal, id))['three b']).toBe('done');
  });

  test('what a node says without end is cut, and said to be', async () => {
    const { core, journal, machines } = createCore(planOf(chain('a')));
    machines.special.set('one a', (context) => {
      for (let turn = 0; turn < 3; turn += 1) context.log('y\n'.repeat(maxStepLogLines - 1));
      return Promise.reject(new AppError('failed', 'it was a flood'));
    });
    const { id } = await begin(core);
    await reach(core, id, 'failed');
    const texts = (await journal.log(id)).map(({ text }) => text);
    expect(texts).toHaveLength(maxStepLogLines + 1);
    expect(texts.at(-1)).toContain('the rest is left out');
    expect((await journal.steps(id)).find(({ key }) => key === 'one a')?.error).toBe('it was a flood');
  });

  test('a node that cannot be let go holds up no other, and the end waits for it', async () => {
    const { core, journal, machines } = createCore(planOf([step('one', 'a'), ...chain('b')]));
    const letGo = Promise.withResolvers<undefined>();
    machines.deaf.set('a', letGo.promise);
    const { id } = await begin(core);
    await expect.poll(() => statesOf(journal, id)).toMatchObject({ 'one a': 'done', 'three b': 'done' });
    expect((await core.list(1))[0]?.state).toBe('running');
    letGo.resolve(undefined);
    await reach(core, id, 'done');
  });

  test('retry does only what failed and what waited for it', async () => {
    const { core, machines } = createCore(planOf([...chain('a'), ...chain('b')]));
    machines.special.set('two a', () => Promise.reject(new AppError('failed', 'no')));
    const { id } = await begin(core);
    await reach(core, id, 'failed');
    machines.special.clear();
    machines.made.length = 0;
    await core.retry(caller, id, {});
    const end = await reach(core, id, 'done');
    expect(machines.made).toEqual(['two a', 'three a']);
    expect(end.counts).toEqual({ total: 6, done: 6, failed: 0 });
    await expect(core.retry(caller, id, {})).rejects.toMatchObject({ code: 'conflict' });
  });

  test('cancel ends what runs and what waits', async () => {
    const { core, journal, machines } = createCore(planOf(chain('a')));
    machines.special.set(
      'two a',
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    const { id } = await begin(core);
    while ((await statesOf(journal, id))['two a'] !== 'running') await new Promise((resolve) => setTimeout(resolve, 2));
    await core.cancel(caller, id);
    await reach(core, id, 'cancelled');
    expect(await statesOf(journal, id)).toEqual({ 'one a': 'done', 'two a': 'cancelled', 'three a': 'cancelled' });
    await expect(core.cancel(caller, id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('undo goes backwards, over what changed something only', async () => {
    const plan = planOf([...chain('a'), step('kept', 'a', ['three a'], { undo: null })]);
    const { core, journal, machines } = createCore(plan);
    machines.marks.add('two a');
    const { id } = await begin(core);
    await reach(core, id, 'done');
    machines.made.length = 0;
    await core.undo(caller, id);
    await reach(core, id, 'undone');
    expect(machines.made).toEqual(['undo three a', 'undo one a']);
    expect(await statesOf(journal, id)).toMatchObject({ 'kept a': 'done', 'two a': 'unchanged', 'one a': 'undone' });
  });

  test('counts no undone step as done: at work, at its end, and where another process finds it', async () => {
    const { core, journal, machines } = createCore(planOf(chain('a')));
    const { id } = await begin(core);
    await reach(core, id, 'done');
    machines.special.set('one a', () => new Promise(() => undefined));
    await core.undo(caller, id);
    const atWork = { total: 3, done: 0, failed: 0 };
    await expect.poll(() => statesOf(journal, id)).toMatchObject({ 'one a': 'undoing', 'two a': 'undone' });
    expect((await core.list(1))[0]?.counts).toEqual(atWork);
    expect((await createCore(planOf([]), journal).core.list(1))[0]?.counts).toEqual(atWork);
    await core.cancel(caller, id);
    const over = { total: 3, done: 0, failed: 1 };
    expect((await reach(core, id, 'cancelled')).counts).toEqual(over);
    expect((await createCore(planOf([]), journal).core.list(1))[0]?.counts).toEqual(over);
  });

  test('counts an undone run again that an earlier version counted', async () => {
    const { core, journal } = createCore(planOf(chain('a')));
    const { id } = await begin(core);
    await reach(core, id, 'done');
    await core.undo(caller, id);
    await reach(core, id, 'undone');
    const stored = await journal.get(id);
    const memo = { ...(stored?.memo as Record<string, unknown>), counts: { total: 3, done: 3, failed: 0 } };
    await journal.update(id, { memo });
    expect((await core.list(1))[0]?.counts).toEqual({ total: 3, done: 0, failed: 0 });
  });

  test('shows which steps began before they failed, so that the user knows what an undo would turn back', async () => {
    const { core, machines } = createCore(planOf(chain('a')));
    machines.special.set('two a', () => Promise.reject(new AppError('failed', 'half done')));
    const { id } = await begin(core);
    await reach(core, id, 'failed');
    const { view } = await core.subscribe(id, () => undefined);
    expect(view.begun).toEqual(['two a']);
    machines.special.clear();
    machines.made.length = 0;
    await core.undo(caller, id);
    await reach(core, id, 'undone');
    expect(undoable(view).can.map(({ key }) => `undo ${key}`)).toEqual(machines.made.toReversed());
  });

  test('an undo follows the waves of its plan, and stops where the plan would', async () => {
    const names = ['canary', 'a', 'b', 'head'];
    const plan = planOf(
      names.map((name) => step('one', name)),
      { waves: [['canary'], ['a', 'b'], ['head']], onFailure: 'stop' },
    );
    const { core, journal, machines } = createCore(plan);
    const { id } = await begin(core);
    await reach(core, id, 'done');
    machines.made.length = 0;
    machines.special.set('one a', () => Promise.reject(new AppError('failed', 'as it was')));
    await core.undo(caller, id);
    await reach(core, id, 'failed');
    expect(machines.made).toEqual(['undo one canary', 'undo one b']);
    expect(await statesOf(journal, id)).toMatchObject({
      'one a': 'undo-failed',
      'one b': 'undone',
      'one head': 'done',
    });
    // Asked again it continues with what failed.
    machines.special.clear();
    machines.made.length = 0;
    await core.undo(caller, id);
    await reach(core, id, 'undone');
    expect(machines.made).toEqual(['undo one a', 'undo one head']);
  });

  test('an undo that has nothing to turn back says so, and the run stays as it is', async () => {
    const { core, machines } = createCore(planOf([step('one', 'a'), step('kept', 'a', [], { undo: null })]));
    machines.marks.add('one a');
    const { id } = await begin(core);
    await reach(core, id, 'done');
    await expect(core.undo(caller, id)).rejects.toMatchObject({ code: 'conflict' });
    expect((await core.list(1))[0]?.state).toBe('done');
  });

  test('a step at work shows its progress, hears what people want, and leaves no trace of either', async () => {
    const machines = new Machines();
    machines.special.set('wait a', (context) => {
      context.progress({ leftMs: 90_000 });
      return new Promise((resolve) => {
        context.listen({
          words: ['keep', 'undo'],
          onCancel: 'undo',
          onSignal: (signal) => resolve({ changed: true, result: { signal } }),
        });
      });
    });
    const { core, journal } = createCore(planOf([step('wait', 'a')]), new Journal(), machines, {
      ageProgress: ({ leftMs }, ms) => ({ leftMs: Number(leftMs) - ms }),
    });
    const { id } = await begin(core);
    const events: RunEvent[] = [];
    let first = NaN;
    await vi.waitFor(async () => {
      const { view, stop } = await core.subscribe(id, () => undefined);
      stop();
      expect(view.progress['wait a']?.['leftMs']).toBeGreaterThan(0);
      first = Number(view.progress['wait a']?.['leftMs']);
    });
    // Who joins later sees what is left by then.
    await vi.waitFor(async () => {
      const { view, stop } = await core.subscribe(id, () => undefined);
      stop();
      expect(view.progress['wait a']?.['leftMs']).toBeLessThan(first);
    });
    await core.subscribe(id, (event) => events.push(event));
    await expect(core.signal(caller, id, 'other a', 'keep')).rejects.toThrow(/does not wait/);
    await expect(core.signal(caller, id, 'wait a', 'more')).rejects.toMatchObject({
      code: 'invalid',
      message: 'more: must be keep or undo',
    });
    await core.signal(caller, id, 'wait a', 'keep');
    await reach(core, id, 'done');
    expect(await journal.steps(id)).toMatchObject([{ state: 'done', result: { signal: 'keep' } }]);
    expect(events).toContainEqual({ event: 'progress', run: id, step: 'wait a', progress: null });
    await expect(core.signal(caller, id, 'wait a', 'undo')).rejects.toThrow(/is over/);
    expect(journal.text).not.toContain('leftMs');
  });

  test('a step that listens is not cut off by a cancel: it hears the word that it chose for that, and ends itself', async () => {
    const machines = new Machines();
    machines.special.set('wait a', (context) => {
      context.progress({});
      return new Promise((_resolve, reject) => {
        context.listen({
          words: ['keep', 'back'],
          onCancel: 'back',
          onSignal: (signal) => reject(new AppError('cancelled', `as it was: ${signal}`)),
        });
      });
    });
    const { core, journal } = createCore(planOf([step('wait', 'a'), step('next', 'a')]), new Journal(), machines);
    const { id } = await begin(core);
    await vi.waitFor(async () => {
      const { view, stop } = await core.subscribe(id, () => undefined);
      stop();
      expect(view.progress).toEqual({ 'wait a': {} });
    });
    await core.cancel(caller, id);
    await reach(core, id, 'cancelled');
    expect(await journal.steps(id)).toMatchObject([
      { key: 'wait a', state: 'cancelled', error: 'as it was: back' },
      { key: 'next a', state: 'cancelled' },
    ]);
  });

  test('an attempt keeps its number over a crash, and a retry has the next one', async () => {
    const machines = new Machines();
    const seen: [number, boolean][] = [];
    let isStuck = true;
    machines.special.set('one a', ({ attempt, isResumed }) => {
      seen.push([attempt, isResumed]);
      if (isStuck) return new Promise(() => undefined);
      return seen.length < 3 ? Promise.reject(new AppError('failed', 'no')) : Promise.resolve({ changed: true });
    });
    const plan = planOf([step('one', 'a')]);
    const { core, journal } = createCore(plan, new Journal(), machines);
    const { id } = await begin(core);
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    journal.writesLeft = 0;
    isStuck = false;
    const after = new Journal();
    after.runs.set(id, journal.runs.get(id) ?? '');
    after.views.set(id, new Map(journal.views.get(id)));
    const { core: next } = createCore(plan, after, machines);
    await next.start();
    await reach(next, id, 'failed');
    await next.retry(caller, id, {});
    await reach(next, id, 'done');
    expect(seen).toEqual([
      [1, false],
      [1, true],
      [2, false],
    ]);
  });

  test('a question waits for its answer; no is skipped, silence is its default', async () => {
    const ask = { question: 'Really?', default: false, deadlineMs: 60_000 };
    const silent = step('silent', 'b', [], { ask: { ...ask, default: true, deadlineMs: 20 } });
    const plan = planOf([step('yes', 'a', [], { ask }), step('no', 'a', [], { ask }), silent]);
    const { core, journal } = createCore(plan);
    const { id } = await begin(core);
    await reach(core, id, 'asking');
    await core.answer(caller, id, 'yes a', true);
    await core.answer(caller, id, 'no a', false);
    await reach(core, id, 'done');
    expect(await statesOf(journal, id)).toEqual({ 'yes a': 'done', 'no a': 'skipped', 'silent b': 'done' });
  });

  test('a plan that was made by another, or is unknown, does not start', async () => {
    const { core } = createCore(planOf(chain('a')));
    const plan = await core.makePlan(caller, { kind: 'add-nodes', form: {}, secrets: {}, signal: nobody });
    await expect(core.startRun({ ...caller, userId: 'u2' }, plan.id, {})).rejects.toMatchObject({ code: 'not-found' });
    await expect(core.startRun(caller, 'nonsense', {})).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a run that is over', () => {
  /** A failed run: `one a` done, `two a` failed, `three a` skipped. */
  async function failed(journal = new Journal()) {
    const made = createCore(planOf(chain('a')), journal);
    made.machines.special.set('two a', () => Promise.reject(new AppError('failed', 'no')));
    const { id } = await begin(made.core);
    await reach(made.core, id, 'failed');
    made.machines.special.clear();
    made.machines.made.length = 0;
    return { ...made, id };
  }
  const outcomes = async (...calls: Promise<unknown>[]) =>
    (await Promise.allSettled(calls)).map((call) =>
      call.status === 'fulfilled' ? 'ok' : (call.reason as AppError).code,
    );

  test('two retries at once: one continues, the other gets a conflict', async () => {
    const { core, machines, id } = await failed();
    expect(await outcomes(core.retry(caller, id, {}), core.retry(caller, id, {}))).toEqual(['ok', 'conflict']);
    await reach(core, id, 'done');
    expect(machines.made).toEqual(['two a', 'three a']);
    expect(machines.mostAtWork).toBe(1);
  });

  test('a retry and an undo at once: the first continues, the other gets a conflict', async () => {
    const { core, machines, id } = await failed();
    expect(await outcomes(core.undo(caller, id), core.retry(caller, id, {}))).toEqual(['ok', 'conflict']);
    await reach(core, id, 'undone');
    expect(machines.made).toEqual(['undo two a', 'undo one a']);
    // What was refused holds nothing up.
    await expect(core.retry(caller, 'nonsense', {})).rejects.toMatchObject({ code: 'not-found' });
    await expect(core.retry(caller, 'nonsense', {})).rejects.toMatchObject({ code: 'not-found' });
  });

  test('killed at each write of a retry, it can be retried again', async () => {
    for (let writes = 0; writes < 3; writes += 1) {
      const { core, journal, machines, id } = await failed();
      journal.writesLeft = writes;
      void core.retry(caller, id, {});
      await new Promise((resolve) => setTimeout(resolve, 20));
      journal.writesLeft = Infinity;
      const second = createCore(planOf(chain('a')), journal, machines).core;
      await second.start();
      const [run] = await second.list(1);
      if (run?.endedAt !== null) await second.retry(caller, id, {});
      await reach(second, id, 'done');
      expect(await statesOf(journal, id)).toMatchObject({ 'two a': 'done', 'three a': 'done' });
      await second.undo(caller, id);
      await reach(second, id, 'undone');
      expect([...machines.marks]).toEqual([]);
    }
  });
});

describe('a run that was cut off, and that no start continues', () => {
  async function cutOff() {
    const plan = planOf(chain('a'));
    const journal = new Journal();
    const first = createCore(plan, journal);
    first.machines.special.set('two a', () => new Promise(() => undefined));
    const { id } = await begin(first.core);
    await expect.poll(() => statesOf(journal, id)).toMatchObject({ 'two a': 'running' });
    // As after a kill: nothing more comes from it.
    first.machines.special.clear();
    return { ...createCore(plan, journal, first.machines), id };
  }

  test('is not undone or retried, before it is resumed or cancelled', async () => {
    const { core, journal, id } = await cutOff();
    for (const call of [core.undo(caller, id), core.retry(caller, id, {})])
      await expect(call).rejects.toMatchObject({ code: 'conflict', message: /resume it or cancel it/ });
    expect(await statesOf(journal, id)).toEqual({ 'one a': 'done', 'two a': 'running' });
    await core.resume(id, {});
    await reach(core, id, 'done');
  });

  test('is cancelled without being resumed: nothing more is begun, and what it began is undone', async () => {
    const { core, journal, machines, id } = await cutOff();
    machines.marks.add('two a');
    await core.cancel(caller, id);
    await reach(core, id, 'cancelled');
    expect(machines.made).toEqual(['one a']);
    expect(await statesOf(journal, id)).toMatchObject({ 'two a': 'cancelled', 'three a': 'cancelled' });
    await core.undo(caller, id);
    await reach(core, id, 'undone');
    expect([...machines.marks]).toEqual([]);
  });

  test('is resumed once, however often it is asked at once', async () => {
    const { core, machines, id } = await cutOff();
    await Promise.allSettled([core.resume(id, {}), core.resume(id, {})]);
    await reach(core, id, 'done');
    expect(machines.made).toEqual(['one a', 'two a', 'three a']);
    expect(machines.mostAtWork).toBeLessThanOrEqual(2);
  });
});

describe('cancel of an undo', () => {
  async function undoing(special: (context: StepContext) => Promise<StepOutcome>) {
    const made = createCore(planOf(chain('a')));
    const { id } = await begin(made.core);
    await reach(made.core, id, 'done');
    made.machines.special.set('two a', special);
    await made.core.undo(caller, id);
    return { ...made, id };
  }

  test('that waits for a secret ends it, and what is left can be undone later', async () => {
    const { core, journal, machines, id } = await undoing(() => Promise.reject(new SecretMissing('password:root@a')));
    await reach(core, id, 'needs-secret');
    await core.cancel(caller, id);
    await reach(core, id, 'cancelled');
    expect(await statesOf(journal, id)).toEqual({ 'one a': 'done', 'two a': 'done', 'three a': 'undone' });
    await expect(core.retry(caller, id, {})).rejects.toMatchObject({ code: 'conflict' });
    machines.special.clear();
    await core.undo(caller, id);
    await reach(core, id, 'undone');
    expect([...machines.marks]).toEqual([]);
  });

  test('cuts off what is being undone, and begins nothing more', async () => {
    const { core, journal, id } = await undoing(() => new Promise(() => undefined));
    await expect.poll(() => statesOf(journal, id)).toMatchObject({ 'two a': 'undoing' });
    await core.cancel(caller, id);
    await reach(core, id, 'cancelled');
    expect(await statesOf(journal, id)).toEqual({ 'one a': 'done', 'two a': 'undo-failed', 'three a': 'undone' });
  });
});

describe('previews', () => {
  test('a user has the newest eight; an older one is gone, and says so', async () => {
    const { core } = createCore(planOf(chain('a')));
    const other: Caller = { ...caller, userId: 'u9' };
    const request = { kind: 'add-nodes' as const, form: {}, secrets: {}, signal: nobody };
    const theirs = await core.makePlan(other, request);
    const mine: string[] = [];
    for (let at = 0; at < 9; at += 1) mine.push((await core.makePlan(caller, request)).id);
    await expect(core.startRun(caller, mine[0]!, {})).rejects.toThrow(/this plan is gone/);
    await core.startRun(caller, mine[1]!, {});
    await core.startRun(other, theirs.id, {});
  });
});

test('a list reads no plan, of runs at work and of those that are over or were cut off', async () => {
  const { core, journal, machines } = createCore(planOf([...chain('a'), step('one', '')]));
  await reach(core, (await begin(core)).id, 'done');
  machines.special.set('two a', () => new Promise(() => undefined));
  await begin(core);
  await expect.poll(async () => (await core.list(1))[0]?.counts.done).toBeGreaterThan(0);
  const listed = await core.list(10);
  const others = createCore(planOf([]), journal).core;
  expect((await others.list(10)).map((run) => ({ ...run, state: 0 }))).toEqual(
    listed.map((run) => ({ ...run, state: 0 })),
  );
  expect(listed[1]).toMatchObject({ kind: 'add-nodes', title: 'Test', nodes: ['a'], counts: { total: 4, done: 4 } });
});

describe('roles', () => {
  const operator: Caller = { userId: 'u2', name: 'Olga', role: 'operator' };

  test.each(planKinds)('a plan of kind $kind is made by no one below $role', async ({ kind, role: least }) => {
    const { core } = createCore(planOf(chain('a')));
    const below = Role.options.filter((role) => !isAtLeast(role, least));
    expect(below.length).toBeGreaterThan(0);
    for (const role of below) {
      const request = { kind, form: {}, secrets: {}, signal: nobody };
      await expect(core.makePlan({ ...operator, role }, request)).rejects.toMatchObject({ code: 'refused' });
    }
  });

  test('a run of a kind that this version does not know is for admins', async () => {
    const { core, journal } = createCore(planOf(chain('a'), { kind: 'moved-to-mars' }));
    const { id } = await begin(core);
    await reach(core, id, 'done');
    const other = createCore(planOf([]), journal).core;
    expect(await other.list(1)).toMatchObject([{ kind: 'moved-to-mars', title: 'Test', counts: { done: 3 } }]);
    await expect(other.undo(operator, id)).rejects.toMatchObject({ code: 'refused' });
    await expect(other.evidence(id, 'one a', nobody)).rejects.toMatchObject({ code: 'not-found' });
    await other.undo(caller, id);
    await reach(other, id, 'undone');
  });

  test('a kind that is registered nowhere makes no plan', async () => {
    const { core } = createCore(planOf([]));
    const request = { kind: 'moved-to-mars', form: {}, secrets: {}, signal: nobody };
    await expect(core.makePlan(caller, request)).rejects.toMatchObject({ code: 'invalid' });
  });

  test('one who was an admin when the plan was made starts nothing with it', async () => {
    const { core, machines } = createCore(planOf(chain('a')));
    const plan = await core.makePlan(caller, { kind: 'add-nodes', form: {}, secrets: {}, signal: nobody });
    const demoted: Caller = { ...caller, role: 'operator' };
    await expect(core.startRun(demoted, plan.id, {})).rejects.toThrow(/needs the role admin, and you are operator/);
    expect(machines.made).toEqual([]);
  });

  /** Every method of the contract that changes one run, as the dispatcher hands it on: a new one has to get its line. */
  type Act = (core: RunCore, who: Caller, id: string) => Promise<unknown>;
  const acts: Readonly<Record<string, Act>> = {
    'runs.cancel': (core, who, id) => core.cancel(who, id),
    'runs.retry': (core, who, id) => core.retry(who, id, {}),
    'runs.undo': (core, who, id) => core.undo(who, id),
    'runs.answer': (core, who, id) => core.answer(who, id, 'two a', true),
    'runs.signal': (core, who, id) => core.signal(who, id, 'two a', 'keep'),
    'runs.provideSecrets': (core, who, id) => core.provideSecrets(who, id, { 'password:root@a': 'swordfish' }),
  };
  const methodsOnRuns = Object.values(browserMethods).filter(
    ({ changes, input }) => changes && Object.hasOwn(input.shape, 'run'),
  );

  test.each(methodsOnRuns.map(({ name }) => name))(
    "%s on an admin's run, by an operator, is refused and changes nothing",
    async (name) => {
      const act = acts[name];
      if (!act) throw new Error(`${name} acts on a run: add it to the table, and have it ask for the role of the plan`);
      const { core, machines, journal } = createCore(planOf(chain('a')));
      let heard = 0;
      machines.special.set(
        'two a',
        (context) =>
          new Promise((_, reject) => {
            // One that listens hears a cancel, and ends itself.
            context.listen({
              words: ['keep'],
              onCancel: 'keep',
              onSignal: () => {
                heard += 1;
                reject(new Error('ended'));
              },
            });
          }),
      );
      const { id } = await begin(core);
      await vi.waitFor(() => expect(machines.atWork).toBe(1));
      const refused = {
        code: 'refused',
        message: expect.stringMatching(/needs the role admin, and you are operator/) as string,
      };
      await expect(act(core, operator, id)).rejects.toMatchObject(refused);
      expect([heard, machines.atWork]).toEqual([0, 1]);
      await core.cancel(caller, id);
      await reach(core, id, 'undone', 'cancelled');
      // The same of a run that is over, and of one that another process left behind.
      await expect(act(core, operator, id)).rejects.toMatchObject(refused);
      const other = createCore(planOf(chain('a')), journal).core;
      await expect(act(other, operator, id)).rejects.toMatchObject(refused);
    },
  );
});

describe('secrets', () => {
  const secretName = 'password:root@a';
  const password = 'hunter-seven-hunter';
  const needsPassword = (right: string) => (context: StepContext) => {
    const given = context.secret(secretName);
    if (given === undefined) return Promise.reject(new SecretMissing(secretName));
    if (given === right) {
      context.log(`logged in with ${given}`);
      return Promise.resolve({ changed: true, result: { said: `Welcome, ${given}` } });
    }
    context.dropSecret(secretName);
    return Promise.reject(new SecretMissing(secretName, 'wrong password'));
  };

  test('a run without one waits for it, names it, and holds up no other node', async () => {
    const { core, journal, machines } = createCore(planOf([...chain('a'), ...chain('b')]));
    machines.special.set('one a', needsPassword(password));
    const { id } = await begin(core);
    const waiting = await reach(core, id, 'needs-secret');
    expect(waiting.missingSecrets).toEqual([secretName]);
    expect((await statesOf(journal, id))['three b']).toBe('done');
    await core.provideSecrets(caller, id, { [secretName]: 'wrong password' });
    await reach(core, id, 'needs-secret');
    await core.provideSecrets(caller, id, { 'password:root': password });
    await reach(core, id, 'done');
  });

  test('the one for all nodes fails on one node: that node asks for its own, by name', async () => {
    const { core, machines } = createCore(planOf([...chain('a')]));
    machines.special.set('one a', needsPassword(password));
    const { id } = await begin(core, { 'password:root': 'another one' });
    expect((await reach(core, id, 'needs-secret')).missingSecrets).toEqual([secretName]);
    await core.provideSecrets(caller, id, { [secretName]: password });
    await reach(core, id, 'done');
  });

  test('it is in no journal, log, event or result', async () => {
    const { core, journal, machines } = createCore(planOf(chain('a')));
    machines.special.set('one a', needsPassword(password));
    machines.special.set('two a', () => Promise.reject(new AppError('failed', `su: ${password} is wrong`)));
    const events: RunEvent[] = [];
    const { id } = await begin(core, { [secretName]: password });
    await core.subscribe(id, (event) => events.push(event));
    await reach(core, id, 'failed');
    const { view } = await core.subscribe(id, () => undefined);
    expect(journal.text).toContain('logged in with ••••••');
    for (const text of [journal.text, JSON.stringify(events), JSON.stringify(view)])
      expect(text).not.toContain(password);
  });
});

describe('a crash', () => {
  const password = 'hunter-seven-hunter';
  /** `one a` wants a password unless its mark is there, as a node that has the key needs none. */
  const special = (machines: Machines) => {
    machines.special.set('one a', async (context) => {
      await Promise.resolve();
      if (machines.marks.has('one a')) return { changed: false };
      if (context.secret('password:root@a') === undefined) throw new SecretMissing('password:root@a');
      machines.marks.add('one a');
      machines.made.push('one a');
      return { changed: true };
    });
  };

  test('at each write of the journal: the next process continues automatically, does nothing twice, and undo still works', async () => {
    let crashes = 0;
    for (let writes = 0; ; writes += 1) {
      const journal = new Journal();
      const machines = new Machines();
      const plan = planOf([...chain('a'), ...chain('b')], { waves: [['a'], ['b']] });
      special(machines);
      journal.writesLeft = writes;
      const first = createCore(plan, journal, machines).core;
      const begun = begin(first, { 'password:root': password });
      // The loser of the two would still run beside the tests that follow.
      const over = new AbortController();
      const done = await Promise.race([
        begun.then(({ id }) => reachBefore(over.signal, first, id, 'done')),
        quiet(machines, journal, over.signal).then(() => null),
      ]);
      over.abort();
      // The first process is gone: its store never answers again.
      const wasComplete = done !== null && journal.writesLeft > 0;
      journal.writesLeft = Infinity;
      const second = createCore(plan, journal, machines).core;
      await second.start();
      const [stored] = await journal.list();
      if (!stored) continue;
      let end = await reach(second, stored.id, 'done', 'needs-secret', 'failed');
      if (end.state === 'needs-secret') {
        expect(end.missingSecrets).toEqual(['password:root@a']);
        await second.provideSecrets(caller, stored.id, { 'password:root': password });
        end = await reach(second, stored.id, 'done', 'failed');
      }
      expect(end.state, `crash after ${writes} writes`).toBe('done');
      expect([...machines.made].sort()).toEqual([...new Set(machines.made)].sort());
      expect(machines.made).toHaveLength(6);
      expect(journal.text).not.toContain(password);
      // What the first process did counts as ours, whether or not it came to write that down.
      machines.special.clear();
      machines.made.length = 0;
      await second.undo(caller, stored.id);
      await reach(second, stored.id, 'undone');
      expect(machines.marks.size, `undo after a crash after ${writes} writes`).toBe(0);
      if (wasComplete) break;
      crashes += 1;
    }
    expect(crashes).toBeGreaterThan(8);
  });

  test('twice, with a password missing in between: what the first process did counts as ours', async () => {
    const [journal, machines] = [new Journal(), new Machines()];
    const plan = planOf([step('one', 'a'), step('two', 'b')]);
    special(machines);
    // The second write is that "one a" is at work; its end is never written.
    journal.writesLeft = 2;
    await begin(createCore(plan, journal, machines).core, { 'password:root': password });
    await quiet(machines, journal);
    expect(machines.made).toContain('one a');
    // In the meantime the key is of no use: the password is asked for again.
    machines.marks.delete('one a');
    journal.writesLeft = Infinity;
    const second = createCore(plan, journal, machines).core;
    await second.start();
    const [stored] = await journal.list();
    await reach(second, stored!.id, 'needs-secret');
    await second.stop();
    machines.marks.add('one a');
    const third = createCore(plan, journal, machines).core;
    await third.start();
    await reach(third, stored!.id, 'done');
    expect((await statesOf(journal, stored!.id))['one a']).toBe('done');
  });

  /** Resolves when the process can get no further. */
  async function quiet(machines: Machines, journal: Journal, end = nobody): Promise<void> {
    for (let calm = 0; calm < 4 && !end.aborted;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      calm = journal.writesLeft <= 0 && machines.atWork === 0 ? calm + 1 : 0;
    }
  }
});
