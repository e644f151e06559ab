// `meshd -attach`: a prompt on a running daemon. Lines run one after the other, also those of a multi-line paste; Ctrl-C
// cancels the running command and drops what was pasted behind it; leaving never ends the daemon.
import type { Readable, Writable } from 'node:stream';
import { createInterface, type Interface } from 'node:readline';
import { CommandClient } from '../../contract/command-client.ts';
import type { CommandResponse } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { lineTooLong } from '../../core/commands/tokens.ts';
import { safeText } from '../../core/safe-text.ts';
import { runPager } from '../../host/pager.ts';
import { connectSocket, socketTransport } from '../../host/command-socket.ts';
import { errorLines, inNamespace } from './words.ts';

export interface AttachOptions {
  readonly socketPath: string;
  /** Every line runs in it; empty for the connection's active one. */
  readonly namespace: string;
  /** The terminal that meshd was started on: leaving it ends the daemon, so `disconnect` has no meaning. */
  readonly isOwnTerminal?: boolean;
  readonly input?: Readable & { isTTY?: boolean; setRawMode?: (isRaw: boolean) => void };
  readonly output?: Writable & { isTTY?: boolean; rows?: number };
  readonly errorOutput?: Writable;
  /** The pager's argv: $PAGER, or less. */
  readonly pager?: readonly string[];
}

const suggestTimeoutMs = 2000;
const helloTimeoutMs = 10_000;

/**
 * Exit code: 0 when left by `disconnect`, `quit` or the end of input; 2 when no daemon was there at the start. Without a
 * terminal it is a script runner: then 1 when a line failed.
 */
export async function runAttach(options: AttachOptions): Promise<number> {
  const attach = new Attach(options);
  try {
    await attach.connect();
  } catch (error) {
    (options.errorOutput ?? process.stderr).write(`meshd: ${describeError(error)}\n`);
    return 2;
  }
  return attach.run();
}

class Attach {
  private readonly options: AttachOptions;
  private readonly input: NonNullable<AttachOptions['input']>;
  private readonly output: NonNullable<AttachOptions['output']>;
  private readonly errorOutput: Writable;
  private readonly isTerminal: boolean;
  private readonly prompt: string;
  private client: CommandClient | null = null;
  private wasConnected = false;
  private readline: Interface | null = null;
  private lines: string[] = [];
  private running: AbortController | null = null;
  private isBusy = false;
  private isInputOver = false;
  private isQuitAsked = false;
  private hasFailed = false;
  private leave: () => void = () => undefined;

  constructor(options: AttachOptions) {
    this.options = options;
    this.input = options.input ?? process.stdin;
    this.output = options.output ?? process.stdout;
    this.errorOutput = options.errorOutput ?? process.stderr;
    this.isTerminal = (this.input.isTTY ?? false) && (this.output.isTTY ?? false);
    const namespace = options.namespace === '' ? '' : `[${options.namespace}]`;
    this.prompt = `meshd:${options.socketPath}${namespace}$ `;
  }

  async connect(): Promise<CommandClient> {
    if (this.client && !this.client.isClosed) return this.client;
    const socket = await connectSocket(this.options.socketPath);
    const client = new CommandClient({ canCancel: true }, { transport: socketTransport(socket) });
    socket.once('close', () => {
      if (this.client !== client) return;
      client.close();
      // During a command, the missing answer is reported. At the prompt nothing else would report it.
      if (this.readline && !this.isBusy) {
        this.say(`\nThe meshd at ${this.options.socketPath} ended the connection. The next command connects again.\n`);
        this.showPrompt();
      }
    });
    // With Hello, namespace and flags of this prompt are its own. The daemon's own terminal has those that `-e` uses.
    if (!this.options.isOwnTerminal) await sayHello(client);
    this.client = client;
    if (this.wasConnected) this.say('Connected again: active namespace and output flags are back to their defaults.\n');
    this.wasConnected = true;
    return client;
  }

