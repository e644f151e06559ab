// One SSH connection as a Runner. Owns: the deadline of connecting, the pinned host key, logging in, one exec per run with
// its deadline, what of its output is the answer (frame.ts), and what happens to runs when the connection ends. ssh2 accepts
// every host key by default, and its API is events and callbacks. So it is wrapped here, and used nowhere else but in scan.ts.
//
// sshd bounds the sessions on one connection (MaxSessions). Where it refuses one more, this opens further connections.
// Where sshd refuses those too, a program waits until another one has ended.
//
// INVARIANTS: every `run` settles exactly once, also when the connection is lost; after `close` no timer or socket is left;
// a run succeeds only when its end marker was read.
import { Socket } from 'node:net';
import { PassThrough, type Duplex, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import type { ClientChannel } from 'ssh2';
import { AppError } from '../../contract/errors.ts';
import { maxOutputBytes } from '../../contract/limits.ts';
import { BoundedText, CommandError, NotStarted } from '../runner.ts';
import type { RunOptions, RunResult, Runner } from '../runner.ts';
import type { SshCredentials } from './credentials.ts';
import { frameLine, FrameReader, judgePrompt, newFrameToken, promptText, withoutMarkers } from './frame.ts';
import type { Through } from './frame.ts';
import {
  closedLevel,
  describeConnectError,
  describeHostKeyError,
  isDropped,
  isLoginRefusal,
  isTransientSshError,
} from './errors.ts';
import type { ConnectFailure, LocalIdentity, SshTarget } from './errors.ts';
import { readIdentification } from './identification.ts';
import { hostKeyType } from './known-hosts.ts';
import { prepareLogin } from './login-ways.ts';
import { placeOf, refusedLogins } from './penalties.ts';
import { hostKeyAlgorithms, judgeHostKey } from './pins.ts';
import type { PinnedHost } from './pins.ts';

export interface SshConnectOptions {
  readonly target: SshTarget;
  /** Who we are, for messages: `root@node1`. */
  readonly local: LocalIdentity;
  /** Deadline from dialling to logged in, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Dials from there instead of from here. The host key is checked and the login made end to end; that machine only carries bytes. */
  readonly via?: SshConnection;
  /** Replaces target.host in messages about runs. */
  readonly where?: string;
  /**
   * How long it waits, beyond its deadline, for sshd to take connections from us again after logins that it refused
   * (penalties.ts). Nobody waits unless asked to: a look from outside has to end in time.
   */
  readonly penaltyPatienceMs?: number;
  /** Called once when it begins to wait for that. */
  readonly onPenalty?: (text: string) => void;
}

/** A program that runs on the other side; both sides exchange data until one of them ends. */
export interface SshStream {
  /** Its standard output; ends with it, and with the connection. */
  readonly output: Readable;
  /** Writes to its standard input. Resolves once that was passed on; rejects when the program is gone. */
  write(data: string | Uint8Array): Promise<void>;
  /** Ends its standard input, and resolves once that was passed on; its output continues. */
  end(): Promise<void>;
  /** Ends it. The output ends at once, whether the other side still answers or not. */
  close(): void;
  /** Settles when it is over, by either side; never rejects. */
  readonly ended: Promise<void>;
  /** The last of what it wrote to standard error: why it ended, when it ended early. */
  lastWords(): string;
  /** Its exit code, once it has ended with one. */
  exitCode(): number | null;
}

export interface SshRunOptions extends RunOptions {
  /** The program that starts it: sudo. @throws NotStarted when that fails */
  readonly through?: Through | undefined;
}

/** Where pinned host keys come from: known_hosts files (HostKeyPins), or a store. */
export interface HostKeySource {
  entriesFor(host: string, port: number): Promise<readonly PinnedHost[]>;
}

export interface SshConnectComponents {
  readonly pins: HostKeySource;
  readonly credentials: SshCredentials;
}

/** Further connections where sshd allows few sessions on one: a run has few programs at once, and sshd bounds connections too. */
const maxFurther = 4;
/** How often sshd may refuse a session while we have none open, before we give up: sshd may count an ended one for a moment. */
const maxIdleRefusals = 20;
const refusalPauseMs = 200;
/** Printed before a relay starts: start-up files that print more are broken. */
const maxSkippedBytes = 1024 * 1024;
/** How long a line without an end waits for its rest before it counts as a question. */
const promptPauseMs = 3_000;
/** RFC 4254, 5.1: what sshd says when MaxSessions is reached (connect failed), and others do (resource shortage). */
const sessionRefusals: readonly unknown[] = [2, 4];

/** Attempts while sshd drops us before its banner. A wait of 250 ms, doubled each time, lets its queue drain. */
const connectAttempts = 4;
const firstRetryDelayMs = 250;
const longestRetryDelayMs = 3_000;

export class SshConnection implements Runner {
  readonly where: string;
  /** The address that was dialled, as the socket knows it. */
  readonly remoteAddress: string;
  /** Cipher from here to there, for tests and logs. */
  readonly cipher: string;
  private readonly client: ssh2.Client;
  /** Ends of runs in progress, called when the connection is lost. */
  private readonly pending = new Set<(error: AppError) => void>();
  private lost: AppError | null = null;
  /** Channels that run programs on this connection, and how many sshd allows, as far as we know. */
  private sessions = 0;
  private maxSessions = Infinity;
  /** Further connections with the same login, for programs beyond maxSessions here. */
  private readonly further: SshConnection[] = [];
  private readonly connectAgain: (() => Promise<SshConnection>) | null;
  private hasRoomForFurther = true;
  private connecting: Promise<void> | null = null;
  private readonly waiting = new Set<() => void>();
  private startUpNoise = '';

  /** Takes a client that has logged in; use `connect`. */
  constructor(
    client: ssh2.Client,
    facts: {
      where: string;
      remoteAddress: string;
      cipher: string;
      connectAgain: (() => Promise<SshConnection>) | null;
    },
  ) {
    this.client = client;
    this.where = facts.where;
    this.remoteAddress = facts.remoteAddress;
    this.cipher = facts.cipher;
    this.connectAgain = facts.connectAgain;
    const onLost = (cause?: unknown) => {
      this.lost ??= new AppError('unreachable', `the SSH connection to ${this.where} was lost`, { cause });
      for (const fail of [...this.pending]) fail(this.lost);
      for (const other of this.further) other.close();
      this.wake();
    };
    client.removeAllListeners('error').on('error', onLost).on('close', onLost);
  }

  /** The beginning of what start-up files print before any program; empty before the first run, or when they print nothing. */
  get noise(): string {
    return this.startUpNoise;
  }

  /**
   * Connects and logs in.
   * @throws AppError `unreachable`, `refused` (no login), `host-key-unknown`, `host-key-changed`, `timeout`, `cancelled`.
   */
  static async connect(options: SshConnectOptions, components: SshConnectComponents): Promise<SshConnection> {
    const { target } = options;
    const timeoutMs = options.timeoutMs ?? 10_000;
    const place = placeOf(target, options.via?.where);
    let deadline = performance.now() + timeoutMs;
    let penaltyEnds: number | null = null;
    let question = '';
    for (let attempt = 1; ; attempt++) {
      try {
        return await connectOnce(options, components, { deadline, answersQuestions: question === '' });
      } catch (error) {
        if (error instanceof AppError) throw error;
        const failure = error as ConnectFailure;
        const { tale } = failure;
        const now = performance.now();
        if (isLoginRefusal(failure)) {
          refusedLogins.note(place, now);
          if (tale && tale.asks !== '' && tale.hasPasswordLeft && question === '') {
            question = tale.asks;
            continue;
          }
          if (tale && question !== '') failure.tale = { ...tale, asks: question };
        }
        failure.refusals = refusedLogins.count(place, now);
        const delayMs = Math.min(longestRetryDelayMs, firstRetryDelayMs * 2 ** (attempt - 1));
        if (isDropped(failure) && failure.refusals > 0 && options.penaltyPatienceMs !== undefined) {
          if (penaltyEnds === null) {
            penaltyEnds = now + options.penaltyPatienceMs;
            deadline = penaltyEnds + timeoutMs;
            const seconds = Math.round(options.penaltyPatienceMs / 1_000);
            options.onPenalty?.(
              `${options.where ?? target.host} drops connections after refused logins: trying again for up to ${seconds} s`,
            );
          }
        }
        const lastTry = penaltyEnds ?? deadline;
        const mayRetry = penaltyEnds !== null || attempt < connectAttempts;
        if (mayRetry && isTransientSshError(failure) && now + delayMs < lastTry) {
          // Cancelled meanwhile: the next attempt says so.
          await sleep(delayMs, undefined, options.signal ? { signal: options.signal } : {}).catch(() => undefined);
          continue;
        }
        throw describeConnectError(failure, target, options.local);
      }
    }
  }

  /**
   * Runs argv, no matter which login shell the other side has and what it prints. At the deadline the channel is closed.
   * The program is sent KILL only while its input is open (ssh2), and sshd may ignore it: the outcome is then unknown, as with any
   * AppError `timeout`. An answer that
   * was cut off is AppError `unreachable`.
   */
  run(argv: readonly string[], options: SshRunOptions = {}): Promise<RunResult> {
    const program = argv[0] ?? '';
    if (options.env) return Promise.reject(new AppError('invalid', 'sshd takes no environment: use env(1) in argv'));
    const token = newFrameToken();
    let line: string;
    try {
      const inFolder = ['sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', options.cwd ?? '', ...argv];
      line = frameLine(options.cwd === undefined ? argv : inFolder, token, { through: options.through, stays: true });
    } catch (error) {
      return Promise.reject(error instanceof AppError ? error : new AppError('invalid', String(error)));
    }
    const timeoutMs = options.timeoutMs ?? 30_000;
    const answer = new FrameReader(token);
    const words = new FrameReader(token);
    return new Promise((resolve, reject) => {
      let channel: ClientChannel | null = null;
      let settled = false;
      let promptTimer: NodeJS.Timeout | undefined;
      const settle = (finish: () => void) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        clearTimeout(promptTimer);
        options.signal?.removeEventListener('abort', onAbort);
        this.pending.delete(fail);
        finish();
      };
      const fail = (error: AppError) => {
        settle(() => {
          if (channel) {
            if (typeof options.stdin === 'object' && !Buffer.isBuffer(options.stdin)) options.stdin.destroy();
            if (!this.lost) channel.signal('KILL');
            discard(channel);
          }
          reject(error);
        });
      };
      const onAbort = () => {
        fail(new AppError('cancelled', `${program} on ${this.where}: cancelled`));
      };
      const timer = setTimeout(() => {
        const why = !channel
          ? this.whyNoChannel()
          : answer.isRun
            ? ''
            : `: the login shell there did not start it${printed(answer.noise)}`;
        fail(new AppError('timeout', `${program} on ${this.where}: no end within ${timeoutMs} ms${why}`));
      }, timeoutMs);
      this.pending.add(fail);
      if (this.lost) {
        fail(this.lost);
        return;
      }
      if (options.signal?.aborted) {
        onAbort();
        return;
      }
      options.signal?.addEventListener('abort', onAbort, { once: true });

      const start = (opened: ClientChannel) => {
        channel = opened;
        if (settled) {
          discard(opened);
          return;
        }
        const out = new BoundedText(options.maxBytes ?? maxOutputBytes);
        const err = new BoundedText(options.maxBytes ?? maxOutputBytes);
        const take = (text: string, stream: 'stdout' | 'stderr') => {
          if (text === '') return;
          (stream === 'stdout' ? out : err).push(text);
          options.onOutput?.(text, stream);
        };
        // The program may end without reading all its input: its exit code shows the result, a write error does not.
        opened.on('error', () => undefined);
        let isInputSent = false;
        const sendInput = () => {
          if (isInputSent) return;
          isInputSent = true;
          const { stdin } = options;
          if (stdin === undefined || typeof stdin === 'string' || Buffer.isBuffer(stdin)) opened.end(stdin);
          else {
            stdin.on('error', (cause: Error) => {
              fail(
                new AppError('failed', `${program} on ${this.where}: reading its input: ${cause.message}`, { cause }),
              );
            });
            stdin.pipe(opened);
          }
        };
        const password = options.through?.answer;
        /** Standard error before the program. */
        const lead = new BoundedText(8_192);
        let before = '';
        let asked = 0;
        let otherPrompt = '';
        const giveUpAsking = () => {
          isInputSent = true;
          opened.end();
        };
        const heed = (text: string) => {
          clearTimeout(promptTimer);
          if (password === undefined || words.hasBegun || isInputSent) return;
          before = (before + text).slice(-4_096);
          const prompt = judgePrompt(before, token);
          if (prompt === 'password') {
            asked += 1;
            before = '';
            // A second question for it: the password was wrong.
            if (asked > 1) giveUpAsking();
            else opened.write(`${password}\n`);
          } else if (prompt === 'other') {
            // It may be the beginning of a line: text that stays without a line end is a question.
            promptTimer = setTimeout(() => {
              otherPrompt = promptText(before, token);
              giveUpAsking();
            }, promptPauseMs);
          }
        };
        opened.setEncoding('utf8').on('data', (text: string) => {
          take(answer.push(text), 'stdout');
          // Not before sudo has the password: input that sudo reads would be lost to the program.
          if (answer.hasBegun) sendInput();
        });
        opened.stderr.setEncoding('utf8').on('data', (text: string) => {
          const isBefore = !words.hasBegun;
          const said = words.push(text);
          if (isBefore) {
            lead.push(text);
            heed(text);
          }
          take(said, 'stderr');
        });
        let exitCode: number | null = null;
        let exitSeen = false;
        opened.on('exit', (code: number | null) => {
          exitCode = code;
          exitSeen = true;
        });
        opened.on('close', () => {
          settle(() => {
            if (this.startUpNoise === '') this.startUpNoise = answer.noise;
            take(answer.rest(), 'stdout');
            take(words.rest(), 'stderr');
            const end = { stdout: out.toString(), stderr: err.toString() };
            const code = answer.exitCode;
            const refusedWith = answer.hasBegun ? null : words.refusedWith;
            if (code === 0) resolve({ ...end, truncated: out.truncated || err.truncated });
            else if (code !== null) reject(new CommandError(this.where, argv, { exitCode: code, ...end }));
            else if (refusedWith !== null) {
              const starter = options.through?.argv('')[0] ?? program;
              const stderr = withoutMarkers(lead.toString(), token);
              reject(new NotStarted(this.where, starter, { exitCode: refusedWith, stderr, asked, otherPrompt }));
            } else if (answer.hasBegun || !exitSeen) {
              const text = `the answer of ${program} on ${this.where} was cut off: whether it did its work is unknown`;
              reject(this.lost ?? new AppError('unreachable', text));
            } else reject(this.notRun(program, answer, lead.toString(), exitCode));
          });
        });
        if (password === undefined) sendInput();
      };
      this.openChannel(line, () => settled).then(start, (error: unknown) => {
        fail(this.openFailure(program, error));
      });
    });
  }

  /**
   * Starts argv and hands over its input and output, without a deadline on how long it runs: relays. Output before its
   * start is skipped, up to a bound.
   * @throws AppError `timeout` (default 10,000 ms), `unreachable`, `failed` when it cannot be started; NotStarted
   */
  open(argv: readonly string[], options: { timeoutMs?: number; through?: Through } = {}): Promise<SshStream> {
    const timeoutMs = options.timeoutMs ?? 10_000;
    const program = argv[0] ?? '';
    const token = newFrameToken();
    return new Promise((resolve, reject) => {
      const line = frameLine(argv, token, { through: options.through, stays: false });
      let channel: ClientChannel | null = null;
      let isSettled = false;
      const reader = new FrameReader(token);
      const settle = (finish: () => void) => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        this.pending.delete(fail);
        finish();
      };
      const fail = (error: AppError) => {
        settle(() => {
          if (channel) discard(channel);
          reject(error);
        });
      };
      const timer = setTimeout(() => {
        const why = channel ? printed(reader.noise) : this.whyNoChannel();
        fail(new AppError('timeout', `${program} on ${this.where}: not started within ${timeoutMs} ms${why}`));
      }, timeoutMs);
      this.pending.add(fail);
      if (this.lost) {
        fail(this.lost);
        return;
      }
      const start = (opened: ClientChannel) => {
        channel = opened;
        if (isSettled) {
          discard(opened);
          return;
        }
        const words: string[] = [];
        const wordReader = new FrameReader(token);
        const lead = new BoundedText(8_192);
        opened.stderr.setEncoding('utf8').on('data', (text: string) => {
          if (!wordReader.hasBegun) lead.push(text);
          words.push(wordReader.push(text));
          if (words.length > 20) words.shift();
        });
        let exitCode: number | null = null;
        opened.on('exit', (code: number | null) => (exitCode = code));
        const onEarlyEnd = () => {
          const { refusedWith } = wordReader;
          if (refusedWith === null) fail(this.notRun(program, reader, lead.toString(), exitCode));
          else {
            const starter = options.through?.argv('')[0] ?? program;
            const stderr = withoutMarkers(lead.toString(), token);
            const end = { exitCode: refusedWith, stderr, asked: 0, otherPrompt: '' };
            fail(new NotStarted(this.where, starter, end));
          }
        };
        opened.on('close', onEarlyEnd);
        opened.on('error', () => undefined);
        const begin = Buffer.from(`${token}:begin\n`);
        let head = Buffer.alloc(0);
        let skipped = 0;
        const skip = (piece: Buffer) => {
          head = Buffer.concat([head, piece]);
          const at = head.indexOf(begin);
          reader.push(piece.toString('latin1'));
          if (at >= 0) {
            opened.removeListener('data', skip).removeListener('close', onEarlyEnd).pause();
            if (at + begin.length < head.length) opened.unshift(head.subarray(at + begin.length));
            if (this.startUpNoise === '') this.startUpNoise = reader.noise;
            settle(() => resolve(this.streamOf(opened, { words, exitCode: () => exitCode })));
            return;
          }
          skipped += piece.length;
          head = head.subarray(-begin.length);
          if (skipped > maxSkippedBytes) {
            const text = `${this.where} prints more than ${maxSkippedBytes / 1024} kB before ${program} starts`;
            fail(new AppError('failed', `${text}${printed(reader.noise)}`));
          }
        };
        opened.on('data', skip);
      };
      this.openChannel(line, () => isSettled).then(start, (error: unknown) => {
        fail(this.openFailure(program, error));
      });
    });
  }

  private streamOf(
    channel: ClientChannel,
    { words, exitCode }: { words: readonly string[]; exitCode: () => number | null },
  ): SshStream {
    // ssh2 closes a channel only when the other side agrees, and a dead one never does. So the pipe ends here at once.
    const output = channel.pipe(new PassThrough());
    output.on('error', () => undefined);
    const ended = Promise.withResolvers<undefined>();
    const end = () => {
      this.pending.delete(end);
      output.end();
      ended.resolve(undefined);
    };
    this.pending.add(end);
    channel.on('close', end);
    return {
      output,
      write: (data) =>
        new Promise((resolve, reject) => {
          if (this.lost || !this.pending.has(end)) {
            reject(this.lost ?? new AppError('unreachable', `the program on ${this.where} has ended`));
            return;
          }
          channel.write(data, (error) => {
            if (error) reject(error);
            else resolve();
          });
        }),
      end: () =>
        new Promise((resolve) => {
          if (this.lost || !this.pending.has(end)) resolve();
          else channel.end(() => resolve());
        }),
      close: () => {
        channel.unpipe(output);
        output.destroy();
        discard(channel);
        end();
      },
      ended: ended.promise,
      lastWords: () => words.join('').trim().slice(-1_000),
      exitCode,
    };
  }

  /** Our line did not run: the account has a forced command, no shell, or one that does not know `exec /bin/sh`. */
  private notRun(program: string, answer: FrameReader, stderr: string, exitCode: number | null): AppError {
    const said = answer.noise || stderr.trim().slice(-500);
    return new AppError(
      'failed',
      `${this.where} did not run ${program} for this login (exit ${exitCode ?? 'unknown'})${printed(said)}; look at the ` +
        "user's shell (getent passwd), and for a forced command (command= in authorized_keys, ForceCommand in sshd_config)",
    );
  }

  private openFailure(program: string, error: unknown): AppError {
    if (error instanceof AppError) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new AppError('failed', `${this.where} does not run ${program} over SSH: ${text}`, { cause: error });
  }

  /** A channel that runs `line`: here, on a further connection, or here once another program has ended. */
  private async openChannel(line: string, isOver: () => boolean): Promise<ClientChannel> {
    for (let refusals = 0; ;) {
      if (this.lost) throw this.lost;
      if (isOver()) throw new AppError('cancelled', `${this.where}: nobody waits for it now`);
      for (const connection of [this, ...this.further]) {
        if (connection.isLost || connection.sessions >= connection.maxSessions) continue;
        try {
          return await connection.exec(line);
        } catch (error) {
          if (!isSessionRefusal(error)) throw error;
          // sshd may still count a session that just ended: while we have none open, try again for a while.
          connection.maxSessions = Math.max(1, connection.sessions);
          if (connection === this && this.sessions === 0) refusals += 1;
        }
      }
      if (refusals > maxIdleRefusals) {
        throw new AppError(
          'failed',
          `sshd on ${this.where} allows no session (MaxSessions in its sshd_config): set it to 10`,
        );
      }
      if (this.sessions > 0 && (await this.connectFurther())) continue;
      await this.nextChance();
    }
  }

  /** Why a program has waited to be started, where that is known. */
  private whyNoChannel(): string {
    return this.maxSessions === Infinity
      ? ''
      : `: it was not started, because sshd there allows ${this.maxSessions} at once on a connection (MaxSessions) and takes no further ` +
          'connection; set MaxSessions 10, its default, in its sshd_config';
  }

  private exec(line: string): Promise<ClientChannel> {
    this.sessions += 1;
    const free = () => {
      this.sessions -= 1;
      this.wake();
    };
    return new Promise((resolve, reject) => {
      if (this.lost) {
        free();
        reject(this.lost);
        return;
      }
      this.client.exec(line, (error, channel) => {
        if (error) {
          free();
          reject(error);
        } else {
          channel.once('close', free);
          resolve(channel);
        }
      });
    });
  }

  /** Whether there is a further connection to try. With a second factor, or a limit on connections, there is only this one. */
  private async connectFurther(): Promise<boolean> {
    if (!this.connectAgain || !this.hasRoomForFurther || this.further.length >= maxFurther) return false;
    const before = this.further.length;
    const { connectAgain } = this;
    this.connecting ??= connectAgain()
      .then(
        (connection) => {
          if (this.lost) connection.close();
          else {
            this.further.push(connection);
            connection.onSession = () => this.wake();
            connection.onLost(() => this.client.destroy());
          }
        },
        () => {
          this.hasRoomForFurther = false;
        },
      )
      .finally(() => {
        this.connecting = null;
      });
    await this.connecting;
    return this.further.length > before;
  }

  /** Called for the connection that this one helps: a session here has ended. */
  private onSession: (() => void) | null = null;

  private wake(): void {
    for (const resolve of [...this.waiting]) resolve();
    this.onSession?.();
  }

  /** Waits until a session has ended, or a moment has passed. */
  private nextChance(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, refusalPauseMs);
      this.waiting.add(done);
    });
  }

  /** A TCP connection from the other side to somewhere else. @throws AppError `unreachable`, also where sshd forbids it */
  openTunnel(host: string, port: number, timeoutMs: number): Promise<Duplex> {
    return this.openForward(`${host} port ${port}`, timeoutMs, (opened) => {
      this.client.forwardOut('127.0.0.1', 0, host, port, opened);
    });
  }

  /** A connection to a Unix socket of the other side, as the user who logged in. @throws AppError `unreachable`, also where sshd forbids it */
  openUnixSocket(path: string, timeoutMs: number): Promise<Duplex> {
    return this.openForward(path, timeoutMs, (opened) => {
      this.client.openssh_forwardOutStreamLocal(path, opened);
    });
  }

  private openForward(
    what: string,
    timeoutMs: number,
    open: (opened: (error: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => {
        clearTimeout(timer);
        this.pending.delete(fail);
        const text = cause instanceof Error ? cause.message : 'the connection was lost';
        reject(new AppError('unreachable', `${this.where} does not connect to ${what}: ${text}`, { cause }));
      };
      const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      if (this.lost) {
        fail(this.lost);
        return;
      }
      this.pending.add(fail);
      const opened = (error: Error | undefined, channel: ClientChannel) => {
        if (!this.pending.has(fail)) {
          if (!error) channel.destroy();
          return;
        }
        if (error) fail(error);
        else {
          clearTimeout(timer);
          this.pending.delete(fail);
          resolve(channel);
        }
      };
      try {
        open(opened);
      } catch (error) {
        // ssh2 throws where the other side is not OpenSSH.
        fail(error);
      }
    });
  }

  /** Calls `listener` once when the connection is lost or closed. */
  onLost(listener: () => void): void {
    this.client.once('close', listener);
  }

  /** True once it is known to be gone: closed, or its keepalives went unanswered. */
  get isLost(): boolean {
    return this.lost !== null;
  }

  /** Ends the connection; runs in progress fail. */
  close(): void {
    for (const connection of this.further) connection.close();
    this.client.end();
    this.client.destroy();
  }
}

