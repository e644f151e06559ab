// One run at work: starts steps when their time has come, keeps the journal, and notifies listeners.
//
// INVARIANTS
//  - The journal has `running` before a step acts and its outcome before any step that needs it starts. A crash at any
//    moment leaves at most steps that are `running`: they are done again, which their idempotence permits.
//  - Secrets are in `secrets` only. What is journaled or told passes `mask`.
//  - Only `advance` starts steps, and it is never entered twice at once.
//  - When the journal cannot be written nothing more is started: the run halts as after a crash.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxStepLogLines } from '../../contract/limits.ts';
import type { LogLine, RunEvent, RunSummary, RunView, Step, StepProgress, StepView } from '../../contract/plans.ts';
import { isStepOver, judgeRun } from '../../core/plans/run-state.ts';
import { scheduleSteps, scheduleUndo } from '../../core/plans/schedule.ts';
import type { ListedRun, Log, RunStore, StoredRun } from '../ports.ts';
import { beforeAbort } from './before-abort.ts';
import { SecretMissing } from './executor.ts';
import type { Executor, ExecutorSession, SignalListener, StepContext, StepOutcome } from './executor.ts';
import type { RunKind } from './kind.ts';
import { RunMemo } from './memo.ts';
import type { PlanDigest } from './memo.ts';
import { RunSecrets } from './secrets.ts';

export interface ActiveRunComponents {
  readonly store: RunStore;
  readonly executor: Executor;
  /** Undefined: of another version. */
  readonly kind: RunKind | undefined;
  readonly log: Log;
  /** ms since 1970. */
  readonly now: () => number;
  readonly onEvent: (event: RunEvent) => void;
  /** Called once when the run is over, with its journal written. */
  readonly onOver: () => void;
  /** Called when the journal cannot be written. */
  readonly onHalt: (error: unknown) => void;
}

/** Steps at work at once: SSH logins cost each side CPU, and the console's machine may be a small one. */
const stepLimit = 32;
/** Characters of one log line, and lines of a view. */
const maxLineCharacters = 2_000;
export const viewLogLines = 2_000;
const logDelayMs = 100;

const emptyView = (key: string): StepView => ({
  key,
  state: 'waiting',
  startedAt: null,
  endedAt: null,
  error: '',
  result: {},
});

export class ActiveRun {
  readonly id: string;
  private stored: StoredRun;
  private readonly memo: RunMemo;
  private readonly views = new Map<string, StepView>();
  private readonly secrets = new RunSecrets();
  private readonly components: ActiveRunComponents;
  private readonly session: ExecutorSession;
  /** Secret that a step waits for, by step key. */
  private readonly blocked = new Map<string, string>();
  private readonly aborts = new Map<string, AbortController>();
  /** Steps that a crash cut off. */
  private readonly resumed = new Set<string>();
  /** Of steps at work, by step key. */
  private readonly progress = new Map<string, { readonly told: StepProgress; readonly at: number }>();
  private readonly listeners = new Map<string, SignalListener>();
  private readonly askTimers = new Map<string, NodeJS.Timeout>();
  private readonly releasedNodes = new Set<string>();
  /** Log lines by step key. */
  private readonly said = new Map<string, number>();
  private logQueue: LogLine[] = [];
  private logTimer: NodeJS.Timeout | null = null;
  private logWritten: Promise<void> = Promise.resolve();
  private isAdvancing = false;
  private advanceAgain = false;
  private isResumed = false;
  /** The journal's state of the run may be another than ours. */
  private isStateStale = false;
  private isHalted = false;
  private isEnded = false;
  private readonly working = new Set<Promise<void>>();
  private readonly releases = new Set<Promise<void>>();

  constructor(stored: StoredRun, steps: readonly StepView[], components: ActiveRunComponents) {
    this.id = stored.id;
    this.stored = stored;
    this.memo = RunMemo.parse(stored.memo);
    this.components = components;
    for (const step of stored.plan.steps) this.views.set(step.key, emptyView(step.key));
    for (const view of steps) this.views.set(view.key, view);
    this.session = components.executor.open({ id: stored.id, plan: stored.plan, holder: stored.startedBy });
  }

