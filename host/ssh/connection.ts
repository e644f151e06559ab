// One SSH connection as a Runner. Owns: the deadline of connecting, the pinned host key, logging in, one exec per run with
// its deadline, and what happens to runs when the connection ends. ssh2 accepts every host key unless told otherwise, and
// its API is events and callbacks: it is wrapped here and used nowhere else but in scan.ts.
//
// INVARIANTS: every `run` settles exactly once, also when the connection is lost; after `close` no timer or socket is left.
import { Socket } from 'node:net';
import { PassThrough, type Duplex, type Readable } from 'node:stream';
import ssh2 from 'ssh2';
import type { AnyAuthMethod, ClientChannel } from 'ssh2';
import { AppError } from '../../contract/errors.ts';
import { maxOutputBytes } from '../../contract/limits.ts';
import { BoundedText, CommandError } from '../runner.ts';
import type { RunOptions, RunResult, Runner } from '../runner.ts';
import type { SshCredentials } from './credentials.ts';
import { describeConnectError, describeHostKeyError, isTransientSshError } from './errors.ts';
import type { LocalIdentity, SshTarget } from './errors.ts';
import { hostKeyType } from './known-hosts.ts';
import { hostKeyAlgorithms, judgeHostKey } from './pins.ts';
import type { PinnedHost } from './pins.ts';
import { quoteArgv } from './quote.ts';

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
}

/** A program that runs on the other side, spoken with for as long as both want. */
export interface SshStream {
  /** Its standard output; ends with it, and with the connection. */
  readonly output: Readable;
  /** To its standard input. Resolves once the text was handed on; rejects when the program is gone. */
  write(text: string): Promise<void>;
  /** Ends it. The output ends at once, whether the other side still answers or not. */
  close(): void;
  /** Settles when it is over, by either side; never rejects. */
  readonly ended: Promise<void>;
  /** The last of what it wrote to standard error: why it ended, when it ended early. */
  lastWords(): string;
}

/** Where pinned host keys come from: known_hosts files (HostKeyPins), or a store. */
export interface HostKeySource {
  entriesFor(host: string, port: number): Promise<readonly PinnedHost[]>;
}

export interface SshConnectComponents {
  readonly pins: HostKeySource;
  readonly credentials: SshCredentials;
}

