import { expect, test } from 'vitest';
import { nextSort, parseSort, sortRows, sortText, type Column } from './column.ts';

interface Row {
  readonly name: string;
  readonly load?: number;
}
const columns: readonly Column<Row>[] = [
  { id: 'name', title: 'Name', sortBy: ({ name }) => name, cell: () => null },
  { id: 'load', title: 'Load', align: 'end', sortBy: ({ load }) => load, cell: () => null },
  { id: 'tags', title: 'Tags', cell: () => null },
];
const rows: readonly Row[] = [
  { name: 'web10', load: 2 },
  { name: 'web9', load: 10 },
  { name: 'db1' },
  { name: 'web1', load: 2 },
];

test.each([
  ['name', ['db1', 'web1', 'web9', 'web10']],
  ['-name', ['web10', 'web9', 'web1', 'db1']],
  // What has no value stands last both ways, and equal ones stay as they came.
  ['load', ['web10', 'web1', 'web9', 'db1']],
  ['-load', ['web9', 'web10', 'web1', 'db1']],
  ['tags', ['db1', 'web1', 'web9', 'web10']],
  ['-nonsense', ['db1', 'web1', 'web9', 'web10']],
])('sorted by %j', (text, names) => {
  expect(sortRows(columns, rows, parseSort(columns, text, 'name')).map(({ name }) => name)).toEqual(names);
});

test('a click begins numbers with the largest, and a second one turns the order round', () => {
  const [name, load] = columns;
  const sort = nextSort(load!, { column: 'name', isDescending: false });
  expect([sortText(sort), sortText(nextSort(load!, sort)), sortText(nextSort(name!, sort))]).toEqual([
    '-load',
    'load',
    'name',
  ]);
});
