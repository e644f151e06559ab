// Watches one bridge transaction from outside and delivers the verdict: a new connection each second that records on the node
// that it was seen, other nodes that look at it, and what people want. core/plans/bridge/witnesses makes every decision. The watch
// never undoes from outside: when nobody gets through, the node rolls back automatically.
//
// INVARIANTS
//  - The node itself records who has seen it: a console that died and came back continues from that record.
//  - A look counts only when it began after the node had reported that the change is in place. One that began before, when the
//    console got no answer, only shows which peer is a way in.
//  - Every connection is closed by the turn that opened it.
import { AppError, describeError } from '../../../contract/errors.ts';
import { describePhase } from '../../../core/plans/bridge/plan/phases.ts';
import type { WitnessEvidence } from '../../../core/plans/bridge/plan/causes.ts';
import type { PeerLook } from '../../../core/plans/bridge/observe/peer-look.ts';
import type { BridgeProgress, PlannedTransaction, WitnessPlan } from '../../../core/plans/bridge/plan/step-args.ts';
import type { TrialSignal } from '../../../core/plans/bridge/plan/trial-signals.ts';
import { patienceOf } from '../../../core/plans/bridge/plan/times.ts';
import type { TransactionStatus } from '../../../core/plans/bridge/plan/transaction.ts';
import {
  consoleWitness,
  describeMissingWitnesses,
  describeWitness,
  isSeenFromOutside,
} from '../../../core/plans/bridge/plan/witnesses.ts';
import { describeSeconds } from '../../../core/plans/bridge/judge/words.ts';
import type { Sightings } from '../../../core/plans/bridge/plan/witnesses.ts';
import type { NodeTransaction } from '../../../host/bridge/node-transaction.ts';
import { turnMs } from './calls.ts';

/** A connection to the node, through which the console controls its transaction. */
export interface Door {
  readonly transaction: NodeTransaction;
  close(): void;
}

export interface WatchParts {
  readonly node: string;
  readonly transaction: PlannedTransaction;
  readonly witness: WitnessPlan;
  readonly nonce: string;
  /** A new connection from the console, within 3 s. @throws AppError */
  readonly openDirect: () => Promise<Door>;
  /** The same through another node, which has then seen it. @throws AppError */
  readonly openVia: (peer: string) => Promise<Door>;
  /** Has another node look. @throws AppError when that node cannot be asked */
  readonly lookFrom: (peer: string) => Promise<PeerLook>;
  /** What people said since the last call, oldest first. */
  readonly takeSignals: () => TrialSignal[];
  /** Called with each turn: other work that a turn of the watch carries along. */
  readonly onTurn: (isReached: boolean) => void;
  readonly progress: (progress: BridgeProgress) => void;
  readonly log: (text: string) => void;
  /** ms, monotonic. */
  readonly now: () => number;
  /** Rejects when the step is aborted. */
  readonly sleep: (ms: number) => Promise<void>;
}

export interface WatchEnd {
  /** The node's last report; null when it never reported anything. */
  readonly status: TransactionStatus | null;
  readonly console: WitnessEvidence;
  readonly peers: readonly WitnessEvidence[];
  /** A person had it undone. */
  readonly isUndone: boolean;
}

/** Peers that look at the same time. */
const peersAtOnce = 3;
/** Between two looks of a peer: sshd punishes addresses whose logins fail often (PerSourcePenalties, OpenSSH 9.8). */
const peerPauseMs = 2_000;
/** Turns without a direct connection before another way is tried. */
const directTries = 2;

const over = new Set(['committed', 'rolled-back', 'rollback-failed']);
const onTrial = new Set(['applied', 'inside-ok', 'outside-ok']);

/** Resolves when the transaction is over, or when the node was silent for longer than it can be on trial. */
export async function watchTransaction(parts: WatchParts): Promise<WatchEnd> {
  return new Watch(parts).run();
}

interface Peer {
  /** It saw the node, changed. */
  isSeen: boolean;
  /** Its last look got through, no matter when that was. */
  isWayIn: boolean;
  lastError: string;
  /** Its last look met another host key. */
  isStranger: boolean;
  isAsked: boolean;
  nextAt: number;
}

