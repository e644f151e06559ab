// What an administrator can set for the console, by flag or environment. Parsed once, here; nothing else reads either.
import { BlockList, isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError, describeError } from '../contract/errors.ts';

export interface Config {
  /** Folder of database, key file and certificates; nobody else may read it. */
  readonly dataPath: string;
  readonly host: string;
  readonly port: number;
  /** Certificate files given by the administrator; null: none, or a self-signed one where TLS is needed. */
  readonly tls: { readonly certificatePath: string; readonly keyPath: string } | null;
  /** More names and addresses by which browsers reach the console, such as the address of a router in front of it. */
  readonly names: readonly string[];
  /** Addresses of reverse proxies whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Command sockets on this machine, all of one mesh. */
  readonly socketPaths: readonly string[];
  /** The same of a minimega. */
  readonly minimegaSocketPaths: readonly string[];
  /** First logins may use the SSH keys and agent of the user who starts the console. */
  readonly usesOwnKeys: boolean;
  /** Next compiles pages as they are asked for. */
  readonly isDevelopment: boolean;
  /** The nodes are real meshds over simulated hosts, and every page says so. */
  readonly isSimulated: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const usage = `usage: npm start -- [options]
  --data <folder>        database, keys and certificates (MESHDECK_DATA, default /var/lib/meshdeck)
  --listen <host:port>   default 127.0.0.1:3000; another address than the loopback is served with TLS only
  --tls-cert <file>      certificate chain in PEM, read again when it changes
  --tls-key <file>       its private key in PEM
  --name <list>          names by which browsers reach the console, such as deck.example.org (MESHDECK_NAME); localhost, this
                         machine's name and the address to listen on are known
  --trust-proxy <list>   addresses or CIDRs of reverse proxies whose X-Forwarded-* or Forwarded headers are believed
  --socket <path>        command socket of a meshd on this machine; again for more nodes of the same mesh
  --minimega <path>      command socket of a minimega on this machine, such as /tmp/minimega/minimega; again for more nodes of
                         the same mesh
  --own-keys             first logins may use your SSH keys and agent too: for every admin of the console
  --level <level>        debug, info, warn or error
  --dev                  compile pages as they are asked for
  --simulated            say on every page that the hosts are simulated`;

/** @throws AppError `invalid`, naming the flag. */
export function parseConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  const { values } = readFlags(argv);
  const { host, port } = parseListen(values.listen ?? environment['MESHDECK_LISTEN'] ?? '127.0.0.1:3000');
  const certificatePath = values['tls-cert'];
  const keyPath = values['tls-key'];
  if ((certificatePath === undefined) !== (keyPath === undefined)) {
    throw new AppError('invalid', '--tls-cert and --tls-key go together: give both files');
  }
  const trustedProxies = listOf(values['trust-proxy'] ?? '');
  proxyList(trustedProxies);
  const logLevel = values.level ?? 'info';
  if (logLevel !== 'debug' && logLevel !== 'info' && logLevel !== 'warn' && logLevel !== 'error') {
    throw new AppError('invalid', `--level ${logLevel}: must be debug, info, warn or error`);
  }
  return {
    dataPath: resolve(values.data ?? environment['MESHDECK_DATA'] ?? '/var/lib/meshdeck'),
    host,
    port,
    tls: certificatePath === undefined || keyPath === undefined ? null : { certificatePath, keyPath },
    names: listOf(values.name ?? environment['MESHDECK_NAME'] ?? '').map(parseName),
    trustedProxies,
    socketPaths: values.socket ?? [],
    minimegaSocketPaths: values.minimega ?? [],
    usesOwnKeys: values['own-keys'] ?? false,
    isDevelopment: values.dev ?? false,
    isSimulated: values.simulated ?? false,
    logLevel,
  };
}

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      options: {
        data: { type: 'string' },
        listen: { type: 'string' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        name: { type: 'string' },
        'trust-proxy': { type: 'string' },
        socket: { type: 'string', multiple: true },
        minimega: { type: 'string', multiple: true },
        'own-keys': { type: 'boolean' },
        level: { type: 'string' },
        dev: { type: 'boolean' },
        simulated: { type: 'boolean' },
      },
    });
  } catch (cause) {
    throw new AppError('invalid', `${describeError(cause)}\n${usage}`, { cause });
  }
}

/** `host:port`, `[v6]:port`, a host or a port alone. Port 0 lets the system choose. */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text);
  const onlyPort = /^\d{1,5}$/.test(text);
  const port = Number(onlyPort ? text : (match?.[3] ?? 3000));
  const host = onlyPort ? '127.0.0.1' : (match?.[1] ?? match?.[2] ?? '');
  if ((!match && !onlyPort) || port > 65_535) {
    throw new AppError('invalid', `--listen ${text}: must be host:port, such as 0.0.0.0:3000 or [::]:3000`);
  }
  return { host: host === '' ? '0.0.0.0' : host, port };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** A host name or address, without port. @throws AppError `invalid` */
function parseName(text: string): string {
  const bare = text.replace(/^\w+:\/\//, '');
  if (/^[^/]*\/./.test(bare)) {
    throw new AppError(
      'invalid',
      `--name ${text}: the console cannot live under a path of another site; give it its own host name (docs/reverse-proxy.md)`,
    );
  }
  const name = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(name) !== 0 || /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i.test(name)) return name.toLowerCase();
  throw new AppError(
    'invalid',
    `--name ${text}: must be a host name without scheme and port, such as deck.example.org`,
  );
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * The loopback is one machine, whichever of its addresses a proxy comes from. @throws AppError `invalid` when the text is
 * neither an address nor a CIDR.
 */
export function proxyList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  const loopback = ['127.0.0.1', '::1'];
  const isLocal = entries.some((entry) => entry === 'localhost' || loopback.includes(entry));
  for (const entry of [...entries.filter((each) => each !== 'localhost'), ...(isLocal ? loopback : [])]) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address);
    const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
    if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) {
      throw new AppError(
        'invalid',
        `--trust-proxy ${entry}: must be an address or a CIDR, such as 10.0.0.5 or 10.0.0.0/24`,
      );
    }
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
