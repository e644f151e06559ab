import { expect, test } from 'vitest';
import { maxForcedRows, maxRanges, nextRow, VlanTable, type RangeRow, type TableRows, type VlanRow } from './table.ts';

const node = (at: number) => at.toString(16).padStart(32, '0');
const row = (vlan: number, alias: string, more: Partial<VlanRow> = {}): VlanRow => ({
  vlan,
  namespace: alias === '' ? '' : 'minimega',
  alias,
  state: 'held',
  pinned: false,
  forced: false,
  counter: 1,
  node: node(1),
  ...more,
});
const range = (namespace: string, min: number, more: Partial<RangeRow> = {}): RangeRow => ({
  namespace,
  range: { min, max: min + 10 },
  counter: 1,
  node: node(1),
  ...more,
});
const tableOf = (...rows: VlanRow[]) => {
  const table = new VlanTable();
  table.merge({ rows, ranges: [] });
  return table;
};

const seed = Number(process.env['VLAN_SEED'] ?? Math.floor(Math.random() * 1e9));
/** mulberry32 */
function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

function randomRows(random: () => number, count: number): { rows: VlanRow[]; ranges: RangeRow[] } {
  const below = (most: number) => Math.floor(random() * most);
  return {
    rows: Array.from({ length: count }, () =>
      row(100 + below(20), random() < 0.1 ? '' : `a${below(6)}`, {
        state: random() < 0.3 ? 'released' : 'held',
        forced: random() < 0.4,
        pinned: random() < 0.5,
        counter: 1 + below(4),
        node: node(below(3)),
      }),
    ),
    ranges: Array.from({ length: count / 10 }, () =>
      range(`n${below(5)}`, 100 + below(100), { counter: 1 + below(3), node: node(below(3)) }),
    ),
  };
}

const shuffled = <Item>(items: readonly Item[], random: () => number): Item[] =>
  items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

const textOf = (table: VlanTable) => {
  const { rows, ranges } = table.all();
  return [...rows, ...ranges].map((each) => JSON.stringify(each)).sort();
};

test('V2 rows in any order, any grouping and any repetition make the same table with the same hashes', () => {
  const random = seeded(seed);
  for (let round = 0; round < 60; round += 1) {
    const all = randomRows(random, 120);
    const tables = Array.from({ length: 3 }, () => {
      const table = new VlanTable();
      const rows = shuffled([...all.rows, ...all.rows.slice(0, 40)], random);
      const ranges = shuffled([...all.ranges, ...all.ranges], random);
      for (let at = 0; at < rows.length; at += 7) table.merge({ rows: rows.slice(at, at + 7), ranges: [] });
      for (const each of ranges) table.merge({ rows: [], ranges: [each] });
      return table;
    });
    const [first] = tables;
    for (const table of tables) {
      expect(textOf(table), `VLAN_SEED=${seed}`).toEqual(textOf(first!));
      expect(table.hashes(), `VLAN_SEED=${seed}`).toEqual(first!.hashes());
    }
    // One answer brings everything that the other lacks.
    const empty = new VlanTable();
    empty.merge(first!.differing(empty.hashes()));
    expect(empty.hashes()).toEqual(first!.hashes());
    expect(empty.differing(first!.hashes())).toEqual({ rows: [], ranges: [] });
  }
});

test('V2 merging says what was news, and known rows are not', () => {
  const table = new VlanTable();
  const news: TableRows = { rows: [row(101, 'alpha')], ranges: [range('exp1', 200)] };
  expect(table.merge(news)).toEqual(news);
  expect(table.merge(news)).toEqual({ rows: [], ranges: [] });
  expect(table.merge({ rows: [row(101, 'beta', { counter: 2 })], ranges: [] }).rows).toHaveLength(1);
  expect(table.merge({ rows: [row(101, 'alpha')], ranges: [] }).rows).toEqual([]);
  expect(table.held({ namespace: 'minimega', alias: 'alpha' })).toEqual([]);
  expect(table.held({ namespace: 'minimega', alias: 'beta' }).map(({ vlan }) => vlan)).toEqual([101]);
});

test('an alias with two numbers is split, until one of them is released', () => {
  const table = tableOf(row(105, 'alpha'), row(101, 'alpha'), row(102, 'beta'));
  expect(table.splits()).toEqual([{ namespace: 'minimega', alias: 'alpha', vlans: [101, 105] }]);
  expect(table.isSplit({ namespace: 'minimega', alias: 'beta' })).toBe(false);
  table.merge({ rows: [row(105, 'alpha', { state: 'released', counter: 2 })], ranges: [] });
  expect(table.splits()).toEqual([]);
});

test('the same alias in two namespaces is two aliases, and not split', () => {
  const table = tableOf(row(101, 'alpha'), row(102, 'alpha', { namespace: 'exp1' }));
  expect(table.splits()).toEqual([]);
});

test('numbers that are used as they are do not count as one split alias', () => {
  expect(tableOf(row(7, ''), row(8, '')).splits()).toEqual([]);
});

test('a forced row hides nothing: with another holder the number clashes, with the same it does not', () => {
  const table = tableOf(row(101, 'alpha'), row(101, 'beta', { forced: true, node: node(2) }));
  expect(table.clashes()).toEqual([
    {
      vlan: 101,
      holders: [
        { namespace: 'minimega', alias: 'alpha' },
        { namespace: 'minimega', alias: 'beta' },
      ],
    },
  ]);
  expect(tableOf(row(101, 'alpha'), row(101, 'alpha', { forced: true })).clashes()).toEqual([]);
  expect(tableOf(row(101, 'alpha', { state: 'released' }), row(101, 'beta', { forced: true })).clashes()).toEqual([]);
});

test('a number keeps a bounded count of forced rows, the same ones everywhere', () => {
  const rows = Array.from({ length: maxForcedRows + 5 }, (_, at) => row(101, `f${at}`, { forced: true }));
  const a = tableOf(...rows);
  const b = tableOf(...rows.toReversed());
  expect(a.rowsOf(101)).toHaveLength(maxForcedRows);
  expect(textOf(a)).toEqual(textOf(b));
});

test('ranges are bounded, the same ones everywhere', () => {
  const ranges = Array.from({ length: maxRanges + 3 }, (_, at) => range(`n${at}`, 100));
  const [a, b] = [new VlanTable(), new VlanTable()];
  a.merge({ rows: [], ranges });
  b.merge({ rows: [], ranges: ranges.toReversed() });
  expect(a.ranges()).toHaveLength(maxRanges);
  expect(a.hashes()).toEqual(b.hashes());
});

test('the next row of a number counts on', () => {
  const table = tableOf(row(101, 'alpha', { counter: 4 }));
  expect(nextRow(table, { ...row(101, 'beta') }, node(9))).toMatchObject({ alias: 'beta', counter: 5, node: node(9) });
  expect(nextRow(table, { ...row(101, 'beta', { forced: true }) }, node(9))).toMatchObject({ counter: 1 });
});

test('a row that was not saved is taken back, unless a newer one came meanwhile', () => {
  const before = row(101, 'alpha');
  const written = row(101, 'alpha', { state: 'released', counter: 2 });
  const table = tableOf(before);
  const hashes = table.hashes();
  table.mergeForNow({ rows: [written], ranges: [] })();
  expect(table.owned(101)).toEqual(before);
  expect(table.hashes()).toEqual(hashes);
  const undo = table.mergeForNow({ rows: [written], ranges: [] });
  const newer = row(101, 'beta', { counter: 3 });
  table.merge({ rows: [newer], ranges: [] });
  undo();
  expect(table.owned(101)).toEqual(newer);
});
