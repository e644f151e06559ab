// How much of the audit log one user may fill. Each entry of the first thousand in an hour is written; further ones are
// counted, and one entry says how many there were. What admins do is written always: it is what the log is read for.
import type { AuditEntry } from '../../contract/browser/users.ts';
import { describeError } from '../../contract/errors.ts';
import { auditEntriesPerHour } from '../../contract/limits.ts';
import type { Log } from '../ports.ts';
import type { AuditKind, AuditStore } from '../store/types.ts';

const windowMs = 3_600_000;

interface Used {
  readonly since: number;
  written: number;
  /** Not written. */
  counted: number;
}

export class AuditQuota {
  private readonly now: () => number;
  private readonly log: Log;
  private readonly audit: Pick<AuditStore, 'append'>;
  /** By who. Bounded by the users that there are; those whose hour is over go. */
  private readonly used = new Map<string, Used>();

  constructor(options: { now: () => number; log: Log }, components: { audit: Pick<AuditStore, 'append'> }) {
    this.now = options.now;
    this.log = options.log;
    this.audit = components.audit;
  }

  async append(entry: Omit<AuditEntry, 'id'>, kind: AuditKind): Promise<void> {
    await this.closeOver();
    if (kind === 'act') return this.audit.append(entry, kind);
    const used = this.used.get(entry.who) ?? { since: this.now(), written: 0, counted: 0 };
    this.used.set(entry.who, used);
    if (used.written < auditEntriesPerHour) {
      used.written += 1;
      return this.audit.append(entry, kind);
    }
    used.counted += 1;
    if (used.counted > 1) return;
    // Now, since a console that is killed loses the count.
    await this.tell(entry.who, `${auditEntriesPerHour} entries in an hour: further ones are counted and not written`);
  }

  /** Writes the counts of hours that are over; of all when the console stops. */
  async closeOver(options: { isAll?: boolean } = {}): Promise<void> {
    for (const [who, { since, counted }] of [...this.used]) {
      if (options.isAll !== true && since + windowMs > this.now()) continue;
      this.used.delete(who);
      if (counted > 0) await this.tell(who, `${counted} more entries of the hour were counted and not written`);
    }
  }

  private async tell(who: string, what: string): Promise<void> {
    const entry = {
      at: this.now(),
      who,
      what,
      where: 'console',
      result: 'refused',
      message: 'quota of the audit log',
    } as const;
    await this.audit.append(entry, 'use').catch((error: unknown) => {
      this.log.error(`not in the audit log: ${JSON.stringify(entry)}: ${describeError(error)}`);
    });
  }
}
