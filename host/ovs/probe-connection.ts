// One OpenFlow connection to one bridge for the seconds of a probe: its own, so that its frames come here alone and those of neighbours.ts stay
// there. Owns the socket, its deadline and its pace.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../contract/errors.ts';
import { encodeControllerId, encodePacketOut } from './openflow-probe.ts';
import {
  encodeMessage,
  encodeSetConfig,
  messageTypes,
  OpenFlowReader,
  parseError,
  parsePacketIn,
  probeCookie,
  type OpenFlowMessage,
} from './openflow.ts';

/** Bridges of one switch answer at once, unless it is being reconfigured. */
const answerMs = 5_000;
/** Frames go in groups: a timer for each of 2,000 in a second would take more time than the frames. */
const paceMs = 20;
const allBytes = 0xffff;

export interface ProbeConnectionOptions {
  readonly bridge: string;
  readonly path: string;
  /** Another one than those of other connections to the bridge. */
  readonly id: number;
  readonly onFrame: (inPort: number, frame: Uint8Array) => void;
  /** It ended while it was needed. */
  readonly onLost: (why: string) => void;
}

export class ProbeConnection {
  private readonly options: ProbeConnectionOptions;
  private readonly socket: Socket;
  private readonly reader = new OpenFlowReader();
  private readonly barriers = new Map<number, () => void>();
  private readonly failed: Promise<never>;
  private fail: (error: AppError) => void = () => undefined;
  private isOver = false;
  private nextXid = 1;

  private constructor(options: ProbeConnectionOptions) {
    this.options = options;
    this.failed = new Promise((_resolve, reject) => (this.fail = reject));
    // Calls that wait get it, if any do.
    this.failed.catch(() => undefined);
    this.socket = connect({ path: options.path });
    this.socket.unref();
    this.socket.on('error', ({ message }) => this.lose(message));
    this.socket.on('close', () => this.lose('the connection ended'));
    this.socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of this.reader.push(chunk)) this.take(message);
      } catch (error) {
        this.lose(String(error));
      }
    });
    this.socket.write(encodeMessage(messageTypes.hello, 0));
  }

  /** @throws AppError `unreachable` when nothing answers there */
  static async open(options: ProbeConnectionOptions): Promise<ProbeConnection> {
    const connection = new ProbeConnection(options);
    connection.send((xid) => encodeSetConfig(xid, allBytes));
    connection.send((xid) => encodeControllerId(xid, options.id));
    await connection.settle();
    return connection;
  }

  send(encode: (xid: number) => Buffer): void {
    this.socket.write(encode(this.nextXid++));
  }

  /** Resolves when the switch has done all that was sent before. @throws AppError `failed` with what it refused, `timeout`, `unreachable` */
  async settle(): Promise<void> {
    const xid = this.nextXid;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.barriers.set(xid, () => resolve(undefined));
    this.send((id) => encodeMessage(messageTypes.barrierRequest, id));
    const timer = setTimeout(() => {
      this.lose(`no answer within ${answerMs} ms`, 'timeout');
    }, answerMs);
    timer.unref();
    try {
      await Promise.race([promise, this.failed]);
    } finally {
      clearTimeout(timer);
      this.barriers.delete(xid);
    }
  }

  /** Frames out of one port, so many in a second. Resolves when the switch has sent them. @throws AppError as `settle`, and the signal's reason */
  async sendFrames(
    port: number,
    frames: readonly Uint8Array[],
    { perSecond, signal }: { readonly perSecond: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const begun = performance.now();
    for (let sent = 0; sent < frames.length;) {
      signal.throwIfAborted();
      const due = Math.ceil(((performance.now() - begun + paceMs) * perSecond) / 1_000);
      // After a pause of this process not all that is late goes at once.
      const group = frames.slice(sent, Math.min(due, sent + Math.ceil((4 * paceMs * perSecond) / 1_000)));
      const messages = group.map((frame) => encodePacketOut(this.nextXid++, port, frame));
      const isFull = !this.socket.write(Buffer.concat(messages));
      sent += group.length;
      if (isFull) await this.settle();
      if (sent < frames.length) await Promise.race([sleep(paceMs), this.failed]);
    }
    await this.settle();
  }

  close(): void {
    this.isOver = true;
    this.socket.destroySoon();
  }

  private take(message: OpenFlowMessage): void {
    const { type, xid, body } = message;
    if (type === messageTypes.echoRequest) this.socket.write(encodeMessage(messageTypes.echoReply, xid, body));
    else if (type === messageTypes.barrierReply) this.barriers.get(xid)?.();
    else if (type === messageTypes.packetIn) {
      const packet = parsePacketIn(message);
      if (packet?.cookie === probeCookie) this.options.onFrame(packet.inPort, packet.frame);
    } else {
      const error = parseError(message);
      if (error?.type === 0) this.lose('it speaks another version of OpenFlow (see its column `protocols`)');
      else if (error)
        this.lose(`it refuses a message of the probe (OpenFlow error ${error.type}/${error.code})`, 'failed');
    }
  }

  private lose(why: string, code: 'unreachable' | 'timeout' | 'failed' = 'unreachable'): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket.destroy();
    const text = `Open vSwitch’s bridge ${this.options.bridge} cannot be used: ${why}`;
    this.fail(new AppError(code, text));
    this.options.onLost(text);
  }
}
