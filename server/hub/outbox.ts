// What waits to be sent on one live connection: packets that engine.io holds, and bytes that the kernel has not taken yet.
// Every packet passes here, no matter which part emits it: acks, rooms, single events.
//
//   emit --packetCreate--> held by engine.io --flush--> held by Node's socket --> kernel
//
// INVARIANT: more than `limit` bytes never wait while another packet is added: the connection is closed instead.
import type { Duplex } from 'node:stream';

/** What is used of engine.io's socket and of its one transport. */
export interface EngineSocket {
  on(event: 'packetCreate', listener: (packet: { data?: unknown }) => void): unknown;
  on(event: 'flush', listener: () => void): unknown;
  readonly transport: { on(event: 'drain', listener: () => void): unknown };
}

export class Outbox {
  private readonly socket: Pick<Duplex, 'writableLength' | 'destroy'>;
  private held = 0;
  private isFull = false;
  private isClosed = false;
  private readonly waiting: { readonly limit: number; readonly go: () => void }[] = [];

  constructor(
    options: { limit: number },
    components: {
      engine: EngineSocket;
      /** The TCP or TLS socket below it. */
      socket: Pick<Duplex, 'writableLength' | 'destroy'>;
      /** The client does not read: the connection is being closed. */
      onFull: (bytes: number) => void;
    },
  ) {
    const { engine, socket, onFull } = components;
    this.socket = socket;
    engine.on('packetCreate', ({ data }) => {
      if (this.bytes > options.limit && !this.isFull) {
        this.isFull = true;
        onFull(this.bytes);
        // Not a polite close: that would wait behind what is not read.
        socket.destroy();
      }
      this.held += sizeOf(data);
    });
    engine.on('flush', () => (this.held = 0));
    engine.transport.on('drain', () => this.release());
  }

  get bytes(): number {
    return this.held + this.socket.writableLength;
  }

  /** Resolves when at most `limit` bytes wait, in the order of the calls, or when the connection is gone. */
  room(limit: number): Promise<void> {
    if (this.isClosed || (this.bytes <= limit && this.waiting.length === 0)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ limit, go: resolve }));
  }

  /** The connection is gone. */
  close(): void {
    this.isClosed = true;
    for (const { go } of this.waiting.splice(0)) go();
  }

  private release(): void {
    for (;;) {
      const first = this.waiting[0];
      if (!first || this.bytes > first.limit) return;
      this.waiting.shift();
      first.go();
    }
  }
}

/** Characters of a text stand for its bytes: counting those would cost more than it tells. */
function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length;
  return ArrayBuffer.isView(data) ? data.byteLength : 0;
}
