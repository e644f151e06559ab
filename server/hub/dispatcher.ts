// One way in for every call of the console: bound, look up, authenticate, authorise, parse, handle, audit, answer. A handler
// never sees raw input, and never runs for a role that may not.
//
//   raw ── size ── method? ── who? ── role? ── parse ── turn ── handle ── audit ── Ack
import { z } from 'zod';
import { browserMethods, type BrowserEvents, type BrowserMethods, type MethodName } from '../../contract/browser.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxCallBytes, maxCallsAtOnce } from '../../contract/limits.ts';
import type { Ack, InputOf, OutputOf } from '../../contract/method.ts';
import { findUnsafeText } from '../../contract/plain-text.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import { maskText } from '../../core/commands/mask.ts';
import type { Credential } from '../auth/auth.ts';
import type { Caller, Log } from '../ports.ts';
import type { AuditStore } from '../store/types.ts';
import { AuditQuota } from './audit-quota.ts';
import type { AuditText } from './audit-texts.ts';
import { Lane, laneWidths } from './lanes.ts';

/** One browser tab or CLI. */
export interface Connection {
  readonly id: string;
  readonly credential: Credential;
  /** Aborted when it is gone. */
  readonly signal: AbortSignal;
  /** Work to be ended with it, by a name of the owner's: `run r1`. */
  readonly follows: Map<string, () => void>;
  /** Calls without an answer yet. */
  callsInFlight: number;
  /** Turns of its calls with large answers, by method. */
  readonly lanes: Map<MethodName, Lane>;
  /** Resolves when it has read nearly all that was sent to it, or is gone. */
  room(): Promise<void>;
  emit<Name extends keyof BrowserEvents>(event: Name, data: BrowserEvents[Name]): void;
  joinFleet(): void;
  leaveFleet(): void;
  /** Tells the client why and closes. */
  end(reason: string): void;
}

export interface Call {
  readonly caller: Caller;
  readonly connection: Connection;
  /** Runs when the answer is on its way: what a subscriber hears must come after its snapshot. */
  readonly afterAnswer: (act: () => void) => void;
}

export type Handlers = {
  readonly [Name in MethodName]: (
    input: InputOf<BrowserMethods[Name]>,
    call: Call,
  ) => Promise<OutputOf<BrowserMethods[Name]>> | OutputOf<BrowserMethods[Name]>;
};

export interface Answer {
  readonly ack: Ack<unknown>;
  /** To be called once the ack is sent. */
  readonly after: () => void;
}

export interface DispatcherComponents {
  readonly handlers: Handlers;
  readonly audit: AuditStore;
  /** Null: nothing to be audited. */
  readonly describe: (name: MethodName, input: unknown) => Promise<AuditText | null>;
  readonly callerOf: (credential: Credential) => Promise<Caller | null>;
}

/** It may quote the command, which is masked where the log says what was done. */
const messageOf = (name: MethodName, error: unknown) =>
  name === 'command.run' ? maskText(describeError(error)) : describeError(error);

const isMethodName = (name: string): name is MethodName => Object.hasOwn(browserMethods, name);

export class Dispatcher {
  private readonly log: Log;
  private readonly now: () => number;
  private readonly components: DispatcherComponents;
  private readonly quota: AuditQuota;

  constructor(options: { log: Log; now: () => number }, components: DispatcherComponents) {
    this.log = options.log;
    this.now = options.now;
    this.components = components;
    this.quota = new AuditQuota(options, components);
  }

  /** Writes what the audit log has counted only. */
  stop(): Promise<void> {
    return this.quota.closeOver({ isAll: true });
  }

  /** Never rejects: what goes wrong is in the ack. */
  async call(connection: Connection, name: string, raw: unknown): Promise<Answer> {
    const after: (() => void)[] = [];
    // A turn lasts until its answer is queued: only then does `room` see it.
    const turn: { end: () => void } = { end: () => undefined };
    connection.callsInFlight += 1;
    try {
      const data = await this.run(connection, name, raw, { after, turn });
      after.push(() => turn.end());
      return { ack: { ok: true, data }, after: () => after.forEach((act) => act()) };
    } catch (error) {
      return { ack: { ok: false, error: this.describeFailure(name, error) }, after: () => turn.end() };
    } finally {
      connection.callsInFlight -= 1;
    }
  }

