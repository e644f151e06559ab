// All runs of this console: makes plans, starts runs, continues unfinished ones after a restart, and notifies listeners.
// The kinds of plans own what a plan observes; the executor owns what a step does.
import { randomUUID } from 'node:crypto';
import { AppError, describeError } from '../../contract/errors.ts';
import type { Plan, PlanKind, RunEvent, RunSummary, RunView, StepView } from '../../contract/plans.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import { roleOfKind } from '../../core/plans/plan-kind.ts';
import { judgeRun } from '../../core/plans/run-state.ts';
import { findPlanIssue, scheduleUndo } from '../../core/plans/schedule.ts';
import type { Caller, ListedRun, Log, Runs, RunStore, Secrets, StoredRun } from '../ports.ts';
import { ActiveRun, summaryOf, viewLogLines } from './active-run.ts';
import type { Executor } from './executor.ts';
import type { Evidence, RunKind } from './kind.ts';
import { digestOf, RunMemo } from './memo.ts';

export interface RunCoreComponents {
  readonly store: RunStore;
  readonly executor: Executor;
  readonly kinds: readonly RunKind[];
  readonly log: Log;
  /** ms since 1970. */
  readonly now: () => number;
  /** False: unfinished runs wait for `resume`. */
  readonly resumesAtStart: boolean;
}

const planLifeMs = 3_600_000;
const plansPerUser = 8;
const changedPeriodMs = 100;

interface KeptPlan {
  readonly plan: Plan;
  readonly madeBy: string;
  readonly madeAt: number;
}

export class RunCore implements Runs {
  private readonly components: RunCoreComponents;
  private readonly plans = new Map<string, KeptPlan>();
  private readonly active = new Map<string, ActiveRun>();
  /** Runs that someone is starting, by id. */
  private readonly claimed = new Set<string>();
  private readonly listeners = new Map<string, Set<(event: RunEvent) => void>>();
  private readonly changedListeners = new Set<(summary: RunSummary) => void>();
  /** Newest summary by run, until listeners get it. */
  private readonly changed = new Map<string, { summary: RunSummary | null; timer: NodeJS.Timeout }>();

  constructor(components: RunCoreComponents) {
    this.components = components;
  }

  async start(): Promise<void> {
    if (!this.components.resumesAtStart) return;
    for (const stored of await this.components.store.unfinished()) await this.goOn(stored, {});
  }

  /** Continues an unfinished run that `start` did not continue. */
  async resume(id: string, secrets: Secrets): Promise<RunSummary> {
    const active = this.active.get(id);
    if (active) return active.summary();
    return this.alone(id, async () => {
      const stored = await this.storedOf(id);
      if (stored.endedAt !== null)
        throw new AppError('conflict', `this run is over (${stored.state}): retry it instead`);
      return (await this.goOn(stored, secrets)).summary();
    });
  }

