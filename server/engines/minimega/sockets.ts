// Ways to the command sockets of minimegas: on this machine, or through sshd of the node, which connects to its socket for us. Nothing has to be
// installed there for it.
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import * as z from 'zod';
import type { CommandTransport } from '../../../contract/command-client.ts';
import { AppError, describeError } from '../../../contract/errors.ts';
import { connectSocket, duplexTransport, socketTransport } from '../../../host/command-socket.ts';
import type { KeyStore, StoredHost } from '../../ports.ts';
import type { OpenOptions } from '../engine.ts';
import type { NodeRoute, SshRoute } from '../route.ts';
import { SshLinks } from '../ssh-links.ts';

/** What the console keeps about a node that it is attached to, in the facts of its record. */
export const AttachFacts = z.object({ minimega: z.object({ base: z.string().startsWith('/'), context: z.string() }) });
export type AttachFacts = z.infer<typeof AttachFacts>;

export const defaultBase = '/tmp/minimega';

export function attachFactsOf(host: Pick<StoredHost, 'facts'>): AttachFacts['minimega'] {
  const facts = AttachFacts.safeParse(host.facts);
  return facts.success ? facts.data.minimega : { base: defaultBase, context: '' };
}

export interface MinimegaDialer {
  /** @throws AppError that says what is wrong on which node */
  dial(route: NodeRoute, options: OpenOptions): Promise<CommandTransport>;
  /** A connection to a socket below the base folder of the node, such as `3/vnc`. @throws AppError */
  openBelow(route: NodeRoute, path: string, options: OpenOptions): Promise<Duplex>;
  /** A TCP connection from that node to a port of another one. @throws AppError */
  openPort(
    route: NodeRoute,
    at: { readonly host: string; readonly port: number },
    options: OpenOptions,
  ): Promise<Duplex>;
  distrust(routeKey: string): void;
  forget(routeKey: string): void;
  close(): void;
}

export class MinimegaSockets implements MinimegaDialer {
  private readonly links: SshLinks;

  constructor(components: { keys: Pick<KeyStore, 'get'> }) {
    this.links = new SshLinks(components);
  }

  async dial(route: NodeRoute, options: OpenOptions): Promise<CommandTransport> {
    if (route.via === 'socket') return socketTransport(await connectLocal(route.socketPath));
    return duplexTransport(await this.openThere(route, `${attachFactsOf(route.host).base}/minimega`, options));
  }

  openBelow(route: NodeRoute, path: string, options: OpenOptions): Promise<Duplex> {
    if (route.via === 'socket') return connectLocal(route.socketPath.replace(/[^/]*$/, path));
    return this.openThere(route, `${attachFactsOf(route.host).base}/${path}`, options);
  }

  openPort(route: NodeRoute, at: { host: string; port: number }, options: OpenOptions): Promise<Duplex> {
    return route.via === 'ssh' ? this.links.openTunnel(route, at, options) : connectPort(at, options);
  }

  distrust(routeKey: string): void {
    this.links.distrust(routeKey);
  }

  forget(routeKey: string): void {
    this.links.closeRoute(routeKey);
  }

  close(): void {
    this.links.close();
  }

  private async openThere(route: SshRoute, path: string, options: OpenOptions): Promise<Duplex> {
    try {
      return await this.links.openUnixSocket(route, path, options);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unreachable' || !error.message.includes(path)) throw error;
      const { name, user } = route.host;
      throw new AppError(
        'unreachable',
        `${name}: no connection to ${path}: minimega does not run there or has another -base, ${user} may not use its socket, or sshd ` +
          `forbids it (AllowStreamLocalForwarding)`,
        { cause: error },
      );
    }
  }
}

async function connectLocal(path: string) {
  try {
    return await connectSocket(path, { hasTwoEnds: true });
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'failed';
    // The text of host/command-socket is about a meshd.
    const text =
      code === 'unreachable' ? `no minimega answers at ${path}: start it, or name its -base` : describeError(error);
    throw new AppError(code, text, { cause: error });
  }
}

async function connectPort({ host, port }: { host: string; port: number }, options: OpenOptions): Promise<Duplex> {
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.on('error', () => undefined);
  const timer = setTimeout(() => socket.destroy(), options.timeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('close', () => reject(new AppError('unreachable', `${host} does not answer on port ${port}`)));
    });
  } finally {
    clearTimeout(timer);
  }
  return socket;
}
