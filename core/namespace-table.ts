// Namespaces as rows that every node has: which hosts each has, and how its VMs are spread. Nodes that have heard the same rows, in whatever
// order and however often, have the same table. Names and their rules are in namespaces.ts; the default namespace has no row, since each
// node has its own.
import { maxClearedNamespaces, maxNamespaceRows } from '../contract/limits.ts';
import { isNewer, PartHashes, partOf, type RowVersion } from './tables/versions.ts';
import type { LoadKind } from './vms/placement.ts';

/** Some nodes, or all members of the roster but some: these hold for nodes that are admitted later. Ids are sorted. */
export interface HostSet {
  readonly isAllBut: boolean;
  readonly ids: readonly string[];
}

export interface PresentNamespace extends RowVersion {
  readonly name: string;
  readonly state: 'present';
  readonly hosts: HostSet;
  readonly load: LoadKind;
  /** Somebody set its hosts or its load. Without it, it was only mentioned. */
  readonly isConfigured: boolean;
}

/** Kept for some time, so that the row of a node that was away does not bring the namespace back. */
export interface ClearedNamespace extends RowVersion {
  readonly name: string;
  readonly state: 'cleared';
  /** Milliseconds since 1970, by the clock of who cleared it: only the newest are kept. */
  readonly clearedAt: number;
}

export type NamespaceRow = PresentNamespace | ClearedNamespace;
export interface NamespaceRows {
  readonly rows: readonly NamespaceRow[];
}

export const nobody: HostSet = { isAllBut: false, ids: [] };

export function onlyHosts(ids: Iterable<string>): HostSet {
  return { isAllBut: false, ids: [...new Set(ids)].sort() };
}

export function allHostsBut(ids: Iterable<string>): HostSet {
  return { isAllBut: true, ids: [...new Set(ids)].sort() };
}

/** The hosts of both. */
export function joinHosts(a: HostSet, b: HostSet): HostSet {
  if (a.isAllBut && b.isAllBut) return allHostsBut(a.ids.filter((id) => b.ids.includes(id)));
  if (a.isAllBut) return withoutIds(a, b.ids);
  if (b.isAllBut) return withoutIds(b, a.ids);
  return onlyHosts([...a.ids, ...b.ids]);
}

export function removeHosts({ isAllBut, ids }: HostSet, gone: readonly string[]): HostSet {
  return isAllBut ? allHostsBut([...ids, ...gone]) : withoutIds({ isAllBut, ids }, gone);
}

/** Those of these members that are hosts. Only members are hosts. */
export function hostsAmong({ isAllBut, ids }: HostSet, members: readonly string[]): string[] {
  const named = new Set(ids);
  return members.filter((id) => named.has(id) !== isAllBut);
}

function withoutIds({ isAllBut, ids }: HostSet, gone: readonly string[]): HostSet {
  const left = new Set(gone);
  return { isAllBut, ids: ids.filter((id) => !left.has(id)) };
}

function rowText(row: NamespaceRow): string {
  return JSON.stringify(
    row.state === 'cleared'
      ? [row.name, row.counter, row.node, row.clearedAt]
      : [row.name, row.counter, row.node, row.hosts.isAllBut, row.hosts.ids, row.load, row.isConfigured],
  );
}

/**
 * The row that two rows of one namespace make, in either order. Two nodes that mention a name at the same time both count: launches may be
 * under way on the hosts of either. A row that somebody configured, or cleared, wins over a mention of the same count.
 */
function merged(a: NamespaceRow, b: NamespaceRow): NamespaceRow {
  const isMention = (row: NamespaceRow) => row.state === 'present' && !row.isConfigured;
  if (a.counter === b.counter && a.state === 'present' && b.state === 'present' && isMention(a) && isMention(b)) {
    const later = a.node > b.node ? a : b;
    const both = { ...later, hosts: joinHosts(a.hosts, b.hosts) };
    return [a, b].find((row) => rowText(row) === rowText(both)) ?? both;
  }
  if (a.counter === b.counter && isMention(a) !== isMention(b)) return isMention(a) ? b : a;
  return isNewer(a, b, rowText) ? a : b;
}

export class NamespaceTable {
  private readonly byName = new Map<string, NamespaceRow>();
  private readonly parts = new PartHashes();

  /** Takes rows from anywhere. @returns those that changed something, as they are now */
  merge({ rows }: NamespaceRows): NamespaceRows {
    return { rows: rows.flatMap((row) => this.take(row) ?? []) };
  }

  /** Takes rows; the function returned puts back what was there before them, except where something newer came meanwhile. */
  mergeForNow({ rows }: NamespaceRows): () => void {
    const befores = rows.map(({ name }) => this.byName.get(name));
    this.merge({ rows });
    return () => {
      rows.forEach((row, at) => {
        if (this.byName.get(row.name) !== row) return;
        this.drop(row);
        const before = befores[at];
        if (before !== undefined) this.put(before);
      });
    };
  }

  get(name: string): PresentNamespace | null {
    const row = this.byName.get(name);
    return row?.state === 'present' ? row : null;
  }

  /** What a writer counts on from. */
  counter(name: string): number {
    return this.byName.get(name)?.counter ?? 0;
  }

  present(): PresentNamespace[] {
    return [...this.byName.values()].flatMap((row) => (row.state === 'present' ? [row] : []));
  }

  all(): NamespaceRows {
    return { rows: [...this.byName.values()] };
  }

  hashes(): string[] {
    return this.parts.texts();
  }

  differing(hashes: readonly string[]): NamespaceRows {
    const differs = this.parts.differing(hashes);
    return { rows: this.all().rows.filter(({ name }) => differs[partOf(name)]) };
  }

  private take(row: NamespaceRow): NamespaceRow | null {
    const known = this.byName.get(row.name);
    const next = known === undefined ? row : merged(known, row);
    if (next === known || (known !== undefined && rowText(next) === rowText(known))) return null;
    if (known !== undefined) this.drop(known);
    this.put(next);
    const tooMany = this.tooMany(next.state);
    if (tooMany !== null) this.drop(tooMany);
    return tooMany === next ? null : next;
  }

  /** Which of too many goes must not depend on the order in which they came. */
  private tooMany(state: NamespaceRow['state']): NamespaceRow | null {
    const most = state === 'present' ? maxNamespaceRows : maxClearedNamespaces;
    const rows = [...this.byName.values()].filter((row) => row.state === state);
    if (rows.length <= most) return null;
    const ageOf = (row: NamespaceRow) => (row.state === 'cleared' ? row.clearedAt : 0);
    return rows.reduce((a, b) => (ageOf(a) < ageOf(b) || (ageOf(a) === ageOf(b) && a.name > b.name) ? a : b));
  }

  private put(row: NamespaceRow): void {
    this.byName.set(row.name, row);
    this.parts.flip(rowText(row), partOf(row.name));
  }

  private drop(row: NamespaceRow): void {
    this.byName.delete(row.name);
    this.parts.flip(rowText(row), partOf(row.name));
  }
}
