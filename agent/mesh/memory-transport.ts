// A network in memory: the transport of simulated nodes and tests. Faults are part of it: cut pairs of hosts (silently,
// as a switch does), close connections, delay frames. Delivery goes through the clock, so with a virtual clock
// everything is repeatable.
import { deadline, type Clock } from './clock.ts';
import type { Connection, ConnectionHandlers, DialHandlers, DialTarget, PeerIdentity, Transport } from './transport.ts';

export interface MemoryHost {
  /** The address others dial. */
  host: string;
  port: number;
  peer: PeerIdentity;
  /** Connections between different clusters fail, as a certificate of another CA does. */
  cluster: string;
}

export class MemoryNetwork {
  private readonly clock: Clock;
  private readonly transports = new Map<string, MemoryTransport>();
  private readonly pairs = new Set<MemoryPair>();
  private queue: (() => void)[] = [];
  private isScheduled = false;
  /** One-way delay of every frame and dial. */
  delayMs = 0;
  /** True for hosts that do not reach each other: frames and dials vanish. */
  isCut: (hostA: string, hostB: string) => boolean = () => false;

  constructor(components: { clock: Clock }) {
    this.clock = components.clock;
  }

  createTransport(host: MemoryHost): Transport {
    return new MemoryTransport(this, host);
  }

  /** Closes all connections of a host, as its kernel does when the process dies. */
  reset(host: string): void {
    for (const pair of this.pairs) if (pair.a.host === host || pair.b.host === host) pair.end('connection reset');
  }

  register(transport: MemoryTransport): void {
    this.transports.set(`${transport.self.host} ${transport.self.port}`, transport);
  }

  unregister(transport: MemoryTransport): void {
    this.transports.delete(`${transport.self.host} ${transport.self.port}`);
  }

  /** Runs `deliver` after the network's delay, in order. */
  later(deliver: () => void): void {
    if (this.delayMs > 0) {
      this.clock.after(this.delayMs, deliver);
      return;
    }
    this.queue.push(deliver);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.clock.after(0, () => {
      this.isScheduled = false;
      const due = this.queue;
      this.queue = [];
      for (const run of due) run();
    });
  }

  dial(from: MemoryHost, target: DialTarget, timeoutMs: number, handlers: DialHandlers): { cancel(): void } {
    let isOpen = true;
    const settle = (act: () => void) => {
      if (!isOpen) return;
      isOpen = false;
      timer.cancel();
      act();
    };
    const timer = deadline(this.clock, timeoutMs, () => {
      settle(() => {
        handlers.onError(`no answer within ${timeoutMs} ms`);
      });
    });
    this.later(() => {
      if (!isOpen || this.isCut(from.host, target.host)) return;
      const acceptor = this.transports.get(`${target.host} ${target.port}`);
      this.later(() => {
        settle(() => {
          if (!acceptor?.onConnection) handlers.onError('connection refused');
          else if (acceptor.self.cluster !== from.cluster) handlers.onError('the certificate is of another cluster');
          else {
            const pair = new MemoryPair(this, from, acceptor.self);
            this.pairs.add(pair);
            acceptor.onConnection(pair.b);
            handlers.onOpen(pair.a);
          }
        });
      });
    });
    return {
      cancel: () => {
        isOpen = false;
        timer.cancel();
      },
    };
  }

  forget(pair: MemoryPair): void {
    this.pairs.delete(pair);
  }
}

class MemoryTransport implements Transport {
  readonly self: MemoryHost;
  onConnection: ((connection: Connection) => void) | null = null;
  private readonly network: MemoryNetwork;

  constructor(network: MemoryNetwork, self: MemoryHost) {
    this.network = network;
    this.self = self;
  }

  start(onConnection: (connection: Connection) => void): Promise<{ port: number }> {
    this.onConnection = onConnection;
    this.network.register(this);
    return Promise.resolve({ port: this.self.port });
  }

  dial(target: DialTarget, timeoutMs: number, handlers: DialHandlers): { cancel(): void } {
    return this.network.dial(this.self, target, timeoutMs, handlers);
  }

  stop(): Promise<void> {
    this.onConnection = null;
    this.network.unregister(this);
    return Promise.resolve();
  }
}

class MemoryPair {
  readonly a: MemoryEnd;
  readonly b: MemoryEnd;
  private readonly network: MemoryNetwork;

  constructor(network: MemoryNetwork, dialler: MemoryHost, acceptor: MemoryHost) {
    this.network = network;
    this.a = new MemoryEnd(network, this, dialler, acceptor);
    this.b = new MemoryEnd(network, this, acceptor, dialler);
  }

  other(end: MemoryEnd): MemoryEnd {
    return end === this.a ? this.b : this.a;
  }

  end(reason: string): void {
    this.a.closed(reason);
    this.b.closed(reason);
    this.network.forget(this);
  }
}

class MemoryEnd implements Connection {
  readonly peer: PeerIdentity;
  readonly remote: string;
  readonly host: string;
  queuedBytes = 0;
  private readonly network: MemoryNetwork;
  private readonly pair: MemoryPair;
  private readonly peerHost: string;
  private handlers: ConnectionHandlers | null = null;
  private isClosed = false;

  constructor(network: MemoryNetwork, pair: MemoryPair, self: MemoryHost, other: MemoryHost) {
    this.network = network;
    this.pair = pair;
    this.host = self.host;
    this.peerHost = other.host;
    this.peer = other.peer;
    this.remote = `${other.host}:${other.port}`;
  }

  handle(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
  }

  send(frame: Uint8Array): void {
    if (this.isClosed) return;
    this.queuedBytes += frame.length;
    this.network.later(() => {
      this.queuedBytes -= frame.length;
      if (!this.network.isCut(this.host, this.peerHost)) this.pair.other(this).receive(frame);
    });
  }

  close(reason: string): void {
    if (this.isClosed) return;
    this.closed(reason);
    // Behind what was sent before; a cut network does not tell the other side.
    this.network.later(() => {
      if (this.network.isCut(this.host, this.peerHost)) return;
      this.pair.other(this).closed('closed by the other side');
      this.network.forget(this.pair);
    });
  }

  closed(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handlers?.onClose(reason);
  }

  private receive(frame: Uint8Array): void {
    if (!this.isClosed) this.handlers?.onFrame(frame);
  }
}
