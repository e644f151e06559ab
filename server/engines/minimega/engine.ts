// minimega as an engine: its command sockets, and rows made of what it answers when it is asked.
import type { Duplex } from 'node:stream';
import { CommandClient } from '../../../contract/command-client.ts';
import { AppError, describeError } from '../../../contract/errors.ts';
import type { Kind } from '../../../contract/kinds.ts';
import type {
  Capability,
  ClusterChange,
  Engine,
  EngineConnection,
  MeshIdentity,
  OpenOptions,
  RunLineOptions,
  StreamRequest,
} from '../engine.ts';
import { describeRoute, type NodeRoute } from '../route.ts';
import { consoleTable, MinimegaClient } from './client.ts';
import { ConfigTurns } from './console-lines.ts';
import { emptyPicture, nodeId } from './cluster-picture.ts';
import { askIdentity } from './questions.ts';
import { consoleOf, filtered, screenPortOf, type Console } from './streams.ts';
import { attachFactsOf, type MinimegaDialer } from './sockets.ts';
import { Activity, ClusterPoll, pollTimes, type PollTimes } from './cluster-poll.ts';

const lacks: Readonly<Partial<Record<Capability, string>>> = {
  cancel: 'minimega has no way to cancel a command: the console lets go of it, and it continues there',
  push: 'minimega tells nobody what changes: the console asks again and again',
  probe: 'a probe needs meshd on the nodes, and these run minimega',
  members: 'minimega has no roster: a node is a member while it is in the mesh, and the console starts or ends none',
  uploads: 'minimega takes no images from pages: copy them below -filepath on a node, and `file get` them from there',
  pictures: 'minimega sends no pictures of screens: open the console of a VM',
  rates: 'minimega does not tell what a VM takes each second: `vm top` does once',
  captures:
    'captures of minimega have no limits, and pages do not know them: `capture pcap vm <name> <nic> <file>` in the terminal',
  logs: 'minimega keeps its log where -logfile says, or in the journal of its service; `log level info` in the terminal makes it say more',
  dhcp: 'minimega serves DHCP at an address of the host: `tap create <vlan> ip <address>`, then `dnsmasq start`, in the terminal',
  shutdown:
    'minimega asks no guest to shut down, and resets none: `vm kill` switches it off, and `vm start` boots it again',
  'vlan-owners': 'each minimega gives VLAN numbers on its own, so nobody owns one',
  bridges: 'minimega makes a bridge when it is asked about bridges, so the console does not ask',
};

interface Parts {
  readonly dialer: MinimegaDialer;
  readonly times: PollTimes;
  /** Names that were members, by mesh: minimega forgets them. */
  readonly seen: Map<string, Set<string>>;
  readonly activity: Activity;
  readonly turns: ConfigTurns;
}

export function createMinimegaEngine(dialer: MinimegaDialer, times: PollTimes = pollTimes): Engine {
  const parts: Parts = { dialer, times, seen: new Map(), activity: new Activity(), turns: new ConfigTurns() };
  return {
    name: 'minimega',
    commandTable: consoleTable,
    lacks,
    describeMissing: null,
    open: (route, options) => MinimegaConnection.open(route, options, parts),
    distrust: (routeKey) => {
      dialer.distrust(routeKey);
    },
    forget: (routeKey) => {
      dialer.forget(routeKey);
    },
    close: () => {
      dialer.close();
    },
  };
}

class MinimegaConnection implements EngineConnection {
  readonly lacks = lacks;
  private readonly route: NodeRoute;
  private readonly client: MinimegaClient;
  private readonly identity: MeshIdentity;
  private readonly self: string;
  private readonly parts: Parts;
  private watch: ClusterPoll | null = null;

  private constructor(
    options: { route: NodeRoute; identity: MeshIdentity; self: string },
    components: { client: MinimegaClient; parts: Parts },
  ) {
    this.route = options.route;
    this.identity = options.identity;
    this.self = options.self;
    this.client = components.client;
    this.parts = components.parts;
  }

