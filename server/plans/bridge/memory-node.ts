// A node in memory for tests: what answers when a bridge transaction is placed, begun and spoken to there. It keeps the states
// of docs/bridge.md and its own clock; everything else of a node is left out. For what a lab cannot host: 200 nodes, links that
// need half a minute, clocks that jump.
import { AppError } from '../../../contract/errors.ts';
import type { TransactionState } from '../../../core/plans/bridge/observe/facts.ts';
import type { RootHost } from '../../../host/bridge/node-transaction.ts';
import { sha256Hex } from '../../../host/hash.ts';
import { CommandError } from '../../../host/runner.ts';
import type { RunOptions, RunResult } from '../../../host/runner.ts';

export interface MemoryNodeOptions {
  readonly name: string;
  /** ms, monotonic: the node's and the console's. */
  readonly now: () => number;
  /** Its wall clock, ms since 1970, at the monotonic time `at`; jumps are the test's business. */
  readonly wallClock?: (at: number) => number;
  /** From `begin` until the rollback is armed: the rehearsal. */
  readonly rehearsalMs?: number;
  /** Why it gives up in its rehearsal; when absent, it does not. */
  readonly givesUp?: string;
  /** From the commit until it has tidied up and reported the hand-over. */
  readonly handOverMs?: number;
  /** From the change until its link passes frames again: LACP, spanning tree. */
  readonly linkMs?: number;
  /** Whether its gateway answers after the change, or only until its own checks passed; without one it has no such check. */
  readonly gateway?: 'answers' | 'silent' | 'lost' | 'none';
}

const applyMs = 200;

/** Values of the plan file, which is the first of the archive: `NAME='text'` or `NAME=text` lines. */
function readPlan(tar: string): Map<string, string> {
  const lines = tar.split(/[\n\0]/).map((line) => /^([A-Z0-9_]+)='?([^']*)'?$/.exec(line));
  return new Map(lines.flatMap((match) => (match ? [[match[1] ?? '', match[2] ?? ''] as const] : [])));
}

export class MemoryNode implements RootHost {
  private readonly options: MemoryNodeOptions;
  private plan = new Map<string, string>();
  private state: TransactionState | '' = '';
  private begunAt = 0;
  private deadline = 0;
  private committedAt = Infinity;
  private readonly witnesses: string[] = [];
  private readonly journal: string[] = [];
  private reason = '';
  /** Answers only observers on the node itself. */
  isCutOff = false;

  constructor(options: MemoryNodeOptions) {
    this.options = options;
  }

  private get armMs(): number {
    return this.options.rehearsalMs ?? 300;
  }

  /** Where it stands now, as an observer on the node sees it. */
  get stateNow(): TransactionState | '' {
    this.advance();
    return this.state;
  }

