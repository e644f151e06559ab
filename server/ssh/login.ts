// Logging in to a machine and becoming root there: by the console's key, by the keys of the user who runs the console, or by a
// password that is in memory only; through sudo when the login is not root.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { Plan } from '../../contract/plans.ts';
import { keyName, passphraseName, passwordName } from '../../core/plans/secret-names.ts';
import type { NodeTarget } from '../../core/plans/targets.ts';
import { proveSudo, runAsRoot } from '../../host/as-root.ts';
import type { RootLogin } from '../../host/as-root.ts';
import type { RunOptions, RunResult } from '../../host/runner.ts';
import { SshConnection } from '../../host/ssh/connection.ts';
import type { HostKeySource } from '../../host/ssh/connection.ts';
import type { SshCredentials } from '../../host/ssh/credentials.ts';
import { findKeyIssue } from '../../host/ssh/keys.ts';
import { SecretMissing } from '../runs/executor.ts';

export interface LoginContext {
  readonly signal: AbortSignal;
  /** What the run asks for: a private key, when its form chose login by key. */
  readonly plan: Pick<Plan, 'secrets'>;
  secret(name: string): string | undefined;
  dropSecret(name: string): void;
  log?(text: string, node?: string): void;
}

export interface LoginParts {
  readonly pins: HostKeySource;
  /** The console's private key; null before there is one. */
  readonly consoleKey: string | null;
  /** Keys and agent of the user who runs the console. */
  readonly own: SshCredentials;
  /** Who we are, for messages: `root@console`. */
  readonly local: string;
}

export interface LoginOptions {
  /** From dialling to logged in; 15 s unless given. */
  readonly timeoutMs?: number;
  /** Dials from there; host key and login are end to end. */
  readonly via?: RootShell;
  /** Told when sshd drops connections after refused logins. With it, the login waits for that. */
  readonly onPenalty?: (text: string) => void;
}

const connectTimeoutMs = 15_000;
/** OpenSSH's default penalty after one wrong password is about 16 s; with both, a step of a minute still has time to say why. */
const penaltyPatienceMs = 30_000;

/** Detail of an error `host-key-changed` of host/ssh. */
const ChangedKey = z.object({ type: z.string(), fingerprint: z.string(), pinned: z.array(z.string()) });

/** A machine where we are root. */
export class RootShell {
  readonly connection: SshConnection;
  private readonly login: RootLogin;

  constructor(connection: SshConnection, login: RootLogin) {
    this.connection = connection;
    this.login = login;
  }

  get user(): string {
    return this.login.user;
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return runAsRoot(this.connection, this.login, argv, options);
  }
}

/** Logs in as root by the console's key alone: proves that the key works. @throws AppError */
export async function loginByKey(
  target: NodeTarget,
  parts: LoginParts,
  signal: AbortSignal,
  options: LoginOptions = {},
): Promise<RootShell> {
  try {
    const credentials = keyCredentials(parts.consoleKey);
    const connection = await connect({ ...target, user: 'root' }, { ...parts, ...options }, credentials, signal);
    return new RootShell(connection, { user: 'root', sudo: false });
  } catch (error) {
    if (!isRefusal(error) || error.detail?.['login'] !== 'no-way') throw error;
    throw new AppError(
      'refused',
      `${target.name} does not let root in with the console's key: add the node again (meshdeck nodes add ${target.name}), ` +
        'or look at /root/.ssh/authorized_keys and PermitRootLogin there',
      { cause: error },
    );
  }
}

/** @throws AppError in the console's words, naming the node */
async function connect(
  target: NodeTarget,
  parts: LoginParts & LoginOptions,
  credentials: SshCredentials,
  signal: AbortSignal,
): Promise<SshConnection> {
  const { name, address: host, port, user } = target;
  const { local, timeoutMs = connectTimeoutMs, via, onPenalty } = parts;
  try {
    return await SshConnection.connect(
      {
        target: { host, port, user },
        local,
        where: name,
        timeoutMs,
        signal,
        ...(via ? { via: via.connection } : {}),
        ...(onPenalty ? { onPenalty, penaltyPatienceMs } : {}),
      },
      { pins: parts.pins, credentials },
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, detail } = error;
    if (code === 'host-key-changed') {
      const { type, fingerprint, pinned } = ChangedKey.parse(detail);
      const text =
        `the host key of ${name} has changed: it shows ${type} ${fingerprint}, pinned is ${pinned.join(', ')}; another machine ` +
        `may answer in its place, and nothing is done there. If it was reinstalled: meshdeck nodes replace ${name}`;
      throw new AppError(code, text, { cause: error, ...(detail ? { detail } : {}) });
    }
    if (error.message.includes(name)) throw error;
    throw new AppError(code, `${name}: ${error.message}`, { cause: error, ...(detail ? { detail } : {}) });
  }
}