  /** Begins, or continues where the journal ends. Steps cut off by a crash are done again. */
  resume(): void {
    this.isResumed = true;
    // What the journal says is from before: nothing is known to be missing until a step says so.
    this.stored = { ...this.stored, state: 'running', missingSecrets: [] };
    this.isStateStale = true;
    for (const view of this.views.values()) {
      if (view.state === 'running') {
        this.remember(view.key);
        this.resumed.add(view.key);
        this.views.set(view.key, { ...view, state: 'waiting' });
      } else if (view.state === 'undoing') {
        this.resumed.add(view.key);
        this.views.set(view.key, { ...view, state: 'done' });
      } else if (view.state === 'asking') this.armAsk(view);
    }
    this.kick();
  }

  addSecrets(secrets: Readonly<Record<string, string>>): void {
    this.secrets.add(secrets);
    this.secrets.forgetRefusals();
    for (const [key, secret] of this.blocked) {
      if (this.secrets.get(secret) !== undefined) this.blocked.delete(key);
    }
    this.kick();
  }

  async answer(key: string, isYes: boolean): Promise<void> {
    const step = this.stored.plan.steps.find((candidate) => candidate.key === key);
    if (!step?.ask) throw new AppError('not-found', `"${key}" is not a question of this run`);
    if (this.viewOf(key).state !== 'asking') throw new AppError('conflict', `"${key}" is not asked now`);
    await this.settleAnswer(key, isYes);
  }

  /** @throws AppError `conflict` when the step waits for nobody, `invalid` when it does not know the word. */
  signal(key: string, signal: string): void {
    const listener = this.listeners.get(key);
    if (!listener) throw new AppError('conflict', `"${key}" does not wait for anyone now`);
    if (!listener.words.includes(signal)) {
      const known = listener.words.join(', ').replace(/, ([^,]*)$/, ' or $1');
      throw new AppError('invalid', `${signal}: must be ${known}`);
    }
    listener.onSignal(signal);
  }

  /** Steps at work end as they can, none starts. Resolves at once. */
  async cancel(): Promise<void> {
    this.memo.isCancelled = true;
    await this.saveMemo();
    for (const [key, abort] of this.aborts) {
      const listener = this.listeners.get(key);
      if (listener) listener.onSignal(listener.onCancel);
      else abort.abort(new AppError('cancelled', 'the run was cancelled'));
    }
    this.kick();
  }

  summary(): RunSummary {
    return summaryOf(this.stored, this.memo.digest, this.judge(this.isEnded).counts);
  }

  async view(): Promise<RunView> {
    await this.flushLog();
    const { plan } = this.stored;
    return {
      ...this.summary(),
      plan,
      steps: plan.steps.map((step) => this.viewOf(step.key)),
      begun: [...this.memo.begun],
      log: await this.components.store.log(this.id, viewLogLines),
      progress: Object.fromEntries([...this.progress].map(([key, { told, at }]) => [key, this.aged(told, at)])),
    };
  }

  /** Stops without an end, as a crash would: the next start continues the journal. */
  async halt(): Promise<void> {
    this.isHalted = true;
    for (const abort of this.aborts.values()) abort.abort(new AppError('unreachable', 'the console is ending'));
    this.clearTimers();
    await Promise.allSettled(this.working);
    await this.flushLog().catch(() => undefined);
    this.secrets.clear();
    await Promise.all([...this.releases, this.session.close()]);
  }

  private kick(): void {
    this.advanceAgain = true;
    if (!this.isResumed || this.isAdvancing || this.isHalted || this.isEnded) return;
    this.isAdvancing = true;
    void this.advanceAll();
  }

  private async advanceAll(): Promise<void> {
    try {
      while (this.advanceAgain && !this.isHalted && !this.isEnded) {
        this.advanceAgain = false;
        if (this.memo.isUndoing) await this.advanceUndo();
        else await this.advance();
      }
    } catch (error) {
      this.fault(error);
    } finally {
      this.isAdvancing = false;
    }
  }