  private async goOn(stored: StoredRun, secrets: Secrets): Promise<ActiveRun> {
    const run = this.activate(stored, await this.components.store.steps(stored.id));
    this.components.log.info(`run ${stored.id} (${stored.plan.title}) continues`);
    run.addSecrets(secrets);
    run.resume();
    return run;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.active.values()].map((run) => run.halt()));
    this.active.clear();
    for (const { timer } of this.changed.values()) clearTimeout(timer);
    this.changed.clear();
  }

  async makePlan(
    caller: Caller,
    request: { kind: PlanKind; form: Record<string, unknown>; secrets: Secrets; signal: AbortSignal },
  ): Promise<Plan> {
    this.assertMayPlan(caller, request.kind);
    const kind = this.kindOf(request.kind);
    if (!kind) throw new AppError('invalid', `there is no plan of kind ${request.kind} here`);
    const context = { id: randomUUID(), nowMs: this.components.now() };
    const plan = await kind.plan({ form: request.form, secrets: request.secrets, signal: request.signal, context });
    const issue = findPlanIssue(plan);
    if (issue !== null) throw new Error(`the planner of ${request.kind} made a plan that cannot run: ${issue}`);
    this.dropOldPlans();
    this.plans.set(plan.id, { plan, madeBy: caller.userId, madeAt: this.components.now() });
    // Each is a preview that a wizard made before the plan that it starts; with 1,000 nodes it takes 5 MB.
    const own = [...this.plans.values()].filter(({ madeBy }) => madeBy === caller.userId);
    for (const old of own.slice(0, -plansPerUser)) this.plans.delete(old.plan.id);
    return plan;
  }

  async evidence(id: string, key: string, signal: AbortSignal): Promise<Evidence> {
    const { plan, steps } = await this.viewOf(id);
    const step = plan.steps.find((each) => each.key === key);
    if (!step) throw new AppError('not-found', `this run has no step "${key}"`);
    const kind = this.kindOf(plan.kind);
    if (!kind?.evidence) throw new AppError('not-found', `"${key}" is of a run whose steps leave no evidence`);
    return kind.evidence({ run: id, step, view: steps.find((view) => view.key === key) ?? null }, signal);
  }

  async startRun(caller: Caller, planId: string, secrets: Secrets): Promise<RunSummary> {
    this.dropOldPlans();
    const kept = this.plans.get(planId);
    if (kept?.madeBy !== caller.userId) {
      throw new AppError(
        'not-found',
        'this plan is gone (an hour old, made before a restart, or before eight newer ones): make it again',
      );
    }
    // A role may have changed since the plan was made.
    this.assertMayPlan(caller, kept.plan.kind);
    this.plans.delete(planId);
    const stored: StoredRun = {
      id: randomUUID(),
      plan: kept.plan,
      state: 'running',
      startedBy: caller.name,
      startedAt: this.components.now(),
      endedAt: null,
      missingSecrets: [],
      memo: RunMemo.parse({ digest: digestOf(kept.plan) }),
    };
    await this.components.store.create(stored);
    const run = this.activate(stored, []);
    run.addSecrets(secrets);
    run.resume();
    return run.summary();
  }

  async list(limit: number, node?: string): Promise<RunSummary[]> {
    const stored = await this.components.store.list(limit, node);
    return Promise.all(
      stored.map(async (run) => this.active.get(run.id)?.summary() ?? (await this.summaryOfStored(run))),
    );
  }

  async subscribe(id: string, listener: (event: RunEvent) => void): Promise<{ view: RunView; stop: () => void }> {
    const listeners = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, listeners);
    listeners.add(listener);
    const stop = () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(id) === listeners) this.listeners.delete(id);
    };
    try {
      return { view: await this.viewOf(id), stop };
    } catch (error) {
      stop();
      throw error;
    }
  }

  onChanged(listener: (summary: RunSummary) => void): () => void {
    this.changedListeners.add(listener);
    return () => this.changedListeners.delete(listener);
  }

  async cancel(caller: Caller, id: string): Promise<RunSummary> {
    const active = this.active.get(id);
    if (active) {
      this.assertMayPlan(caller, active.summary().kind);
      await active.cancel();
      return active.summary();
    }
    return this.alone(id, async () => {
      const stored = await this.storedOf(id);
      this.assertMayPlan(caller, stored.plan.kind);
      if (stored.endedAt !== null) throw isOverAlready(stored, 'cancelled');
      const run = this.activate(stored, await this.components.store.steps(id));
      await run.cancel();
      run.resume();
      return run.summary();
    });
  }

  /** Does failed, cancelled and skipped steps again; what was done stays done. */
  retry(caller: Caller, id: string, secrets: Secrets): Promise<RunSummary> {
    return this.alone(id, async () => {
      const stored = await this.finishedOf(caller, id);
      const steps = await this.components.store.steps(id);
      const again = steps.filter((view) => ['failed', 'cancelled', 'skipped'].includes(view.state));
      const memo = RunMemo.parse(stored.memo);
      if (memo.isUndoing)
        throw new AppError(
          'conflict',
          'this run was undone, or its undo was begun: undo what is left, or make a new plan',
        );
      if (again.length === 0) throw new AppError('conflict', 'nothing of this run failed: there is nothing to retry');
      // A question that was declined, or that nobody answered, is asked again.
      const answers = Object.fromEntries(Object.entries(memo.answers).filter(([, isYes]) => isYes));
      const retries = { ...memo.retries };
      for (const { key } of again) retries[key] = (retries[key] ?? 0) + 1;
      return this.reopen(stored, caller, {
        memo: { ...memo, answers, retries, isCancelled: false, counts: null },
        views: again.map((view) => ({
          ...view,
          state: 'waiting',
          startedAt: null,
          endedAt: null,
          error: '',
          result: {},
        })),
        secrets,
      });
    });
  }

  undo(caller: Caller, id: string): Promise<RunSummary> {
    return this.alone(id, async () => {
      const stored = await this.finishedOf(caller, id);
      const memo = RunMemo.parse(stored.memo);
      const steps = await this.components.store.steps(id);
      const views = steps
        .filter((view) => view.state === 'undo-failed')
        .map((view) => ({ ...view, state: 'done' as const }));
      const states = new Map([...steps, ...views].map((view) => [view.key, view.state]));
      const schedule = scheduleUndo(stored.plan, {
        stateOf: (key) => states.get(key) ?? 'waiting',
        limit: 1,
        wasBegun: (key) => memo.begun.includes(key),
      });
      if (schedule.isOver) {
        throw new AppError('conflict', 'there is nothing to undo: this run changed nothing that can be undone');
      }
      const retries = { ...memo.retries };
      for (const { key } of views) retries[key] = (retries[key] ?? 0) + 1;
      return this.reopen(stored, caller, {
        memo: { ...memo, retries, isUndoing: true, isCancelled: false, counts: null },
        views,
        secrets: {},
      });
    });
  }

  async answer(caller: Caller, id: string, step: string, answer: boolean): Promise<RunSummary> {
    const run = await this.activeOf(caller, id, 'asked');
    await run.answer(step, answer);
    return run.summary();
  }

  async signal(caller: Caller, id: string, step: string, signal: string): Promise<RunSummary> {
    const run = await this.activeOf(caller, id, 'told anything');
    run.signal(step, signal);
    return run.summary();
  }

  async provideSecrets(caller: Caller, id: string, secrets: Secrets): Promise<RunSummary> {
    const run = await this.activeOf(caller, id, 'given secrets');
    run.addSecrets(secrets);
    return run.summary();
  }

  async describe(planOrRun: string): Promise<{ command: string; nodes: string[] } | null> {
    const plan = this.plans.get(planOrRun)?.plan ?? (await this.components.store.get(planOrRun))?.plan;
    if (!plan) return null;
    return { command: plan.command, nodes: digestOf(plan).nodes };
  }

  private async reopen(
    stored: StoredRun,
    caller: Caller,
    change: { memo: RunMemo; views: StepView[]; secrets: Secrets },
  ): Promise<RunSummary> {
    const { store } = this.components;
    // In one write: a run that is over has no step that waits, wherever a crash comes.
    const open = { state: 'running', endedAt: null, missingSecrets: [], memo: change.memo } as const;
    await store.update(stored.id, open, change.views);
    const reopened: StoredRun = {
      ...stored,
      state: 'running',
      endedAt: null,
      missingSecrets: [],
      memo: change.memo,
      startedBy: caller.name,
    };
    const run = this.activate(reopened, await store.steps(stored.id));
    run.addSecrets(change.secrets);
    run.resume();
    return run.summary();
  }

  private activate(stored: StoredRun, steps: readonly StepView[]): ActiveRun {
    const { store, executor, log, now } = this.components;
    const run = new ActiveRun(stored, steps, {
      kind: this.kindOf(stored.plan.kind),
      store,
      executor,
      log,
      now,
      onEvent: (event) => this.tell(event),
      onOver: () => this.active.delete(stored.id),
      onHalt: (error) => {
        this.active.delete(stored.id);
        log.error(`run ${stored.id} halts, since its journal cannot be written: ${describeError(error)}`);
      },
    });
    this.active.set(stored.id, run);
    return run;
  }

  private async viewOf(id: string): Promise<RunView> {
    const run = this.active.get(id);
    if (run) return run.view();
    const { store } = this.components;
    const stored = await store.get(id);
    if (!stored) throw new AppError('not-found', `no run ${id}`);
    const known = new Map((await store.steps(id)).map((view) => [view.key, view]));
    const steps = stored.plan.steps.map(
      ({ key }): StepView =>
        known.get(key) ?? { key, state: 'waiting', startedAt: null, endedAt: null, error: '', result: {} },
    );
    return {
      ...(await this.summaryOfStored(stored)),
      plan: stored.plan,
      steps,
      begun: RunMemo.parse(stored.memo).begun,
      log: await store.log(id, viewLogLines),
      progress: {},
    };
  }

  private async summaryOfStored(stored: ListedRun): Promise<RunSummary> {
    const { counts, digest, isUndoing, isCancelled } = RunMemo.parse(stored.memo);
    // An earlier version counted undone steps as done, and kept that.
    if (counts && !isUndoing) return summaryOf(stored, digest, counts);
    const steps = await this.components.store.steps(stored.id);
    const judged = judgeRun(
      steps.map(({ state }) => state),
      { isOver: stored.endedAt !== null, lacksSecret: stored.missingSecrets.length > 0, isCancelled, isUndoing },
    );
    // Steps that never began are in no journal.
    return summaryOf(stored, digest, { ...judged.counts, total: digest.total });
  }

  private async activeOf(caller: Caller, id: string, what: string): Promise<ActiveRun> {
    const run = this.active.get(id);
    if (run) {
      this.assertMayPlan(caller, run.summary().kind);
      return run;
    }
    const stored = await this.storedOf(id);
    this.assertMayPlan(caller, stored.plan.kind);
    if (stored.endedAt === null) throw new AppError('conflict', 'this run was cut off: resume it first');
    throw isOverAlready(stored, what);
  }

  private async finishedOf(caller: Caller, id: string): Promise<StoredRun> {
    const active = this.active.get(id);
    if (active) this.assertMayPlan(caller, active.summary().kind);
    if (active) throw new AppError('conflict', 'this run is still at work: wait for its end, or cancel it');
    const stored = await this.storedOf(id);
    this.assertMayPlan(caller, stored.plan.kind);
    if (stored.endedAt === null)
      throw new AppError('conflict', 'this run was cut off: resume it or cancel it first, then see what is left');
    return stored;
  }

  private async storedOf(id: string): Promise<StoredRun> {
    const stored = await this.components.store.get(id);
    if (!stored) throw new AppError('not-found', `no run ${id}`);
    return stored;
  }

  /** One at a time may start a run: several awaits lie between reading its journal and its first step. */
  private async alone<T>(id: string, act: () => Promise<T>): Promise<T> {
    if (this.claimed.has(id))
      throw new AppError('conflict', 'someone else is starting this run: reload it to see how far it is');
    this.claimed.add(id);
    try {
      return await act();
    } finally {
      this.claimed.delete(id);
    }
  }

  private kindOf(name: string): RunKind | undefined {
    return this.components.kinds.find(({ facts }) => facts.kind === name);
  }

  /** @throws AppError `refused` */
  private assertMayPlan(caller: Caller, kind: PlanKind): void {
    const least = roleOfKind(
      this.components.kinds.map(({ facts }) => facts),
      kind,
    );
    if (isAtLeast(caller.role, least)) return;
    throw new AppError(
      'refused',
      `a plan of kind ${kind} needs the role ${least}, and you are ${caller.role}: ask an ${least}`,
    );
  }

  private tell(event: RunEvent): void {
    if (event.event === 'run') this.tellSummary(event.summary);
    else for (const listener of [...(this.listeners.get(event.run) ?? [])]) listener(event);
  }

  /**
   * The first change at once, then the newest ten times a second: a summary names all nodes, and a run of 1,000 nodes
   * changes 10,000 times.
   */
  private tellSummary(summary: RunSummary): void {
    const waiting = this.changed.get(summary.id);
    if (waiting) {
      waiting.summary = summary;
      return;
    }
    const event: RunEvent = { event: 'run', run: summary.id, summary };
    for (const listener of [...(this.listeners.get(summary.id) ?? [])]) listener(event);
    for (const listener of [...this.changedListeners]) listener(summary);
    const timer = setTimeout(() => {
      const last = this.changed.get(summary.id)?.summary;
      this.changed.delete(summary.id);
      if (last) this.tellSummary(last);
    }, changedPeriodMs);
    this.changed.set(summary.id, { summary: null, timer });
  }

  private dropOldPlans(): void {
    for (const [id, { madeAt }] of this.plans) {
      if (this.components.now() - madeAt > planLifeMs) this.plans.delete(id);
    }
  }
}

function isOverAlready(stored: StoredRun, what: string): AppError {
  return new AppError('conflict', `this run is over (${stored.state}): it cannot be ${what}`);
}
