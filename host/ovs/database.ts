// A copy of some tables of Open vSwitch's database, kept by its monitor over one lasting connection. A connection that is lost
// is opened again; each opening is a new epoch with a fresh copy. Owns no meaning of the rows.
import { AppError, describeError } from '../../contract/errors.ts';
import { OvsdbConnection, type Operation, type OperationResult } from './ovsdb.ts';
import type { Row } from './ovsdb-values.ts';

/** From a lost connection to the first try, doubled up to the longest: repairs have five seconds in all. */
const firstRetryMs = 50;
const longestRetryMs = 1_000;
const monitorMs = 10_000;

export type Tables = ReadonlyMap<string, ReadonlyMap<string, Row>>;

export interface DatabaseOptions {
  readonly path: string;
  /** Columns by table. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** After each change of a row, after each opening, and when the connection is lost. */
  readonly onChange: () => void;
}

export class Database {
  private readonly options: DatabaseOptions;
  private connection: OvsdbConnection | null = null;
  private rows: Map<string, Map<string, Row>> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private retryMs = firstRetryMs;
  private isStopped = false;
  private reason = 'not connected yet';
  /** Grows with each opening; 0 before the first. */
  epoch = 0;

  constructor(options: DatabaseOptions) {
    this.options = options;
  }

  /** Null while there is no connection. */
  get tables(): Tables | null {
    return this.rows;
  }

  /** Why there is no connection; empty when there is one. */
  get failure(): string {
    return this.rows ? '' : this.reason;
  }

  /** Settles after the first try, whatever it gave. */
  async start(): Promise<void> {
    await this.open();
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.connection?.close();
  }

  /** @throws AppError as OvsdbConnection.transact */
  transact(operations: readonly Operation[], timeoutMs: number): Promise<OperationResult[]> {
    if (!this.connection || !this.rows) return Promise.reject(new AppError('unreachable', this.describeFailure()));
    return this.connection.transact(operations, timeoutMs);
  }

  describeFailure(): string {
    return `Open vSwitch’s database does not answer (${this.reason}): \`systemctl status openvswitch-switch\` on this node`;
  }

  private async open(): Promise<void> {
    try {
      const connection = await OvsdbConnection.open(this.options.path, {
        onUpdate: (_monitor, updates) => this.update(updates),
        onClose: ({ message }) => this.lose(message),
      });
      if (this.isStopped) {
        connection.close();
        return;
      }
      this.connection = connection;
      const { columns } = this.options;
      const requests = Object.fromEntries(
        Object.entries(columns).map(([table, names]) => [table, [{ columns: names }]] as const),
      );
      const first = await connection.request('monitor', ['Open_vSwitch', 'meshdeck', requests], monitorMs);
      this.rows = new Map(Object.keys(columns).map((table) => [table, new Map<string, Row>()]));
      this.retryMs = firstRetryMs;
      this.epoch += 1;
      this.update(first);
    } catch (error) {
      // A monitor that is refused or silent: this connection is of no use.
      this.connection?.close();
      this.lose(describeError(error));
    }
  }

  private lose(reason: string): void {
    this.connection = null;
    const hadRows = this.rows !== null;
    this.rows = null;
    this.reason = reason;
    if (this.isStopped) return;
    if (hadRows) this.options.onChange();
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.retryMs = Math.min(longestRetryMs, this.retryMs * 2);
      void this.open();
    }, this.retryMs);
    this.timer.unref();
  }

  /** `{table: {uuid: {old, new}}}` (RFC 7047, 4.1.6): `new` has all columns of the row, and is missing when the row is gone. */
  private update(updates: unknown): void {
    if (!this.rows || typeof updates !== 'object' || updates === null) return;
    for (const [table, changes] of Object.entries(updates as Record<string, unknown>)) {
      const rows = this.rows.get(table);
      if (!rows || typeof changes !== 'object' || changes === null) continue;
      for (const [id, change] of Object.entries(changes as Record<string, { readonly new?: unknown } | null>)) {
        const row = change?.new;
        if (typeof row === 'object' && row !== null) rows.set(id, row as Row);
        else rows.delete(id);
      }
    }
    this.options.onChange();
  }
}
