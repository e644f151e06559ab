import { expect, test } from 'vitest';
import { maxClearedNamespaces, maxNamespaceRows } from '../contract/limits.ts';
import {
  allHostsBut,
  hostsAmong,
  joinHosts,
  NamespaceTable,
  nobody,
  onlyHosts,
  removeHosts,
  type NamespaceRow,
  type PresentNamespace,
} from './namespace-table.ts';

const members = ['a', 'b', 'c', 'd'];

function mention(name: string, writer: string, fields: Partial<PresentNamespace> = {}): NamespaceRow {
  const hosts = allHostsBut([writer]);
  return { name, state: 'present', hosts, load: 'cpucommit', isConfigured: false, counter: 1, node: writer, ...fields };
}

function cleared(name: string, counter: number, clearedAt = 1): NamespaceRow {
  return { name, state: 'cleared', counter, node: 'a', clearedAt };
}

function tableOf(...rows: NamespaceRow[]): NamespaceTable {
  const table = new NamespaceTable();
  for (const row of rows) table.merge({ rows: [row] });
  return table;
}

test.each([
  ['some and others', onlyHosts(['a']), onlyHosts(['b', 'a']), ['a', 'b']],
  ['some and all but some', onlyHosts(['a']), allHostsBut(['a', 'b']), ['a', 'c', 'd']],
  ['all but some, twice', allHostsBut(['a', 'b']), allHostsBut(['b', 'c']), ['a', 'c', 'd']],
  ['nobody and some', nobody, onlyHosts(['c']), ['c']],
] as const)('hosts of both: %s', (_, a, b, hosts) => {
  expect(hostsAmong(joinHosts(a, b), members)).toEqual(hosts);
  expect(joinHosts(a, b)).toEqual(joinHosts(b, a));
});

test('hosts that are removed stay away, also from all but some', () => {
  expect(hostsAmong(removeHosts(onlyHosts(['a', 'b']), ['b', 'x']), members)).toEqual(['a']);
  expect(hostsAmong(removeHosts(allHostsBut(['a']), ['b']), members)).toEqual(['c', 'd']);
});

test('N2 of two rows the higher count wins, then the greater node, in either order', () => {
  const older = mention('exp', 'a', { isConfigured: true, counter: 1 });
  const newer = mention('exp', 'a', { isConfigured: true, counter: 2, load: 'memcommit' });
  const other = mention('exp', 'b', { isConfigured: true, counter: 2, load: 'netcommit' });
  for (const rows of [
    [older, newer, other],
    [other, newer, older],
    [newer, other, older],
  ]) {
    const table = tableOf(...rows);
    expect(table.get('exp')).toEqual(other);
    expect(table.hashes()).toEqual(tableOf(other).hashes());
  }
});

test('N3 two nodes that mention a name at the same time both count, and configuring or clearing it wins', () => {
  const both = tableOf(mention('exp', 'a'), mention('exp', 'b'));
  expect(hostsAmong(both.get('exp')?.hosts ?? nobody, members)).toEqual(members);
  expect(both.hashes()).toEqual(tableOf(mention('exp', 'b'), mention('exp', 'a')).hashes());
  const set = mention('exp', 'a', { isConfigured: true, hosts: onlyHosts(['c']) });
  for (const rows of [
    [set, mention('exp', 'b')],
    [mention('exp', 'b'), set],
  ])
    expect(tableOf(...rows).get('exp')).toEqual(set);
  for (const rows of [
    [cleared('exp', 1), mention('exp', 'b')],
    [mention('exp', 'b'), cleared('exp', 1)],
  ])
    expect(tableOf(...rows).get('exp')).toBeNull();
});

test('N4 a cleared namespace does not come back by an older row, and may be made again', () => {
  const table = tableOf(cleared('exp', 2), mention('exp', 'b'));
  expect(table.get('exp')).toBeNull();
  table.merge({ rows: [mention('exp', 'b', { counter: 3 })] });
  expect(table.get('exp')).not.toBeNull();
});

test('rows in any order make the same table', () => {
  const rows = ['x', 'y', 'z'].flatMap((name) => [
    mention(name, 'a'),
    mention(name, 'b'),
    mention(name, 'c', { hosts: onlyHosts(['c']) }),
    mention(name, 'a', { isConfigured: true, counter: 2, load: 'memcommit' }),
    mention(name, 'b', { isConfigured: true, counter: 2, hosts: nobody }),
    cleared(name, 2),
    mention(name, 'a', { counter: 3 }),
    mention(name, 'd', { counter: 3 }),
  ]);
  const first = tableOf(...rows);
  for (let turn = 0; turn < 200; turn += 1) {
    const shuffled = rows
      .filter(({ counter }) => counter < 3 || turn % 2 === 0)
      .map((row) => ({ row, at: Math.random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ row }) => row);
    const table = tableOf(...shuffled, ...shuffled.slice(0, 5));
    if (turn % 2 === 0) expect(table.all().rows.toSorted(byName)).toEqual(first.all().rows.toSorted(byName));
    else expect(table.hashes()).toEqual(tableOf(...shuffled.toReversed()).hashes());
  }
});

const byName = (a: NamespaceRow, b: NamespaceRow) => (a.name < b.name ? -1 : 1);

test('N8 too many rows leave the same ones behind in any order: of cleared ones the newest', () => {
  const count = maxClearedNamespaces + 20;
  const rows = Array.from({ length: count }, (_, at) => cleared(`n${at}`, 1, at));
  const table = tableOf(...rows);
  expect(table.all().rows).toHaveLength(maxClearedNamespaces);
  expect(table.counter('n0')).toBe(0);
  expect(table.counter(`n${count - 1}`)).toBe(1);
  expect(tableOf(...rows.toReversed()).hashes()).toEqual(table.hashes());
  const present = Array.from({ length: maxNamespaceRows + 3 }, (_, at) => mention(`n${at}`, 'a'));
  expect(tableOf(...present).present()).toHaveLength(maxNamespaceRows);
  expect(tableOf(...present.toReversed()).hashes()).toEqual(tableOf(...present).hashes());
});

test('a row that was not saved is taken back, unless a newer one came meanwhile', () => {
  const before = mention('exp', 'a');
  const written = mention('exp', 'a', { isConfigured: true, counter: 2 });
  const table = tableOf(before);
  const hashes = table.hashes();
  table.mergeForNow({ rows: [written] })();
  expect(table.hashes()).toEqual(hashes);
  const undo = table.mergeForNow({ rows: [written] });
  const newer = cleared('exp', 3);
  table.merge({ rows: [newer] });
  undo();
  expect(table.all().rows).toEqual([newer]);
});

test('two nodes compare tables by parts', () => {
  const table = tableOf(mention('x', 'a'), mention('y', 'a'));
  const other = tableOf(mention('x', 'a'));
  expect(table.differing(other.hashes()).rows.map(({ name }) => name)).toContain('y');
  expect(table.differing(table.hashes()).rows).toEqual([]);
});
