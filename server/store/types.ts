// The whole store, of which ports.ts shows the part that fleet and runs need. Two implementations keep to one compliance
// suite: SQLite through Prisma for the console, memory for tests.
import type { memoryAdapter } from 'better-auth/adapters/memory';
import type { AuditEntry } from '../../contract/browser/users.ts';
import type { Store } from '../ports.ts';

/**
 * What an entry is kept by. `act`: what an admin or root did. `use`: commands, logins, and all that users without that role may
 * cause, also by being refused; a flood of it pushes out no act.
 */
export type AuditKind = 'act' | 'use';

export interface AuditStore {
  append(entry: Omit<AuditEntry, 'id'>, kind: AuditKind): Promise<void>;
  /** Newest first; `before` is an id, `text` is searched in who, what, where and message. */
  list(query: { before: number | null; limit: number; text: string }): Promise<AuditEntry[]>;
}

export interface StoredToken {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}
export interface TokenStore {
  put(token: StoredToken): Promise<void>;
  findByHash(hash: string): Promise<StoredToken | null>;
  list(userId: string): Promise<StoredToken[]>;
  remove(id: string, userId: string): Promise<boolean>;
  removeAll(userId: string): Promise<void>;
}

export interface SettingStore {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  /** Removes the key if it still has this value; true when it had: only one caller gets true. */
  take(key: string, value: string): Promise<boolean>;
}

/** How many of each are kept, the newest first. */
export interface Kept {
  readonly auditEntries: Readonly<Record<AuditKind, number>>;
  /** With plan and steps; one that is not over stays. */
  readonly runs: number;
  /** No more than runs. */
  readonly runLogs: number;
}

export interface ConsoleStore extends Store {
  /** Removes all that is older than what is kept. */
  prune(kept: Kept, signal: AbortSignal): Promise<void>;
  readonly audit: AuditStore;
  readonly tokens: TokenStore;
  readonly settings: SettingStore;
  /** Where better-auth keeps users, sessions and password hashes. */
  readonly authDatabase: ReturnType<typeof memoryAdapter>;
}
