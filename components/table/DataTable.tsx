'use client';
// A table of any rows: thousands of them, of which only what is seen is rendered. Header that stays, sorting, one selected row, marks with
// ranges, and all of it by the keyboard; on a phone a list of two lines each. Rows come in the order in which they are shown.
import type { ReactElement } from 'react';
import { phoneScreen, useMedia } from '../frame/use-media.ts';
import { GridOfRows } from './GridOfRows.tsx';
import { ListOfRows } from './ListOfRows.tsx';
import type { DataTableProps } from './table-props.ts';

export function DataTable<Row>(props: DataTableProps<Row>): ReactElement {
  const isPhone = useMedia(phoneScreen);
  return isPhone ? <ListOfRows {...props} /> : <GridOfRows {...props} />;
}
