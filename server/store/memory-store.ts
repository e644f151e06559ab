// The store in memory: the SQLite store's twin for tests, held to the same compliance suite. It copies on the way in and
// out as a database does, so that a caller cannot change what is stored by holding on to it.
/* eslint-disable @typescript-eslint/require-await -- a store answers with promises; memory has nothing to wait for */
import { memoryAdapter } from 'better-auth/adapters/memory';
import { z } from 'zod';
import type { AuditEntry } from '../../contract/browser/users.ts';
import { AppError } from '../../contract/errors.ts';
import type { LogLine, StepView } from '../../contract/plans.ts';
import type { ClusterStore, HostStore, KeyStore, RunStore, StoredHost, StoredRun } from '../ports.ts';
import { ClusterRecord, HostRecord } from './records.ts';
import { toldHosts } from './told-hosts.ts';
import { takeTurns } from './turns.ts';
import type { AuditKind, AuditStore, ConsoleStore, Kept, SettingStore, StoredToken, TokenStore } from './types.ts';

export function createMemoryStore(): ConsoleStore {
  const runs = runStore();
  const audit = auditStore();
  return {
    runs,
    hosts: toldHosts(hostStore()),
    clusters: recordStore((record) => ClusterRecord.parse(record), 'id') satisfies ClusterStore,
    keys: keyStore(),
    audit,
    tokens: tokenStore(),
    settings: settingStore(),
    prune: async (kept) => {
      runs.prune(kept);
      audit.prune(kept.auditEntries);
    },
    authDatabase: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}

const MemoWithNodes = z.object({ digest: z.object({ nodes: z.array(z.string()) }) });

function isOn(memo: unknown, node: string): boolean {
  return MemoWithNodes.safeParse(memo).data?.digest.nodes.includes(node) ?? false;
}

const copy = <Value>(value: Value): Value => structuredClone(value);
const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0);

function runStore(): RunStore & { prune(kept: Kept): void } {
  const runs = new Map<string, StoredRun>();
  const steps = new Map<string, Map<string, StepView>>();
  const logs = new Map<string, LogLine[]>();
  const require = (id: string) => {
    const run = runs.get(id);
    if (!run) throw new AppError('not-found', `there is no run ${id}`);
    return run;
  };
  const putSteps = (id: string, views: readonly StepView[]) => {
    const known = steps.get(id) ?? new Map<string, StepView>();
    for (const view of views) known.set(view.key, copy(view));
    steps.set(id, known);
  };
  return {
    async create(run) {
      runs.set(run.id, copy(run));
    },
    async update(id, change, views = []) {
      runs.set(id, copy({ ...require(id), ...change }));
      putSteps(id, views);
    },
    async get(id) {
      return copy(runs.get(id) ?? null);
    },
    async list(limit, node) {
      const wanted = [...runs.values()].filter(({ memo }) => node === undefined || isOn(memo, node));
      const newest = wanted.sort((a, b) => b.startedAt - a.startedAt).slice(0, limit);
      return copy(newest.map(({ plan: _, ...listed }) => listed));
    },
    async unfinished() {
      const open = [...runs.values()].filter((run) => run.endedAt === null);
      return copy(open.sort((a, b) => a.startedAt - b.startedAt));
    },
    async putSteps(id, views) {
      require(id);
      putSteps(id, views);
    },
    async steps(id) {
      return copy([...(steps.get(id)?.values() ?? [])]);
    },
    async appendLog(id, lines) {
      require(id);
      logs.set(id, [...(logs.get(id) ?? []), ...copy(lines)]);
    },
    async log(id, limit) {
      return copy((logs.get(id) ?? []).slice(-limit));
    },
    prune(kept) {
      const newestFirst = [...runs.values()].sort((a, b) => b.startedAt - a.startedAt);
      for (const [place, { id, endedAt }] of newestFirst.entries()) {
        if (endedAt === null) continue;
        if (place >= kept.runLogs) logs.delete(id);
        if (place < kept.runs) continue;
        runs.delete(id);
        steps.delete(id);
      }
    },
  };
}

