// Learns a host's keys without logging in: the key exchange shows them, and we hang up before authenticating.
import { connect, Socket } from 'node:net';
import ssh2 from 'ssh2';
import { AppError } from '../../contract/errors.ts';
import { closedLevel, describeConnectError, isTransientSshError } from './errors.ts';
import type { ConnectFailure, LocalIdentity, SshTarget } from './errors.ts';
import { readIdentification } from './identification.ts';
import { hostKeyType } from './known-hosts.ts';
import type { HostKey } from './known-hosts.ts';
import { placeOf, refusedLogins } from './penalties.ts';
import { hostKeyAlgorithms, hostKeyTypes } from './pins.ts';

export interface HostKeyScan {
  /** The address that was dialled. */
  readonly address: string;
  /** One key per type that the host offers, in our order of preference. */
  readonly keys: readonly HostKey[];
}

/**
 * All host keys of a host, one connection per key type.
 * @throws AppError `unreachable` or `timeout` when the host cannot be asked, `failed` when it offers no type we know.
 */
export async function scanHostKeys(
  target: Omit<SshTarget, 'user'>,
  options: { readonly local: LocalIdentity; readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<HostKeyScan> {
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  const keys: HostKey[] = [];
  let address = target.host;
  // One after the other: sshd counts unauthenticated connections (MaxStartups, PerSourceMaxStartups).
  for (const type of hostKeyTypes) {
    const shown = await scanOne(target, type, options, deadline);
    if (shown === null) continue;
    address = shown.address;
    keys.push(shown.key);
  }
  if (keys.length === 0) {
    throw new AppError('failed', `${target.host} offers no host key of a type we verify (${hostKeyTypes.join(', ')})`);
  }
  return { address, keys };
}

/** ssh2 1.17, protocol/kex.js: the level `handshake` is that of every failed key exchange, and there is no code. */
const noSuchKey = 'Handshake failed: no matching host key format';

async function scanOne(
  target: Omit<SshTarget, 'user'>,
  type: string,
  options: { readonly local: LocalIdentity; readonly signal?: AbortSignal },
  deadline: number,
): Promise<{ address: string; key: HostKey } | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await shownKey(target, type, options.signal, deadline);
    } catch (error) {
      if (error instanceof AppError) throw error;
      const failure = error as ConnectFailure;
      if (failure.level === 'handshake' && failure.message === noSuchKey) return null;
      if (attempt >= 3 || !isTransientSshError(failure)) {
        failure.refusals = refusedLogins.count(placeOf(target), performance.now());
        throw describeConnectError(failure, { ...target, user: 'root' }, options.local);
      }
      await new Promise((resolve) => setTimeout(resolve, 250 * attempt));
    }
  }
}

function shownKey(
  target: Omit<SshTarget, 'user'>,
  type: string,
  signal: AbortSignal | undefined,
  deadline: number,
): Promise<{ address: string; key: HostKey }> {
  const socket = new Socket();
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      client.removeAllListeners();
      client.on('error', () => undefined);
      socket.removeAllListeners('error').on('error', () => undefined);
      socket.destroy();
      finish();
    };
    const fail = (error: Error) => settle(() => reject(error));
    const timer = setTimeout(
      () => fail(new AppError('timeout', `${target.host}: shows no SSH host key in time; is it powered on?`)),
      Math.max(1, deadline - performance.now()),
    );
    const onAbort = () => fail(new AppError('cancelled', `${target.host}: reading its host keys was cancelled`));
    if (signal?.aborted) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    const server = readIdentification(socket);
    const failWith = (error: Error) =>
      fail(Object.assign(error, { identification: server.identification, said: server.said }));
    client.on('error', failWith);
    client.on('close', () => failWith(Object.assign(new Error('it was closed'), { level: closedLevel })));
    socket.on('error', fail);
    socket.connect({ host: target.host, port: target.port }, () => {
      socket.setNoDelay(true);
      socket.removeListener('error', fail);
      const address = (socket.remoteAddress ?? target.host).replace(/^::ffff:/, '');
      client.connect({
        sock: socket,
        username: 'root',
        readyTimeout: 0,
        // Asking for one type at a time makes the host show that key or say that it has none.
        algorithms: {
          serverHostKey: hostKeyAlgorithms([type]).slice(
            0,
            type === 'ssh-rsa' ? 2 : 1,
          ) as ssh2.ServerHostKeyAlgorithm[],
        },
        hostVerifier: (key: Buffer) => {
          settle(() => resolve({ address, key: { type: hostKeyType(key) ?? type, key } }));
          return false;
        },
        authHandler: [],
      });
    });
  });
}

/** Whether anything accepts a connection there. It sends nothing, and throws only when cancelled. */
export async function answersOn(
  { host, port }: { readonly host: string; readonly port: number },
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  signal.throwIfAborted();
  const socket = connect({ host, port, signal });
  // The look-up of a name counts too: a time-out of the socket would begin after it.
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  try {
    return await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
    });
  } finally {
    clearTimeout(timer);
    socket.destroy();
    signal.throwIfAborted();
  }
}
