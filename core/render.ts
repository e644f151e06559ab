// Answers as text, byte for byte as minimega 3.1.0 renders them (pkg/minicli/output.go; recorded answers are the test).
// One difference: hosts with equal text merge into a correct node range. Errors are never rendered: clients print them.
import type { ResponseEntry } from '../contract/command-socket.ts';
import { goJson } from './go-json.ts';
import { describeRange } from './ranges/describe-range.ts';

export interface OutputFlags {
  readonly annotate: boolean;
  readonly compress: boolean;
  readonly headers: boolean;
  readonly sort: boolean;
  readonly mode: 'default' | 'csv' | 'json';
}

export const defaultOutputFlags: OutputFlags = {
  annotate: true,
  compress: true,
  headers: true,
  sort: true,
  mode: 'default',
};

export function renderEntries(entries: readonly ResponseEntry[], flags: OutputFlags): string {
  if (entries.length === 0) return '';
  if (flags.mode === 'json') return goJson(entries);
  const good = entries.filter((entry) => entry.Error === '');
  const issue = findMix(good);
  if (issue !== null) return issue;
  const rows = collectRows(good, flags);
  if (typeof rows === 'string') return rows;
  if (rows.length > 0) {
    const header = good.find((entry) => entry.Header !== null)?.Header ?? null;
    const lines = flags.sort ? rows.sort(compareRows) : rows;
    if (flags.headers && header) lines.unshift(flags.annotate ? ['host', ...header] : [...header]);
    return (flags.mode === 'csv' ? csvText(lines) : tableText(lines)).trim();
  }
  const texts = good.filter((entry) => entry.Response !== '');
  return (flags.compress && entries.length > 1 ? compressedText(texts, flags) : plainText(texts, flags)).trim();
}

/** Why these answers make no one table; null when they do, or when none of them is a table. */
function findMix(entries: readonly ResponseEntry[]): string | null {
  const first = entries.find((entry) => entry.Header !== null);
  const other = entries.find(
    (entry) => entry.Header !== null && JSON.stringify(entry.Header) !== JSON.stringify(first?.Header),
  );
  if (first && other) return `header mismatch, hosts: ${first.Host}, ${other.Host}`;
  const isTable = entries.some((entry) => entry.Tabular !== null);
  const isText = entries.some((entry) => entry.Tabular === null && entry.Response !== '');
  return isTable && isText ? 'responses mix simple and tabular data' : null;
}

function collectRows(entries: readonly ResponseEntry[], flags: OutputFlags): string[][] | string {
  const rows: string[][] = [];
  for (const { Host, Header, Tabular } of entries) {
    for (const [at, row] of (Tabular ?? []).entries()) {
      if (row.length !== (Header ?? []).length) return `tabular width mismatch, host: ${Host}, row: ${at}`;
      rows.push(flags.annotate ? [Host, ...row] : [...row]);
    }
  }
  return rows;
}

/** From the left, the first cell that differs decides: as integers when both are, else as strings. */
function compareRows(a: readonly string[], b: readonly string[]): number {
  for (const [at, cell] of a.entries()) {
    const other = b[at] ?? '';
    if (cell === other) continue;
    if (/^[+-]?\d+$/.test(cell) && /^[+-]?\d+$/.test(other)) {
      const order = BigInt(cell.replace('+', '')) - BigInt(other.replace('+', ''));
      if (order !== 0n) return order < 0n ? -1 : 1;
    } else {
      return cell < other ? -1 : 1;
    }
  }
  return 0;
}

/** Columns are as wide as their longest cell (with its `| `) and one space, at least five; the last is not padded. */
function tableText(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell, at) => (at === 0 ? cell : `| ${cell}`)));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 5, Array.from(cell).length + 1);
    });
  }
  const pad = (cell: string, at: number, row: readonly string[]) =>
    at === row.length - 1 ? cell : cell + ' '.repeat((widths[at] ?? 0) - Array.from(cell).length);
  return cells.map((row) => row.map((cell, at) => pad(cell, at, row)).join('')).join('\n');
}

/** As Go's encoding/csv writes: quotes only where a reader needs them. */
function csvText(rows: readonly (readonly string[])[]): string {
  const field = (cell: string) =>
    /[",\r\n]/.test(cell) || /^\s/.test(cell) || cell === '\\.' ? `"${cell.replaceAll('"', '""')}"` : cell;
  return rows.map((row) => row.map(field).join(',')).join('\n');
}

function plainText(entries: readonly ResponseEntry[], flags: OutputFlags): string {
  return entries.map(({ Host, Response }) => line(Host, Response, flags)).join('\n');
}

function compressedText(entries: readonly ResponseEntry[], flags: OutputFlags): string {
  const hosts = new Map<string, string[]>();
  for (const { Host, Response } of entries) hosts.set(Response, [...(hosts.get(Response) ?? []), Host]);
  return [...hosts]
    .map(([text, names]) => ({ range: describeRange(names), text }))
    .sort((a, b) => (a.range < b.range ? -1 : 1))
    .map(({ range, text }) => line(range, text, flags))
    .join('\n');
}

function line(who: string, text: string, flags: OutputFlags): string {
  const body = text.replace(/\n+$/, '');
  return flags.annotate ? `${who}: ${body}` : body;
}