  async run(): Promise<number> {
    if (this.isTerminal && this.options.isOwnTerminal) {
      this.say('This terminal is the prompt of the meshd that runs on it: Ctrl-D or `quit` ends both.\n');
      this.say('Start meshd with -nostdin to have it without a prompt.\n');
    } else if (this.isTerminal) {
      this.say('Attached to a running meshd. Ctrl-C cancels a command; `disconnect` or Ctrl-D leaves.\n');
      this.say('CAUTION: `quit` ends the daemon itself.\n');
    }
    const left = new Promise<void>((resolve) => {
      this.leave = resolve;
    });
    const readline = createInterface({
      input: this.input,
      output: this.output,
      terminal: this.isTerminal,
      prompt: this.prompt,
      historySize: 1000,
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        void this.complete(line).then((found) => done(null, [found, line]));
      },
    });
    this.readline = readline;
    readline.on('line', (line) => {
      this.lines.push(line);
      void this.pump();
    });
    readline.on('SIGINT', () => {
      this.onInterrupt(readline);
    });
    readline.on('close', () => {
      this.isInputOver = true;
      if (!this.isBusy) this.leave();
    });
    this.showPrompt();
    await left;
    this.readline = null;
    readline.close();
    this.client?.close();
    return this.hasFailed && !this.isTerminal ? 1 : 0;
  }

  /** Runs the lines that are there, in order. */
  private async pump(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    let goesOn = true;
    while (goesOn) {
      const line = this.lines.shift();
      if (line === undefined) break;
      goesOn = await this.runLine(line);
    }
    this.isBusy = false;
    if (!goesOn || this.isInputOver) this.leave();
    else this.showPrompt();
  }

  /** Whether to continue with the next line. */
  private async runLine(line: string): Promise<boolean> {
    const text = line.trim();
    if (text === '') return true;
    if (text === 'disconnect' && this.options.isOwnTerminal) {
      this.say('Nothing to disconnect from: this is the daemon itself. Ctrl-D or `quit` ends it.\n');
      return true;
    }
    if (text === 'disconnect') return false;
    const isQuit = text === 'quit';
    if (isQuit && !this.isQuitAsked) {
      this.isQuitAsked = true;
      this.say(
        '`quit` ends the meshd of this node. Type `quit` again to do that, or `disconnect` to leave it running.\n',
      );
      return true;
    }
    this.isQuitAsked = false;
    const abort = new AbortController();
    this.running = abort;
    try {
      const tooLong = lineTooLong(text, 'socket');
      if (tooLong !== null) throw new AppError('invalid', tooLong);
      const client = await this.connect();
      const answers = client.command(inNamespace(text, this.options.namespace), {
        signal: abort.signal,
        onStatus: (status) => this.say(`${safeText(status)}\n`),
      });
      for await (const answer of answers) await this.show(answer);
      return !isQuit;
    } catch (error) {
      this.hasFailed = true;
      this.errorOutput.write(`meshd: ${safeText(describeError(error))}\n`);
      // Lines behind it were meant to follow it, not to run on a daemon that came back in between.
      if (error instanceof AppError && error.code === 'unreachable') this.lines = [];
      return true;
    } finally {
      this.running = null;
    }
  }

  private async show(answer: CommandResponse): Promise<void> {
    const errors = errorLines(answer);
    if (errors.length > 0) this.hasFailed = true;
    if (answer.Rendered !== '') await this.page(`${safeText(answer.Rendered)}\n`);
    for (const error of errors) this.errorOutput.write(`${error}\n`);
  }

  private async page(text: string): Promise<void> {
    const rows = this.output.rows ?? 0;
    const count = text.split('\n').length - 1;
    if (!this.isTerminal || rows === 0 || count < 2 * rows) {
      this.say(text);
      return;
    }
    const pager = this.options.pager ?? (process.env['PAGER'] ?? 'less').split(/\s+/).filter(Boolean);
    this.say(`sending ${count} lines to ${pager[0] ?? 'less'}\n`);
    this.readline?.pause();
    this.input.setRawMode?.(false);
    // Ctrl-C in the pager is the pager's; the terminal sends it to this process too.
    const ignore = () => undefined;
    process.on('SIGINT', ignore);
    const wasShown = await runPager(pager, text);
    process.off('SIGINT', ignore);
    this.input.setRawMode?.(true);
    this.readline?.resume();
    if (!wasShown) this.say(text);
  }

  private onInterrupt(readline: Interface): void {
    if (this.running) {
      this.lines = [];
      this.running.abort();
      return;
    }
    // As a shell does: the line is dropped, a new prompt shows.
    this.isQuitAsked = false;
    readline.write(null, { ctrl: true, name: 'e' });
    this.say('^C\n');
    readline.write(null, { ctrl: true, name: 'u' });
    this.showPrompt();
  }

  private async complete(line: string): Promise<string[]> {
    if (this.isBusy || line.trim() === '' || !this.client || this.client.isClosed) return [];
    const prefix = inNamespace('', this.options.namespace);
    try {
      const found = await this.client.suggest(prefix + line, { deadline: AbortSignal.timeout(suggestTimeoutMs) });
      // The prompt shows them, and would obey them.
      return found.filter((whole) => safeText(whole) === whole).map((whole) => whole.slice(prefix.length));
    } catch {
      // A missing completion is not a failure; the next command says what is wrong.
      return [];
    }
  }

  private showPrompt(): void {
    if (this.isTerminal) this.readline?.prompt();
  }

  private say(text: string): void {
    this.output.write(text);
  }
}

/** minimega knows no Hello, and answers that with an error. */
async function sayHello(client: CommandClient): Promise<void> {
  try {
    await client.hello({ Product: 'meshd' }, { deadline: AbortSignal.timeout(helloTimeoutMs) });
  } catch (error) {
    if (client.isClosed) throw error;
  }
}
