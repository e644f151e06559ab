// A console that is killed with SIGKILL in the middle of writes, again and again, on one data folder. What it acknowledged
// before a kill must be there after the next start; what was under way may be there or not, but whole.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { browserMethods, type BrowserMethods, type MethodName } from '../../contract/browser.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { maxTokensPerHour } from '../../contract/limits.ts';
import type { Ack, InputOf, OutputOf } from '../../contract/method.ts';
import type { Role } from '../../contract/roles.ts';
import { startChild, type Child } from '../../host/child.ts';
import { createRandom, type Random } from '../console/random.ts';
import { median, type Report } from '../report.ts';
import { within } from '../rounds.ts';
import { settledMb, type Faults } from './process-facts.ts';

export interface KillFuzzOptions {
  readonly kills: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

const program = new URL('../../server/main.ts', import.meta.url).pathname;
/** A loaded machine takes a minute to start it for the first time, when nothing is compiled yet. */
const deadlineMs = 180_000;
/** A kill comes at a random moment up to this long after the first write: a write takes 5 to 300 ms. */
const latestKillMs = 1_500;
const password = 'correct horse battery';
/** Tokens kept at a time: one user may have a few only. */
const keptTokens = 5;
/** A start reads what the runs before left: a few hundred users and some thousand audit entries are below a tenth. */
const mostGrowth = 1.25;

export async function fuzzKills(report: Report, faults: Faults, options: KillFuzzOptions): Promise<void> {
  const { kills, seed, signal } = options;
  report.heading('Kills of the console');
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-console-'));
  const place = { data: join(folder, 'data'), port: await freePort() };
  const random = createRandom(seed);
  const book = new Book();
  const memory: number[] = [];
  let killsDone = 0;
  let running: RunningConsole | null = null;
  try {
    for (let start = 0; start <= kills && !signal.aborted; start += 1) {
      running = await RunningConsole.start(place, faults);
      const session = await running.session(book);
      await check(session, { book, faults, start });
      if (start < 5 || start > kills - 5) memory.push(await settledMb(running.pid));
      // The last start is only looked at.
      if (start < kills) {
        const console = running;
        const delayMs = random.below(latestKillMs);
        const first = Promise.withResolvers<undefined>();
        const killed = first.promise.then(() => sleep(delayMs)).then(() => console.kill());
        const onWritten = () => first.resolve(undefined);
        const writing = writeUntilDead(session, { book, random, number: start, onWritten });
        await Promise.all([killed, writing.finally(onWritten)]);
        killsDone += 1;
      }
      session.close();
      await (start < kills ? running.kill() : running.stop());
      running = null;
    }
    signal.throwIfAborted();
    report.figure('kills', 'kills', { unit: '', samples: [killsDone] });
    report.figure('writes', 'writes acknowledged before a kill', {
      unit: '',
      samples: [book.acknowledged],
      goal: { at: 'least', value: kills },
    });
    report.figure('under-way', 'writes under way at a kill', { unit: '', samples: [book.unknown] });
    report.figure('found', 'of those, found whole afterwards', { unit: '', samples: [book.foundUnknown] });
    const half = Math.floor(memory.length / 2);
    const first = report.figure('first', 'resident memory of the first starts', {
      unit: 'MB',
      samples: memory.slice(0, half),
    });
    const last = report.figure('last', 'resident memory of the last starts', {
      unit: 'MB',
      samples: memory.slice(-half),
    });
    report.ratio('starts', 'last by first', { of: last, by: first, goal: { at: 'most', value: mostGrowth } });
    report.note(`${book.users.size} users, ${median(memory).toFixed(0)} MB in the middle`);
  } finally {
    await running?.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the console acknowledged, and what it was asked for when it was killed. */
class Book {
  cookie = '';
  acknowledged = 0;
  unknown = 0;
  foundUnknown = 0;
  /** Role by name; null while a change of the role, or its making, is not known to have happened. */
  readonly users = new Map<string, { id: string; role: Role | null }>();
  readonly tokens = new Map<string, string>();
  readonly audited = new Set<string>();
  pending: Pending | null = null;
}

type Pending =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'role'; readonly name: string; readonly roles: readonly Role[] }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'token'; readonly name: string }
  | { readonly kind: 'revoke'; readonly name: string };

/** Writes one after the other until a call fails, which it does when the console is gone. */
async function writeUntilDead(
  session: Session,
  { book, random, number, onWritten }: { book: Book; random: Random; number: number; onWritten: () => void },
): Promise<void> {
  // The quota of a console that was just started counts the tokens that are there.
  const life = { tokensLeft: maxTokensPerHour - book.tokens.size };
  for (let count = 0; ; count += 1) {
    try {
      await writeOnce(session, { book, random, name: `k${number}-${count}`, life });
    } catch (error) {
      if (!session.isLost) throw error;
      if (book.pending) book.unknown += 1;
      return;
    }
    book.pending = null;
    book.acknowledged += 1;
    onWritten();
  }
}

async function writeOnce(
  session: Session,
  { book, random, name, life }: { book: Book; random: Random; name: string; life: { tokensLeft: number } },
): Promise<void> {
  const users = [...book.users.keys()];
  const known = users[random.below(Math.max(1, users.length))] ?? '';
  const user = book.users.get(known);
  const kind = random.below(10);
  if (kind === 0 || user === undefined) {
    book.pending = { kind: 'user', name };
    const role = random.of(['viewer', 'operator'] as const);
    const made = await session.call('users.create', { name, email: `${name}@example.org`, role, password });
    book.users.set(name, { id: made.id, role });
    book.audited.add(name);
  } else if (kind === 1) {
    book.pending = { kind: 'remove', name: known };
    await session.call('users.remove', { user: user.id });
    book.users.delete(known);
  } else if (kind < 6 || (life.tokensLeft <= 0 && book.tokens.size === 0)) {
    const role = random.of(['viewer', 'operator', 'admin'] as const);
    book.pending = { kind: 'role', name: known, roles: [user.role ?? role, role] };
    await session.call('users.setRole', { user: user.id, role });
    user.role = role;
  } else if (book.tokens.size < keptTokens && life.tokensLeft > 0) {
    life.tokensLeft -= 1;
    book.pending = { kind: 'token', name };
    const { id } = await session.call('tokens.create', { name });
    book.tokens.set(name, id);
    book.audited.add(name);
  } else {
    const [oldest = '', id = ''] = [...book.tokens][0] ?? [];
    book.pending = { kind: 'revoke', name: oldest };
    await session.call('tokens.revoke', { token: id });
    book.tokens.delete(oldest);
  }
}

/** Compares what is there with the book; what was under way is settled by what is found. */
async function check(session: Session, { book, faults, start }: { book: Book; faults: Faults; start: number }) {
  const fault = (text: string) => faults.add(`after kill ${start}: ${text}`);
  const users = new Map((await session.call('users.list', {})).map((user) => [user.name, user]));
  const tokens = new Map((await session.call('tokens.list', {})).map((token) => [token.name, token]));
  const { pending } = book;
  book.pending = null;
  switch (pending?.kind) {
    case 'user': {
      const found = users.get(pending.name);
      if (found) book.users.set(pending.name, { id: found.id, role: found.role });
      if (found) book.foundUnknown += 1;
      break;
    }
    case 'role': {
      const found = users.get(pending.name);
      const known = book.users.get(pending.name);
      if (!found || !known || !pending.roles.includes(found.role))
        fault(`the role of ${pending.name} is ${found?.role}`);
      else {
        if (found.role !== known.role) book.foundUnknown += 1;
        known.role = found.role;
      }
      break;
    }
    case 'remove':
      if (!users.has(pending.name)) {
        book.users.delete(pending.name);
        book.foundUnknown += 1;
      }
      break;
    case 'token': {
      const found = tokens.get(pending.name);
      if (found) book.tokens.set(pending.name, found.id);
      if (found) book.foundUnknown += 1;
      break;
    }
    case 'revoke':
      if (!tokens.has(pending.name)) {
        book.tokens.delete(pending.name);
        book.foundUnknown += 1;
      }
      break;
    case undefined:
  }
  for (const [name, { id, role }] of book.users) {
    const found = users.get(name);
    if (found?.id !== id || found.role !== role)
      fault(`user ${name} should be ${role} and is ${found?.role ?? 'lost'}`);
  }
  // The first admin is the one more.
  if (users.size !== book.users.size + 1) fault(`${users.size - 1} users instead of ${book.users.size}`);
  for (const name of book.tokens.keys()) if (!tokens.has(name)) fault(`token ${name} is lost`);
  if (tokens.size !== book.tokens.size) fault(`${tokens.size} tokens instead of ${book.tokens.size}`);
  // Those of the last life; the others were looked at before.
  const audit = await session.call('audit.list', { before: null, limit: 1_000, text: '' });
  const audited = new Set(audit.flatMap(({ what }) => what.split(/[^\w-]+/)));
  for (const name of book.audited) if (!audited.has(name)) fault(`the audit log has no entry of ${name}`);
  book.audited.clear();
}

/** A port that nobody listens on. The same for all starts: the cookie is of one origin. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port is free');
  return address.port;
}

class RunningConsole {
  readonly pid: number;
  private readonly url: string;
  private readonly child: Child;
  private readonly setupToken: string | null;

  private constructor(child: Child, url: string, setupToken: string | null) {
    this.child = child;
    this.pid = child.pid;
    this.url = url;
    this.setupToken = setupToken;
  }

  /** Resolves when it answers. Warnings and errors that it logs are faults. */
  static async start({ data, port }: { data: string; port: number }, faults: Faults): Promise<RunningConsole> {
    const url = `http://127.0.0.1:${port}`;
    const lines: string[] = [];
    let token: string | null = null;
    const flags = ['--data', data, '--listen', `127.0.0.1:${port}`, '--level', 'warn'];
    const child = await startChild([process.execPath, program, ...flags], {
      diesWithParent: true,
      onLine: (line) => {
        lines.push(line);
        token ??= /\/setup\?token=(\S+)/.exec(line)?.[1] ?? null;
        if (/ (WARN|ERROR) |Error:/.test(line)) faults.add(`the console logged: ${line}`);
      },
    });
    const isUp = async () => {
      for (;;) {
        const answer = await fetch(url + httpPaths.health, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
        if (answer?.ok) return;
        await sleep(50);
      }
    };
    const hasEnded = child.ended.then(() => {
      throw new Error(`the console did not start: ${lines.join('; ')}`);
    });
    await within(Promise.race([isUp(), hasEnded]), deadlineMs, () => lines.join('; '));
    hasEnded.catch(() => undefined);
    return new RunningConsole(child, url, token);
  }

  /** The admin's session: a new one at the first start, and the same after each kill. */
  async session(book: Book): Promise<Session> {
    if (book.cookie === '') {
      const answer = await fetch(this.url + httpPaths.createFirstAdmin, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: this.url },
        body: JSON.stringify({ name: 'Fuzz', email: 'fuzz@example.org', password, token: this.setupToken }),
        signal: AbortSignal.timeout(deadlineMs),
      });
      if (!answer.ok) throw new Error(`first admin: ${answer.status} ${await answer.text()}`);
      book.cookie = answer.headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ');
    }
    const socket = io(this.url, {
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      extraHeaders: { cookie: book.cookie, origin: this.url },
    });
    await within(
      new Promise<void>((resolve, reject) => socket.on('connect', resolve).on('connect_error', reject)),
      deadlineMs,
      () => 'the session does not connect',
    );
    return new Session(socket);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.ended;
  }

  async stop(): Promise<void> {
    await this.child.stop(10_000);
  }
}

class Session {
  isLost = false;
  private readonly socket: Socket;
  private readonly lost = Promise.withResolvers<never>();

  constructor(socket: Socket) {
    this.socket = socket;
    this.lost.promise.catch(() => undefined);
    socket.on('disconnect', () => {
      this.isLost = true;
      this.lost.reject(new Error('the connection is gone'));
    });
  }

  async call<Name extends MethodName>(
    name: Name,
    input: InputOf<BrowserMethods[Name]>,
  ): Promise<OutputOf<BrowserMethods[Name]>> {
    const answer = this.socket.timeout(deadlineMs).emitWithAck(name, input) as Promise<Ack<unknown>>;
    const ack = await Promise.race([answer, this.lost.promise]);
    if (!ack.ok) throw new Error(`${name}: ${ack.error.message}`);
    return browserMethods[name].output.parse(ack.data) as OutputOf<BrowserMethods[Name]>;
  }

  close(): void {
    this.socket.close();
  }
}