  /** Whether frames get through: not while its link comes up again after the change. */
  get isReachable(): boolean {
    this.advance();
    if (this.isCutOff) return false;
    const appliedAt = this.begunAt + this.armMs + applyMs;
    const isChanged = ['applied', 'inside-ok', 'outside-ok'].includes(this.state);
    return !isChanged || this.options.now() >= appliedAt + (this.options.linkMs ?? 0);
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    try {
      return Promise.resolve({ stdout: this.answer(argv, options), stderr: '', truncated: false });
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private answer(argv: readonly string[], options: RunOptions): string {
    if (!this.isReachable) throw new AppError('timeout', `${this.options.name}: no SSH login within 3 s`);
    const stdin = Buffer.isBuffer(options.stdin)
      ? options.stdin.toString('latin1')
      : typeof options.stdin === 'string'
        ? options.stdin
        : '';
    // Both are scripts with arguments; the one that places files has only its folder.
    if (argv.length === 5 && !argv[4]?.endsWith('/tx')) {
      if (this.state === '') this.plan = readPlan(stdin);
      return '';
    }
    const [path = '', verb = '', word = ''] = argv.slice(4);
    const id = /bridge\/([^/]+)\/tx$/.exec(path)?.[1];
    if (id !== this.plan.get('ID')) throw this.refusal(argv, 6, `there is no transaction ${id ?? ''} here`);
    const needsNonce = verb === 'seen' || verb === 'keep';
    if (needsNonce && sha256Hex(stdin.trim()) !== this.plan.get('NONCE_SHA256'))
      throw this.refusal(argv, 5, 'wrong nonce');
    const isOnTrial = ['applied', 'inside-ok', 'outside-ok'].includes(this.state);
    switch (verb) {
      case 'begin':
        if (this.state === '') {
          this.begunAt = this.options.now();
          this.deadline = this.begunAt + this.armMs + this.seconds('WINDOW') * 1000;
          this.enter('planned', 'begun');
          if (this.options.givesUp !== undefined) {
            this.goBack(this.options.givesUp);
            throw this.refusal(argv, 3, this.options.givesUp);
          }
        }
        break;
      case 'seen':
        if (isOnTrial) {
          if (!this.witnesses.includes(word)) this.witnesses.push(word);
          if (this.state === 'inside-ok') this.enter('outside-ok', `seen by ${word}`);
          if (this.plan.get('HELD') !== 'yes') this.prolong(this.options.now() + this.seconds('WINDOW') * 1000);
        }
        break;
      case 'more':
        this.prolong(this.deadline + Number(word) * 1000);
        break;
      case 'keep':
        if (this.state === 'inside-ok' || this.state === 'outside-ok') this.enter('committed', 'the bridge stays');
        else if (this.state !== 'committed') throw this.refusal(argv, 3, `too late: ${this.state}`);
        break;
      case 'undo':
        if (this.state === 'committed') throw this.refusal(argv, 3, 'it is kept');
        this.goBack('undone on request');
        break;
      default:
    }
    return this.status(verb === 'prove');
  }

  private prolong(until: number): void {
    const cap = this.begunAt + this.armMs + this.seconds('CAP') * 1000;
    this.deadline = Math.max(this.deadline, Math.min(until, cap));
  }

  /** What its own units did since it was last looked at. */
  private advance(): void {
    const at = this.options.now() - this.begunAt;
    if (this.state === 'planned' && at >= this.armMs) this.enter('armed', '');
    if (this.state === 'armed' && at >= this.armMs + applyMs) this.enter('applied', '');
    const insideAt = this.armMs + applyMs + Math.max(this.seconds('SETTLE') * 1000, this.options.linkMs ?? 0);
    if (this.state === 'applied' && at >= insideAt && this.options.gateway !== 'silent') this.enter('inside-ok', '');
    const isOver = ['', 'committed', 'rolled-back'].includes(this.state);
    if (!isOver && this.options.now() >= this.deadline) this.goBack('nobody kept the change before the window ended');
  }

  private goBack(reason: string): void {
    if (this.state === 'rolled-back') return;
    this.reason = reason;
    this.enter('rolling-back', reason);
    this.enter('rolled-back', reason);
  }

  private enter(state: TransactionState, text: string): void {
    this.state = state;
    if (state === 'committed') this.committedAt = this.options.now();
    this.journal.push(`${this.wallNow()} ${state} ${text}`);
  }

  private wallNow(): number {
    const now = this.options.now();
    return Math.round(this.options.wallClock?.(now) ?? 1_700_000_000_000 + now);
  }

  private seconds(name: string): number {
    return Number(this.plan.get(name) ?? 0);
  }

  private status(isProof = false): string {
    this.advance();
    const isOver = ['committed', 'rolled-back'].includes(this.state);
    const left = Math.max(0, Math.round(this.deadline - this.options.now()));
    const capLeft = Math.max(
      0,
      Math.round(this.begunAt + this.armMs + this.seconds('CAP') * 1000 - this.options.now()),
    );
    const { gateway = 'answers' } = this.options;
    const isHandedOver = this.options.now() >= this.committedAt + (this.options.handOverMs ?? 0);
    const isSilent = gateway === 'silent' || (gateway === 'lost' && !['applied', 'committed'].includes(this.state));
    return [
      `id=${this.plan.get('ID') ?? ''}`,
      `kind=${this.plan.get('KIND') ?? ''}`,
      `state=${this.state}`,
      `nowMs=${this.wallNow()}`,
      `sinceMs=${this.wallNow()}`,
      `leftMs=${isOver ? '' : left}`,
      `capLeftMs=${capLeft}`,
      `outageMs=${['planned', 'armed'].includes(this.state) ? '' : 80}`,
      `reason=${this.reason}`,
      `dhcp=${isHandedOver ? 'none' : ''}`,
      ...(gateway === 'none'
        ? []
        : [`check=gateway ${isSilent ? 'bad 10.0.0.1 does not answer' : 'ok 10.0.0.1 answers'}`]),
      ...(isProof ? ['proved=yes', ...(isHandedOver ? [] : ['doubt=a transaction is pending'])] : []),
      ...this.witnesses.map((name) => `witness=${name}`),
      ...this.journal.map((line) => `journal=${line}`),
      '',
    ].join('\n');
  }

  private refusal(argv: readonly string[], exitCode: number, stderr: string): CommandError {
    return new CommandError(this.options.name, argv, { exitCode, stdout: '', stderr });
  }
}
