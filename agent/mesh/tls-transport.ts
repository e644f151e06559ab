// Connections over TCP with mutual TLS 1.3. Both sides show a certificate of the cluster's CA, or nothing is said: no
// banner, no names, no version. Names are not checked (nodes are dialled by any of their addresses); the cluster id and
// node id in the certificate are. No SNI is sent, and no session is resumed, so that each connection shows its certificate.
import { constants, type X509Certificate } from 'node:crypto';
import { connect, createServer, createSecureContext, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import { AppError } from '../../contract/errors.ts';
import { handshakeTimeoutMs, maxFrameBytes } from '../../contract/limits.ts';
import { identityFromCertificate } from '../identity/certificates.ts';
import type { Identity } from '../identity/identity.ts';
import type { Log } from '../log.ts';
import { createSystemClock, deadline } from './clock.ts';
import { FrameReader } from './frame-reader.ts';
import { Strangers } from './strangers.ts';
import type { Connection, ConnectionHandlers, DialHandlers, DialTarget, PeerIdentity, Transport } from './transport.ts';

export interface TlsTransportOptions {
  identity: Pick<Identity, 'cluster' | 'keyPem' | 'certificatePem' | 'caPem'>;
  /** Address to listen on; all addresses if not given. */
  host?: string;
  /** 0 for any free one. */
  port: number;
}

const noAddresses: readonly string[] = [];

export class TlsTransport implements Transport {
  private readonly options: TlsTransportOptions;
  private readonly log: Pick<Log, 'debug'>;
  private readonly dialContext: SecureContext;
  private server: Server | null = null;
  private readonly strangers: Strangers;
  /** What to do when a socket without a certificate has shown one. */
  private readonly leaving = new Map<string, () => void>();

  /** `memberAddresses`: of the roster in force; callers from there are not crowded out. */
  constructor(
    options: TlsTransportOptions,
    components: { log: Pick<Log, 'debug'>; memberAddresses?: () => readonly string[] },
  ) {
    this.options = options;
    this.strangers = new Strangers({ memberAddresses: components.memberAddresses ?? (() => noAddresses) });
    this.log = components.log;
    this.dialContext = createSecureContext(this.credentials());
  }

  start(onConnection: (connection: Connection) => void): Promise<{ port: number }> {
    const server = createServer({
      ...this.credentials(),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: handshakeTimeoutMs,
      pauseOnConnect: false,
      noDelay: true,
    });
    this.server = server;
    server.on('connection', (socket: Socket) => {
      this.admitStranger(socket);
    });
    server.on('secureConnection', (socket) => {
      this.leaving.get(strangerKey(socket))?.();
      this.open(socket, onConnection, (message) => {
        this.log.debug(`mesh: refused ${describeRemote(socket)}: ${message}`);
      });
    });
    server.on('tlsClientError', (error: Error, socket) => {
      this.log.debug(`mesh: no handshake with ${describeRemote(socket)}: ${error.message}`);
      socket.destroy();
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        this.server = null;
        const where = `mesh port ${this.options.port}`;
        reject(
          error.code === 'EADDRINUSE'
            ? new AppError(
                'conflict',
                `${where} is in use: another meshd or minimega runs here, or choose another -port`,
              )
            : new AppError('failed', `cannot listen on ${where}: ${error.message}`, { cause: error }),
        );
      });
      server.listen({ port: this.options.port, ...(this.options.host ? { host: this.options.host } : {}) }, () => {
        server.removeAllListeners('error');
        server.on('error', (error: Error) => {
          this.log.debug(`mesh: ${error.message}`);
        });
        const address = server.address();
        resolve({ port: typeof address === 'object' && address ? address.port : this.options.port });
      });
    });
  }

  dial(target: DialTarget, timeoutMs: number, handlers: DialHandlers): { cancel(): void } {
    let isSettled = false;
    const socket = connect({
      host: target.host,
      port: target.port,
      secureContext: this.dialContext,
      // An empty name sends no SNI; what is checked instead is in peerFromSocket.
      servername: '',
      checkServerIdentity: () => undefined,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
    });
    socket.setNoDelay(true);
    const fail = (message: string) => {
      if (isSettled) return;
      isSettled = true;
      timer.cancel();
      socket.destroy();
      handlers.onError(message);
    };
    const timer = deadline(createSystemClock(), timeoutMs, () => {
      fail(`no answer within ${timeoutMs} ms`);
    });
    socket.on('error', (error: Error) => {
      fail(error.message);
    });
    socket.on('close', () => {
      fail('closed before the handshake ended');
    });
    socket.on('secureConnect', () => {
      if (isSettled) return;
      timer.cancel();
      this.open(
        socket,
        (connection) => {
          isSettled = true;
          handlers.onOpen(connection);
        },
        fail,
      );
    });
    return {
      cancel: () => {
        isSettled = true;
        timer.cancel();
        socket.destroy();
      },
    };
  }

  stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    this.strangers.evictAll();
    return new Promise((resolve) => {
      if (!server) resolve();
      else {
        server.close(() => {
          resolve();
        });
      }
    });
  }

  private credentials() {
    const { keyPem, certificatePem, caPem } = this.options.identity;
    return {
      key: keyPem,
      cert: certificatePem,
      ca: caPem,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      // Without tickets only a session kept by the server could be resumed, and it keeps none.
      secureOptions: constants.SSL_OP_NO_TICKET,
    } as const;
  }

  /** Bounds the callers that have connected but not yet shown a certificate. */
  private admitStranger(socket: Socket): void {
    const key = strangerKey(socket);
    const remove = this.strangers.admit(socket.remoteAddress ?? '', () => {
      this.log.debug(`mesh: ${describeRemote(socket)} showed no certificate in time for its place`);
      socket.destroy();
    });
    const leave = () => {
      if (this.leaving.get(key) === leave) this.leaving.delete(key);
      remove();
    };
    this.leaving.set(key, leave);
    socket.once('close', leave);
  }

  private open(
    socket: TLSSocket,
    onOpen: (connection: Connection) => void,
    onRefused: (message: string) => void,
  ): void {
    const peer = peerFromSocket(socket, this.options.identity.cluster);
    if (typeof peer === 'string') {
      socket.destroy();
      onRefused(peer);
      return;
    }
    this.strangers.remember(socket.remoteAddress ?? '');
    onOpen(new TlsConnection(socket, peer));
  }
}

