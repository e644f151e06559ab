// One OpenFlow connection to each bridge that has ports of VMs, over its management socket. ovs-vswitchd's database does not say
// whether ovs-vswitchd runs; these sockets close with it. They also carry the copies of guests' frames that neighbours.ts asks for.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import {
  encodeCountFlows,
  encodeListFlows,
  encodeMessage,
  encodeSetConfig,
  messageTypes,
  OpenFlowReader,
  parseError,
  parseFlowCount,
  parseFlows,
  parsePacketIn,
  probeCookie,
  type BridgeFlow,
  type OpenFlowMessage,
  type PacketIn,
} from './openflow.ts';

/** A bridge that was just made has no socket yet, and a restart takes a second. */
const retryMs = [50, 100, 200, 400, 800];
/** An answer of a local switch; a reconfiguration of 1,000 ports comes before it. */
const answerMs = 10_000;
/** Of a bridge whose flows others make: what decides about one port's frames is not found by eye in more. */
const flowsAtMost = 20_000;

interface BridgeConnectionOptions {
  readonly onReady: () => void;
  readonly onPacketIn: (packet: PacketIn) => void;
}

export class BridgeConnection {
  private readonly socket: Socket;
  private readonly reader = new OpenFlowReader();
  private readonly options: BridgeConnectionOptions;
  private readonly answers = new Map<number, (message: OpenFlowMessage) => boolean>();
  private nextXid = 1;
  /** The bridge answers in our version. */
  isReady = false;
  /** It runs, and speaks no version that we speak. */
  isForeign = false;

  constructor(socket: Socket, options: BridgeConnectionOptions) {
    this.socket = socket;
    this.options = options;
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of this.reader.push(chunk)) this.take(message);
      } catch {
        socket.destroy();
      }
    });
    socket.write(encodeMessage(messageTypes.hello, 0));
  }

  /** Each gets an id of this connection. */
  send(encode: (xid: number) => Buffer): void {
    this.socket.write(encode(this.nextXid++));
  }

  /** How many flows the bridge has, after all that was sent before; those of a probe pass, and do not count. @throws AppError `timeout` */
  async countFlows(): Promise<number> {
    this.send((id) => encodeMessage(messageTypes.barrierRequest, id));
    const [all, passing] = await Promise.all([this.ask(), this.ask(probeCookie)]);
    return all - passing;
  }

  /** All flows, those of a probe too. @throws AppError `timeout`, `failed` when there are too many to look at */
  async listFlows(): Promise<readonly BridgeFlow[]> {
    const all: BridgeFlow[] = [];
    await this.answer(encodeListFlows, (message) => {
      const part = parseFlows(message);
      if (!part) throw new AppError('failed', 'the bridge’s answer about its flows cannot be read');
      all.push(...part.flows);
      if (all.length > flowsAtMost) throw new AppError('failed', `the bridge has more than ${flowsAtMost} flows`);
      return part.hasMore ? null : true;
    });
    return all;
  }

  private ask(cookie?: bigint): Promise<number> {
    return this.answer((id) => encodeCountFlows(id, cookie), parseFlowCount);
  }

  /** `read` gives null for a part after which more comes. */
  private answer<T>(encode: (xid: number) => Buffer, read: (message: OpenFlowMessage) => T | null): Promise<T> {
    const xid = this.nextXid;
    this.send(encode);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.answers.delete(xid);
        reject(new AppError('timeout', `the bridge has not told its flows within ${answerMs} ms`));
      }, answerMs);
      timer.unref();
      this.answers.set(xid, (message) => {
        try {
          const value = read(message);
          if (value === null) return false;
          resolve(value);
        } catch (error) {
          reject(error instanceof Error ? error : new AppError('failed', String(error)));
        }
        clearTimeout(timer);
        return true;
      });
    });
  }

  private take(message: OpenFlowMessage): void {
    const { type, xid, body } = message;
    if (type === messageTypes.echoRequest) this.socket.write(encodeMessage(messageTypes.echoReply, xid, body));
    else if (type === messageTypes.hello) this.send((id) => encodeMessage(messageTypes.featuresRequest, id));
    else if (type === messageTypes.featuresReply) {
      this.send((id) => encodeSetConfig(id));
      this.isReady = true;
      this.options.onReady();
    } else if (type === messageTypes.packetIn) {
      const packet = parsePacketIn(message);
      if (packet) this.options.onPacketIn(packet);
    } else if (type === messageTypes.multipartReply) {
      if (this.answers.get(xid)?.(message)) this.answers.delete(xid);
    } else if (parseError(message)?.type === 0) this.isForeign = true;
  }
}