  static async open(route: NodeRoute, options: OpenOptions, parts: Parts): Promise<MinimegaConnection> {
    const endAt = performance.now() + options.timeoutMs;
    const transport = await parts.dialer.dial(route, options);
    const client = new MinimegaClient(
      { place: describeRoute(route) },
      { client: new CommandClient({ canCancel: false }, { transport }), turns: parts.turns },
    );
    const abort = () => client.close();
    options.signal.addEventListener('abort', abort, { once: true });
    try {
      if (options.signal.aborted) throw new AppError('cancelled', 'cancelled');
      const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(endAt - performance.now())));
      const { name, context } = await askIdentity(client, deadline);
      assertContext(route, context);
      const mesh = meshOf(route, context);
      const identity = { mesh, context, self: nodeId(mesh, name) };
      return new MinimegaConnection({ route, identity, self: name }, { client, parts });
    } catch (error) {
      client.close();
      const code = error instanceof AppError ? error.code : 'failed';
      const text = describeError(error);
      const place = describeRoute(route);
      throw new AppError(code, text.includes(place) ? text : `${place}: ${text}`, { cause: error });
    } finally {
      options.signal.removeEventListener('abort', abort);
    }
  }

  get isClosed(): boolean {
    return this.client.isClosed;
  }

  async *changes(kinds: readonly Kind[]): AsyncGenerator<ClusterChange, void, undefined> {
    const { parts, identity, route, self } = this;
    const seen = parts.seen.get(identity.mesh) ?? new Set<string>();
    parts.seen.set(identity.mesh, seen);
    const watch = new ClusterPoll(
      { times: parts.times, identity, kinds },
      {
        near: this.client,
        picture: emptyPicture(identity.mesh, self, seen),
        openFar: async () => {
          const options = { timeoutMs: openFarMs, signal: new AbortController().signal };
          const { client } = await MinimegaConnection.open(route, options, parts);
          return client;
        },
      },
    );
    this.watch = watch;
    try {
      yield* watch.changes(parts.activity);
    } finally {
      this.client.close();
    }
  }

  async *run(line: string, options: RunLineOptions = {}) {
    try {
      yield* this.client.run(line, options);
    } finally {
      this.parts.activity.note();
    }
  }

  suggest(text: string, options: { readonly deadline: AbortSignal }): Promise<string[]> {
    return this.client.suggest(text, options);
  }

  async stream(request: StreamRequest, { deadline }: { readonly deadline: AbortSignal }): Promise<Duplex> {
    const opened = consoleOf(request);
    const socket = await this.openConsole(opened, request.node, { timeoutMs: openStreamMs, signal: deadline });
    // The connection stays free of lines while there is a stream, as with other engines.
    this.client.close();
    return filtered(socket, opened.filter);
  }

  /** On this node its socket; on another one the port that minimega opens for screens, from here. @throws AppError `refused` */
  private async openConsole({ vm, isScreen, path }: Console, node: string, options: OpenOptions): Promise<Duplex> {
    const place = describeRoute(this.route);
    if (node !== '' && !isScreen) {
      const text = `a serial port of ${node} is reached on that node only: attach the cluster to it too (Attach to minimega)`;
      throw new AppError('refused', text);
    }
    try {
      if (node === '') return await this.parts.dialer.openBelow(this.route, path, options);
      const port = await screenPortOf(this.client, node, vm);
      return await this.parts.dialer.openPort(this.route, { host: node, port }, options);
    } catch (error) {
      if (error instanceof AppError && error.code === 'refused') throw error;
      const text = `${node || place}: the VM has no console at ${node === '' ? path : 'its port'} now: it has to run`;
      throw new AppError('refused', text, { cause: error });
    }
  }

  async greet({ deadline }: { readonly deadline: AbortSignal }): Promise<void> {
    await this.client.ask('version', { deadline });
  }

  close(): void {
    this.client.close();
    this.watch?.end();
  }
}

const openFarMs = 20_000;
const openStreamMs = 10_000;

/** minimega's mesh has no id. A node that was attached to is of the cluster that it was added to; a socket here is one by its context. */
function meshOf(route: NodeRoute, context: string): string {
  if (route.via === 'ssh' && route.host.cluster !== '') return route.host.cluster;
  return `minimega.${encodeURIComponent(context)}`;
}

function assertContext(route: NodeRoute, context: string): void {
  const expected = route.via === 'ssh' ? attachFactsOf(route.host).context : '';
  if (expected === '' || expected === context) return;
  throw new AppError(
    'refused',
    `${describeRoute(route)} runs a minimega of the context ${context}, and the cluster is of ${expected}: remove the node here, or start it with -context ${expected}`,
  );
}