/** An open way to the node. */
interface Way extends Door {
  /** The peer that it goes through. */
  readonly via: string | null;
  /** Opened after the change. */
  readonly isAfter: boolean;
}

class Watch {
  private readonly parts: WatchParts;
  private status: TransactionStatus | null = null;
  private statusAt = 0;
  private heardAt: number;
  private failedTurns = 0;
  private isConsoleThrough = false;
  private consoleFailure: Pick<WitnessEvidence, 'isStranger' | 'lastError'> = { isStranger: false, lastError: '' };
  private readonly peers: Map<string, Peer>;
  private wanted: TrialSignal[] = [];
  private isKeepWanted = false;
  private isUndone = false;

  constructor(parts: WatchParts) {
    this.parts = parts;
    this.heardAt = parts.now();
    this.peers = new Map(
      parts.witness.peers.map(({ name }) => [
        name,
        { isSeen: false, isWayIn: false, lastError: '', isStranger: false, isAsked: false, nextAt: 0 },
      ]),
    );
  }

  async run(): Promise<WatchEnd> {
    const { times } = this.parts.transaction;
    const patienceMs = patienceOf(times);
    for (;;) {
      const startedAt = this.parts.now();
      this.hear();
      const door = await this.open();
      try {
        if (door) await this.use(door);
      } catch (error) {
        this.consoleFailure = failureOf(error);
      } finally {
        door?.close();
      }
      if (this.status !== null && over.has(this.status.state)) return this.end();
      if (this.parts.now() - this.heardAt > patienceMs) return this.end();
      this.askPeers();
      this.show();
      this.parts.onTurn(door !== null);
      await this.parts.sleep(Math.max(50, turnMs - (this.parts.now() - startedAt)));
    }
  }

  private hear(): void {
    for (const signal of this.parts.takeSignals()) {
      if (signal !== 'keep') this.wanted.push(signal);
      else if (this.isChecked()) this.isKeepWanted = true;
      else this.parts.log('keep: too early, its own checks have not passed: say it again once they have');
    }
  }

  /** Directly; where that fails, through a node that sees it. Null when there is no way now. */
  private async open(): Promise<Way | null> {
    const isAfter = this.isChanged();
    try {
      const door = await this.parts.openDirect();
      this.failedTurns = 0;
      this.isConsoleThrough = true;
      return { ...door, close: () => door.close(), via: null, isAfter };
    } catch (error) {
      this.failedTurns += 1;
      this.isConsoleThrough = false;
      this.consoleFailure = failureOf(error);
    }
    if (this.failedTurns < directTries) return null;
    const byPromise = [...this.peers].sort(([, a], [, b]) => Number(b.isWayIn) - Number(a.isWayIn));
    for (const [name, peer] of byPromise.slice(0, peersAtOnce)) {
      try {
        const door = await this.parts.openVia(name);
        peer.isWayIn = true;
        if (isAfter) peer.isSeen = true;
        return { ...door, close: () => door.close(), via: name, isAfter };
      } catch (error) {
        peer.isWayIn = false;
        Object.assign(peer, failureOf(error));
      }
    }
    return null;
  }

  /** One turn with the node at the other end. */
  private async use({ transaction, via, isAfter }: Way): Promise<void> {
    const { witness, nonce } = this.parts;
    const mine = via ?? (witness.isConsoleOnNode ? null : consoleWitness);
    this.take(mine === null || !isAfter ? await transaction.readStatus() : await transaction.reportSeen(nonce, mine));
    for (const [name, peer] of this.peers) {
      if (peer.isSeen && !this.hasRecorded(name)) this.take(await transaction.reportSeen(nonce, name));
    }
    for (const signal of this.wanted.splice(0)) {
      if (signal === 'undo' && this.isOnTrial()) {
        this.parts.log('going back, as asked');
        this.isUndone = true;
        this.take(await transaction.undo());
        return;
      }
      if (signal === 'more' && this.isOnTrial()) {
        this.take(await transaction.more(this.parts.transaction.times.window));
        this.parts.log(`more time, as asked: ${Math.round((this.status?.leftMs ?? 0) / 1000)} s from now`);
      } else if (signal === 'undo' && !over.has(this.status?.state ?? '')) this.wanted.push(signal);
    }
    if (this.isTimeToKeep()) {
      this.parts.log(
        this.isKeepWanted ? 'keeping it, as asked' : `seen by ${namesOf(this.status?.witnesses ?? [])}: keeping it`,
      );
      this.take(await transaction.keep(nonce));
    }
  }

