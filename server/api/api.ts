// The console over plain HTTP for programs: each call goes through the dispatcher that sockets use, so roles, errors and audit are the same.
//
//   POST /api/v1/<method> ── who? ── room for one more? ── body ── dispatcher ── answer
//   GET /api/v1/events    ── who? ── room for one more? ── subscriptions ── events until the client leaves
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { apiPaths, apiStatuses, followable, type ApiAnswer } from '../../contract/api.ts';
import type { MethodName } from '../../contract/browser.ts';
import { maxApiCallMs, maxApiCallsPerUser, maxApiEventBytes } from '../../contract/console-limits.ts';
import { AppError, type ErrorCode } from '../../contract/errors.ts';
import { maxCallBytes } from '../../contract/limits.ts';
import type { Auth, Credential } from '../auth/auth.ts';
import { judgeUpgrade } from '../auth/upgrade.ts';
import { readBody, sendJson } from '../http/body.ts';
import type { Dispatcher } from '../hub/dispatcher.ts';
import { followKnownNodes } from '../hub/known-node-rows.ts';
import type { Lane } from '../hub/lanes.ts';
import type { Caller, Fleet, HostStore, Runs } from '../ports.ts';
import { createCallConnection } from './call-connection.ts';
import { createEventStream, type EventStream } from './event-stream.ts';
import { createOpenApi } from './openapi.ts';

export interface ApiOptions {
  readonly version: string;
  /** Why a request is not from a page of the console, for people; null when it is. */
  readonly foreignOrigin: (request: IncomingMessage) => string | null;
}
export interface ApiComponents {
  readonly auth: Pick<Auth, 'credentialOfCookie' | 'credentialOfToken' | 'callerOf' | 'onEnded'>;
  readonly dispatcher: Pick<Dispatcher, 'call'>;
  readonly fleet: Pick<Fleet, 'onDelta'>;
  readonly runs: Pick<Runs, 'onChanged'>;
  readonly hosts: Pick<HostStore, 'list' | 'onChanged'>;
}
export interface Api {
  /** Answers a request of `apiPaths`; false: it is not one of them. `onKnown` is called once it has shown who it is. */
  answer(
    request: IncomingMessage,
    response: ServerResponse,
    context: { path: string; onKnown: () => void },
  ): Promise<boolean>;
  stop(): void;
}

/** What one user has running. */
interface Use {
  calls: number;
  readonly lanes: Map<MethodName, Lane>;
}

export function createApi(options: ApiOptions, components: ApiComponents): Api {
  return new HttpApi(options, components);
}

class HttpApi implements Api {
  private readonly options: ApiOptions;
  private readonly components: ApiComponents;
  private readonly uses = new Map<string, Use>();
  private readonly open = new Map<EventStream, string>();
  private readonly openApi: string;
  private readonly endStreams: () => void;