function recordStore<Value extends { readonly id: string }>(
  parse: (record: unknown) => Value,
  order: keyof Value & string,
) {
  const records = new Map<string, Value>();
  return {
    async list(): Promise<Value[]> {
      return copy([...records.values()].sort((a, b) => compare(String(a[order]), String(b[order]))));
    },
    async put(record: Value): Promise<void> {
      records.set(record.id, copy(parse(record)));
    },
    async remove(id: string): Promise<void> {
      records.delete(id);
    },
  };
}

function hostStore(): Omit<HostStore, 'onChanged'> {
  const records = recordStore<StoredHost>((record) => HostRecord.parse(record), 'name');
  const inTurn = takeTurns();
  return {
    list: () => records.list(),
    put: (host) => inTurn(() => records.put(host)),
    update: (id, change) =>
      inTurn(async () => {
        const host = (await records.list()).find((each) => each.id === id);
        if (!host) return null;
        const changed = await change(host);
        await records.put(changed);
        return changed;
      }),
    remove: (id) => inTurn(() => records.remove(id)),
  };
}

function keyStore(): KeyStore {
  const keys = new Map<string, Parameters<KeyStore['put']>[0]>();
  return {
    async put(key) {
      keys.set(key.id, copy(key));
    },
    async get(id) {
      return copy(keys.get(id) ?? null);
    },
    async list() {
      const sorted = [...keys.values()].sort((a, b) => compare(a.addedAt, b.addedAt) || compare(a.id, b.id));
      return sorted.map(({ id, label, publicKey, addedAt }) => ({ id, label, publicKey, addedAt }));
    },
    async remove(id) {
      keys.delete(id);
    },
  };
}

function auditStore(): AuditStore & { prune(kept: Kept['auditEntries']): void } {
  const entries: (AuditEntry & { readonly kind: AuditKind })[] = [];
  let lastId = 0;
  return {
    async append(entry, kind) {
      lastId += 1;
      entries.push({ ...copy(entry), id: lastId, kind });
    },
    async list({ before, limit, text }) {
      const needle = text.toLowerCase();
      const found = entries.filter(
        (entry) =>
          (before === null || entry.id < before) &&
          [entry.who, entry.what, entry.where, entry.message].some((field) => field.toLowerCase().includes(needle)),
      );
      return copy(
        found
          .reverse()
          .slice(0, limit)
          .map(({ kind: _, ...entry }) => entry),
      );
    },
    prune(kept) {
      for (const kind of ['act', 'use'] as const) {
        const own = entries.filter((entry) => entry.kind === kind);
        for (const entry of own.slice(0, Math.max(0, own.length - kept[kind])))
          entries.splice(entries.indexOf(entry), 1);
      }
    },
  };
}

function tokenStore(): TokenStore {
  const tokens = new Map<string, StoredToken>();
  return {
    async put(token) {
      tokens.set(token.id, copy(token));
    },
    async findByHash(hash) {
      return copy([...tokens.values()].find((token) => token.hash === hash) ?? null);
    },
    async list(userId) {
      const own = [...tokens.values()].filter((token) => token.userId === userId);
      return copy(own.sort((a, b) => a.createdAt - b.createdAt));
    },
    async remove(id, userId) {
      return tokens.get(id)?.userId === userId && tokens.delete(id);
    },
    async removeAll(userId) {
      for (const token of tokens.values()) if (token.userId === userId) tokens.delete(token.id);
    },
  };
}

function settingStore(): SettingStore {
  const settings = new Map<string, string>();
  return {
    async get(key) {
      return settings.get(key) ?? null;
    },
    async put(key, value) {
      settings.set(key, value);
    },
    async take(key, value) {
      return settings.get(key) === value && settings.delete(key);
    },
  };
}
