// Requests between members: one question to many nodes, one answer or error from each, a deadline, and cancellation. And
// notices: one-way messages, in order per source, the newest winning.
import { AppError, describeError, type ErrorCode } from '../../contract/errors.ts';
import { maxAnswersBytes, maxErrorCharacters, maxMeshTimeoutMs, maxRequestsPerMember } from '../../contract/limits.ts';
import { encodeMessage, errorCodeFrom, type Message } from './frames.ts';
import type { Timer } from './clock.ts';
import { KeptAnswers } from './kept-answers.ts';
import { describeNode, type MeshParts } from './parts.ts';
import { maxMessageBytes, type Unicast } from './unicast.ts';

export type RequestResult =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** How a meshd that is too old for a kind of request answers. */
export function isOfVersionBefore(result: RequestResult): boolean {
  return !result.ok && result.code === 'invalid' && result.message.includes('does not know requests of kind');
}

export interface RequestOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface Requester {
  readonly nodeId: string;
  readonly name: string;
}

/** Answers a request of a member. What it throws becomes that node's error; `signal` aborts when nobody waits for it. */
export type RequestHandler = (body: unknown, context: { from: Requester; signal: AbortSignal }) => Promise<unknown>;
export type NoticeHandler = (body: unknown, from: Requester) => void;

interface Pending {
  readonly waiting: Set<string>;
  readonly results: Map<string, RequestResult>;
  /** Of the answers so far. */
  bytes: number;
  readonly body: Uint8Array;
  readonly retries: Map<string, number>;
  readonly finish: () => void;
}

interface Running {
  readonly controller: AbortController;
  /** The member that asked has been in the mesh since: a request can be here before the news of its sender. */
  wasReachable: boolean;
}

const bounceRetryMs = 250;
/**
 * A notice that was overtaken on another path is milliseconds late. A version that was forged, or comes from a clock that is
 * ahead, blocks the true ones for this long at most.
 */
const noticeOrderMs = 10_000;
const maxBounceRetries = 8;

export class Requests {
  private readonly parts: MeshParts;
  private readonly unicast: Unicast;
  private readonly handlers = new Map<string, RequestHandler>();
  private readonly noticeHandlers = new Map<string, NoticeHandler>();
  private readonly pending = new Map<number, Pending>();
  private readonly running = new Map<string, Running>();
  private readonly runningByMember = new Map<string, number>();
  private readonly noticesSeen = new Map<string, { incarnation: number; sequence: number; at: number }>();
  private readonly retryTimers = new Set<Timer>();
  private readonly answers: KeptAnswers;
  private nextId: number;
  private noticeSequence = 0;

  constructor(components: { parts: MeshParts; unicast: Unicast }) {
    this.parts = components.parts;
    this.unicast = components.unicast;
    this.answers = new KeptAnswers({ clock: this.parts.clock, unicast: this.unicast });
    // Ids of an earlier life are not met again soon.
    this.nextId = Math.floor(this.parts.random() * 0x7fffffff);
  }

  serve(kind: string, handler: RequestHandler): void {
    this.handlers.set(kind, handler);
  }

  onNotice(kind: string, handler: NoticeHandler): void {
    this.noticeHandlers.set(kind, handler);
  }

  hasPending(): boolean {
    return this.pending.size > 0 || this.running.size > 0;
  }

  /** Asks each node; resolves when all answered, failed, or the deadline or the signal came. Never rejects. */
  request(
    nodeIds: readonly string[],
    kind: string,
    body: unknown,
    options: RequestOptions,
  ): Promise<Map<string, RequestResult>> {
    const targets = [...new Set(nodeIds)];
    const results = new Map<string, RequestResult>();
    const encoded = encodeMessage({ t: 'request', kind, body });
    const timeoutMs = Math.min(Math.max(0, options.timeoutMs), maxMeshTimeoutMs);
    return new Promise((resolve) => {
      if (encoded.length > maxMessageBytes) {
        for (const id of targets) {
          results.set(id, {
            ok: false,
            code: 'invalid',
            message: `the request is larger than ${maxMessageBytes} bytes`,
          });
        }
        resolve(results);
        return;
      }
      this.nextId = (this.nextId + 1) >>> 0;
      const id = this.nextId;
      let timer: Timer | null = null;
      const giveUp = (code: ErrorCode, message: string) => {
        for (const target of pending.waiting) {
          results.set(target, { ok: false, code, message });
          this.unicast.sendMessage(target, id, { t: 'cancel' });
        }
        pending.waiting.clear();
        pending.finish();
      };
      const onAbort = () => {
        giveUp('cancelled', 'cancelled');
      };
      const pending: Pending = {
        waiting: new Set(targets),
        results,
        bytes: 0,
        body: encoded,
        retries: new Map(),
        finish: () => {
          if (pending.waiting.size > 0 || !this.pending.delete(id)) return;
          timer?.cancel();
          options.signal?.removeEventListener('abort', onAbort);
          resolve(results);
        },
      };
      this.pending.set(id, pending);
      if (options.signal?.aborted) {
        onAbort();
        return;
      }
      options.signal?.addEventListener('abort', onAbort, { once: true });
      timer = this.parts.clock.after(timeoutMs, () => {
        giveUp('timeout', 'timed out');
      });
      for (const target of targets) this.start(id, pending, target, { kind, body });
      pending.finish();
    });
  }