  constructor(options: ApiOptions, components: ApiComponents) {
    this.options = options;
    this.components = components;
    this.openApi = JSON.stringify(createOpenApi(this.options.version));
    this.endStreams = this.components.auth.onEnded((ids, reason) => {
      for (const [stream, id] of [...this.open]) if (ids.includes(id)) stream.end(reason);
    });
  }

  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    { path, onKnown }: { path: string; onKnown: () => void },
  ) {
    const isCall = path.startsWith(apiPaths.calls);
    if (!isCall && path !== apiPaths.openApi) return false;
    if (request.headers.authorization === undefined && request.headers.cookie === undefined) {
      send(
        response,
        refusalOf('refused', 'Send a token: `Authorization: Bearer …`. The Settings page makes one.'),
        401,
      );
      return true;
    }
    const verdict = await judgeUpgrade(request, {
      auth: this.components.auth,
      foreignOrigin: (asked) => (asked.method === 'GET' ? null : this.options.foreignOrigin(asked)),
    });
    if ('error' in verdict) {
      sendJson(response, verdict.status, { ok: false, error: verdict.error });
      return true;
    }
    onKnown();
    const { credential, caller } = verdict;
    const isEvents = path === apiPaths.events;
    const wanted = isCall && !isEvents ? 'POST' : 'GET';
    if (request.method !== wanted) {
      response.setHeader('allow', wanted);
      send(response, refusalOf('invalid', `Send ${wanted} here.`), 405);
      return true;
    }
    if (path === apiPaths.openApi) {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
      response.end(this.openApi);
      return true;
    }
    try {
      const { use, leave } = this.enter(caller);
      try {
        const method = path.slice(apiPaths.calls.length);
        await (isEvents
          ? this.follow(request, response, { credential })
          : this.call(request, response, { method, credential, lanes: use.lanes }));
      } finally {
        leave();
      }
    } catch (error) {
      if (!(error instanceof AppError) || response.headersSent) throw error;
      const isTooMany = error.detail?.['isTooMany'] === true;
      send(response, refusalOf(error.code, error.message), isTooMany ? 429 : apiStatuses[error.code]);
    }
    return true;
  }

  stop() {
    this.endStreams();
    for (const stream of [...this.open.keys()]) stream.end('The console is stopping: connect again.');
  }

  /** @throws AppError when the user has enough running */
  private enter({ userId }: Caller): { use: Use; leave: () => void } {
    const use = this.uses.get(userId) ?? { calls: 0, lanes: new Map<MethodName, Lane>() };
    if (use.calls >= maxApiCallsPerUser) {
      const text = `You have ${maxApiCallsPerUser} calls and event streams open over HTTP: wait for one of them, or close it.`;
      throw new AppError('refused', text, { detail: { isTooMany: true } });
    }
    use.calls += 1;
    this.uses.set(userId, use);
    const leave = () => {
      use.calls -= 1;
      if (use.calls === 0) this.uses.delete(userId);
    };
    return { use, leave };
  }

  private async call(
    request: IncomingMessage,
    response: ServerResponse,
    { method, credential, lanes }: { method: string; credential: Credential; lanes: Use['lanes'] },
  ): Promise<void> {
    const raw = await readBody(request, maxCallBytes);
    const connection = createCallConnection({ id: randomUUID(), credential, maxEventBytes: maxApiEventBytes }, lanes);
    // A client that goes away cancels its call.
    response.once('close', () => connection.close());
    request.socket.setTimeout(maxApiCallMs);
    const { ack, after } = await this.components.dispatcher.call(connection, method, raw);
    const events = connection.events();
    connection.close();
    after();
    if (events === null) {
      const text = `the call pushed more than ${maxApiEventBytes} bytes: ask for less, such as with \`.columns\` or \`.filter\``;
      throw new AppError('refused', text);
    }
    send(response, ack.ok && events.length > 0 ? { ...ack, events } : ack);
  }

  private async follow(
    request: IncomingMessage,
    response: ServerResponse,
    { credential }: { credential: Credential },
  ): Promise<void> {
    const wanted = new URL(request.url ?? '/', 'http://console').searchParams.getAll('follow');
    const stream = createEventStream(
      { id: randomUUID(), credential },
      {
        response,
        onDelta: (listener) => this.components.fleet.onDelta(listener),
        isValid: async () => (await this.components.auth.callerOf(credential)) !== null,
      },
    );
    const stops: (() => void)[] = [];
    const gone = new Promise<void>((resolve) => response.once('close', resolve));
    this.open.set(stream, credential.id);
    try {
      if (wanted.length === 0) throw new AppError('invalid', `follow: name one or more of ${followable.join(', ')}`);
      const afters: (() => void)[] = [];
      for (const name of new Set(wanted)) afters.push(await this.subscribe(name, stream, stops));
      stream.open();
      for (const after of afters) after();
      await gone;
    } finally {
      for (const stop of stops) stop();
      stream.close();
      this.open.delete(stream);
    }
  }

  /** Returns what must be called once the head is written. */
  private async subscribe(name: string, stream: EventStream, stops: (() => void)[]): Promise<() => void> {
    if (name === 'runs') {
      stops.push(this.components.runs.onChanged((summary) => stream.emit('runs.changed', summary)));
      return () => undefined;
    }
    if (name === 'nodes') {
      stops.push(followKnownNodes(this.components.hosts, (change) => stream.emit('nodes.changed', change)));
      return () => undefined;
    }
    const run = /^run:(.{1,64})$/.exec(name)?.[1];
    if (name !== 'fleet' && run === undefined) {
      throw new AppError('invalid', `follow: \`${name.slice(0, 80)}\` is not one of ${followable.join(', ')}`);
    }
    const [method, input] =
      run === undefined ? (['fleet.subscribe', {}] as const) : (['runs.subscribe', { run }] as const);
    return this.answerInto(stream, method, input);
  }

  private async answerInto(stream: EventStream, method: MethodName, input: unknown): Promise<() => void> {
    const { ack, after } = await this.components.dispatcher.call(stream, method, input);
    if (!ack.ok) throw new AppError(ack.error.code, ack.error.message);
    stream.answer(method, ack.data);
    return after;
  }
}

const refusalOf = (code: ErrorCode, message: string): ApiAnswer => ({ ok: false, error: { code, message } });

function send(
  response: ServerResponse,
  answer: ApiAnswer,
  status = answer.ok ? 200 : apiStatuses[answer.error.code],
): void {
  if (!response.destroyed) sendJson(response, status, answer);
}