/** Attempts while sshd drops us unseen; 250 ms, then twice as long each time, lets its queue drain. */
const connectAttempts = 4;
const firstRetryDelayMs = 250;

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

  /** Takes a client that has logged in; use `connect`. */
  constructor(client: ssh2.Client, facts: { where: string; remoteAddress: string; cipher: string }) {
    this.client = client;
    this.where = facts.where;
    this.remoteAddress = facts.remoteAddress;
    this.cipher = facts.cipher;
    const onLost = (cause?: unknown) => {
      this.lost ??= new AppError('unreachable', `the SSH connection to ${this.where} was lost`, { cause });
      for (const fail of [...this.pending]) fail(this.lost);
    };
    client.removeAllListeners('error').on('error', onLost).on('close', onLost);
  }

  /**
   * Connects and logs in.
   * @throws AppError `unreachable`, `refused` (no login), `host-key-unknown`, `host-key-changed`, `timeout`, `cancelled`.
   */
  static async connect(options: SshConnectOptions, components: SshConnectComponents): Promise<SshConnection> {
    const { target } = options;
    const deadline = performance.now() + (options.timeoutMs ?? 10_000);
    for (let attempt = 1; ; attempt++) {
      try {
        return await connectOnce(options, components, deadline);
      } catch (error) {
        if (error instanceof AppError) throw error;
        const raw = error as Error & { tried?: string[] };
        const delayMs = firstRetryDelayMs * 2 ** (attempt - 1);
        if (attempt < connectAttempts && isTransientSshError(raw) && performance.now() + delayMs < deadline) {
          await new Promise((resolve) => setTimeout(resolve, delayMs));
          continue;
        }
        throw describeConnectError(raw, target, options.local, raw.tried ?? []);
      }
    }
  }

  /**
   * Runs argv by the login shell of the other side. At the deadline the channel is closed and the program is sent KILL,
   * which sshd may ignore: the outcome is then unknown, as with any AppError `timeout`.
   */
  run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const program = argv[0] ?? '';
    if (options.env) return Promise.reject(new AppError('invalid', 'sshd takes no environment: use env(1) in argv'));
    let line: string;
    try {
      line = quoteArgv(
        options.cwd === undefined ? argv : ['sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', options.cwd, ...argv],
      );
    } catch (error) {
      return Promise.reject(error instanceof AppError ? error : new AppError('invalid', String(error)));
    }
    const timeoutMs = options.timeoutMs ?? 30_000;
    return new Promise((resolve, reject) => {
      let channel: ClientChannel | null = null;
      let settled = false;
      const settle = (finish: () => void) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        this.pending.delete(fail);
        finish();
      };
      const fail = (error: AppError) => {
        settle(() => {
          if (channel) {
            if (typeof options.stdin === 'object' && !Buffer.isBuffer(options.stdin)) options.stdin.destroy();
            if (!this.lost) channel.signal('KILL');
            channel.destroy();
          }
          reject(error);
        });
      };
      const onAbort = () => {
        fail(new AppError('cancelled', `${program} on ${this.where}: cancelled`));
      };
      const timer = setTimeout(() => {
        fail(new AppError('timeout', `${program} on ${this.where}: no end within ${timeoutMs} ms`));
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

      this.client.exec(line, (error, opened) => {
        if (error) {
          fail(
            new AppError('failed', `${this.where} does not run ${program} over SSH: ${error.message}`, {
              cause: error,
            }),
          );
          return;
        }
        channel = opened;
        if (settled) {
          opened.destroy();
          return;
        }
        const out = new BoundedText(options.maxBytes ?? maxOutputBytes);
        const err = new BoundedText(options.maxBytes ?? maxOutputBytes);
        opened.setEncoding('utf8').on('data', (text: string) => {
          out.push(text);
          options.onOutput?.(text, 'stdout');
        });
        opened.stderr.setEncoding('utf8').on('data', (text: string) => {
          err.push(text);
          options.onOutput?.(text, 'stderr');
        });
        // The program may end without reading all its input: its exit code tells, a write error does not.
        opened.on('error', () => undefined);
        let exitCode: number | null = null;
        let exitSeen = false;
        opened.on('exit', (code: number | null) => {
          exitCode = code;
          exitSeen = true;
        });
        opened.on('close', () => {
          settle(() => {
            const end = { stdout: out.toString(), stderr: err.toString() };
            if (!exitSeen) {
              reject(this.lost ?? new AppError('unreachable', `${this.where} ended ${program} without an exit code`));
            } else if (exitCode === 0) resolve({ ...end, truncated: out.truncated || err.truncated });
            else reject(new CommandError(this.where, argv, { exitCode, ...end }));
          });
        });
        const { stdin } = options;
        if (stdin === undefined || typeof stdin === 'string' || Buffer.isBuffer(stdin)) opened.end(stdin);
        else {
          stdin.on('error', (cause: Error) => {
            fail(new AppError('failed', `${program} on ${this.where}: reading its input: ${cause.message}`, { cause }));
          });
          stdin.pipe(opened);
        }
      });
    });
  }

  /**
   * Starts argv and hands over its input and output, without a deadline on how long it runs: relays.
   * @throws AppError `timeout` (default 10,000 ms), `unreachable`, `failed` when it cannot be started
   */
  open(argv: readonly string[], options: { timeoutMs?: number } = {}): Promise<SshStream> {
    const timeoutMs = options.timeoutMs ?? 10_000;
    return new Promise((resolve, reject) => {
      const line = quoteArgv(argv);
      let isSettled = false;
      const settle = (finish: () => void) => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        this.pending.delete(fail);
        finish();
      };
      const fail = (error: AppError) => {
        settle(() => {
          reject(error);
        });
      };
      const timer = setTimeout(() => {
        fail(new AppError('timeout', `${argv[0] ?? ''} on ${this.where}: not started within ${timeoutMs} ms`));
      }, timeoutMs);
      this.pending.add(fail);
      if (this.lost) {
        fail(this.lost);
        return;
      }
      this.client.exec(line, (error, channel) => {
        if (error) {
          const text = `${this.where} does not run ${argv[0] ?? ''} over SSH: ${error.message}`;
          fail(new AppError('failed', text, { cause: error }));
          return;
        }
        if (isSettled) {
          channel.destroy();
          return;
        }
        settle(() => {
          resolve(this.streamOf(channel));
        });
      });
    });
  }

  private streamOf(channel: ClientChannel): SshStream {
    const words: string[] = [];
    channel.stderr.setEncoding('utf8').on('data', (text: string) => {
      words.push(text);
      if (words.length > 20) words.shift();
    });
    // ssh2 closes a channel only when the other side agrees; one that is dead never does. The pipe ends here at once.
    const output = channel.pipe(new PassThrough());
    output.on('error', () => undefined);
    // A reset counts as an end: whoever reads hears of it there.
    channel.on('error', () => undefined);
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
      write: (text) =>
        new Promise((resolve, reject) => {
          if (this.lost || !this.pending.has(end)) {
            reject(this.lost ?? new AppError('unreachable', `the program on ${this.where} has ended`));
            return;
          }
          channel.write(text, (error) => {
            if (error) reject(error);
            else resolve();
          });
        }),
      close: () => {
        output.destroy();
        channel.destroy();
        end();
      },
      ended: ended.promise,
      lastWords: () => words.join('').trim().slice(-1_000),
    };
  }

  /** A TCP connection from the other side to somewhere else. @throws AppError `unreachable`, also where sshd forbids it */
  openTunnel(host: string, port: number, timeoutMs: number): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => {
        clearTimeout(timer);
        this.pending.delete(fail);
        const text = cause instanceof Error ? cause.message : 'the connection was lost';
        reject(
          new AppError('unreachable', `${this.where} does not connect to ${host} port ${port}: ${text}`, { cause }),
        );
      };
      const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      if (this.lost) {
        fail(this.lost);
        return;
      }
      this.pending.add(fail);
      this.client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
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
      });
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
    this.client.end();
    this.client.destroy();
  }
}

