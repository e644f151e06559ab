// The filter of the table of VMs: words, and conditions as minimega's `.filter` takes them (`state!=RUNNING vlan=lan`), all of which must
// hold. Pure.
import { describeError } from '../../contract/errors.ts';
import { splitTokens } from '../../core/commands/tokens.ts';
import { goJson } from '../../core/go-json.ts';
import { findColumn, fitsFilter, parseFilter } from '../../core/transform.ts';
import { describeVlan } from '../../core/vms/vlan-words.ts';
import type { VmLine, VmNic } from './vm-line.ts';

export type VmFilter = (line: VmLine) => boolean;

export type ParsedVmFilter =
  { readonly ok: true; readonly fits: VmFilter } | { readonly ok: false; readonly message: string };

const list = (items: readonly string[]): string => `[${items.join(', ')}]`;
const perNic =
  (cell: (nic: VmNic) => string) =>
  ({ nics }: VmLine): string =>
    list(nics.map(cell));
const perTap =
  (cell: (tap: NonNullable<VmNic['tap']>) => string) =>
  ({ nics }: VmLine): string =>
    list(nics.flatMap(({ tap }) => (tap === null ? [] : [cell(tap)])).filter((text) => text !== ''));

/** Cells as `vm info` prints them, under its names, as far as rows have them; `node` and `host` are the same. */
const cells: Readonly<Record<string, (line: VmLine) => string>> = {
  id: ({ vm }) => String(vm.Id),
  name: ({ vm }) => vm.Name,
  state: ({ vm }) => vm.State,
  reason: ({ vm }) => vm.Reason,
  node: ({ node }) => node,
  host: ({ node }) => node,
  namespace: ({ vm }) => vm.Namespace,
  uuid: ({ vm }) => vm.Uuid,
  vlan: perNic(describeVlan),
  bridge: perTap(({ Bridge: bridge }) => bridge),
  tap: perTap(({ Name: name }) => name),
  mac: perNic(({ mac }) => mac),
  ip: perTap(({ Ip4: ip }) => ip),
  ip6: perTap(({ Ip6: ip }) => ip),
  memory: ({ vm }) => String(vm.Memory),
  vcpus: ({ vm }) => String(vm.Vcpus),
  accelerator: ({ vm }) => vm.Accelerator,
  tags: ({ vm }) => goJson(Object.fromEntries(vm.Tags.map(keyAndValue))),
};
export const filterColumns: readonly string[] = Object.keys(cells);

function keyAndValue(tag: string): [string, string] {
  const at = tag.indexOf('=');
  return at < 0 ? [tag, ''] : [tag.slice(0, at), tag.slice(at + 1)];
}

/** What words without a condition are looked for in. */
function textOf({ vm, node, nics, addresses }: VmLine): string {
  const nets = nics.flatMap(({ vlan, alias, mac }) => [alias, vlan < 0 ? '' : String(vlan), mac]);
  return [vm.Name, vm.Namespace, vm.State, vm.Reason, node, ...addresses, ...nets, ...vm.Tags, vm.Uuid]
    .join('\n')
    .toLowerCase();
}

/** Nothing typed: all. */
export function parseVmFilter(text: string): ParsedVmFilter {
  const split = splitTokens(text);
  if (!split.ok) return { ok: false, message: split.message };
  const conditions: VmFilter[] = [];
  const words: string[] = [];
  for (const { text: word } of split.tokens) {
    if (!/[=~]/.test(word)) {
      words.push(word.toLowerCase());
      continue;
    }
    try {
      conditions.push(conditionOf(word));
    } catch (error) {
      return { ok: false, message: explain(word, describeError(error)) };
    }
  }
  return {
    ok: true,
    fits: (line) => {
      if (!conditions.every((fits) => fits(line))) return false;
      if (words.length === 0) return true;
      const hay = textOf(line);
      return words.every((word) => hay.includes(word));
    },
  };
}

/** @throws AppError `invalid` */
function conditionOf(word: string): VmFilter {
  const filter = parseFilter(word);
  const cell = cells[filterColumns[findColumn(filterColumns, filter.column)] ?? ''];
  return (line) => cell !== undefined && fitsFilter(cell(line), filter);
}

/** What is wrong, and what may stand there. */
function explain(word: string, message: string): string {
  if (message === 'invalid filter, see help') {
    return `\`${word}\`: one of =, !=, ~ (contains) and !~ stands between a column and a value`;
  }
  return `${message}: the columns are ${filterColumns.join(', ')}`;
}

/** Words of a filter as typed, each with where it stands. */
function wordsOf(text: string): readonly { word: string; start: number; end: number }[] {
  const split = splitTokens(text);
  return split.ok ? split.tokens.map(({ text: word, start, end }) => ({ word, start, end })) : [];
}

/** Whether this condition is one of the words. */
export function hasCondition(text: string, condition: string): boolean {
  return wordsOf(text).some(({ word }) => word.toLowerCase() === condition.toLowerCase());
}

/** With this condition in place of those on the same column, or without it when it was there. */
export function toggleCondition(text: string, condition: string): string {
  const column = condition.slice(0, condition.indexOf('=') + 1).toLowerCase();
  const isThere = hasCondition(text, condition);
  const kept = wordsOf(text).filter(({ word }) => !word.toLowerCase().startsWith(column));
  const words = kept.map(({ start, end }) => text.slice(start, end));
  return [...words, ...(isThere ? [] : [condition])].join(' ');
}