  /** Sends a one-way message to nodes that are in the mesh now; others are left out. */
  notify(nodeIds: readonly string[], kind: string, body: unknown): void {
    this.noticeSequence = (this.noticeSequence + 1) >>> 0;
    const incarnation = this.parts.map.incarnationOf(this.parts.map.self);
    const encoded = encodeMessage({ t: 'notice', kind, incarnation, sequence: this.noticeSequence, body });
    if (encoded.length > maxMessageBytes) return;
    for (const id of nodeIds) {
      if (id !== this.parts.selfId) this.unicast.send(id, 0, encoded);
    }
  }

  /** Nodes that left the roster send nothing more. */
  forgetOthers(known: ReadonlySet<string>): void {
    for (const id of this.noticesSeen.keys()) if (!known.has(id)) this.noticesSeen.delete(id);
  }

  onMessage(from: string, id: number, message: Message, bytes: number): void {
    switch (message.t) {
      case 'request':
        void this.answer(from, id, message.kind, message.body);
        break;
      case 'answer':
        this.settle(id, from, this.taken(id, from, message.body, bytes));
        break;
      case 'error':
        this.settle(id, from, { ok: false, code: errorCodeFrom(message.code), message: message.message });
        break;
      case 'cancel':
        this.running
          .get(`${from} ${id}`)
          ?.controller.abort(new AppError('cancelled', 'cancelled by the member that asked'));
        this.answers.drop(from, id);
        break;
      case 'notice':
        this.takeNotice(from, message);
        break;
      case 'probe':
      case 'reached':
        break;
    }
  }

  /** A message met a node without a route. It was not delivered, so sending it again is safe. */
  onBounce(target: string, id: number): void {
    const pending = this.pending.get(id);
    if (!pending?.waiting.has(target)) {
      this.answers.onBounce(target, id);
      return;
    }
    const retries = (pending.retries.get(target) ?? 0) + 1;
    pending.retries.set(target, retries);
    if (retries > maxBounceRetries) {
      this.settle(id, target, this.lost(target));
      return;
    }
    const timer = this.parts.clock.after(bounceRetryMs, () => {
      this.retryTimers.delete(timer);
      if (pending.waiting.has(target) && !this.unicast.send(target, id, pending.body)) this.onBounce(target, id);
    });
    this.retryTimers.add(timer);
  }

  /** The topology changed: a node that left the mesh will not answer, and does not wait for an answer. */
  checkLost(isReachable: (nodeId: string) => boolean): void {
    for (const [id, pending] of [...this.pending]) {
      for (const target of [...pending.waiting]) {
        if (!pending.retries.has(target) && !isReachable(target)) this.settle(id, target, this.lost(target));
      }
    }
    for (const [key, running] of this.running) {
      if (isReachable(key.slice(0, 32))) running.wasReachable = true;
      else if (running.wasReachable)
        running.controller.abort(new AppError('cancelled', 'the member that asked left the mesh'));
    }
  }

  tick(): void {
    this.answers.tick();
  }

  stop(): void {
    for (const timer of this.retryTimers) timer.cancel();
    for (const [id, pending] of [...this.pending]) {
      for (const target of [...pending.waiting]) {
        this.settle(id, target, { ok: false, code: 'cancelled', message: 'this meshd is stopping' });
      }
    }
    for (const { controller } of this.running.values())
      controller.abort(new AppError('cancelled', 'this meshd is stopping'));
    this.answers.clear();
  }

