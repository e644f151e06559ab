'use client';
// The VLANs of a probe with their worst verdicts, the matrix of the chosen one, and its chosen path in words.
import { useMemo, useState, type ReactElement } from 'react';
import type { ProbeResult, ProbeVerdict } from '../../contract/probe.ts';
import { countOf } from '../../lib/format.ts';
import { phoneScreen, useMedia } from '../frame/use-media.ts';
import { sortRows, type Column, type Sort } from '../table/column.ts';
import { DataTable } from '../table/DataTable.tsx';
import { Panel } from '../ui/Panel.tsx';
import { safeText } from '../../core/safe-text.ts';
import { pathWord, reasonsOf, vlanVerdicts, type VlanVerdicts } from './path-verdicts.ts';
import { ProbeMatrix, type ProbedPath } from './ProbeMatrix.tsx';
import { VerdictLegend, verdictLooks, VerdictMark } from './verdict-looks.tsx';
import { worstOf } from '../../core/probe/verdicts.ts';

export interface ProbePathsProps {
  result: ProbeResult;
  isStale: boolean;
  /** Null: the worst one. */
  vlan: number | null;
  path: ProbedPath | null;
  onSelect: (vlan: number, path: ProbedPath | null) => void;
}

interface VlanRow {
  readonly vlan: number;
  readonly alias: string;
  readonly verdict: ProbeVerdict;
  readonly bad: number;
}

/** Heights of the table’s rows and its header, and of the list on a phone; rem. */
const row = 2.05;
const phoneRow = 3.7;
const verdictOrder = Object.keys(verdictLooks) as ProbeVerdict[];

export function ProbePaths({ result, isStale, vlan, path, onSelect }: ProbePathsProps): ReactElement | null {
  const [sort, setSort] = useState<Sort>({ column: 'bad', isDescending: true });
  const rows = useMemo(() => vlanRows(result, isStale), [result, isStale]);
  const sorted = useMemo(() => sortRows(columns, rows, sort), [rows, sort]);
  const isPhone = useMedia(phoneScreen);
  const chosen = rows.find((each) => each.vlan === vlan) ?? sorted[0];
  const verdicts = useMemo(
    () => (chosen === undefined ? null : vlanVerdicts(result, chosen.vlan, isStale)),
    [result, chosen, isStale],
  );
  if (chosen === undefined || verdicts === null) return null;
  const known = path !== null && [path.from, path.to].every((name) => result.nodes.some((node) => node.name === name));
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[27rem_minmax(0,1fr)]">
      <Panel title={countOf(rows.length, 'VLAN')} isFlush>
        <div
          className="flex flex-col"
          style={{ height: `min(60vh, ${isPhone ? rows.length * phoneRow : (rows.length + 1) * row + 0.2}rem)` }}
        >
          <DataTable
            label="VLANs that were probed"
            columns={columns}
            rows={sorted}
            keyOf={keyOf}
            nameOf={nameOf}
            phone={lines}
            sort={sort}
            onSort={setSort}
            selected={keyOf(chosen)}
            onSelect={(key) => {
              if (key !== null) onSelect(Number(key), null);
            }}
          />
        </div>
      </Panel>
      <Panel title={<>Paths on {nameOf(chosen)}</>} isFlush>
        <div className="flex flex-wrap">
          <ProbeMatrix
            verdicts={verdicts}
            selected={known ? path : null}
            onSelect={(next) => onSelect(chosen.vlan, next)}
          />
          <div className="flex min-w-0 flex-1 basis-80 flex-col gap-3 p-4">
            <VerdictLegend verdicts={seenVerdicts(verdicts)} />
            <div role="status">
              {path !== null && known ? (
                <PathWords result={result} verdicts={verdicts} path={path} />
              ) : (
                <p className="text-fg-3">Select a path to read what is known of it.</p>
              )}
            </div>
          </div>
        </div>
      </Panel>
    </div>
  );
}

function PathWords({
  result,
  verdicts,
  path,
}: {
  result: ProbeResult;
  verdicts: VlanVerdicts;
  path: ProbedPath;
}): ReactElement {
  const ways = [path, { from: path.to, to: path.from }];
  return (
    <div className="flex flex-col gap-2">
      {ways.map(({ from, to }) => {
        const verdict = verdicts.of(from, to);
        return (
          <div key={from}>
            <p className="flex flex-wrap items-center gap-x-3">
              <span className="font-mono font-medium">
                {from} → {to}
              </span>
              <VerdictMark verdict={verdict} word={pathWord(verdict, verdicts.badOf(from, to)?.arrivedOn)} />
            </p>
            <p className="text-fg-2">{verdictLooks[verdict].meaning}</p>
          </div>
        );
      })}
      {[...new Set(ways.flatMap((way) => reasonsOf(result, verdicts, way)))].map((text) => (
        <p key={text} className="text-fg-1">
          {safeText(text)}
        </p>
      ))}
    </div>
  );
}

/** Of the matrix, in their order; a screen of many nodes is looked through once. */
function seenVerdicts(verdicts: VlanVerdicts): ProbeVerdict[] {
  const seen = new Set<ProbeVerdict>();
  for (const { name: from } of verdicts.nodes)
    for (const { name: to } of verdicts.nodes) if (from !== to) seen.add(verdicts.of(from, to));
  return verdictOrder.filter((verdict) => seen.has(verdict));
}

function vlanRows(result: ProbeResult, isStale: boolean): VlanRow[] {
  const bad = new Map<number, ProbeVerdict[]>();
  for (const { vlan, verdict } of result.bad) bad.set(vlan, [...(bad.get(vlan) ?? []), verdict]);
  return result.vlans.map(({ vlan, alias }) => {
    const verdicts = bad.get(vlan) ?? [];
    return { vlan, alias, verdict: isStale ? 'unknown' : worstOf(verdicts), bad: isStale ? 0 : verdicts.length };
  });
}

const keyOf = ({ vlan }: VlanRow): string => String(vlan);
const nameOf = ({ vlan, alias }: VlanRow): string => (alias === '' ? `VLAN ${vlan}` : `${alias} (${vlan})`);
const badText = ({ bad }: VlanRow): string => (bad === 0 ? '' : countOf(bad, 'path'));

const columns: readonly Column<VlanRow>[] = [
  {
    id: 'vlan',
    title: 'Number',
    align: 'end',
    width: 5.5,
    sortBy: ({ vlan }) => vlan,
    cell: ({ vlan }) => <span className="font-mono">{vlan}</span>,
  },
  {
    id: 'alias',
    title: 'Alias',
    sortBy: ({ alias }) => (alias === '' ? undefined : alias),
    cell: ({ alias }) =>
      alias === '' ? <span className="text-fg-3">–</span> : <span className="font-mono">{alias}</span>,
  },
  {
    id: 'bad',
    title: 'Worst verdict',
    hint: 'Worst verdict, with how many paths are bad',
    width: 11.5,
    sortBy: ({ bad }) => bad,
    cell: ({ verdict, bad }) => (
      <span className="inline-flex w-full items-center justify-between gap-2">
        <VerdictMark verdict={verdict} />
        {bad === 0 ? null : <span className="text-fg-3">{bad}</span>}
      </span>
    ),
  },
];

const lines = (row: VlanRow) => ({
  title: <span className="font-mono">{nameOf(row)}</span>,
  detail: badText(row),
  aside: <VerdictMark verdict={row.verdict} />,
});
