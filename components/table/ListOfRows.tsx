'use client';
// A table on a phone: two lines a row, with boxes as large as a finger.
import type { ReactElement } from 'react';
import { Checkbox } from '../ui/Checkbox.tsx';
import { cx } from '../ui/cx.ts';
import type { DataTableProps } from './table-props.ts';
import { useMarking } from './use-marking.ts';
import { useVirtualRows } from './use-virtual-rows.ts';

const rowHeight = 60;

export function ListOfRows<Row>(props: DataTableProps<Row>): ReactElement {
  'use no memo';
  const { label, rows, keyOf, nameOf, phone, selected, onSelect, marks, onMark } = props;
  const { mark, all } = useMarking({ rows, keyOf, marks, onMark });
  const { scroller, items, total } = useVirtualRows(rows.length, { height: rowHeight, first: -1 });
  return (
    <div ref={scroller} className="min-h-0 flex-1 scroller" aria-label={label} role="region" tabIndex={0}>
      {marks === undefined ? null : (
        <label className="flex min-h-11 items-center border-b">
          <span className="grid w-12 shrink-0 place-items-center">
            <Checkbox aria-label={`All ${label} listed`} {...all} />
          </span>
          <span className="text-sm text-fg-2">All {rows.length}</span>
        </label>
      )}
      <ul className="relative" style={{ height: total }}>
        {items.map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          const key = keyOf(row);
          const { title, detail, aside } = phone(row);
          return (
            <li
              key={key}
              className={cx('absolute inset-x-0 flex border-b', key === selected && 'bg-accent-soft')}
              style={{ top: start, height: rowHeight }}
            >
              {marks === undefined ? null : (
                <label className="flex min-h-11 items-center">
                  <span className="grid w-12 shrink-0 place-items-center">
                    <Checkbox
                      aria-label={nameOf(row)}
                      checked={marks.has(key)}
                      onCheckedChange={(isMarked) => mark(key, isMarked, false)}
                    />
                  </span>
                </label>
              )}
              <button
                type="button"
                aria-pressed={key === selected}
                onClick={() => onSelect(key)}
                className={cx('flex min-w-0 flex-1 items-center gap-3 pr-4 text-left', marks === undefined && 'pl-4')}
              >
                <span className="min-w-0 flex-1">
                  <span className="block truncate text-base">{title}</span>
                  <span className="block truncate text-sm text-fg-3">{detail}</span>
                </span>
                {aside === undefined ? null : <span className="shrink-0 text-right text-sm">{aside}</span>}
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
