'use client';
// A table on a wide screen: a grid with one stop for the keyboard. Arrows, Page and Home/End select, Space marks, Shift with Space marks a
// range, Enter opens. A row is rendered again only when it is another object, or its place, its mark or the selection changed.
import { ArrowDown, ArrowUp } from 'lucide-react';
import { memo, useId, useRef } from 'react';
import type { KeyboardEvent, MouseEvent, ReactElement } from 'react';
import { Checkbox } from '../ui/Checkbox.tsx';
import { HeaderCell, Table } from '../ui/Table.tsx';
import { cx } from '../ui/cx.ts';
import { leastWidth, nextSort, type Column, type Sort } from './column.ts';
import { useCursor } from './use-cursor.ts';
import type { DataTableProps } from './table-props.ts';
import { useMarking } from './use-marking.ts';
import { useVirtualRows } from './use-virtual-rows.ts';

const rowHeight = 32;
const headerHeight = 32;
const boxWidth = 3;

export function GridOfRows<Row>(props: DataTableProps<Row>): ReactElement {
  'use no memo';
  const { label, columns, rows, keyOf, nameOf, sort, onSort, selected, onSelect, onOpen, marks, onMark, isFaint } =
    props;
  const id = useId();
  const cursor = useCursor(selected, onSelect);
  const { mark, all } = useMarking({ rows, keyOf, marks, onMark });
  const first = selected === '' ? -1 : rows.findIndex((row) => keyOf(row) === selected);
  const virtual = useVirtualRows(rows.length, { height: rowHeight, covered: headerHeight, first });
  const { items } = virtual;
  const before = items[0]?.start ?? 0;
  const after = virtual.total - (items.at(-1)?.end ?? 0);
  const least = columns.reduce((sum, { width }) => sum + (width ?? leastWidth), marks === undefined ? 0 : boxWidth);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    // Buttons, boxes and links in the table take their own keys.
    if (event.target !== event.currentTarget || event.altKey || event.metaKey) return;
    const at = cursor.at === '' ? -1 : rows.findIndex((row) => keyOf(row) === cursor.at);
    const row = rows[at];
    const to = target(event, { at, count: rows.length, page: virtual.pageSize() });
    if (to !== null) {
      const next = rows[to];
      if (next === undefined) return;
      cursor.move(keyOf(next));
      virtual.show(to);
    } else if (event.key === ' ' && row !== undefined && marks !== undefined) {
      mark(keyOf(row), event.shiftKey || !marks.has(keyOf(row)), event.shiftKey);
    } else if (event.key === 'a' && event.ctrlKey && marks !== undefined) {
      all.onCheckedChange(true);
    } else if (event.key === 'Enter' && row !== undefined) {
      onOpen?.(row);
    } else return;
    event.preventDefault();
  };

  const isCursorRendered = items.some(({ index }) => keyOfAt(rows, keyOf, index) === cursor.at);
  return (
    <div
      ref={virtual.scroller}
      className="min-h-0 flex-1 scroller focus-visible:outline-offset-[-2px]"
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + (marks === undefined ? 0 : 1)}
      aria-multiselectable={marks !== undefined}
      {...(isCursorRendered ? { 'aria-activedescendant': rowId(id, cursor.at) } : {})}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <Table isPage role="presentation" className="table-fixed" style={{ minWidth: `${least}rem` }}>
        <colgroup>
          {marks === undefined ? null : <col style={{ width: `${boxWidth}rem` }} />}
          {columns.map((column) => (
            <col key={column.id} style={column.width === undefined ? {} : { width: `${column.width}rem` }} />
          ))}
        </colgroup>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            {marks === undefined ? null : (
              <HeaderCell role="columnheader" className="pr-0">
                <Checkbox aria-label={`All ${label} listed`} {...all} />
              </HeaderCell>
            )}
            {columns.map((column) => (
              <Header key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {before > 0 ? <tr aria-hidden="true" style={{ height: before }} /> : null}
          {items.map(({ index }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const key = keyOf(row);
            return (
              <GridRow
                key={key}
                id={rowId(id, key)}
                rowKey={key}
                index={index + 2}
                row={row}
                columns={columns as readonly Column<unknown>[]}
                name={marks === undefined ? '' : nameOf(row)}
                isSelected={key === cursor.at}
                isMarked={marks?.has(key) ?? null}
                isFaint={isFaint?.(row) ?? false}
                onSelect={cursor.put}
                onMark={mark}
              />
            );
          })}
          {after > 0 ? <tr aria-hidden="true" style={{ height: after }} /> : null}
        </tbody>
      </Table>
    </div>
  );
}

const rowId = (table: string, key: string): string => `${table}-${key.replaceAll(' ', '-')}`;

function keyOfAt<Row>(rows: readonly Row[], keyOf: (row: Row) => string, index: number): string {
  const row = rows[index];
  return row === undefined ? '' : keyOf(row);
}

/** The row that a key goes to; null for another key. */
function target(
  { key, ctrlKey }: KeyboardEvent,
  { at, count, page }: { at: number; count: number; page: number },
): number | null {
  if (ctrlKey) return null;
  const last = count - 1;
  switch (key) {
    case 'ArrowDown':
      return Math.min(last, at + 1);
    case 'ArrowUp':
      return Math.max(0, at - 1);
    case 'PageDown':
      return Math.min(last, at + page);
    case 'PageUp':
      return Math.max(0, at - page);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}

interface HeaderProps<Row> {
  column: Column<Row>;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

function Header<Row>({ column, sort, onSort }: HeaderProps<Row>): ReactElement {
  const { title, hint, align, sortBy } = column;
  const direction = sort.column !== column.id ? 'none' : sort.isDescending ? 'descending' : 'ascending';
  const isNumber = align === 'end';
  if (sortBy === undefined) {
    return (
      <HeaderCell role="columnheader" isNumber={isNumber} title={hint ?? title}>
        {title}
      </HeaderCell>
    );
  }
  return (
    <HeaderCell role="columnheader" isNumber={isNumber} title={hint ?? title} aria-sort={direction}>
      <button
        type="button"
        className={cx(
          'inline-flex items-center gap-1 rounded-sm hover:text-fg-1',
          direction !== 'none' && 'text-fg-1',
          isNumber && 'flex-row-reverse',
        )}
        onClick={() => onSort(nextSort(column, sort))}
      >
        {title}
        <span className="size-3">
          {direction === 'ascending' ? <ArrowUp aria-hidden="true" className="size-3" /> : null}
          {direction === 'descending' ? <ArrowDown aria-hidden="true" className="size-3" /> : null}
        </span>
      </button>
    </HeaderCell>
  );
}

interface GridRowProps {
  id: string;
  rowKey: string;
  /** As `aria-rowindex` counts. */
  index: number;
  row: unknown;
  columns: readonly Column<unknown>[];
  name: string;
  isSelected: boolean;
  /** Null: no box. */
  isMarked: boolean | null;
  isFaint: boolean;
  onSelect: (key: string | null) => void;
  onMark: (key: string, isMarked: boolean, isRange: boolean) => void;
}

const cellLook = 'h-8 overflow-hidden border-b border-line px-2 text-ellipsis whitespace-nowrap first:pl-4 last:pr-4';

const GridRow = memo(function GridRow(props: GridRowProps): ReactElement {
  const { id, rowKey, index, row, columns, name, isSelected, isMarked, isFaint, onSelect, onMark } = props;
  const isRange = useRef(false);
  const onClick = (event: MouseEvent): void => {
    // Links and buttons of a row do what they say.
    if (event.target instanceof Element && event.target.closest('a, button, label')) return;
    onSelect(isSelected ? null : rowKey);
  };
  return (
    <tr
      id={id}
      role="row"
      aria-rowindex={index}
      aria-selected={isMarked ?? isSelected}
      {...(isSelected ? { 'aria-current': true as const } : {})}
      onClick={onClick}
      className={cx(
        'cursor-default transition-colors',
        isSelected ? 'bg-accent-soft' : isMarked === true ? 'bg-surface-2' : 'hover:bg-surface-2',
        isFaint && 'text-fg-2',
      )}
    >
      {isMarked === null ? null : (
        <td
          role="gridcell"
          className={cx(cellLook, 'pr-0')}
          // Ahead of the box, whose own event has lost the Shift of the click.
          onPointerDownCapture={(event) => void (isRange.current = event.shiftKey)}
          onKeyDownCapture={(event) => void (isRange.current = event.shiftKey)}
          onClick={(event) => event.stopPropagation()}
        >
          <Checkbox
            aria-label={name}
            checked={isMarked}
            onCheckedChange={(isNowMarked) => onMark(rowKey, isNowMarked, isRange.current)}
          />
        </td>
      )}
      {columns.map(({ id: column, align, cell }) => (
        <td key={column} role="gridcell" className={cx(cellLook, align === 'end' && 'text-right numbers')}>
          {cell(row)}
        </td>
      ))}
    </tr>
  );
});
