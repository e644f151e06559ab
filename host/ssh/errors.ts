// Turns what ssh2 and the network say into errors for people: what failed, on which host, what to do next.
import { rangeHint } from '../../core/ranges/parse-range.ts';
import { AppError } from '../../contract/errors.ts';
import { fingerprintOf, knownHostName } from './known-hosts.ts';
import type { HostKey } from './known-hosts.ts';
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

/** An error object as ssh2 and node:net throw it. */
interface RawError {
  message: string;
  code?: string;
  level?: string;
}

/**
 * Whether another attempt may help: sshd drops connections unseen above its MaxStartups, before its banner, and refuses them
 * while it reloads its configuration (systemctl reload ssh).
 */
export function isTransientSshError(error: RawError): boolean {
  if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' || error.code === 'EPIPE') return true;
  return /Connection lost before handshake|Connection closed before handshake/i.test(error.message);
}

/** The error for a connection that failed. `tried` lists the ways of logging in that were tried. */
export function describeConnectError(
  error: RawError,
  target: SshTarget,
  local: LocalIdentity,
  tried: readonly string[],
): AppError {
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
  if (error.level === 'client-authentication') {
    const login = `${target.user}@${target.host}`;
    return new AppError(
      'refused',
      `no key of ${local} is accepted by ${login} (tried ${tried.length > 0 ? tried.join(', ') : 'nothing: there is no key'}): ` +
        `step "Passwordless login" of ${guide} is missing; ` +
        `put the public key of ${local} into ~${target.user}/.ssh/authorized_keys on ${target.host}`,
      { cause: error },
    );
  }
  if (isTransientSshError(error)) {
    return unreachable('it closes connections before SSH starts; is sshd overloaded (MaxStartups) or blocking us?');
  }
  return unreachable(`SSH failed: ${error.message}`);
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
