// A titled list that is loaded when it is shown: what went wrong above, skeletons before, rows of one look.
import type { ReactElement, ReactNode } from 'react';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';

export interface ListPanelProps<Item> {
  readonly title: string;
  readonly actions?: ReactNode;
  /** Null: not there yet. */
  readonly items: readonly Item[] | null;
  /** Texts of what went wrong; empty ones are left out. */
  readonly errors: readonly string[];
  /** Rows to expect. */
  readonly skeletons: number;
  readonly keyOf: (item: Item) => string;
  readonly renderRow: (item: Item) => ReactNode;
  /** Beside the list: dialogs. */
  readonly children?: ReactNode;
}

export function ListPanel<Item>(props: ListPanelProps<Item>): ReactElement {
  const { title, actions, items, errors, skeletons, keyOf, renderRow, children } = props;
  const told = errors.filter((text) => text !== '');
  return (
    <Panel title={title} isFlush actions={actions}>
      {told.map((text) => (
        <div key={text} className="p-3">
          <Notice state="bad" role="alert">
            {text}
          </Notice>
        </div>
      ))}
      {items !== null ? (
        <ul>
          {items.map((item) => (
            <li
              key={keyOf(item)}
              className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-b px-4 py-2 last:border-b-0"
            >
              {renderRow(item)}
            </li>
          ))}
        </ul>
      ) : told.length === 0 ? (
        <SkeletonRows count={skeletons} label={`${title}: loading`} />
      ) : null}
      {children}
    </Panel>
  );
}
