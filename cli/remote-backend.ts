// The backend of a console that runs: its methods over socket.io, with a token.
import { request as httpRequest, type Agent } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { io } from 'socket.io-client';
import type { z } from 'zod';
import { browserEvents, browserMethods } from '../contract/browser.ts';
import type { MethodName } from '../contract/browser.ts';
import { AppError } from '../contract/errors.ts';
import { HttpError } from '../contract/http.ts';
import { httpPaths } from '../contract/http-paths.ts';
import { maxFormBytes } from '../contract/limits.ts';
import type { Ack } from '../contract/method.ts';
import type { RunEvent } from '../contract/plans.ts';
import { shellWord } from '../core/plans/step.ts';
import type { Backend } from './backend.ts';
import { trustConsole } from './console-trust.ts';
import type { TrustOptions } from './console-trust.ts';

const callTimeoutMs = 310_000;
const askTimeoutMs = 10_000;

/** @throws AppError `unreachable`, `refused`, and what trustConsole says */
export async function openRemoteBackend(url: string, token: string, trust: TrustOptions): Promise<Backend> {
  const agent = await trustConsole(url, trust);
  const socket = io(url, {
    extraHeaders: { authorization: `Bearer ${token}` },
    transports: ['websocket'],
    reconnection: false,
    timeout: 10_000,
    // The types name a function of old versions; in Node the value goes to the HTTP request unchanged.
    ...(agent === undefined ? {} : { agent: agent as unknown as string }),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (error) => {
      socket.close();
      void askWhy(url, token, agent).then((why) => {
        const text = `the console at ${url} does not let us in: ${why ?? error.message}`;
        reject(new AppError('unreachable', text, { cause: error }));
      });
    });
  });
  const call = async <Name extends MethodName>(
    name: Name,
    input: z.input<(typeof browserMethods)[Name]['input']>,
  ): Promise<z.output<(typeof browserMethods)[Name]['output']>> => {
    let ack: Ack<unknown>;
    try {
      ack = (await socket.timeout(callTimeoutMs).emitWithAck(name, input)) as Ack<unknown>;
    } catch (cause) {
      throw new AppError('unreachable', `the console at ${url} did not answer ${name}: its outcome is unknown`, {
        cause,
      });
    }
    if (!ack.ok) {
      const { code, message, detail } = ack.error;
      throw new AppError(code, message, isRecord(detail) ? { detail } : {});
    }
    // The schema of this name gives this name's output.
    return browserMethods[name].output.parse(ack.data) as z.output<(typeof browserMethods)[Name]['output']>;
  };
  const listeners = new Map<string, (event: RunEvent) => void>();
  socket.on('run.event', (raw: unknown) => {
    const event = browserEvents['run.event'].parse(raw);
    listeners.get(event.run)?.(event);
  });
  return {
    command: `meshdeck --console ${shellWord(url)}`,
    makePlan: (kind, form, secrets) => call('plans.make', { kind, form, secrets }),
    showBridges: (nodes) => call('bridge.show', { nodes }),
    startRun: (plan, secrets) => call('runs.start', { plan, secrets }),
    list: (limit) => call('runs.list', { limit }),
    follow: async (run, listener) => {
      listeners.set(run, listener);
      const view = await call('runs.subscribe', { run });
      return { view, stop: () => listeners.delete(run) };
    },
    resume: async (run, secrets) => {
      if (Object.keys(secrets).length > 0) return call('runs.provideSecrets', { run, secrets });
      const found = (await call('runs.list', { limit: 500 })).find(({ id }) => id === run);
      if (!found) throw new AppError('not-found', `no run ${run}`);
      return found;
    },
    cancel: (run) => call('runs.cancel', { run }),
    retry: (run, secrets) => call('runs.retry', { run, secrets }),
    undo: (run) => call('runs.undo', { run }),
    answer: (run, step, answer) => call('runs.answer', { run, step, answer }),
    signal: (run, step, signal) => call('runs.signal', { run, step, signal }),
    provideSecrets: (run, secrets) => call('runs.provideSecrets', { run, secrets }),
    caCopies: () => call('ca.list', {}),
    keepCa: (cluster) => call('ca.keep', { cluster }),
    close: () => {
      socket.close();
      return Promise.resolve();
    },
  };
}

/** The console's reason for the refused connection, which socket.io does not pass on; null when it gives no reason. */
function askWhy(url: string, token: string, agent: Agent | undefined): Promise<string | null> {
  return new Promise((resolve) => {
    const make = url.startsWith('https:') ? tlsRequest : httpRequest;
    const outgoing = make(
      new URL(httpPaths.socketCheck, url),
      {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        agent,
        signal: AbortSignal.timeout(askTimeoutMs),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
          if (text.length > maxFormBytes) outgoing.destroy();
        });
        response.on('end', () => resolve(messageOf(text))).on('error', () => resolve(null));
      },
    );
    outgoing.on('error', () => resolve(null)).on('close', () => resolve(null));
    outgoing.end();
  });
}

function messageOf(text: string): string | null {
  try {
    return HttpError.parse(JSON.parse(text)).message;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