/** Who the peer is by its certificate, or why it is nobody. The chain was checked by TLS. */
function peerFromSocket(socket: TLSSocket, cluster: string): PeerIdentity | string {
  if (!socket.authorized) return 'its certificate is not of this cluster';
  if (socket.isSessionReused()) return 'it resumed a session instead of showing its certificate';
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  const identity = certificate ? identityFromCertificate(certificate) : null;
  if (!identity) return 'its certificate names no node';
  if (identity.cluster !== cluster) return 'its certificate is of another cluster';
  return { nodeId: identity.nodeId, keyHash: identity.keyHash };
}

class TlsConnection implements Connection {
  readonly peer: PeerIdentity;
  readonly remote: string;
  private readonly socket: TLSSocket;
  private handlers: ConnectionHandlers | null = null;
  private endReason: string | null = null;
  private isCorked = false;

  constructor(socket: TLSSocket, peer: PeerIdentity) {
    this.socket = socket;
    this.peer = peer;
    this.remote = describeRemote(socket);
    const reader = new FrameReader(maxFrameBytes);
    socket.on('data', (chunk: Buffer) => {
      const isWhole = reader.push(chunk, (frame) => {
        if (this.endReason === null) this.handlers?.onFrame(frame);
      });
      if (!isWhole) this.close(`it sent a frame of more than ${maxFrameBytes} bytes, or an empty one`);
    });
    socket.on('error', (error: Error) => {
      this.endReason ??= error.message;
    });
    socket.on('end', () => {
      this.endReason ??= 'closed by the other side';
    });
    socket.on('close', () => {
      this.handlers?.onClose(this.endReason ?? 'closed');
      this.handlers = null;
    });
  }

  get queuedBytes(): number {
    return this.socket.writableLength;
  }

  handle(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
  }

  send(frame: Uint8Array): void {
    if (this.endReason !== null || !this.socket.writable) return;
    if (!this.isCorked) {
      // Everything that one turn of the event loop sends leaves in one record.
      this.isCorked = true;
      this.socket.cork();
      process.nextTick(() => {
        this.isCorked = false;
        this.socket.uncork();
      });
    }
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32BE(frame.length);
    this.socket.write(header);
    this.socket.write(frame);
  }

  close(reason: string, options: { flush: boolean } = { flush: false }): void {
    if (this.endReason !== null) return;
    this.endReason = reason;
    if (!options.flush) {
      this.socket.destroy();
      return;
    }
    this.socket.end();
    setTimeout(() => {
      this.socket.destroy();
    }, 1_000).unref();
  }
}

function strangerKey(socket: Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`;
}

function describeRemote(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}
