// Lines that users run on nodes. Owns who may: each line is parsed by the command table and authorised for its caller's role
// before it is sent, each command inside it too. And how it gets there: over the node's own command socket where the
// console has a way to it, otherwise through the mesh, where less is allowed.
import type { CommandResponse } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxBrowserAnswerBytes, maxCommandsPerUser } from '../../contract/limits.ts';
import { nameOfWords } from '../../core/capture/settings.ts';
import { assertMayRun, mayComplete } from '../../core/commands/may-run.ts';
import { clipLine, quoteWord } from '../../core/commands/tokens.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';
import type { Engine, EngineConnection } from '../engines/engine.ts';
import type { NodeRoute } from '../engines/route.ts';
import type { CommandCall, SuggestQuestion } from '../ports.ts';
import { setsConnection, type CommandSockets } from './command-sockets.ts';

/** How a line gets to a node: on its own command socket, or sent on by another node. */
export interface CommandWay {
  readonly route: NodeRoute;
  /** Name of the node to send it on to; empty when the route leads to the node itself. */
  readonly sendTo: string;
}

export interface CommandsComponents {
  readonly sockets: CommandSockets;
  /** @throws AppError `not-found`, `invalid` */
  engineOf(cluster: string): Engine;
  /** Ways to a node, the best first. @throws AppError `not-found`, `unreachable`, `invalid` */
  waysTo(cluster: string, node: string): readonly CommandWay[];
}

/** A terminal's settings went with its connection: silently, lines would run in another namespace than it shows. */
const resetNotice: CommandResponse = {
  Resp: null,
  Rendered: 'Connected again: active namespace and output flags are back to their defaults.',
  More: true,
  Status: true,
};
const connectTimeoutMs = 8_000;
const suggestTimeoutMs = 2_000;
/** Between a deadline and giving up: the console asks the node to cancel, and the node may still confirm. */
const lastWordsMs = 1_000;

export class Commands {
  private readonly components: CommandsComponents;
  private readonly runningOf = new Map<string, number>();

  constructor(components: CommandsComponents) {
    this.components = components;
  }

  /** Runs one line. @throws AppError `invalid`, `refused`, and what kept it from running or hid its end */
  async run(call: CommandCall): Promise<{ failed: boolean }> {
    const engine = this.components.engineOf(call.cluster);
    const command = assertMayRun(engine.commandTable, call.line, call.caller.role, engine.describeMissing);
    if (command === 'blank') return { failed: false };
    if (command) assertOwnName(command, call.caller.name);
    const { userId } = call.caller;
    const running = this.runningOf.get(userId) ?? 0;
    if (running >= maxCommandsPerUser) {
      throw new AppError('refused', `${maxCommandsPerUser} of your commands are running: wait for one, or cancel one`);
    }
    this.runningOf.set(userId, running + 1);
    try {
      return await this.runOn(engine, this.components.waysTo(call.cluster, call.node), { call, command });
    } finally {
      const left = (this.runningOf.get(userId) ?? 1) - 1;
      if (left > 0) this.runningOf.set(userId, left);
      else this.runningOf.delete(userId);
    }
  }

  /** Completions of a line, whole lines each, by the node itself: it knows names that only it has. */
  async suggest(question: SuggestQuestion): Promise<string[]> {
    const engine = this.components.engineOf(question.cluster);
    if (!mayComplete(engine.commandTable, question.text, question.role)) return [];
    const [way] = this.components.waysTo(question.cluster, question.node);
    if (!way) return [];
    const options = { timeoutMs: connectTimeoutMs, signal: question.signal };
    const { connection } = await this.components.sockets.take(engine, way.route, { session: '', ...options });
    const prefix = way.sendTo === '' ? '' : `mesh send ${quoteWord(way.sendTo)} `;
    const deadline = AbortSignal.any([AbortSignal.timeout(suggestTimeoutMs), question.signal]);
    const lines = await connection.suggest(prefix + question.text, { deadline });
    this.components.sockets.giveBack(way.route, '', connection, { isClean: true });
    return lines.map((line) => line.slice(prefix.length));
  }

