// What a run needs from its executor: one session per run, which does one action at a time per step. server/plans
// has the one over SSH; tests have one in memory.
import type { Plan, Step, StepProgress } from '../../contract/plans.ts';

/** A step cannot continue without a secret that is not in memory: it has changed nothing, and is tried again with the secret. */
export class SecretMissing extends Error {
  readonly secret: string;
  /** Why the given secret does not work; empty when none was given. */
  readonly reason: string;

  constructor(secret: string, reason = '') {
    super(`needs ${secret}`);
    this.name = 'SecretMissing';
    this.secret = secret;
    this.reason = reason;
  }
}

/** Hears what people tell a step that waits for them. */
export interface SignalListener<Word extends string = string> {
  readonly words: readonly Word[];
  /** What it hears when the run is cancelled: a step that listens is not cut off, and ends itself. */
  readonly onCancel: Word;
  onSignal(word: Word): void;
}

export interface StepContext {
  readonly step: Step;
  readonly plan: Plan;
  /** Id of the run. */
  readonly run: string;
  /** 1, and one more with each retry by a person: what a node keeps under a name of this run has the same after a crash. */
  readonly attempt: number;
  /** It was at work when the console died: what it began may still be under way. */
  readonly isResumed: boolean;
  /** Aborted by the step's deadline and by cancel, with an AppError as reason. */
  readonly signal: AbortSignal;
  /** A secret of the run, or undefined. */
  secret(name: string): string | undefined;
  /** Forgets a secret that turned out wrong. */
  dropSecret(name: string): void;
  log(text: string, node?: string): void;
  /** What people see while it is at work: the latest stands, and none of it is journaled. */
  progress(progress: StepProgress): void;
  /** Until the step ends. Without a listener, people get an error that the step waits for nobody. */
  listen(listener: SignalListener): void;
  /** Result of a step that was done before; empty when it has none. */
  resultOf(key: string): Readonly<Record<string, unknown>>;
}

export interface StepOutcome<Result = Record<string, unknown>> {
  /** False: it found nothing to do. */
  readonly changed: boolean;
  /** For later steps and for people; no secrets. */
  readonly result?: Result;
}

export interface ExecutorSession {
  /** Does the step, idempotently. @throws SecretMissing, AppError */
  perform(context: StepContext): Promise<StepOutcome>;
  /** Takes it back, idempotently. */
  undo(context: StepContext): Promise<StepOutcome>;
  /** No step of the node is left: its lock and connection go. */
  releaseNode(node: string): Promise<void>;
  close(): Promise<void>;
}

export interface Executor {
  /** `holder`: who, for others who want the same nodes. */
  open(run: { id: string; plan: Plan; holder: string }): ExecutorSession;
}