  private async advance(): Promise<void> {
    if (this.memo.isCancelled) await this.cancelWaiting();
    const { plan } = this.stored;
    const schedule = scheduleSteps(plan, {
      stateOf: (key) => this.viewOf(key).state,
      blocked: new Set(this.blocked.keys()),
      answers: new Map(Object.entries(this.memo.answers)),
      limit: stepLimit,
    });
    if (schedule.skip.length > 0) {
      const endedAt = this.components.now();
      await this.put(
        schedule.skip.map(({ step, why }) => ({ ...this.viewOf(step.key), state: 'skipped', endedAt, error: why })),
      );
      this.advanceAgain = true;
    }
    if (schedule.ask.length > 0) {
      const startedAt = this.components.now();
      await this.put(schedule.ask.map((step) => ({ ...this.viewOf(step.key), state: 'asking', startedAt })));
      for (const step of schedule.ask) this.armAsk(this.viewOf(step.key));
    }
    if (schedule.start.length > 0) {
      const startedAt = this.components.now();
      await this.put(
        schedule.start.map((step) => ({
          ...this.viewOf(step.key),
          state: 'running',
          startedAt,
          endedAt: null,
          error: '',
        })),
      );
      for (const step of schedule.start) this.begin(step, (context) => this.session.perform(context));
    }
    this.releaseNodes();
    if (schedule.isOver) await this.end();
    else await this.setState();
  }

  private async advanceUndo(): Promise<void> {
    if (this.memo.isCancelled) {
      this.blocked.clear();
      const isBusy = [...this.views.values()].some((view) => view.state === 'undoing');
      if (isBusy) await this.setState();
      else await this.end();
      return;
    }
    const { plan } = this.stored;
    const schedule = scheduleUndo(plan, {
      stateOf: (key) => this.viewOf(key).state,
      limit: stepLimit,
      wasBegun: (key) => this.memo.begun.includes(key),
    });
    const free = schedule.start.filter((step) => !this.blocked.has(step.key));
    if (free.length > 0) {
      await this.put(free.map((step) => ({ ...this.viewOf(step.key), state: 'undoing', endedAt: null, error: '' })));
      for (const step of free) this.begin(step, (context) => this.session.undo(context));
    }
    if (schedule.isOver) await this.end();
    else await this.setState();
  }

  /** Has one step done or undone, in the background. */
  private begin(step: Step, act: (context: StepContext) => Promise<StepOutcome>): void {
    const work = this.actOn(step, act)
      .catch((error: unknown) => this.fault(error))
      .finally(() => this.working.delete(work));
    this.working.add(work);
  }

  private async actOn(step: Step, act: (context: StepContext) => Promise<StepOutcome>): Promise<void> {
    const abort = new AbortController();
    this.aborts.set(step.key, abort);
    const timer = setTimeout(() => {
      abort.abort(
        new AppError(
          'timeout',
          `no end within ${step.deadlineMs / 1000} s: its outcome is unknown; a retry looks again`,
        ),
      );
    }, step.deadlineMs);
    const isUndo = this.viewOf(step.key).state === 'undoing';
    try {
      const outcome = await beforeAbort(act(this.contextOf(step, abort.signal)), abort.signal);
      if (this.isHalted) return;
      const state = isUndo ? 'undone' : outcome.changed || this.memo.begun.includes(step.key) ? 'done' : 'unchanged';
      await this.finish(step, state, { result: outcome.result ?? {} });
    } catch (error) {
      if (this.isHalted) return;
      if (error instanceof SecretMissing) await this.block(step, error, isUndo);
      else await this.fail(step, error, isUndo);
    } finally {
      clearTimeout(timer);
      this.aborts.delete(step.key);
      this.listeners.delete(step.key);
      if (this.progress.delete(step.key))
        this.tell({ event: 'progress', run: this.id, step: step.key, progress: null });
      this.kick();
    }
  }

  private async block(step: Step, missing: SecretMissing, isUndo: boolean): Promise<void> {
    // Given while the step was at work: try again at once.
    const isGiven = this.secrets.get(missing.secret) !== undefined && !this.secrets.isRefused(missing.secret);
    if (!isGiven) this.blocked.set(step.key, missing.secret);
    if (missing.reason !== '') this.say(step, missing.reason);
    // From now on the journal has it as waiting: that it began before a crash is known here only.
    if (this.memo.begun.includes(step.key)) await this.saveMemo();
    await this.put([{ ...this.viewOf(step.key), state: isUndo ? 'done' : 'waiting', error: missing.reason }]);
  }

  private async fail(step: Step, error: unknown, isUndo: boolean): Promise<void> {
    const isCancel = error instanceof AppError && error.code === 'cancelled';
    this.remember(step.key);
    await this.saveMemo();
    const detail = error instanceof AppError && error.detail ? { detail: error.detail } : {};
    await this.finish(step, isUndo ? 'undo-failed' : isCancel ? 'cancelled' : 'failed', {
      error: describeError(error),
      result: detail,
    });
  }

