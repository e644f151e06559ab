// Turns what ssh2 and the network say into errors for people: what failed, on which host, what to do next.
import { rangeHint } from '../../core/ranges/parse-range.ts';
import { AppError } from '../../contract/errors.ts';
import { fingerprintOf, knownHostName } from './known-hosts.ts';
import type { HostKey } from './known-hosts.ts';
import type { LoginTale } from './login-ways.ts';
import { hasPenalties, penaltySecondsOf } from './penalties.ts';
import { quoteArgv } from './quote.ts';
import type { PinnedHost, PinVerdict } from './pins.ts';

export interface SshTarget {
  /** Name or address, as typed. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** Who connects, for messages: `root@node1`. */
export type LocalIdentity = string;

const guide = 'the guide "Running minimega on a cluster"';

/** An error object as ssh2 and node:net throw it, with what connection.ts knows of the connection. */
export interface ConnectFailure extends Error {
  /** A string of node:net, or the number with which the other side ended the connection (RFC 4253, 11.1). */
  code?: string | number;
  level?: string;
  /** The key exchange was over: it ended during the login. */
  isEncrypted?: boolean;
  /** How the other side named itself; empty when it ended before that. */
  identification?: string;
  /** What it said in place of its name. */
  said?: string;
  tale?: LoginTale;
  /** Logins that it refused in the last minute. */
  refusals?: number;
}

/** RFC 4253, 11.1. OpenSSH ends a connection above its MaxAuthTries with a protocol error. */
const disconnectCodes = { protocolError: 2, tooManyConnections: 12, noMoreAuthMethods: 14 };

/** Whether sshd refused the login, as opposed to the connection. */
export function isLoginRefusal({ level, code, isEncrypted }: ConnectFailure): boolean {
  if (level === 'client-authentication') return true;
  return isEncrypted === true && (code === disconnectCodes.protocolError || code === disconnectCodes.noMoreAuthMethods);
}

/** The level of our error where the other side closes the connection, beside those of ssh2. */
export const closedLevel = 'closed';

/**
 * Whether it ended before SSH began: sshd drops connections so above its MaxStartups, and as a penalty. ssh2 then reports its
 * level `protocol` before the other side has named itself.
 */
export function isDropped({ level, code, isEncrypted, identification }: ConnectFailure): boolean {
  if (isEncrypted === true) return false;
  if (code === 'ECONNRESET' || code === 'EPIPE' || level === closedLevel) return true;
  return level === 'protocol' && identification === '';
}

/** Whether another attempt may help: sshd drops connections for a while, and refuses them while it reloads its configuration. */
export function isTransientSshError(error: ConnectFailure): boolean {
  return error.code === 'ECONNREFUSED' || error.code === disconnectCodes.tooManyConnections || isDropped(error);
}

/** The error for a connection that failed. */
export function describeConnectError(error: ConnectFailure, target: SshTarget, local: LocalIdentity): AppError {
  const place = target.port === 22 ? target.host : `${target.host} port ${target.port}`;
  const unreachable = (text: string) => new AppError('unreachable', `${place}: ${text}`, { cause: error });
  switch (error.code) {
    case 'ECONNREFUSED':
      return unreachable('it refuses SSH connections; is sshd installed and running there?');
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return unreachable('no route to it; is it powered on and on this network?');
    case 'ENOTFOUND':
      return unreachable(
        `its name does not resolve on ${hostOf(local)}; add it to DNS or /etc/hosts (step "On node names" of ${guide})${rangeHint(target.host)}`,
      );
    case 'EAI_AGAIN':
      return unreachable(`the name servers of ${hostOf(local)} do not answer; check /etc/resolv.conf`);
    case 'ETIMEDOUT':
      return unreachable('no answer to SSH connections; is it powered on, and is port 22 open in its firewall?');
    default:
  }
  if (isLoginRefusal(error)) return describeRefusal(error, target, local);
  const said = error.said ? ` (it said ${JSON.stringify(error.said)})` : '';
  if (isDropped(error) && error.refusals) {
    const logins = error.refusals === 1 ? 'a login' : `${error.refusals} logins`;
    return unreachable(
      `it drops connections from here${said} since it refused ${logins}; OpenSSH 9.8 and newer do so for 15 s and up to ` +
        '10 minutes (PerSourcePenalties): wait, then retry',
    );
  }
  if (isTransientSshError(error)) {
    return unreachable(
      `it closes connections before SSH starts${said}; is sshd overloaded (MaxStartups) or blocking us?`,
    );
  }
  if (error.isEncrypted === true) return unreachable(`sshd ended the connection during the login (${error.message})`);
  return unreachable(`SSH failed: ${error.message}`);
}

/**
 * `refused`, with a detail `login` that says why: `second-factor` (a way was accepted and does not suffice), `question` (sshd
 * asks something that we do not answer), or `no-way`. With a detail `waitSeconds` where sshd may drop the next connections.
 */
function describeRefusal(error: ConnectFailure, target: SshTarget, local: LocalIdentity): AppError {
  const login = `${target.user}@${target.host}`;
  const { tried = [], accepted = [], wants = [], asks = '', isPasswordRefused = false } = error.tale ?? {};
  const refused = (why: 'second-factor' | 'question' | 'no-way', text: string) => {
    const waitSeconds = hasPenalties(error.identification ?? '') ? penaltySecondsOf(error.refusals ?? 1) : null;
    const wait =
      waitSeconds === null
        ? ''
        : `. Wait ${waitSeconds} s before the next try: this sshd drops connections after refused logins (PerSourcePenalties)`;
    return new AppError('refused', text + wait, {
      cause: error,
      detail: { login: why, ...(waitSeconds === null ? {} : { waitSeconds }) },
    });
  };
  const question = asks === '' ? '' : `: it asks ${JSON.stringify(asks)}`;
  const alone = `let ${target.user} log in there without that (AuthenticationMethods in its sshd_config, PAM's file for sshd)`;
  if (accepted.length > 0) {
    const factors = wants.length > 0 ? wants.join(' or ') : 'which one it does not say';
    return refused(
      'second-factor',
      `${login} accepts ${accepted.join(' and ')}, but sshd there wants another factor too (${factors})${question}. ` +
        `Meshdeck has none: ${alone}, or use another user`,
    );
  }
  if (asks !== '' && !isPasswordRefused) {
    return refused(
      'question',
      `${login} asks for something other than the password${question}. Meshdeck answers only a hidden question for the ` +
        `password: ${alone}, or use another user`,
    );
  }
  const ended =
    error.level === 'client-authentication' ? '' : `; sshd ended the login with ${JSON.stringify(error.message)}`;
  return refused(
    'no-way',
    `no key of ${local} is accepted by ${login} (tried ${tried.length > 0 ? tried.join(', ') : 'nothing: there is no key'}${ended}${question}): ` +
      `step "Passwordless login" of ${guide} is missing; ` +
      `put the public key of ${local} into ~${target.user}/.ssh/authorized_keys on ${target.host}`,
  );
}

function hostOf(local: LocalIdentity): string {
  return local.slice(local.indexOf('@') + 1);
}

/** The error for a host key that is not the pinned one. `detail` has host, type, fingerprint and the pinned fingerprints. */
export function describeHostKeyError(
  verdict: Exclude<PinVerdict, 'pinned'>,
  target: SshTarget,
  shown: HostKey,
  entries: readonly PinnedHost[],
): AppError {
  const fingerprint = fingerprintOf(shown.key);
  const pinned = entries.filter((entry) => !entry.revoked).map((entry) => `${entry.type} ${fingerprintOf(entry.key)}`);
  const detail = { host: target.host, port: target.port, type: shown.type, fingerprint, pinned };
  switch (verdict) {
    case 'unknown':
      return new AppError(
        'host-key-unknown',
        `the host key of ${target.host} is not known: ${shown.type} ${fingerprint}; compare it with ` +
          `"ssh-keygen -lf" on ${target.host} itself, then pin it: deploy hostkeys accept ${target.host} ${fingerprint}`,
        { detail },
      );
    case 'changed':
      return new AppError(
        'host-key-changed',
        `the host key of ${target.host} has changed: it shows ${shown.type} ${fingerprint}, pinned is ${pinned.join(', ')}; ` +
          `another machine may answer in its place. If it was reinstalled, remove the old key (${describeRemoval(target, entries)}) ` +
          `and pin the new one: deploy hostkeys accept ${target.host} ${fingerprint}`,
        { detail },
      );
    case 'revoked':
      return new AppError(
        'host-key-changed',
        `the host key of ${target.host} is marked @revoked in known_hosts: ${shown.type} ${fingerprint}`,
        { detail },
      );
  }
}

/** The commands that take a host out of each file that pins it. */
export function describeRemoval(target: Omit<SshTarget, 'user'>, entries: readonly PinnedHost[]): string {
  const files = [...new Set(entries.filter((entry) => !entry.revoked).map((entry) => entry.file))];
  const name = knownHostName(target.host, target.port);
  return files.map((file) => `ssh-keygen -f ${file} -R ${quoteArgv([name])}`).join('; ');
}