/** Ends a channel that nobody reads. ssh2 closes it, and sshd's session is free, only once its output has been read to the end. */
function discard(channel: ClientChannel): void {
  channel.resume();
  channel.stderr.resume();
  channel.destroy();
}

function isSessionRefusal(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && sessionRefusals.includes(error.reason);
}

/** The beginning of what was printed, for messages. */
function printed(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line === '' ? '' : `; it printed ${JSON.stringify(line.slice(0, 200))}`;
}

async function connectOnce(
  options: SshConnectOptions,
  components: SshConnectComponents,
  { deadline, answersQuestions }: { readonly deadline: number; readonly answersQuestions: boolean },
): Promise<SshConnection> {
  const { target, signal } = options;
  const entries = await components.pins.entriesFor(target.host, target.port);
  const leftMs = Math.max(1, deadline - performance.now());
  const socket: Duplex = options.via ? await options.via.openTunnel(target.host, target.port, leftMs) : new Socket();
  const client = new ssh2.Client();
  let denied: AppError | null = null;
  let cipher = '';
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      finish();
    };
    const fail = (error: Error) => {
      settle(() => {
        client.removeAllListeners();
        client.on('error', () => undefined);
        socket.removeAllListeners('error').on('error', () => undefined);
        socket.destroy();
        reject(denied ?? error);
      });
    };
    const timer = setTimeout(
      () => {
        fail(
          new AppError(
            'timeout',
            `${target.host}: no SSH login within ${Math.round((options.timeoutMs ?? 10_000) / 100) / 10} s; ` +
              'is it powered on, and is its SSH port open?',
          ),
        );
      },
      Math.max(1, deadline - performance.now()),
    );
    const onAbort = () => {
      fail(new AppError('cancelled', `${target.host}: connecting was cancelled`));
    };
    if (signal?.aborted) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });

    const server = readIdentification(socket);
    let isEncrypted = false;
    const failLogin = (error: Error & { level?: string }) => {
      const { identification, said } = server;
      fail(
        Object.assign(error, {
          isEncrypted,
          identification,
          said,
          tale: login.tale(),
        } satisfies Partial<ConnectFailure>),
      );
    };
    const refuse = (text: string) => failLogin(Object.assign(new Error(text), { level: 'client-authentication' }));
    const login = prepareLogin(target.user, components.credentials, {
      answersQuestions,
      onQuestion: () => refuse('it asks for more than a password'),
    });
    client.on('error', (error: Error & { level?: string }) => {
      // Without its agent there is one way less to log in. ssh2 tries the others, so this does not fail.
      if (error.level !== 'agent') failLogin(error);
    });
    client.on('change password', (prompt: string) => {
      login.noteQuestion(prompt);
      refuse('it wants a new password');
    });
    client.on('close', () => failLogin(Object.assign(new Error('it was closed'), { level: closedLevel })));
    client.on('handshake', (negotiated) => {
      isEncrypted = true;
      cipher = negotiated.cs.cipher;
    });
    client.on('ready', () => {
      settle(() => {
        client.removeAllListeners('close');
        const remoteAddress = ((socket instanceof Socket ? socket.remoteAddress : null) ?? target.host).replace(
          /^::ffff:/,
          '',
        );
        const { signal: _, ...again } = options;
        const connectAgain = () => SshConnection.connect(again, components);
        resolve(
          new SshConnection(client, { where: options.where ?? target.host, remoteAddress, cipher, connectAgain }),
        );
      });
    });
    const speak = () => {
      client.connect({
        sock: socket,
        username: target.user,
        // We have our own deadline.
        readyTimeout: 0,
        // This notices within 15 s that a node died during a copy.
        keepaliveInterval: 5_000,
        keepaliveCountMax: 3,
        algorithms: {
          serverHostKey: hostKeyAlgorithms(entries.map((entry) => entry.type)) as ssh2.ServerHostKeyAlgorithm[],
        },
        hostVerifier: (key: Buffer) => {
          const shown = { type: hostKeyType(key) ?? 'unknown', key };
          const verdict = judgeHostKey(entries, shown);
          if (verdict === 'pinned') return true;
          denied = describeHostKeyError(verdict, target, shown, entries);
          return false;
        },
        authHandler: login.next,
      });
    };
    socket.on('error', fail);
    if (socket instanceof Socket)
      socket.connect({ host: target.host, port: target.port }, () => {
        socket.setNoDelay(true);
        socket.removeListener('error', fail);
        speak();
      });
    else speak();
  });
}