  private async runOn(
    engine: Engine,
    ways: readonly CommandWay[],
    { call, command }: { call: CommandCall; command: ParsedCommand | null },
  ): Promise<{ failed: boolean }> {
    let firstError: Error | null = null;
    for (const way of ways) {
      const line = way.sendTo === '' ? call.line : `mesh send ${quoteWord(way.sendTo)} ${call.line.trim()}`;
      // The second look is at what is really sent: over the mesh, less is allowed.
      if (way.sendTo !== '') assertMayRun(engine.commandTable, line, call.caller.role, engine.describeMissing);
      const session = call.session === '' ? '' : [call.caller.userId, call.caller.role, call.session].join('\0');
      let connection: EngineConnection;
      try {
        const options = { timeoutMs: connectTimeoutMs, signal: call.signal };
        const taken = await this.components.sockets.take(engine, way.route, { session, ...options });
        connection = taken.connection;
        if (taken.isReset) call.onAnswer(resetNotice);
      } catch (error) {
        firstError ??= error instanceof Error ? error : new AppError('failed', describeError(error));
        // A changed host key stops everything for that node, another way to it included.
        if (!(error instanceof AppError) || !isWorthAnotherWay(error)) break;
        continue;
      }
      const isClean = command !== null && !setsConnection(command);
      try {
        return await this.speak(connection, line, call);
      } finally {
        this.components.sockets.giveBack(way.route, session, connection, { isClean });
      }
    }
    throw firstError ?? new AppError('unreachable', `no way to ${call.node}`);
  }

  private async speak(connection: EngineConnection, line: string, call: CommandCall): Promise<{ failed: boolean }> {
    const cancel = new AbortController();
    const abort = () => {
      cancel.abort();
    };
    if (call.signal.aborted) abort();
    call.signal.addEventListener('abort', abort, { once: true });
    const outcome = { failed: false, isLate: false };
    const timer = setTimeout(() => {
      outcome.isLate = true;
      abort();
    }, call.timeoutMs);
    const deadline = AbortSignal.timeout(call.timeoutMs + lastWordsMs);
    try {
      const answers = connection.run(line, {
        signal: cancel.signal,
        deadline,
        onStatus: (text) => {
          call.onAnswer(boundedAnswer({ Resp: null, Rendered: text, More: true, Status: true }));
        },
      });
      for await (const answer of answers) {
        outcome.failed ||= (answer.Resp ?? []).some((entry) => entry.Error !== '');
        call.onAnswer(boundedAnswer(answer));
      }
    } finally {
      clearTimeout(timer);
      call.signal.removeEventListener('abort', abort);
    }
    if (outcome.isLate) {
      throw new AppError(
        'timeout',
        `\`${clipLine(line)}\`: no end within ${call.timeoutMs / 1000} s, so it was cancelled: look again`,
      );
    }
    return { failed: outcome.failed };
  }
}

/** A changed host key stops everything for a node, other ways to it included. */
export function isWorthAnotherWay(error: AppError): boolean {
  return error.code !== 'host-key-changed' && error.code !== 'host-key-unknown' && error.code !== 'cancelled';
}

/**
 * An answer that a browser can take. Beyond the bound, `Data` goes first, which says at more length what the table says; then the table is left
 * out and the text is cut.
 */
export function boundedAnswer(answer: CommandResponse): CommandResponse {
  const size = answer.Rendered.length + (answer.Resp ? JSON.stringify(answer.Resp).length : 0);
  if (size <= maxBrowserAnswerBytes / 4) return answer;
  const bytes = Buffer.byteLength(JSON.stringify(answer));
  if (bytes <= maxBrowserAnswerBytes) return answer;
  const tables = (answer.Resp ?? []).filter(({ Tabular: rows }) => rows !== null);
  if (tables.length > 0) {
    const lean = {
      ...answer,
      Resp: (answer.Resp ?? []).map((entry) => (entry.Tabular ? { ...entry, Data: null } : entry)),
    };
    if (Buffer.byteLength(JSON.stringify(lean)) <= maxBrowserAnswerBytes) return lean;
  }
  // JSON writes a control character as six bytes and a code unit as three at most.
  const kept = Math.floor(maxBrowserAnswerBytes / 16);
  const cut = (text: string) => (text.length > kept ? text.slice(0, kept) : text);
  const entries = (answer.Resp ?? []).slice(0, 100).map((entry) => ({
    ...entry,
    Host: entry.Host.slice(0, 253),
    Response: '',
    Header: null,
    Tabular: null,
    Error: entry.Error.slice(0, 1_000),
    Data: null,
  }));
  const note = `\n… the answer has ${bytes} bytes, too many for a browser: use meshd -attach on the node`;
  return { ...answer, Resp: answer.Resp && entries, Rendered: cut(answer.Rendered) + note };
}

/** Captures say who asked for them: nobody gives them another's name. @throws AppError `refused` */
function assertOwnName(command: ParsedCommand, caller: string): void {
  for (let inner: ParsedCommand | null = command; inner !== null; inner = inner.nested) {
    const claimed = inner.pattern.pattern.startsWith('capture ') ? nameOfWords(inner.lists['option'] ?? []) : null;
    // A caller is `name <address>`; pages know the name.
    if (claimed !== null && claimed !== caller && !caller.startsWith(`${claimed} <`))
      throw new AppError('refused', `by=${clipLine(claimed)}: a capture has your own name, ${caller}`);
  }
}
