// What the mesh needs of a network: authenticated connections that carry frames in order. Two adapters: TLS over TCP
// (tls-transport.ts) and memory (memory-transport.ts). A transport proves who the peer is (its certificate is of this
// cluster); the roster decides whether that peer may stay, and the mesh asks it before it sends or reads anything.

export interface PeerIdentity {
  readonly nodeId: string;
  /** SHA-256 of the peer's public key, hex. */
  readonly keyHash: string;
}

export interface ConnectionHandlers {
  /** One frame, without its length. It belongs to the receiver, and nobody else changes it. */
  onFrame(frame: Uint8Array): void;
  /** Once, with the reason, also after `close`. No frame comes after it. */
  onClose(reason: string): void;
}

export interface Connection {
  readonly peer: PeerIdentity;
  /** For messages: address and port. */
  readonly remote: string;
  /** Bytes that were queued but have not left yet. */
  readonly queuedBytes: number;
  /** Call before the event that gave the connection ends; frames wait until then. */
  handle(handlers: ConnectionHandlers): void;
  /** Queues a frame. The caller does not change it afterwards. */
  send(frame: Uint8Array): void;
  /** Ends the connection: at once, or after what is queued has left. */
  close(reason: string, options?: { flush: boolean }): void;
}

export interface DialTarget {
  host: string;
  port: number;
}

export interface DialHandlers {
  onOpen(connection: Connection): void;
  onError(message: string): void;
}

export interface Transport {
  /** Starts to accept. Resolves with the port. @throws AppError `conflict` if the port is in use */
  start(onConnection: (connection: Connection) => void): Promise<{ port: number }>;
  /** Either onOpen or onError follows, once, unless cancelled. */
  dial(target: DialTarget, timeoutMs: number, handlers: DialHandlers): { cancel(): void };
  /** Stops accepting and drops what is not yet a connection; the mesh closes connections. */
  stop(): Promise<void>;
}
