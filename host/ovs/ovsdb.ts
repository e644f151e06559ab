// One connection to an OVSDB server (RFC 7047): JSON-RPC over its Unix socket. Requests with ids and deadlines, answers to
// the server's echo, and our echoes, so that a server that hangs is noticed. Knows no table; database.ts keeps rows.
//
//   we -> {"id":7,"method":"transact","params":["Open_vSwitch",…]}     server -> {"id":7,"result":[…],"error":null}
//   server -> {"id":null,"method":"update","params":[…]}               server -> {"id":"echo","method":"echo",…}, we answer
import { connect, type Socket } from 'node:net';
import { AppError, describeError } from '../../contract/errors.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';
import type { Row } from './ovsdb-values.ts';

/** One message. A monitor's first answer with 10,000 ports is about 8 MB. */
const maxMessageBytes = 64 * 1024 * 1024;
/** Requests without an answer. Callers wait for each; a thousand means that nobody does. */
const maxPending = 1_000;
/** A local server answers in a millisecond, on a busy machine in a second; one that hangs is a fault to show. */
const echoMs = 5_000;
const connectMs = 5_000;

export interface OvsdbOptions {
  /** Called for each `update` of a monitor. */
  readonly onUpdate: (monitor: unknown, updates: unknown) => void;
  /** Called once, when the connection is over. */
  readonly onClose: (reason: AppError) => void;
}

export type Operation = Readonly<Record<string, unknown>> & { readonly op: string };

/** What one operation of a transaction gave: rows of a select, the id of an insert, the count of the rest. */
export interface OperationResult {
  readonly rows: readonly Row[];
  readonly count: number;
  readonly uuid: unknown;
}

interface Pending {
  readonly method: string;
  readonly timer: NodeJS.Timeout;
  resolve(result: unknown): void;
  reject(error: AppError): void;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export class OvsdbConnection {
  private readonly socket: Socket;
  private readonly options: OvsdbOptions;
  private readonly splitter = new JsonSplitter(maxMessageBytes);
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private closed: AppError | null = null;
  private readonly echo: NodeJS.Timeout;
  private hasHeard = true;

  private constructor(socket: Socket, options: OvsdbOptions) {
    this.socket = socket;
    this.options = options;
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', (cause) => this.end(new AppError('unreachable', describeError(cause), { cause })));
    socket.on('close', () => this.end(new AppError('unreachable', 'the server closed the connection')));
    this.echo = setInterval(() => this.probe(), echoMs);
    this.echo.unref();
  }

  /** @throws AppError `unreachable` */
  static async open(path: string, options: OvsdbOptions): Promise<OvsdbConnection> {
    const socket = connect({ path });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
        socket.setTimeout(connectMs, () => reject(new Error('it does not accept')));
      });
    } catch (cause) {
      socket.destroy();
      throw new AppError('unreachable', `Open vSwitch’s database at ${path}: ${describeError(cause)}`, { cause });
    }
    socket.setTimeout(0);
    return new OvsdbConnection(socket, options);
  }

  /** @throws AppError `timeout` (the outcome is unknown), `unreachable`, or `failed` with the server's reason */
  request(method: string, params: readonly unknown[], timeoutMs: number): Promise<unknown> {
    if (this.closed) return Promise.reject(this.closed);
    if (this.pending.size >= maxPending)
      return Promise.reject(new AppError('refused', `${maxPending} requests to Open vSwitch’s database wait already`));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new AppError('timeout', `Open vSwitch’s database: no answer to ${method} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.pending.set(id, { method, timer, resolve, reject });
      this.send({ id, method, params });
    });
  }

  /**
   * All operations or none. @returns the result of each operation, in their order
   * @throws AppError `conflict` when a row of that name exists or a `wait` did not hold, else as `request`
   */
  async transact(operations: readonly Operation[], timeoutMs: number): Promise<OperationResult[]> {
    const results = await this.request('transact', ['Open_vSwitch', ...operations], timeoutMs);
    if (!Array.isArray(results)) throw new AppError('failed', 'Open vSwitch’s database gave no results');
    // The server may add one more element: an error at the commit.
    for (const result of results as readonly unknown[]) {
      if (!isRecord(result) || typeof result['error'] !== 'string') continue;
      const details = typeof result['details'] === 'string' ? result['details'] : '';
      const code = /constraint violation|timed out/.test(result['error']) ? 'conflict' : 'failed';
      throw new AppError(code, `Open vSwitch’s database: ${result['error']}${details ? `: ${details}` : ''}`);
    }
    return operations.map((_, index) => {
      const result: unknown = results[index];
      const { rows, count, uuid } = isRecord(result) ? result : {};
      return {
        rows: Array.isArray(rows) ? rows.filter(isRecord) : [],
        count: typeof count === 'number' ? count : 0,
        uuid,
      };
    });
  }

  close(): void {
    this.end(new AppError('cancelled', 'the connection to Open vSwitch’s database was closed'));
  }

  private probe(): void {
    if (this.hasHeard) {
      this.hasHeard = false;
      this.send({ id: 'echo', method: 'echo', params: [] });
      return;
    }
    // Node runs due timers before it reads sockets: after this process was held up itself, the answer may lie there unread.
    setImmediate(() => {
      if (!this.hasHeard) this.end(new AppError('unreachable', `it has not answered for ${echoMs / 1_000} s`));
    });
  }

  private send(message: unknown): void {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  private take(chunk: Buffer): void {
    this.hasHeard = true;
    const { texts, error } = this.splitter.push(chunk);
    for (const text of texts) {
      let message: unknown;
      try {
        message = JSON.parse(text);
      } catch (cause) {
        this.end(new AppError('failed', 'it sent what is not JSON', { cause }));
        return;
      }
      if (isRecord(message)) this.dispatch(message);
      if (this.closed) return;
    }
    if (error) this.end(new AppError('failed', error.message));
  }

  private dispatch(message: Readonly<Record<string, unknown>>): void {
    const { id, method, params, result, error } = message;
    if (method === 'echo') this.send({ id, result: params, error: null });
    else if (method === 'update' && Array.isArray(params)) this.options.onUpdate(params[0], params[1]);
    else if (typeof id === 'number' && method === undefined) {
      const pending = this.pending.get(id);
      if (!pending) return;
      this.pending.delete(id);
      clearTimeout(pending.timer);
      if (error === null || error === undefined) pending.resolve(result);
      else
        pending.reject(new AppError('failed', `Open vSwitch’s database: ${pending.method}: ${JSON.stringify(error)}`));
    }
  }

  private end(reason: AppError): void {
    if (this.closed) return;
    this.closed = reason;
    clearInterval(this.echo);
    this.socket.destroy();
    for (const pending of this.pending.values()) {
      clearTimeout(pending.timer);
      // It may have been done: the connection broke before the answer.
      pending.reject(
        new AppError('unreachable', `Open vSwitch’s database: ${reason.message}; look before you try again`),
      );
    }
    this.pending.clear();
    this.options.onClose(reason);
  }
}