/**
 * Tries what may work: the console's key as root, then the target's user with the run's private key, or with the run's password
 * and the keys of the user who runs the console.
 * @throws SecretMissing when only a secret of the run is left and it is not known or wrong; AppError otherwise
 */
export async function loginAnyhow(target: NodeTarget, parts: LoginParts, context: LoginContext): Promise<RootShell> {
  const onPenalty = (text: string) => context.log?.(text, target.name);
  if (parts.consoleKey !== null) {
    try {
      return await loginByKey(target, parts, context.signal, { onPenalty });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  const sudoName = passwordName(target);
  const password = context.secret(sudoName);
  const isByKey = context.plan.secrets.some(({ name }) => name === keyName(target));
  const secretName = isByKey ? keyName(target) : sudoName;
  const credentials = isByKey
    ? givenKey(target, context)
    : { ...parts.own, ...(password === undefined ? {} : { password }) };
  let connection: SshConnection;
  try {
    connection = await connect(target, { ...parts, onPenalty }, credentials, context.signal);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (context.secret(secretName) === undefined) throw new SecretMissing(secretName);
    // The secret may be right, and does not suffice: to ask for it again would lead nowhere.
    if (error.detail?.['login'] !== 'no-way') throw error;
    context.dropSecret(secretName);
    const seconds = error.detail['waitSeconds'];
    const wait =
      typeof seconds === 'number'
        ? `. After refused logins sshd there drops connections for about ${seconds} s (PerSourcePenalties): the next try waits for that`
        : '';
    if (isByKey) throw new SecretMissing(secretName, `${target.name} refuses this key for ${target.user}${wait}`);
    throw new SecretMissing(
      secretName,
      `${target.name} refuses the password of ${target.user}` +
        (target.user === 'root'
          ? ', or root’s login by password altogether (PermitRootLogin in its sshd_config; stock Debian forbids it: use a user with sudo)'
          : '') +
        wait,
    );
  }
  if (target.user === 'root') return new RootShell(connection, { user: 'root', sudo: false });
  try {
    const sudo = await proveSudo(connection, target.user, password, { signal: context.signal, timeoutMs: 20_000 });
    return new RootShell(connection, {
      user: target.user,
      sudo: true,
      sudoPassword: sudo === 'password' ? password : undefined,
    });
  } catch (error) {
    connection.close();
    // Logged in by key, and sudo asks for the password that nobody has typed yet, or typed wrong.
    const why = error instanceof AppError ? error.detail?.['sudo'] : undefined;
    if (why === 'wants-password') throw new SecretMissing(sudoName, `sudo on ${target.name} asks for a password`);
    if (why === 'wrong-password') {
      context.dropSecret(sudoName);
      throw new SecretMissing(sudoName, `sudo on ${target.name} does not take the password of ${target.user}`);
    }
    throw error;
  }
}

/** Only the key that was given: others might use up the tries that sshd allows. Without a key, only what needs no key. */
function givenKey(target: NodeTarget, context: LoginContext): SshCredentials {
  const name = keyName(target);
  const text = context.secret(name);
  if (text === undefined) return { keys: [], unusable: [] };
  const passphrase = context.secret(passphraseName(name)) ?? '';
  const found = findKeyIssue(text, passphrase);
  if (found) {
    context.dropSecret(name);
    throw new SecretMissing(name, `the key for ${target.name} cannot be used: ${found.message}`);
  }
  return {
    keys: [{ path: 'the key given', privateKey: Buffer.from(text), ...(passphrase === '' ? {} : { passphrase }) }],
    unusable: [],
  };
}

function keyCredentials(privateKey: string | null): SshCredentials {
  return {
    keys: privateKey === null ? [] : [{ path: 'the key of the console', privateKey: Buffer.from(privateKey) }],
    unusable: [],
  };
}

/** The node refused the login, as opposed to no connection or another host key. */
function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'refused';
}
