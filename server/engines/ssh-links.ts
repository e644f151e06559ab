// SSH connections to nodes, shared by all that speaks with a node's command socket. sshd allows ten sessions on one
// connection (sshd_config(5), MaxSessions), so a busy node gets a second one; where sshd allows fewer, the connection itself
// makes further ones.
//
// INVARIANTS: a connection without streams is closed after a while; after `close` none is left.
import type { Duplex } from 'node:stream';
import { AppError } from '../../contract/errors.ts';
import { describeSudo, sudoUnasked } from '../../host/as-root.ts';
import { NotStarted } from '../../host/runner.ts';
import { SshConnection, type SshStream } from '../../host/ssh/connection.ts';
import type { KeyStore, StoredHost } from '../ports.ts';
import { raceStaggered } from './race.ts';
import { inConsoleWords, pinsOfHost, type SshRoute } from './route.ts';

/** Streams per connection: two below sshd's default, for servers that count differently. */
const maxStreams = 8;
/** How long a connection waits for its next stream. */
const idleMs = 30_000;
/** Between the addresses of one node: less than a dead address costs, more than a living one needs. */
const addressStaggerMs = 400;

interface Link {
  readonly connection: SshConnection;
  streams: number;
  idle: NodeJS.Timeout | null;
}

export class SshLinks {
  private readonly keys: Pick<KeyStore, 'get'>;
  /** Those that may get another stream, by route. */
  private readonly links = new Map<string, Link[]>();
  private readonly connections = new Set<SshConnection>();
  private isClosed = false;

  constructor(components: { keys: Pick<KeyStore, 'get'> }) {
    this.keys = components.keys;
  }

  /** Runs argv on the node and hands over its input and output. @throws AppError, saying what is missing */
  async open(
    route: SshRoute,
    argv: readonly string[],
    options: { timeoutMs: number; connectTimeoutMs?: number; signal: AbortSignal },
  ): Promise<SshStream> {
    const { name, user, needsSudo } = route.host;
    try {
      return await this.onLink(route, options, async (link, timeoutMs) => {
        const opened = await link.connection.open(argv, { timeoutMs, ...(needsSudo ? { through: sudoUnasked } : {}) });
        return { opened, ended: opened.ended };
      });
    } catch (error) {
      throw error instanceof NotStarted ? describeSudo(error, { where: name }, user, false) : error;
    }
  }

  /** A connection to a Unix socket of the node, as the user who logs in. @throws AppError, saying what is missing */
  openUnixSocket(
    route: SshRoute,
    path: string,
    options: { timeoutMs: number; connectTimeoutMs?: number; signal: AbortSignal },
  ): Promise<Duplex> {
    return this.onLink(route, options, async (link, timeoutMs) => {
      const opened = await link.connection.openUnixSocket(path, timeoutMs);
      opened.on('error', () => undefined);
      return { opened, ended: new Promise<void>((resolve) => opened.once('close', resolve)) };
    });
  }

  /** A TCP connection from the node to somewhere else. @throws AppError */
  openTunnel(
    route: SshRoute,
    { host, port }: { readonly host: string; readonly port: number },
    options: { timeoutMs: number; connectTimeoutMs?: number; signal: AbortSignal },
  ): Promise<Duplex> {
    return this.onLink(route, options, async (link, timeoutMs) => {
      const opened = await link.connection.openTunnel(host, port, timeoutMs);
      opened.on('error', () => undefined);
      return { opened, ended: new Promise<void>((resolve) => opened.once('close', resolve)) };
    });
  }

