// meshd as an engine: its command sockets, and its rows as they come.
import type { Duplex } from 'node:stream';
import type { CommandClient } from '../../../contract/command-client.ts';
import type { Hello } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import type { Kind } from '../../../contract/kinds.ts';
import { describeMissing } from '../../../core/commands/missing.ts';
import { commandTable } from '../../../core/commands/table.ts';
import { streamDuplex } from '../../../host/command-socket.ts';
import type { Capability, ClusterChange, Engine, EngineConnection, RunLineOptions, StreamRequest } from '../engine.ts';
import { describeRoute, type NodeRoute } from '../route.ts';
import { watchChanges } from './changes.ts';
import type { SocketOpener } from './sockets.ts';

export function createMeshdEngine(opener: SocketOpener): Engine {
  return {
    name: 'meshd',
    commandTable,
    lacks: {},
    describeMissing,
    open: async (route, options) => new MeshdConnection(route, await opener.open(route, options)),
    distrust: (routeKey) => {
      opener.distrust(routeKey);
    },
    forget: (routeKey) => {
      opener.forget(routeKey);
    },
    close: () => {
      opener.close();
    },
  };
}

class MeshdConnection implements EngineConnection {
  readonly lacks: Readonly<Partial<Record<Capability, string>>>;
  private readonly route: NodeRoute;
  private readonly client: CommandClient;
  private readonly hello: Hello;

  constructor(route: NodeRoute, { client, hello }: { client: CommandClient; hello: Hello }) {
    this.route = route;
    this.client = client;
    this.hello = hello;
    this.lacks = hello.Features.includes('Stream')
      ? {}
      : { streams: `${describeRoute(route)} runs a meshd that is too old for streams: upgrade it (deploy)` };
  }

  get isClosed(): boolean {
    return this.client.isClosed;
  }

  async *changes(kinds: readonly Kind[]): AsyncGenerator<ClusterChange, void, undefined> {
    if (!this.hello.Features.includes('Watch')) {
      throw new AppError(
        'refused',
        `${describeRoute(this.route)} runs ${this.hello.Product}, which has no Watch: deploy meshd`,
      );
    }
    yield* watchChanges(this.client, this.hello, kinds);
  }

  run(line: string, options: RunLineOptions = {}) {
    return this.client.command(line, options);
  }

  suggest(text: string, options: { readonly deadline: AbortSignal }): Promise<string[]> {
    return this.client.suggest(text, options);
  }

  async stream({ node, service, args }: StreamRequest, options: { readonly deadline: AbortSignal }): Promise<Duplex> {
    if (this.lacks.streams !== undefined) throw new AppError('refused', this.lacks.streams);
    return streamDuplex(await this.client.stream({ Node: node, Service: service, Args: args }, options));
  }

  async greet(options: { readonly deadline: AbortSignal }): Promise<void> {
    await this.client.hello({ Product: 'meshdeck' }, options);
  }

  close(): void {
    this.client.close();
  }
}
