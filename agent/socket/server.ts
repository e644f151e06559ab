// The command socket's server: claims the path, accepts clients, ends them all when the daemon ends.
import { createServer, type Server } from 'node:net';
import type { Hello } from '../../contract/command-socket.ts';
import { claimSocket, type ClaimedSocket } from './claim.ts';
import { Connection, type ConnectionComponents } from './connection.ts';

/** Versions of the extensions Hello, Watch and Cancel that this daemon speaks. */
export const protocolMin = 1;
export const protocolMax = 1;

export interface CommandSocketOptions {
  readonly base: string;
  /** This host's name, for error entries. */
  readonly host: string;
  readonly version: string;
}

export class CommandSocket {
  /** Where clients connect: `<base>/meshd`. */
  readonly path: string;
  private readonly server: Server;
  private readonly claimed: ClaimedSocket;
  private readonly connections: Set<{ close(): void }>;

  private constructor(server: Server, claimed: ClaimedSocket, connections: Set<{ close(): void }>) {
    this.server = server;
    this.claimed = claimed;
    this.connections = connections;
    this.path = claimed.path;
  }

  /**
   * Claims the base first, so that a second daemon changes nothing; clients that connect before `ready` settles wait.
   * @throws AppError when another daemon has the base, or the base cannot be used.
   */
  static async listen(
    options: CommandSocketOptions,
    ready: Promise<ConnectionComponents>,
    onBug: (error: unknown) => void,
  ): Promise<CommandSocket> {
    const hello: Hello = {
      Product: 'meshd',
      Version: options.version,
      ProtocolMin: protocolMin,
      ProtocolMax: protocolMax,
      Features: ['Watch', 'Cancel', 'Stream'],
    };
    const connections = new Set<{ close(): void }>();
    // allowHalfOpen: a client may end its side and still wait for its answer.
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const waiting = { close: () => socket.destroy() };
      connections.add(waiting);
      socket.on('error', () => undefined);
      void ready.then(
        (components) => {
          connections.delete(waiting);
          if (socket.destroyed) return;
          const connection = new Connection(socket, { host: options.host, hello }, components);
          connections.add(connection);
          socket.on('close', () => connections.delete(connection));
        },
        // The daemon did not start: end the waiting clients instead of leaving them to hang.
        () => socket.destroy(),
      );
    });
    const claimed = await claimSocket(server, options.base);
    server.on('error', onBug);
    return new CommandSocket(server, claimed, connections);
  }

  /** Stops listening, removes the path, ends all connections; resolves when the last one is closed. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    await this.claimed.release();
    for (const connection of this.connections) connection.close();
    await closed;
  }
}