  private async finish(
    step: Step,
    state: StepView['state'],
    end: { error?: string; result: Record<string, unknown> },
  ): Promise<void> {
    const result = JSON.parse(this.secrets.mask(JSON.stringify(end.result))) as Record<string, unknown>;
    const error = this.secrets.mask(end.error ?? '');
    if (error !== '') this.say(step, error);
    await this.put([{ ...this.viewOf(step.key), state, endedAt: this.components.now(), error, result }]);
  }

  private contextOf(step: Step, signal: AbortSignal): StepContext {
    return {
      step,
      plan: this.stored.plan,
      run: this.id,
      attempt: 1 + (this.memo.retries[step.key] ?? 0),
      isResumed: this.resumed.has(step.key),
      signal,
      secret: (name) => (this.secrets.isRefused(name) ? undefined : this.secrets.get(name)),
      dropSecret: (name) => this.secrets.drop(name),
      log: (text, node) => this.say(step, text, node),
      progress: (progress) => this.show(step, progress),
      listen: (listener) => {
        if (!signal.aborted) this.listeners.set(step.key, listener);
      },
      resultOf: (key) => this.viewOf(key).result,
    };
  }

  private async cancelWaiting(): Promise<void> {
    const waiting = [...this.views.values()].filter((view) => view.state === 'waiting' || view.state === 'asking');
    if (waiting.length === 0) return;
    const endedAt = this.components.now();
    this.clearAsks();
    this.blocked.clear();
    await this.put(waiting.map((view) => ({ ...view, state: 'cancelled', endedAt, error: 'the run was cancelled' })));
  }

  private armAsk(view: StepView): void {
    const step = this.stored.plan.steps.find((candidate) => candidate.key === view.key);
    if (!step?.ask) return;
    const leftMs = (view.startedAt ?? this.components.now()) + step.ask.deadlineMs - this.components.now();
    const timer = setTimeout(
      () => {
        void this.settleAnswer(view.key, step.ask?.default ?? false).catch((error: unknown) => this.fault(error));
      },
      Math.max(0, leftMs),
    );
    this.askTimers.set(view.key, timer);
  }

  private async settleAnswer(key: string, isYes: boolean): Promise<void> {
    clearTimeout(this.askTimers.get(key));
    this.askTimers.delete(key);
    this.memo.answers[key] = isYes;
    await this.saveMemo();
    this.kick();
  }

  private judge(isOver: boolean): Pick<RunSummary, 'state' | 'counts'> {
    return judgeRun(
      [...this.views.values()].map(({ state }) => state),
      {
        isOver,
        lacksSecret: this.blocked.size > 0,
        isCancelled: this.memo.isCancelled,
        isUndoing: this.memo.isUndoing,
      },
    );
  }

  /** Of a run that is not over. */
  private async setState(): Promise<void> {
    const { state } = this.judge(false);
    const missingSecrets = [...new Set(this.blocked.values())].sort();
    const isSame =
      state === this.stored.state && JSON.stringify(missingSecrets) === JSON.stringify(this.stored.missingSecrets);
    if (isSame && !this.isStateStale) return;
    this.isStateStale = false;
    this.stored = { ...this.stored, state, missingSecrets };
    await this.components.store.update(this.id, { state, missingSecrets });
    this.tell({ event: 'run', run: this.id, summary: this.summary() });
  }

  private async end(): Promise<void> {
    const { state, counts } = this.judge(true);
    await this.flushLog();
    this.memo.counts = counts;
    const endedAt = this.components.now();
    // Locks and connections first: who sees the end may start the next run on these nodes.
    await Promise.all([...this.releases, this.session.close()]);
    await this.components.store.update(this.id, { state, endedAt, missingSecrets: [], memo: this.memo });
    this.stored = { ...this.stored, state, endedAt, missingSecrets: [], memo: this.memo };
    this.isEnded = true;
    this.clearTimers();
    this.secrets.clear();
    this.tell({ event: 'run', run: this.id, summary: this.summary() });
    this.components.onOver();
  }