async function connectOnce(
  options: SshConnectOptions,
  components: SshConnectComponents,
  deadline: number,
): Promise<SshConnection> {
  const { target, signal } = options;
  const entries = await components.pins.entriesFor(target.host, target.port);
  const auth = authMethods(target.user, components.credentials);
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

    const withTried = (error: Error) => Object.assign(error, { tried: auth.labels });
    client.on('error', (error: Error & { level?: string }) => {
      // An agent that is gone is one way less to log in, and no reason to stop: ssh2 goes on by itself.
      if (error.level !== 'agent') fail(withTried(error));
    });
    client.on('close', () => fail(new Error('Connection closed before handshake')));
    client.on('handshake', (negotiated) => {
      cipher = negotiated.cs.cipher;
    });
    client.on('ready', () => {
      settle(() => {
        client.removeAllListeners('close');
        const remoteAddress = ((socket instanceof Socket ? socket.remoteAddress : null) ?? target.host).replace(
          /^::ffff:/,
          '',
        );
        resolve(new SshConnection(client, { where: options.where ?? target.host, remoteAddress, cipher }));
      });
    });
    const speak = () => {
      client.connect({
        sock: socket,
        username: target.user,
        // Ours is the deadline.
        readyTimeout: 0,
        // A node that dies during a copy is noticed within 15 s.
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
        authHandler: auth.methods,
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

/** Every way to log in, in order. `none` first: it is how an account without a password lets us in, and costs nothing. */
function authMethods(username: string, credentials: SshCredentials): { methods: AnyAuthMethod[]; labels: string[] } {
  const methods: AnyAuthMethod[] = [{ type: 'none', username }];
  const labels: string[] = [];
  for (const { path, privateKey, passphrase } of credentials.keys) {
    methods.push({ type: 'publickey', username, key: privateKey, ...(passphrase === undefined ? {} : { passphrase }) });
    labels.push(path);
  }
  if (credentials.agentSocket !== undefined) {
    methods.push({ type: 'agent', username, agent: credentials.agentSocket });
    labels.push('the SSH agent');
  }
  const { password } = credentials;
  if (password !== undefined) {
    methods.push({ type: 'password', username, password });
    methods.push({
      type: 'keyboard-interactive',
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(() => password)),
    });
    labels.push('the password');
  }
  return { methods, labels: [...labels, ...credentials.unusable.map((text) => `unusable ${text}`)] };
}
