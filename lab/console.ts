// The console as its users see it, for tests on real nodes: the real process on a data folder, an admin's session, and the
// browser's own client on its socket. After `kill -9` only the folder is left.
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { AppError } from '../contract/errors.ts';
import { httpPaths } from '../contract/http-paths.ts';
import type { Plan, PlanKind, RunEvent, RunSummary, StepView } from '../contract/plans.ts';
import { startChild } from '../host/child.ts';
import type { Child } from '../host/child.ts';
import { ConsoleClient } from '../lib/client.ts';
import { databaseName, openDataFolder } from '../server/store/data-folder.ts';

const program = new URL('../server/main.ts', import.meta.url).pathname;
const admin = { name: 'Root', email: 'root@example.org', password: 'a long admin password' };
const startTimeoutMs = 120_000;

export interface ConsoleProcess {
  readonly child: Child;
  readonly url: string;
  /** All that it printed so far. */
  readonly lines: readonly string[];
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, as systemd stops it. */
  stop(): Promise<void>;
}

/** Starts the console on a data folder; resolves when it listens. */
export async function startConsole(dataPath: string, flags: readonly string[] = []): Promise<ConsoleProcess> {
  const lines: string[] = [];
  // A console without an admin prints its link last.
  const isNew = !existsSync(join(dataPath, databaseName));
  const listening = Promise.withResolvers<string>();
  const child = await startChild([process.execPath, program, '--data', dataPath, '--listen', '127.0.0.1:0', ...flags], {
    onLine: (line) => {
      lines.push(line);
      const url = /^Meshdeck console: (\S+)/m.exec(lines.join('\n'))?.[1];
      if (url !== undefined && (!isNew || line.includes(httpPaths.setup))) listening.resolve(url);
    },
    diesWithParent: true,
  });
  const fail = () => listening.reject(new Error(`the console did not start:\n${lines.join('\n')}`));
  void child.ended.then(fail);
  const timer = setTimeout(fail, startTimeoutMs);
  try {
    const url = await listening.promise;
    return {
      child,
      url,
      lines,
      kill: async () => {
        child.kill('SIGKILL');
        await child.ended;
      },
      stop: async () => {
        await child.stop(10_000);
      },
    };
  } finally {
    clearTimeout(timer);
  }
}

/** A session of the admin, as a Cookie header: the first time by the one-time link that the console printed. */
export async function logIn(server: ConsoleProcess): Promise<string> {
  const post = (path: string, body: unknown) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: server.url },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    });
  const signIn = () => post(httpPaths.signIn, { email: admin.email, password: admin.password });
  const token = /\/setup\?token=([\w-]+)/.exec(server.lines.join('\n'))?.[1];
  const made = token === undefined ? null : await post(httpPaths.createFirstAdmin, { ...admin, token });
  // 410: the link was used.
  const answer = made === null || made.status === 410 ? await signIn() : made;
  if (!answer.ok) throw new Error(`login: ${answer.status} ${await answer.text()}`);
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
}

/** The browser's own client, connected with a session. */
export async function openBrowser(server: ConsoleProcess, cookie: string): Promise<ConsoleClient> {
  const socket = io(server.url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    extraHeaders: { cookie, origin: server.url },
  });
  const client = new ConsoleClient({ socket, now: Date.now });
  await new Promise<void>((resolve, reject) => {
    socket.on('connect_error', reject);
    client.onConnected(resolve);
  });
  return client;
}

/** One run as a browser follows it. */
export class RunWatch {
  readonly steps = new Map<string, StepView>();
  readonly log: string[] = [];
  summary: RunSummary;
  private readonly listeners = new Set<() => void>();

  private constructor(summary: RunSummary) {
    this.summary = summary;
  }