  /** Its own checks have passed, and nothing is decided. */
  private isChecked(): boolean {
    return this.status?.state === 'inside-ok' || this.status?.state === 'outside-ok';
  }

  private isOnTrial(): boolean {
    return this.isChanged() || this.status?.state === 'armed';
  }

  private isChanged(): boolean {
    return onTrial.has(this.status?.state ?? '');
  }

  private isTimeToKeep(): boolean {
    if (!this.isChecked()) return false;
    // A person overrules witnesses. When that person is the only witness, the gateway must still answer.
    if (this.isKeepWanted && this.parts.witness.rule.kind !== 'person-and-gateway') return true;
    if (this.parts.transaction.isHeld && !this.isKeepWanted) return false;
    // Nothing changes now: the only news is that the console gets through.
    if (this.parts.transaction.kind === 'persist') return true;
    return isSeenFromOutside(this.rule(), this.sightings());
  }

  /** A gateway that did not answer before the change is not among the node's checks, and need not answer. */
  private rule(): WitnessPlan['rule'] {
    const { rule } = this.parts.witness;
    return {
      ...rule,
      hasGateway: rule.hasGateway && (this.status?.checks.some(({ name }) => name === 'gateway') ?? true),
    };
  }

  private sightings(): Sightings {
    const recorded = this.status?.witnesses ?? [];
    return {
      console: recorded.includes(consoleWitness),
      peers: recorded.filter((name) => this.peers.has(name)),
      gateway: this.status?.checks.some(({ name, isOk }) => name === 'gateway' && isOk) ?? false,
      person: this.isKeepWanted,
    };
  }

  private hasRecorded(name: string): boolean {
    return this.status?.witnesses.includes(name) ?? false;
  }

  private take(status: TransactionStatus): void {
    if (status.state !== this.status?.state) this.parts.log(describeState(status, this.parts.transaction.times.reboot));
    if (status.phase !== null && status.phase !== this.status?.phase)
      this.parts.log(`phase: ${describePhase(status.phase, this.parts.transaction)}`);
    this.status = status;
    this.statusAt = this.parts.now();
    this.heardAt = this.statusAt;
  }

  /** In the background: a peer that hangs must not slow the console's own looks down. */
  private askPeers(): void {
    const isSilent = this.failedTurns >= directTries;
    if (!(this.isChecked() || (isSilent && this.status !== null) || (isSilent && this.failedTurns > directTries)))
      return;
    const asked = [...this.peers.values()].filter(({ isAsked }) => isAsked).length;
    const next = [...this.peers]
      .filter(([, peer]) => !peer.isSeen && !peer.isAsked && peer.nextAt <= this.parts.now())
      .sort(([, a], [, b]) => a.nextAt - b.nextAt)
      .slice(0, Math.max(0, peersAtOnce - asked));
    const isAfter = this.isChanged();
    for (const [name, peer] of next) {
      peer.isAsked = true;
      this.parts
        .lookFrom(name)
        .then(
          ({ isSeen, isStranger, error }) => {
            peer.isWayIn = isSeen;
            if (isAfter) peer.isSeen = isSeen;
            peer.lastError = error;
            peer.isStranger = isStranger;
          },
          (error: unknown) => {
            peer.isWayIn = false;
            Object.assign(peer, failureOf(error));
          },
        )
        .finally(() => {
          peer.isAsked = false;
          peer.nextAt = this.parts.now() + peerPauseMs;
        });
    }
  }