interface Watched {
  socket: Socket | null;
  connection: BridgeConnection | null;
  timer: NodeJS.Timeout | null;
  /** Tries without a connection since the last one. */
  misses: number;
}

export interface BridgeConnectionsOptions {
  readonly runFolder: string;
  /** A bridge can be talked to, or no longer. */
  readonly onChange: () => void;
}

export class BridgeConnections {
  private readonly options: BridgeConnectionsOptions;
  private readonly watched = new Map<string, Watched>();
  private isStopped = false;
  onPacketIn: (bridge: string, packet: PacketIn) => void = () => undefined;

  constructor(options: BridgeConnectionsOptions) {
    this.options = options;
  }

  /** Null while it cannot be talked to. */
  get(bridge: string): BridgeConnection | null {
    const connection = this.watched.get(bridge)?.connection;
    return connection?.isReady ? connection : null;
  }

  /** Watches these bridges and no others. @returns why one of them forwards nothing; empty while all do, or are being looked at */
  failureOf(bridges: ReadonlySet<string>): string {
    for (const [bridge, watched] of this.watched) {
      if (bridges.has(bridge)) continue;
      this.end(watched);
      this.watched.delete(bridge);
    }
    for (const bridge of bridges) {
      if (this.watched.has(bridge) || this.isStopped) continue;
      const watched: Watched = { socket: null, connection: null, timer: null, misses: 0 };
      this.watched.set(bridge, watched);
      this.open(bridge, watched);
    }
    // The first miss is of a bridge that was just made.
    const silent = [...this.watched].filter(([, { misses }]) => misses > 1);
    return silent.length === 0
      ? ''
      : `ovs-vswitchd does not serve ${silent.map(([bridge]) => bridge).join(', ')}: \`systemctl status ovs-vswitchd\` on this node`;
  }

  stop(): void {
    this.isStopped = true;
    for (const watched of this.watched.values()) this.end(watched);
    this.watched.clear();
  }

  private end(watched: Watched): void {
    if (watched.timer) clearTimeout(watched.timer);
    watched.socket?.removeAllListeners('close').destroySoon();
    watched.connection = null;
  }

  private open(bridge: string, watched: Watched): void {
    const socket = connect({ path: join(this.options.runFolder, `${bridge}.mgmt`) });
    watched.socket = socket;
    socket.unref();
    socket.on('error', () => undefined);
    socket.on('connect', () => {
      watched.misses = 0;
      watched.connection = new BridgeConnection(socket, {
        onReady: () => this.options.onChange(),
        onPacketIn: (packet) => this.onPacketIn(bridge, packet),
      });
      this.options.onChange();
    });
    socket.on('close', () => {
      const isForeign = watched.connection?.isForeign ?? false;
      watched.connection = null;
      const delay = retryMs[Math.min(watched.misses, retryMs.length - 1)] ?? 0;
      // One that speaks another version of OpenFlow runs; it is looked at as seldom as one that is away.
      if (!isForeign) watched.misses += 1;
      if (watched.misses <= 2) this.options.onChange();
      watched.timer = setTimeout(() => this.open(bridge, watched), isForeign ? 5_000 : delay);
      watched.timer.unref();
    });
  }
}
