// Command sockets of meshds: opened by route, greeted before they are used. Owns transport and version check; what is said
// over them is the fleet's.
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandClient, type CommandTransport } from '../../../contract/command-client.ts';
import type { Hello } from '../../../contract/command-socket.ts';
import { AppError, describeError } from '../../../contract/errors.ts';
import { installedTree } from '../../../core/deploy/tree.ts';
import { connectSocket, socketTransport, streamBytes } from '../../../host/command-socket.ts';
import type { KeyStore, StoredHost } from '../../ports.ts';
import type { OpenOptions } from '../engine.ts';
import { describeRoute, type NodeRoute } from '../route.ts';
import { SshLinks } from '../ssh-links.ts';

/** Versions of Hello, Watch and Cancel that the console speaks: N and N-1. */
export const protocol = { min: 1, max: 1 } as const;

export interface OpenSocket {
  readonly client: CommandClient;
  readonly hello: Hello;
}

/** Opens command sockets. The real one is MeshdSockets; tests pass another. */
export interface SocketOpener {
  /** @throws AppError that says what is wrong on which node */
  open(route: NodeRoute, options: OpenOptions): Promise<OpenSocket>;
  /** The node does not answer: what is opened next shall not use a connection that may be dead. */
  distrust(routeKey: string): void;
  /** Ends what is open: the node's login changed. */
  forget(routeKey: string): void;
  close(): void;
}

export interface MeshdSocketsOptions {
  /** The console's own version, for Hello. */
  readonly version: string;
  /** What joins us to a node's command socket, run over SSH; `meshd -relay` where deploy puts it, unless given. */
  readonly relayArgv?: (host: StoredHost) => readonly string[];
}

export class MeshdSockets implements SocketOpener {
  private readonly options: MeshdSocketsOptions;
  private readonly links: SshLinks;

  constructor(options: MeshdSocketsOptions, components: { keys: Pick<KeyStore, 'get'> }) {
    this.options = options;
    this.links = new SshLinks(components);
  }

  async open(route: NodeRoute, options: OpenOptions): Promise<OpenSocket> {
    const endAt = performance.now() + options.timeoutMs;
    const { transport, end } = await this.dial(route, options);
    const client = new CommandClient({ canCancel: true }, { transport });
    const abort = () => client.close();
    options.signal.addEventListener('abort', abort, { once: true });
    try {
      if (options.signal.aborted) throw new AppError('cancelled', 'cancelled');
      const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(endAt - performance.now())));
      const own = {
        Product: 'meshdeck',
        Version: this.options.version,
        ProtocolMin: protocol.min,
        ProtocolMax: protocol.max,
      };
      const hello = await client.hello(own, { deadline });
      assertVersion(route, hello);
      return { client, hello };
    } catch (error) {
      // A relay that has just ended says with what code right after its last byte.
      const said = options.signal.aborted ? null : await end();
      client.close();
      throw withPlace(route, error, said);
    } finally {
      options.signal.removeEventListener('abort', abort);
    }
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

  private async dial(
    route: NodeRoute,
    options: OpenOptions,
  ): Promise<{ transport: CommandTransport; end: () => Promise<RelayEnd | null> }> {
    if (route.via === 'socket') {
      const socket = await connectSocket(route.socketPath, { hasTwoEnds: true });
      return { transport: socketTransport(socket), end: () => Promise.resolve(null) };
    }
    const argv = this.options.relayArgv?.(route.host) ?? relayArgv;
    const opened = await this.links.open(route, argv, options);
    const transport: CommandTransport = {
      write: (text) => opened.write(text),
      bytes: streamBytes(opened.output),
      close: () => {
        opened.close();
      },
      raw: { write: (bytes) => opened.write(bytes), end: () => opened.end() },
    };
    const end = async () => {
      await Promise.race([opened.ended, sleep(relayEndMs, undefined, { ref: false })]);
      return { words: opened.lastWords(), exitCode: opened.exitCode() };
    };
    return { transport, end };
  }
}

/** How a relay ended, or what it has said so far. */
interface RelayEnd {
  readonly words: string;
  readonly exitCode: number | null;
}

/** The command that joins its standard input and output to the node's command socket. */
const relayArgv: readonly string[] = [`${installedTree}/bin/meshd`, '-relay'];
const relayEndMs = 300;

function assertVersion(route: NodeRoute, hello: Hello): void {
  if (hello.ProtocolMin <= protocol.max && hello.ProtocolMax >= protocol.min) return;
  throw new AppError(
    'refused',
    `${describeRoute(route)} runs ${hello.Product} ${hello.Version}, which speaks versions ${hello.ProtocolMin} to ` +
      `${hello.ProtocolMax} of the protocol, and the console ${protocol.min} to ${protocol.max}: upgrade ` +
      (hello.ProtocolMax < protocol.min ? 'meshd there (Deploy)' : 'the console'),
  );
}

/** Names the node, and puts what the relay said in place of "the connection ended". */
function withPlace(route: NodeRoute, error: unknown, end: RelayEnd | null): AppError {
  const code = error instanceof AppError ? error.code : 'failed';
  const text = (end && relayText(end)) || describeError(error);
  const place = describeRoute(route);
  return new AppError(code, text.includes(place) ? text : `${place}: ${text}`, { cause: error });
}

function relayText({ words, exitCode }: RelayEnd): string {
  // sh(1): 127 when a program is not there, 126 when it cannot be started.
  if (exitCode === 127 || exitCode === 126) return 'meshd is not installed there: deploy it';
  return (words.split('\n').at(-1) ?? '').replace(/^meshd: /, '');
}
