// @vitest-environment happy-dom
import { act, useState, type ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pageForTests } from '../page-for-tests.ts';
import { parseSort, sortRows, sortText, type Column, type Sort } from './column.ts';
import { DataTable } from './DataTable.tsx';
import { noMarks, type Marks } from './marks.ts';

interface Row {
  readonly id: number;
  readonly name: string;
}

const page = pageForTests();
const height = 320;

beforeEach(() => {
  // Nothing is laid out here: a screen of ten rows.
  for (const side of ['offsetHeight', 'clientHeight'] as const)
    vi.spyOn(HTMLElement.prototype, side, 'get').mockReturnValue(height);
  vi.spyOn(HTMLElement.prototype, 'offsetWidth', 'get').mockReturnValue(800);
});
afterEach(() => {
  vi.restoreAllMocks();
});

let rendered: string[] = [];
const columns: readonly Column<Row>[] = [
  {
    id: 'name',
    title: 'Name',
    sortBy: ({ name }) => name,
    cell: ({ name }) => {
      rendered.push(name);
      return name;
    },
  },
  { id: 'id', title: 'Id', align: 'end', width: 4, sortBy: ({ id }) => id, cell: ({ id }) => id },
];
const many: readonly Row[] = Array.from({ length: 10_000 }, (_, at) => ({ id: at + 1, name: `vm${at + 1}` }));

/** What the page around the table holds. */
let held: { selected: string; marks: Marks; sort: string; opened: string[]; selections: number };
let setRows: (rows: readonly Row[]) => void;

function Page({ initial }: { initial: readonly Row[] }): ReactElement {
  const [rows, put] = useState(initial);
  const [selected, select] = useState('');
  const [marks, mark] = useState<Marks>(noMarks);
  const [sort, order] = useState<Sort>(parseSort(columns, '', 'name'));
  setRows = put;
  held = { ...held, selected, marks, sort: sortText(sort) };
  return (
    <DataTable
      label="VMs"
      columns={columns}
      rows={sortRows(columns, rows, sort)}
      keyOf={({ id }) => String(id)}
      nameOf={({ name }) => name}
      phone={({ name, id }) => ({ title: name, detail: `id ${id}` })}
      sort={sort}
      onSort={order}
      selected={selected}
      onSelect={(key) => {
        held.selections += 1;
        select(key ?? '');
      }}
      onOpen={({ name }) => held.opened.push(name)}
      marks={marks}
      onMark={mark}
    />
  );
}

function draw(initial: readonly Row[]): void {
  held = { selected: '', marks: noMarks, sort: '', opened: [], selections: 0 };
  rendered = [];
  page.draw(<Page initial={initial} />);
}
const grid = (): HTMLElement => page.box.querySelector<HTMLElement>('[role=grid]')!;
const shownRows = () => [...page.box.querySelectorAll('tbody [role=row]')];
const names = () => shownRows().map((row) => row.querySelectorAll('[role=gridcell]')[1]?.textContent);
const rowOf = (name: string) => shownRows().find((row) => row.textContent.startsWith(name))!;
const press = (key: string, options: KeyboardEventInit = {}): void => {
  act(() => {
    grid().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...options }));
  });
};
const click = (element: Element | undefined | null): void => {
  act(() => {
    element?.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
  });
};
const tick = (name: string, shiftKey = false): void => {
  act(() => {
    const box = rowOf(name).querySelector('[role=checkbox]')!;
    box.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, shiftKey }));
    box.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, shiftKey }));
  });
};

test('of 10,000 rows a screen and a little more is rendered, and the numbers of all are said', () => {
  draw(many);
  expect(grid().getAttribute('aria-rowcount')).toBe('10001');
  expect(names().slice(0, 3)).toEqual(['vm1', 'vm2', 'vm3']);
  expect(names().length).toBeLessThan(40);
  expect(shownRows()[0]?.getAttribute('aria-rowindex')).toBe('2');
});

test('only a row that is another object is rendered again', () => {
  draw(many);
  rendered = [];
  act(() => setRows(many.map((row) => (row.id === 2 ? { ...row } : row))));
  expect(rendered).toEqual(['vm2']);
});

test('arrows select, which is heard once they rest; Enter opens, Space marks', async () => {
  draw(many);
  press('ArrowDown');
  press('ArrowDown');
  press('ArrowDown');
  press('ArrowUp');
  expect(rowOf('vm2').getAttribute('aria-current')).toBe('true');
  expect(grid().getAttribute('aria-activedescendant')).toBe(rowOf('vm2').id);
  expect(held.selections).toBe(0);
  await page.until(() => expect(held.selected).toBe('2'));
  expect(held.selections).toBe(1);
  press('Enter');
  expect(held.opened).toEqual(['vm2']);
  press(' ');
  expect([...held.marks]).toEqual(['2']);
  expect(rowOf('vm2').getAttribute('aria-selected')).toBe('true');
  press(' ');
  expect([...held.marks]).toEqual([]);
});

test('Shift marks all rows between two, by the mouse and by Space', () => {
  draw(many);
  tick('vm2');
  tick('vm5', true);
  expect([...held.marks]).toEqual(['2', '3', '4', '5']);
  tick('vm4');
  expect([...held.marks]).toEqual(['2', '3', '5']);
  for (let presses = 0; presses < 7; presses += 1) press('ArrowDown');
  press(' ', { shiftKey: true });
  expect([...held.marks].sort()).toEqual(['2', '3', '4', '5', '6', '7']);
});

test('the box in the header marks all that are listed, and none', () => {
  draw(many.slice(0, 3));
  const box = () => page.box.querySelector<HTMLElement>('thead [role=checkbox]')!;
  click(box());
  expect([...held.marks]).toEqual(['1', '2', '3']);
  tick('vm3');
  expect(box().getAttribute('aria-checked')).toBe('mixed');
  click(box());
  click(box());
  expect([...held.marks]).toEqual([]);
});

test('a click selects and a second one takes that back; a header sorts', () => {
  draw(many.slice(0, 12));
  click(rowOf('vm3').lastElementChild);
  expect(held.selected).toBe('3');
  click(rowOf('vm3').lastElementChild);
  expect(held.selected).toBe('');
  const header = [...page.box.querySelectorAll('thead button')].find(({ textContent }) => textContent === 'Id');
  click(header);
  expect([held.sort, names()[0]]).toEqual(['-id', 'vm12']);
  expect(header?.closest('[role=columnheader]')?.getAttribute('aria-sort')).toBe('descending');
});

test('on a phone a row is two lines, and a tap selects', () => {
  vi.spyOn(window, 'matchMedia').mockReturnValue({
    matches: true,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  } as unknown as MediaQueryList);
  draw(many);
  const buttons = [...page.box.querySelectorAll('li button[aria-pressed]')];
  expect(buttons.length).toBeLessThan(40);
  expect([...buttons[1]!.querySelectorAll('span.block')].map(({ textContent }) => textContent)).toEqual([
    'vm2',
    'id 2',
  ]);
  click(buttons[1]);
  expect(held.selected).toBe('2');
});