  /** Follows a run from now on. `onStep` gets each change of a step as it comes, before anything else uses it. */
  static async open(
    client: ConsoleClient,
    id: string,
    options: { onStep?: (step: StepView) => void } = {},
  ): Promise<RunWatch> {
    const early: RunEvent[] = [];
    let take = (event: RunEvent): void => {
      early.push(event);
    };
    client.on('run.event', (event) => {
      if (event.run !== id) return;
      if (event.event === 'step') options.onStep?.(event.step);
      take(event);
    });
    const view = await client.call('runs.subscribe', { run: id });
    const watch = new RunWatch(view);
    for (const step of view.steps) {
      watch.steps.set(step.key, step);
      options.onStep?.(step);
    }
    watch.log.push(...view.log.map(({ text }) => text));
    take = (event) => watch.take(event);
    for (const event of early) watch.take(event);
    return watch;
  }

  /** Resolves when `check` holds; looks again at each event. @throws AppError `timeout`, with where the run stands */
  until(what: string, check: (watch: this) => boolean, timeoutMs = 120_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.listeners.delete(look);
        reject(new AppError('timeout', `${what}: not within ${timeoutMs} ms; ${this.describe()}`));
      }, timeoutMs);
      const look = () => {
        if (!check(this)) return;
        clearTimeout(timer);
        this.listeners.delete(look);
        resolve();
      };
      this.listeners.add(look);
      look();
    });
  }

  /** Resolves with its state when it is over or waits for a person. */
  async settled(timeoutMs?: number): Promise<RunSummary['state']> {
    await this.until('the run settles', ({ summary }) => summary.state !== 'running', timeoutMs);
    return this.summary.state;
  }

  /** State by step key. */
  states(): Record<string, string> {
    return Object.fromEntries([...this.steps].map(([key, { state }]) => [key, state]));
  }

  describe(): string {
    const steps = [...this.steps.values()].map(({ key, state, error }) => `${key}: ${state} ${error}`);
    return [`${this.summary.state}, missing ${this.summary.missingSecrets.join()}`, ...steps, ...this.log].join('\n');
  }

  private take(event: RunEvent): void {
    if (event.event === 'step') this.steps.set(event.step.key, event.step);
    else if (event.event === 'log') this.log.push(...event.lines.map(({ text }) => text));
    else if (event.event === 'run') this.summary = event.summary;
    for (const listener of [...this.listeners]) listener();
  }
}

/** Makes a plan and starts it. */
export async function startRun(
  client: ConsoleClient,
  kind: PlanKind,
  form: Record<string, unknown>,
  secrets: Record<string, string> = {},
): Promise<{ plan: Plan; run: RunSummary }> {
  const plan = await client.call('plans.make', { kind, form, secrets: {} }, { timeoutMs: 120_000 });
  const run = await client.call('runs.start', { plan: plan.id, secrets }, { timeoutMs: 30_000 });
  return { plan, run };
}

/** The journal of a run on the disk, while no console runs. */
export async function readJournal(dataPath: string, run: string): Promise<Map<string, StepView>> {
  const { store } = await openDataFolder(dataPath);
  try {
    return new Map((await store.runs.steps(run)).map((view) => [view.key, view]));
  } finally {
    await store.stop();
  }
}

/** Files of a folder that contain `text`, in any encoding that a journal may give it. */
export async function filesWith(folder: string, text: string): Promise<string[]> {
  const forms = [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    Buffer.from(text).toString('base64'),
  ];
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const content = await readFile(join(folder, name)).catch(() => null);
    if (content !== null && forms.some((form) => content.includes(form))) found.push(name);
  }
  return found;
}

/** Processes of this machine, nodes' ones too, that have `text` in their arguments or environment. */
export async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // Our own, whose arguments a test's filter may be.
    if (Number(pid) === process.pid) continue;
    const parts = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
    );
    if (parts.some((part) => part.includes(text))) {
      found.push(
        `${pid} ${await readlink(`/proc/${pid}/exe`).catch(() => '?')}: ${parts[0]?.replaceAll('\0', ' ') ?? ''}`,
      );
    }
  }
  return found;
}