  private show(): void {
    const { node, transaction } = this.parts;
    const sinceMs = this.parts.now() - this.statusAt;
    const { status } = this;
    const leftMs = status?.leftMs == null ? null : Math.max(0, status.leftMs - sinceMs);
    const missing = transaction.kind === 'persist' ? '' : describeMissingWitnesses(this.rule(), this.sightings());
    const back = leftMs === null ? '' : `if you do nothing, ${node} returns to how it was`;
    const joined = (...parts: string[]) => parts.filter((part) => part !== '').join('; ');
    const isLost = this.isConsoleThrough ? '' : `${node} is not reached from the console now`;
    const waits = transaction.isHeld && missing === '' ? 'waits for somebody to say keep' : missing;
    this.parts.progress({
      state: status?.state ?? 'planned',
      leftMs,
      capLeftMs: Math.max(0, (status?.capLeftMs ?? 0) - sinceMs),
      checks: (status?.checks ?? []).map((check) => ({ ...check })),
      witnesses: [
        {
          name: describeWitness(consoleWitness),
          isSeen: this.sightings().console,
          text: this.isConsoleThrough ? '' : this.consoleFailure.lastError,
        },
        ...[...this.peers].map(([name, peer]) => ({
          name,
          isSeen: this.hasRecorded(name),
          text: peer.isAsked ? 'looking' : peer.lastError,
        })),
      ],
      outageMs: status?.outageMs ?? null,
      phase: status?.phase ?? '',
      text: joined(isLost, waits, leftMs === null ? '' : `${back} in ${Math.ceil(leftMs / 1000)} s`),
      news: joined(isLost, waits, back),
      isHeld: transaction.isHeld,
    });
  }

  private end(): WatchEnd {
    const recorded = this.status?.witnesses ?? [];
    return {
      status: this.status,
      console: {
        name: describeWitness(consoleWitness),
        isSeen: recorded.includes(consoleWitness),
        ...this.consoleFailure,
      },
      peers: [...this.peers].map(([name, { isSeen, lastError, isStranger }]) => ({
        name,
        isSeen: isSeen || recorded.includes(name),
        isStranger,
        lastError,
      })),
      isUndone: this.isUndone,
    };
  }
}

/** What is kept of a look that failed. */
function failureOf(error: unknown): Pick<WitnessEvidence, 'isStranger' | 'lastError'> {
  return {
    isStranger: error instanceof AppError && error.code === 'host-key-changed',
    lastError: describeError(error),
  };
}

function namesOf(witnesses: readonly string[]): string {
  return witnesses.map(describeWitness).join(', ');
}

/** `restartSeconds`: after which the plan restarts the machine; 0 means never. */
export function describeState(
  status: Pick<TransactionStatus, 'state' | 'reason' | 'outageMs' | 'witnesses'>,
  restartSeconds: number,
): string {
  switch (status.state) {
    case 'planned':
      return 'begun: rehearsing, taking the snapshot';
    case 'armed':
      return 'the rollback is armed';
    case 'applied':
      return `the change is in place${status.outageMs === null ? '' : `, after an outage of ${status.outageMs} ms`}`;
    case 'inside-ok':
      return 'the node’s own checks pass';
    case 'outside-ok':
      return `seen from outside by ${namesOf(status.witnesses)}`;
    case 'committing':
      return 'writing what the next boot does';
    case 'committed':
      return 'kept';
    case 'rolling-back':
      return `going back: ${status.reason}`;
    case 'rolled-back':
      return `as it was before: ${status.reason}`;
    case 'rollback-failed':
      return (
        'the rollback failed; ' +
        (restartSeconds > 0
          ? `the machine restarts in ${describeSeconds(restartSeconds)}, as planned, and it is tried again`
          : 'it is tried again at the next start of the machine') +
        `: ${status.reason}`
      );
  }
}

/** For a test of the error's code where a transaction is not there. */
export function isNotPlaced(error: unknown): boolean {
  return error instanceof AppError && error.code === 'not-found';
}