  private releaseNodes(): void {
    const busy = new Set<string>();
    for (const step of this.stored.plan.steps) if (!isStepOver(this.viewOf(step.key).state)) busy.add(step.node);
    const over = [...new Set(this.stored.plan.steps.map((step) => step.node))].filter(
      (node) => node !== '' && !busy.has(node) && !this.releasedNodes.has(node),
    );
    for (const node of over) {
      this.releasedNodes.add(node);
      // Not waited for: giving a lock back to a node that is dead takes until its deadline, and others have work to do.
      const release = this.session
        .releaseNode(node)
        .catch((error: unknown) => this.components.log.warn(`letting go of ${node}: ${describeError(error)}`))
        .finally(() => this.releases.delete(release));
      this.releases.add(release);
    }
  }

  private viewOf(key: string): StepView {
    return this.views.get(key) ?? emptyView(key);
  }

  private remember(key: string): void {
    if (!this.memo.begun.includes(key)) this.memo.begun.push(key);
  }

  private saveMemo(): Promise<void> {
    return this.components.store.update(this.id, { memo: this.memo });
  }

  /** The journal first, then memory and listeners. */
  private async put(views: readonly StepView[]): Promise<void> {
    await this.components.store.putSteps(this.id, views);
    for (const view of views) {
      this.views.set(view.key, view);
      this.tell({ event: 'step', run: this.id, step: view, isBegun: this.memo.begun.includes(view.key) });
    }
    this.tell({ event: 'run', run: this.id, summary: this.summary() });
  }

  private say(step: Step, text: string, node = step.node): void {
    const at = this.components.now();
    const lines = this.secrets
      .mask(text)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => ({ at, step: step.key, node, text: line.slice(0, maxLineCharacters) }));
    const said = this.said.get(step.key) ?? 0;
    this.said.set(step.key, said + lines.length);
    if (said + lines.length > maxStepLogLines) {
      lines.length = Math.max(0, maxStepLogLines - said);
      if (said <= maxStepLogLines)
        lines.push({ at, step: step.key, node, text: `${maxStepLogLines} lines: the rest is left out` });
    }
    if (lines.length === 0) return;
    this.logQueue.push(...lines);
    this.tell({ event: 'log', run: this.id, lines });
    this.logTimer ??= setTimeout(() => {
      void this.flushLog().catch((error: unknown) => this.fault(error));
    }, logDelayMs);
  }

  private show(step: Step, progress: StepProgress): void {
    // A step whose deadline has passed may still be talking.
    if (!this.aborts.has(step.key)) return;
    const masked = JSON.parse(this.secrets.mask(JSON.stringify(progress))) as StepProgress;
    this.progress.set(step.key, { told: masked, at: performance.now() });
    this.tell({ event: 'progress', run: this.id, step: step.key, progress: masked });
  }

  private aged(told: StepProgress, at: number): StepProgress {
    return this.components.kind?.ageProgress?.(told, performance.now() - at) ?? told;
  }

  private flushLog(): Promise<void> {
    if (this.logTimer) clearTimeout(this.logTimer);
    this.logTimer = null;
    const lines = this.logQueue;
    this.logQueue = [];
    if (lines.length > 0) {
      this.logWritten = this.logWritten.then(() => this.components.store.appendLog(this.id, lines));
    }
    return this.logWritten;
  }

  private tell(event: RunEvent): void {
    if (!this.isHalted) this.components.onEvent(event);
  }

  private fault(error: unknown): void {
    if (this.isHalted || this.isEnded) return;
    this.isHalted = true;
    this.clearTimers();
    for (const abort of this.aborts.values()) abort.abort(new AppError('unreachable', 'the journal cannot be written'));
    this.components.onHalt(error);
    void this.session.close().catch(() => undefined);
  }

  private clearAsks(): void {
    for (const timer of this.askTimers.values()) clearTimeout(timer);
    this.askTimers.clear();
  }

  private clearTimers(): void {
    this.clearAsks();
    if (this.logTimer) clearTimeout(this.logTimer);
    this.logTimer = null;
  }
}

/** A stored run for lists. */
export function summaryOf(run: ListedRun, digest: PlanDigest, counts: RunSummary['counts']): RunSummary {
  return {
    id: run.id,
    kind: digest.kind,
    title: digest.title,
    state: run.state,
    startedBy: run.startedBy,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    nodes: digest.nodes,
    counts,
    missingSecrets: [...run.missingSecrets],
  };
}