  /** What `open` opens counts as a stream of its connection until it has ended. */
  private async onLink<Opened>(
    route: SshRoute,
    options: { timeoutMs: number; connectTimeoutMs?: number; signal: AbortSignal },
    open: (link: Link, timeoutMs: number) => Promise<{ opened: Opened; ended: Promise<void> }>,
  ): Promise<Opened> {
    const endAt = performance.now() + options.timeoutMs;
    const link =
      this.freeLink(route) ??
      (await this.connect(route, { ...options, timeoutMs: options.connectTimeoutMs ?? options.timeoutMs }));
    this.take(link);
    try {
      const { opened, ended } = await open(link, Math.max(1, endAt - performance.now()));
      void ended.then(() => {
        this.release(route.key, link);
      });
      return opened;
    } catch (error) {
      this.release(route.key, link);
      // Whatever is wrong with it, the next one who asks shall not find it.
      this.drop(route.key, link);
      throw error;
    }
  }

  close(): void {
    this.isClosed = true;
    for (const key of [...this.links.keys()]) this.distrust(key);
    for (const connection of [...this.connections]) connection.close();
  }

  /** The node does not answer: the next stream takes a new connection, and open streams end on their own. */
  distrust(key: string): void {
    for (const link of [...(this.links.get(key) ?? [])]) this.drop(key, link);
  }

  /** Ends all connections to a node: its login or its pins changed. */
  closeRoute(key: string): void {
    for (const link of this.links.get(key) ?? []) link.connection.close();
    this.links.delete(key);
  }

  private freeLink(route: SshRoute): Link | undefined {
    return this.links.get(route.key)?.find((link) => link.streams < maxStreams);
  }

  private async connect(route: SshRoute, options: { timeoutMs: number; signal: AbortSignal }): Promise<Link> {
    const { host } = route;
    const credentials = await this.credentialsOf(host);
    const addresses = host.addresses.length > 0 ? host.addresses : [host.name];
    let connection: SshConnection;
    try {
      connection = await raceStaggered(
        addresses,
        (address, signal) =>
          SshConnection.connect(
            {
              target: { host: address, port: host.port, user: host.user },
              local: 'the console',
              timeoutMs: options.timeoutMs,
              signal,
              where: host.name,
            },
            { pins: pinsOfHost(host), credentials },
          ),
        { staggerMs: addressStaggerMs, signal: options.signal, discard: (late) => late.close() },
      );
    } catch (error) {
      throw inConsoleWords(error, host);
    }
    if (this.isClosed) {
      connection.close();
      throw new AppError('cancelled', 'the console is stopping');
    }
    const link: Link = { connection, streams: 0, idle: null };
    const links = this.links.get(route.key) ?? [];
    this.links.set(route.key, links);
    links.push(link);
    this.connections.add(connection);
    connection.onLost(() => {
      this.connections.delete(connection);
      this.forget(route.key, link);
    });
    return link;
  }

  private async credentialsOf(host: StoredHost) {
    const key = host.keyId === null ? null : await this.keys.get(host.keyId);
    if (!key) {
      throw new AppError(
        'refused',
        `the console has no key for ${host.name}: add the node again, which makes and installs one`,
      );
    }
    const file = { path: `the console's key ${key.label}`, privateKey: Buffer.from(key.privateKey) };
    return { keys: [file], unusable: [] };
  }

  private take(link: Link): void {
    link.streams += 1;
    if (link.idle) clearTimeout(link.idle);
    link.idle = null;
  }

  private release(key: string, link: Link): void {
    link.streams -= 1;
    if (link.streams > 0) return;
    if (!this.links.get(key)?.includes(link)) {
      link.connection.close();
      return;
    }
    link.idle = setTimeout(() => {
      this.drop(key, link);
    }, idleMs);
    link.idle.unref();
  }

  /** No new streams on it; it is closed when the last one ends. */
  private drop(key: string, link: Link): void {
    this.forget(key, link);
    if (link.streams <= 0) link.connection.close();
  }

  private forget(key: string, link: Link): void {
    if (link.idle) clearTimeout(link.idle);
    const links = this.links.get(key)?.filter((each) => each !== link) ?? [];
    if (links.length > 0) this.links.set(key, links);
    else this.links.delete(key);
  }
}
