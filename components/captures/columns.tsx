'use client';
// The columns of the table of captures, and how a phone shows one.
import { safeText } from '../../core/safe-text.ts';
import { countOf } from '../../lib/format.ts';
import { compareValues, type Column, type Sort } from '../table/column.ts';
import type { PhoneLines } from '../table/table-props.ts';
import { StateMark } from '../ui/StateMark.tsx';
import { Age } from '../vms/ServerClock.tsx';
import { captureLook, compareCaptures, describePlace, formatBytes, type CaptureLine } from './capture-line.ts';

const dash = <span className="text-fg-3">–</span>;
const stateText = ({ capture }: CaptureLine): string => {
  const { word, reason } = captureLook(capture);
  return reason === '' ? word : `${word}: ${reason}`;
};

const state: Column<CaptureLine> = {
  id: 'state',
  title: 'State',
  width: 14,
  sortBy: ({ capture }) => captureLook(capture).word,
  cell: (line) => (
    <span title={safeText(stateText(line))} className="block truncate">
      <StateMark state={captureLook(line.capture).state}>{safeText(stateText(line))}</StateMark>
    </span>
  ),
};
const place: Column<CaptureLine> = {
  id: 'of',
  title: 'Of',
  sortBy: ({ capture }) => describePlace(capture),
  cell: ({ capture }) => <span className="font-mono font-medium">{describePlace(capture)}</span>,
};
const node: Column<CaptureLine> = {
  id: 'node',
  title: 'Node',
  width: 6,
  sortBy: (line) => line.node,
  cell: (line) => <span className="font-mono">{line.node}</span>,
};
const packets: Column<CaptureLine> = {
  id: 'packets',
  title: 'Packets',
  hint: 'Packets, or flows of netflow',
  align: 'end',
  width: 5.5,
  sortBy: ({ capture }) => capture.Packets,
  cell: ({ capture }) => (capture.Kind === 'netflow' ? countOf(capture.Packets, 'flow') : capture.Packets),
};
const size: Column<CaptureLine> = {
  id: 'size',
  title: 'Size',
  align: 'end',
  width: 5.5,
  sortBy: ({ capture }) => capture.Bytes,
  cell: ({ capture }) => formatBytes(capture.Bytes),
};
const filter: Column<CaptureLine> = {
  id: 'filter',
  title: 'Filter',
  width: 8,
  cell: ({ capture }) =>
    capture.Filter === '' ? dash : <span className="font-mono text-sm">{safeText(capture.Filter)}</span>,
};
const by: Column<CaptureLine> = {
  id: 'by',
  title: 'By',
  width: 6.5,
  sortBy: ({ capture }) => capture.By,
  cell: ({ capture }) => (capture.By === '' ? <span className="text-fg-3">on a node</span> : safeText(capture.By)),
};
const started: Column<CaptureLine> = {
  id: 'started',
  title: 'Started',
  hint: 'How long ago',
  align: 'end',
  width: 5,
  sortBy: ({ capture }) => -capture.Started,
  cell: ({ capture }) => <Age at={capture.Started} />,
};

export const captureColumns: readonly Column<CaptureLine>[] = [state, place, node, packets, size, filter, by, started];

/** Without a column: those that run first, then the newest. */
export function sortCaptures(lines: readonly CaptureLine[], { column, isDescending }: Sort): readonly CaptureLine[] {
  const valueOf = captureColumns.find(({ id }) => id === column)?.sortBy;
  if (valueOf === undefined) return lines;
  return lines.toSorted(
    (a, b) => compareValues(valueOf(a), valueOf(b), isDescending ? -1 : 1) || compareCaptures(a, b),
  );
}

export function capturePhoneLines(line: CaptureLine): PhoneLines {
  const { capture } = line;
  const { state: look, word } = captureLook(capture);
  return {
    title: (
      <span className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-mono">{describePlace(capture)}</span>
        <StateMark state={look}>{word}</StateMark>
      </span>
    ),
    detail: (
      <span className="flex items-center gap-2 numbers">
        <span className="font-mono">{line.node}</span>
        <span>{countOf(capture.Packets, capture.Kind === 'netflow' ? 'flow' : 'packet')}</span>
        <span>{formatBytes(capture.Bytes)}</span>
        <span className="min-w-0 truncate">{capture.By === '' ? '' : `by ${safeText(capture.By)}`}</span>
      </span>
    ),
  };
}