  private async run(
    connection: Connection,
    name: string,
    raw: unknown,
    { after, turn }: { after: (() => void)[]; turn: { end: () => void } },
  ): Promise<unknown> {
    if (connection.callsInFlight > maxCallsAtOnce) {
      throw new AppError('refused', `${maxCallsAtOnce} calls wait for an answer already: wait for one of them`);
    }
    assertBounded(raw);
    if (!isMethodName(name))
      throw new AppError('not-found', 'the console has no such method: is it of another version?');
    const method = browserMethods[name];
    const caller = await this.components.callerOf(connection.credential);
    if (!caller) {
      connection.end('Your session ended: log in again.');
      throw new AppError('refused', 'Your session ended: log in again.');
    }
    const parsed = (method.input as z.ZodType).safeParse(raw);
    if (!isAtLeast(caller.role, method.role)) {
      const error = new AppError('refused', `${name} needs the role ${method.role}, and you are ${caller.role}`);
      if (method.changes) await this.record(caller, name, parsed.success ? parsed.data : {}, error);
      throw error;
    }
    if (method.needsSession === true && connection.credential.kind === 'token') {
      const error = new AppError('refused', `${name} needs a login: a token may not do this. Use the console’s pages.`);
      await this.record(caller, name, parsed.success ? parsed.data : {}, error);
      throw error;
    }
    if (!parsed.success) {
      throw new AppError('invalid', z.prettifyError(parsed.error), { detail: { issues: parsed.error.issues } });
    }
    const unsafe = findUnsafeText(parsed.data);
    if (unsafe) {
      // A wizard shows an error at the field that it names.
      const [root, field] = unsafe.path;
      const place = root === 'form' && field !== undefined ? { field: String(field) } : {};
      throw new AppError('invalid', `${unsafe.path.join('.')} ${unsafe.message}`, {
        detail: { issues: [unsafe], ...place },
      });
    }
    turn.end = await enterLane(connection, name);
    const call: Call = { caller, connection, afterAnswer: (act) => after.push(act) };
    const handler = this.components.handlers[name] as (input: unknown, call: Call) => unknown;
    // The text is made before the act: afterwards, what it names may be gone.
    const text = method.changes ? await this.components.describe(name, parsed.data) : null;
    try {
      const output = await handler(parsed.data, call);
      if (text) await this.append(caller, name, text, null);
      return z.parse(method.output, output);
    } catch (error) {
      if (text) await this.append(caller, name, text, error);
      throw error;
    }
  }

  private async record(caller: Caller, name: MethodName, input: unknown, error: AppError): Promise<void> {
    const text = await this.components.describe(name, input).catch(() => ({ what: name, where: 'console' }));
    if (text) await this.append(caller, name, text, error);
  }

  private async append(caller: Caller, name: MethodName, text: AuditText, error: unknown): Promise<void> {
    const isRefused = error instanceof AppError && (error.code === 'refused' || error.code === 'conflict');
    const entry = {
      at: this.now(),
      who: caller.name,
      what: text.what,
      where: text.where,
      result: error === null ? 'ok' : isRefused ? 'refused' : 'failed',
      message: error === null ? '' : messageOf(name, error).slice(0, 2_000),
    } as const;
    // By hand: a flood of commands must push out nothing of what admins did.
    const isAct = caller.role === 'admin' && name !== 'command.run';
    try {
      await this.quota.append(entry, isAct ? 'act' : 'use');
    } catch (cause) {
      // The act is done, or has failed for another reason: the caller must learn that, not this.
      this.log.error(`not in the audit log: ${JSON.stringify(entry)}: ${describeError(cause)}`);
    }
  }

  private describeFailure(name: string, error: unknown): Extract<Ack<unknown>, { ok: false }>['error'] {
    if (error instanceof AppError) {
      const { code, message, detail } = error;
      return detail === undefined ? { code, message } : { code, message, detail };
    }
    // A fault of ours: the words go to the log, since they may hold paths and queries.
    this.log.error(
      `${name.slice(0, 100)}: ${error instanceof Error ? (error.stack ?? error.message) : describeError(error)}`,
    );
    return { code: 'failed', message: 'The console failed at this; its log has the reason.' };
  }
}

/** Waits for the turn of a call, and until its client has read the answers before. Gives what ends the turn. */
async function enterLane(connection: Connection, name: MethodName): Promise<() => void> {
  const width = laneWidths[name];
  if (width === undefined) return () => undefined;
  const lane = connection.lanes.get(name) ?? new Lane(width);
  connection.lanes.set(name, lane);
  const leave = await lane.enter();
  await connection.room();
  if (!connection.signal.aborted) return leave;
  leave();
  throw new AppError('cancelled', 'the connection is gone');
}

function assertBounded(raw: unknown): void {
  let size: number;
  try {
    size = Buffer.byteLength(JSON.stringify(raw ?? null));
  } catch (cause) {
    throw new AppError('invalid', 'the call is not plain JSON', { cause });
  }
  if (size > maxCallBytes) {
    throw new AppError('invalid', `the call has ${size} bytes; at most ${maxCallBytes} are taken: send it in parts`);
  }
}
