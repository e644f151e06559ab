// Where flows of a bridge go: a file of this node, or a program that listens somewhere.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { AppError, describeError } from '../../contract/errors.ts';
import type { CaptureFile } from '../../host/capture/capture-file.ts';

export interface FlowTarget {
  /** Bytes that went there, all told. */
  readonly bytes: number;
  /** @throws AppError */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const connectMs = 10_000;
/** A program that stops reading loses flows, and costs no memory. */
const maxWaitingBytes = 1024 * 1024;

/** Compressed, each piece is whole in itself: gzip(1) reads them one after another, and a crash costs none that was written. */
export function fileTarget(file: CaptureFile, { isCompressed }: { readonly isCompressed: boolean }): FlowTarget {
  return {
    get bytes() {
      return file.bytes;
    },
    write: (bytes) => file.write(isCompressed ? gzipSync(bytes) : bytes),
    close: () => file.close(),
  };
}

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with an address of IPv6 in brackets. @throws AppError `invalid` in Go's words */
export function parseSocketAddress(text: string): SocketAddress {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:[\]]*)):([0-9]+)$/.exec(text) ?? [];
  if (port === '' && !/:[0-9]*$/.test(text))
    throw new AppError('invalid', `dial: address ${text.slice(0, 80)}: missing port in address`);
  if (Number(port) < 1 || Number(port) > 65_535)
    throw new AppError('invalid', `dial: address ${text.slice(0, 80)}: invalid port`);
  return { host: bracketed ?? (plain || 'localhost'), port: Number(port) };
}

/** @throws AppError `unreachable` */
export async function tcpTarget({ host, port }: SocketAddress, onEnd: (why: string) => void): Promise<FlowTarget> {
  const socket = connect({ host, port });
  const where = `${host}:${port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => {
      socket.destroy();
      reject(new AppError('unreachable', `dial tcp ${where}: ${why}`));
    };
    socket.once('connect', resolve);
    socket.once('error', ({ message }) => fail(message));
    socket.setTimeout(connectMs, () => fail('i/o timeout'));
  });
  socket.setTimeout(0);
  let bytes = 0;
  let isOver = false;
  const end = (why: string) => {
    if (!isOver) onEnd(why);
    isOver = true;
  };
  socket.on('error', ({ message }) => end(`${where}: ${message}`));
  socket.on('close', () => end(`${where} closed the connection`));
  socket.resume();
  return {
    get bytes() {
      return bytes;
    },
    write(piece) {
      if (isOver || socket.writableLength > maxWaitingBytes) return Promise.resolve();
      bytes += piece.length;
      socket.write(piece);
      return Promise.resolve();
    },
    close() {
      isOver = true;
      socket.end();
      socket.destroySoon();
      return Promise.resolve();
    },
  };
}

/** @throws AppError `unreachable` for a host that is not known */
export async function udpTarget({ host, port }: SocketAddress): Promise<FlowTarget> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause) =>
      reject(new AppError('unreachable', `dial udp ${host}:${port}: ${describeError(cause)}`)),
    );
    socket.connect(port, host, resolve);
  });
  // Nobody listens there: datagrams are lost, as they are on any network.
  socket.on('error', () => undefined);
  socket.unref();
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    write(piece) {
      bytes += piece.length;
      socket.send(piece);
      return Promise.resolve();
    },
    close() {
      socket.close();
      return Promise.resolve();
    },
  };
}
