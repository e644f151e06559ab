// Which console meshdeck talks to: one whose certificate this machine's CAs vouch for, or one with a pinned SHA-256 fingerprint,
// as the console prints it beside its link. meshdeck sends no token to a certificate that nobody has looked at.
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { AppError, describeError } from '../contract/errors.ts';
import { writeFileAtomic } from '../host/files.ts';

export interface TrustOptions {
  /** Given with the command; empty: none. */
  readonly fingerprint: string;
  /** Pins of this user, a line each: `host:port SHA-256`. */
  readonly pinsPath: string;
  /** Asks a person; null when nobody can be asked. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
}

const lookTimeoutMs = 10_000;

/** The file with a user's pins. */
export function pinsPathOf(environment: Readonly<Record<string, string | undefined>>): string {
  return join(environment['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'meshdeck', 'known-consoles');
}

/**
 * What to connect with; undefined for a console on this machine without TLS.
 * @throws AppError `invalid`, `unreachable`, `host-key-changed`, `host-key-unknown` when a person has to look at it first
 */
export async function trustConsole(url: string, options: TrustOptions): Promise<Agent | undefined> {
  const { protocol, hostname, host, port } = parseUrl(url);
  if (protocol === 'http:') {
    if (/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return undefined;
    throw new AppError('invalid', `${url} would send the token in the clear: use https`);
  }
  const seen = await look({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) });
  const name = port === '' ? `${host}:443` : host;
  const given = plain(options.fingerprint);
  const pinned = given === '' ? ((await readPins(options.pinsPath)).get(name) ?? '') : given;
  const shown = plain(seen.fingerprint);
  if (pinned === '') {
    // Vouched for by a CA, under this very name.
    if (seen.error === '') return new Agent({});
    await assertLookedAt(url, seen, options.ask);
    const pins = (await readPins(options.pinsPath)).set(name, shown);
    await writeFileAtomic(options.pinsPath, [...pins].map((pin) => `${pin.join(' ')}\n`).join(''));
  } else if (pinned !== shown) {
    throw new AppError(
      'host-key-changed',
      `${url} shows another certificate: ${seen.fingerprint}, ${given === '' ? `pinned in ${options.pinsPath}` : 'given'} is ` +
        `${colons(pinned)}. If the console has a new one, compare it with what it prints at its start, and ` +
        (given === '' ? 'take its line out of that file' : 'give that'),
    );
  }
  return new Agent({
    // The certificate itself is the anchor: it needs no CA, and no other certificate will do.
    ca: seen.pem,
    allowPartialTrustChain: true,
    checkServerIdentity: (_host, certificate) =>
      plain(certificate.fingerprint256) === shown ? undefined : new Error('the certificate changed in between'),
  });
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol === 'https:' || parsed?.protocol === 'http:') return parsed;
  throw new AppError('invalid', `--console ${url}: must be an address such as https://console.example.org:3000`);
}

async function assertLookedAt(url: string, seen: Seen, ask: TrustOptions['ask']): Promise<void> {
  const text = `${url} shows a certificate that no CA of this machine vouches for (${seen.error}): SHA-256 ${seen.fingerprint}`;
  if (ask === null) {
    throw new AppError(
      'host-key-unknown',
      `${text}. Compare it with what the console printed at its start, then give --console-fingerprint`,
    );
  }
  if (!(await ask(`${text}\nIs it what the console printed at its start? It is pinned then.`))) {
    throw new AppError('host-key-unknown', 'not pinned: nothing was sent');
  }
}

interface Seen {
  readonly fingerprint: string;
  readonly pem: string;
  /** Why this machine's CAs do not vouch for it; empty when they do. */
  readonly error: string;
}

/** A handshake, and nothing sent. */
function look(target: { host: string; port: number }): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      socket.destroy();
      const text = `${target.host}:${target.port} does not answer with TLS: ${describeError(cause)}`;
      reject(new AppError('unreachable', text, { cause }));
    };
    const socket = connect({
      ...target,
      servername: isName(target.host) ? target.host : '',
      rejectUnauthorized: false,
    });
    socket.setTimeout(lookTimeoutMs, () => fail(`no handshake within ${lookTimeoutMs / 1000} s`));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      const certificate: PeerCertificate = socket.getPeerCertificate();
      // The types say Error; it is the code, as text.
      const error = socket.authorized ? '' : String(socket.authorizationError);
      socket.destroy();
      resolve({
        fingerprint: certificate.fingerprint256,
        pem: `-----BEGIN CERTIFICATE-----\n${certificate.raw.toString('base64')}\n-----END CERTIFICATE-----\n`,
        error,
      });
    });
  });
}

/** SNI takes names only. */
function isName(host: string): boolean {
  return !/^[\d.]+$|:/.test(host);
}

async function readPins(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new AppError('invalid', `cannot read the pinned consoles: ${describeError(error)}`, { cause: error });
  });
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return new Map(lines.flatMap(([name = '', pin = '']) => (pin === '' ? [] : [[name, plain(pin)] as const])));
}

/** Without colons, as hex digits: `AB:CD` and `abcd` are the same. */
function plain(fingerprint: string): string {
  return fingerprint
    .replace(/^sha-?256:?/i, '')
    .replaceAll(':', '')
    .toLowerCase();
}

function colons(fingerprint: string): string {
  return (fingerprint.match(/../g) ?? []).join(':').toUpperCase();
}