  private start(id: number, pending: Pending, target: string, request: { kind: string; body: unknown }): void {
    if (target === this.parts.selfId) {
      void this.run(target, request.kind, request.body, new AbortController()).then((result) => {
        this.settle(id, target, result);
      });
      return;
    }
    if (!this.parts.roster.node(target)) {
      pending.waiting.delete(target);
      pending.results.set(target, { ok: false, code: 'not-found', message: 'no such node in the roster' });
      return;
    }
    if (!this.unicast.send(target, id, pending.body)) {
      pending.waiting.delete(target);
      pending.results.set(target, {
        ok: false,
        code: 'unreachable',
        message: `${describeNode(this.parts, target)} is not in the mesh now`,
      });
    }
  }

  private settle(id: number, target: string, result: RequestResult): void {
    const pending = this.pending.get(id);
    if (!pending?.waiting.delete(target)) return;
    pending.results.set(target, result);
    pending.finish();
  }

  /** An answer, or why it is left out: many answers of the largest size would fill this node's memory. */
  private taken(id: number, from: string, body: unknown, bytes: number): RequestResult {
    const pending = this.pending.get(id);
    if (!pending?.waiting.has(from)) return { ok: true, body };
    if (pending.bytes + bytes > maxAnswersBytes) {
      const message =
        `${describeNode(this.parts, from)} answered with ${bytes} bytes, and all answers to one request hold at most ` +
        `${maxAnswersBytes}: ask fewer nodes at once`;
      return { ok: false, code: 'failed', message };
    }
    pending.bytes += bytes;
    return { ok: true, body };
  }

  private lost(target: string): RequestResult {
    return {
      ok: false,
      code: 'unreachable',
      message: `${describeNode(this.parts, target)} left the mesh before it answered`,
    };
  }

  private async answer(from: string, id: number, kind: string, body: unknown): Promise<void> {
    const key = `${from} ${id}`;
    if (this.running.has(key)) return;
    const busy = this.runningByMember.get(from) ?? 0;
    if (busy >= maxRequestsPerMember) {
      const message = `${maxRequestsPerMember} requests of this member are running`;
      this.answers.send(from, id, encodeMessage({ t: 'error', code: 'refused', message }));
      return;
    }
    const controller = new AbortController();
    const asker = this.parts.map.get(from);
    this.running.set(key, { controller, wasReachable: asker ? this.parts.topology.isReachable(asker) : false });
    this.runningByMember.set(from, busy + 1);
    const result = await this.run(from, kind, body, controller);
    this.running.delete(key);
    const left = (this.runningByMember.get(from) ?? 1) - 1;
    if (left > 0) this.runningByMember.set(from, left);
    else this.runningByMember.delete(from);
    const encoded = encodeMessage(
      result.ok
        ? { t: 'answer', body: result.body }
        : { t: 'error', code: result.code, message: result.message.slice(0, maxErrorCharacters) },
    );
    if (encoded.length <= maxMessageBytes) this.answers.send(from, id, encoded);
    else {
      const message = `the answer is larger than ${maxMessageBytes} bytes`;
      this.answers.send(from, id, encodeMessage({ t: 'error', code: 'failed', message }));
    }
  }

  private async run(from: string, kind: string, body: unknown, controller: AbortController): Promise<RequestResult> {
    const handler = this.handlers.get(kind);
    if (!handler)
      return { ok: false, code: 'invalid', message: `this node's meshd does not know requests of kind ${kind}` };
    try {
      const requester = { nodeId: from, name: describeNode(this.parts, from) };
      return { ok: true, body: (await handler(body, { from: requester, signal: controller.signal })) ?? null };
    } catch (error) {
      return { ok: false, code: error instanceof AppError ? error.code : 'failed', message: describeError(error) };
    }
  }

  /** Per source in order: what was overtaken on another path is old, and dropped. */
  private takeNotice(from: string, notice: Extract<Message, { t: 'notice' }>): void {
    const seen = this.noticesSeen.get(from);
    const { incarnation, sequence } = notice;
    const now = this.parts.clock.now();
    const isRecent = seen !== undefined && now - seen.at < noticeOrderMs;
    if (isRecent && (incarnation < seen.incarnation || (incarnation === seen.incarnation && sequence <= seen.sequence)))
      return;
    this.noticesSeen.set(from, { incarnation, sequence, at: now });
    this.noticeHandlers.get(notice.kind)?.(notice.body, { nodeId: from, name: describeNode(this.parts, from) });
  }
}
