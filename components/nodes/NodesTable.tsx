'use client';
// A table of nodes: sorted, virtual, with one selected row and, where acting on many is meant, boxes to tick. On a phone
// it is a list of two lines each. A row is rendered again only when its node changed.
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import Link from 'next/link';
import { memo, useCallback, useEffect, useMemo, useRef } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { NodeState } from '../fleet/NodeState.tsx';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { phoneScreen, useMedia } from '../frame/use-media.ts';
import { Checkbox } from '../ui/Checkbox.tsx';
import { StateShape } from '../ui/StateMark.tsx';
import { Cell, HeaderCell, Table } from '../ui/Table.tsx';
import { cx } from '../ui/cx.ts';
import { NodeCell, columnLooks, parseSort, sortNodes } from './columns.tsx';
import type { ColumnName } from './columns.tsx';

export interface NodesTableProps {
  mesh: MeshView;
  /** Those of the mesh to be listed. */
  nodes: readonly MeshNode[];
  show: readonly ColumnName[];
  /** As in the URL: `load`, `-load`. */
  sort: string;
  onSort: (sort: string) => void;
  /** Name of the selected node; empty: none. */
  selected: string;
  onSelect: (name: string | null) => void;
  /** Names that are ticked; absent: no boxes. */
  ticked?: ReadonlySet<string>;
  onTick?: (names: ReadonlySet<string>) => void;
  /** The server's clock. */
  now: number;
  label: string;
}

const rowHeight = 36;
const phoneRowHeight = 60;

export function NodesTable(props: NodesTableProps): ReactElement {
  'use no memo';
  const { mesh, nodes, show, sort, onSort, selected, onSelect, ticked, onTick, now, label } = props;
  const isPhone = useMedia(phoneScreen);
  const withCluster = useClusterPath();
  const scroller = useRef<HTMLDivElement>(null);
  const order = useMemo(() => parseSort(sort), [sort]);
  const rows = useMemo(() => sortNodes(nodes, order), [nodes, order]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isPhone ? phoneRowHeight : rowHeight),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    if (selected === '' || (event.target instanceof HTMLElement && event.target.role === 'checkbox')) return;
    event.preventDefault();
    const at = rows.findIndex((node) => node.name === selected) + (event.key === 'ArrowDown' ? 1 : -1);
    const next = rows[at];
    if (!next) return;
    onSelect(next.name);
    virtual.scrollToIndex(at);
  };
  // Rows get the same functions at each rendering, or each would be rendered again.
  const latest = useRef({ onSelect, onTick, ticked });
  useEffect(() => {
    latest.current = { onSelect, onTick, ticked };
  });
  const select = useCallback((name: string | null) => latest.current.onSelect(name), []);
  const tick = useCallback((name: string, isTicked: boolean) => {
    const next = new Set(latest.current.ticked);
    if (isTicked) next.add(name);
    else next.delete(name);
    latest.current.onTick?.(next);
  }, []);

  const shownTicked = ticked === undefined ? 0 : nodes.filter((node) => ticked.has(node.name)).length;
  const tickAll = {
    checked: shownTicked > 0 && shownTicked === nodes.length,
    isMixed: shownTicked > 0 && shownTicked < nodes.length,
    onCheckedChange: (isTicked: boolean) => onTick?.(new Set(isTicked ? nodes.map((node) => node.name) : [])),
  };

  if (isPhone) {
    return (
      <div ref={scroller} className="min-h-0 flex-1 scroller" aria-label={label} role="region" tabIndex={0}>
        {ticked === undefined ? null : (
          <TouchBox aside={<span className="text-sm text-fg-2">All {nodes.length}</span>} className="border-b">
            <Checkbox aria-label="All nodes listed" {...tickAll} />
          </TouchBox>
        )}
        <ul className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const node = rows[item.index];
            if (!node) return null;
            return (
              <li
                key={item.key}
                className={cx('absolute inset-x-0 flex border-b', node.name === selected && 'bg-accent-soft')}
                style={{ top: item.start, height: phoneRowHeight }}
              >
                {ticked === undefined ? null : (
                  <TouchBox>
                    <Checkbox
                      aria-label={node.name}
                      checked={ticked.has(node.name)}
                      onCheckedChange={(isTicked) => tick(node.name, isTicked)}
                    />
                  </TouchBox>
                )}
                <button
                  type="button"
                  aria-pressed={node.name === selected}
                  onClick={() => onSelect(node.name)}
                  className={cx(
                    'flex min-w-0 flex-1 items-center gap-3 pr-4 text-left',
                    ticked === undefined && 'pl-4',
                  )}
                >
                  <StateShape state={node.state} />
                  <span className="min-w-0 flex-1">
                    <span className="block truncate font-mono text-base">
                      <NodeCell column="name" node={node} mesh={mesh} />
                    </span>
                    <span className="block truncate text-sm text-fg-3">
                      {node.word}
                      {node.added === null ? '' : `, ${node.added.addresses[0] ?? ''}`}
                      {node.facts.State === 'member' ? `, ${countOf(node.peers.length, 'link')}` : ''}
                      {node.host === null ? '' : `, ${countOf(node.host.VMs, 'VM')}`}
                    </span>
                  </span>
                  {show.includes('load') ? (
                    <span className="shrink-0 text-right text-sm numbers">
                      <span className="block text-xs text-fg-3">load / CPUs</span>
                      <NodeCell column="load" node={node} mesh={mesh} />
                    </span>
                  ) : (
                    <span className="max-w-32 shrink-0 text-right text-sm">
                      <span className="block text-xs text-fg-3">peers</span>
                      <span className="block truncate font-mono">
                        <NodeCell column="peers" node={node} mesh={mesh} />
                      </span>
                    </span>
                  )}
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    );
  }

  return (
    <div
      ref={scroller}
      className="min-h-0 flex-1 scroller"
      role="region"
      aria-label={label}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <Table isPage aria-label={label} aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {ticked === undefined ? null : (
              <HeaderCell className="w-8 pr-0">
                <Checkbox aria-label="All nodes listed" {...tickAll} />
              </HeaderCell>
            )}
            {show.map((name) => {
              const { header, title, isNumber } = columnLooks[name];
              const direction = order.column !== name ? false : order.isDescending ? 'desc' : 'asc';
              return (
                <HeaderCell
                  key={name}
                  isNumber={isNumber}
                  title={title}
                  aria-sort={direction === false ? 'none' : direction === 'asc' ? 'ascending' : 'descending'}
                >
                  <button
                    type="button"
                    className={cx(
                      'inline-flex items-center gap-1 rounded-sm hover:text-fg-1',
                      direction !== false && 'text-fg-1',
                      isNumber && 'flex-row-reverse',
                    )}
                    onClick={() => {
                      const isDescending = direction === false ? isNumber : direction === 'asc';
                      onSort(`${isDescending ? '-' : ''}${name}`);
                    }}
                  >
                    {header}
                    <span className="size-3">
                      {direction === 'asc' ? <ArrowUp aria-hidden="true" className="size-3" /> : null}
                      {direction === 'desc' ? <ArrowDown aria-hidden="true" className="size-3" /> : null}
                    </span>
                  </button>
                </HeaderCell>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {before > 0 ? <tr aria-hidden="true" style={{ height: before }} /> : null}
          {items.map((item) => {
            const node = rows[item.index];
            if (!node) return null;
            return (
              <NodeRow
                key={item.key}
                index={item.index + 2}
                node={node}
                mesh={mesh}
                show={show}
                isSelected={node.name === selected}
                isTicked={ticked?.has(node.name) ?? null}
                // Only what is lost has an age to show.
                now={node.facts.LostAt === null ? 0 : now}
                withCluster={withCluster}
                onSelect={select}
                onTick={tick}
              />
            );
          })}
          {after > 0 ? <tr aria-hidden="true" style={{ height: after }} /> : null}
        </tbody>
      </Table>
    </div>
  );
}

interface TouchBoxProps {
  /** The box; what is around it ticks it too. */
  children: ReactElement;
  aside?: ReactElement;
  className?: string;
}

/** As large as a finger. */
function TouchBox({ children, aside, className }: TouchBoxProps): ReactElement {
  return (
    <label className={cx('flex min-h-11 items-center', className)}>
      <span className="grid w-12 shrink-0 place-items-center">{children}</span>
      {aside}
    </label>
  );
}

interface NodeRowProps {
  /** As `aria-rowindex` counts. */
  index: number;
  node: MeshNode;
  mesh: MeshView;
  show: readonly ColumnName[];
  isSelected: boolean;
  /** Null: no box. */
  isTicked: boolean | null;
  now: number;
  withCluster: (path: string) => string;
  onSelect: (name: string | null) => void;
  onTick: (name: string, isTicked: boolean) => void;
}

/** A node becomes another object when anything shown of it changed, its peers' names included (mesh-view.ts). */
const isSameRow = ({ mesh: _before, ...previous }: NodeRowProps, { mesh: _after, ...next }: NodeRowProps): boolean =>
  (Object.keys(next) as (keyof typeof next)[]).every((key) => previous[key] === next[key]);

const NodeRow = memo(function NodeRow(props: NodeRowProps): ReactElement {
  const { index, node, mesh, show, isSelected, isTicked, now, withCluster, onSelect, onTick } = props;
  return (
    <tr
      aria-rowindex={index}
      aria-selected={isSelected}
      onClick={() => onSelect(isSelected ? null : node.name)}
      className={cx(
        'cursor-default transition-colors',
        isSelected ? 'bg-accent-soft' : 'hover:bg-surface-2',
        node.facts.State !== 'member' && 'text-fg-2',
      )}
    >
      {isTicked === null ? null : (
        <Cell className="w-8 pr-0" onClick={(event) => event.stopPropagation()}>
          <Checkbox
            aria-label={node.name}
            checked={isTicked}
            onCheckedChange={(isNowTicked) => onTick(node.name, isNowTicked)}
          />
        </Cell>
      )}
      {show.map((name) => (
        <Cell
          key={name}
          isNumber={columnLooks[name].isNumber}
          isMono={columnLooks[name].isMono}
          className={name === 'peers' ? 'max-w-80 truncate' : 'whitespace-nowrap'}
        >
          {name === 'state' ? (
            <NodeState node={node} now={now} />
          ) : name === 'name' ? (
            <Link
              href={withCluster(`/nodes/${encodeURIComponent(node.name)}`)}
              onClick={(event) => event.stopPropagation()}
              className="rounded-sm font-medium hover:text-accent hover:underline"
            >
              <NodeCell column="name" node={node} mesh={mesh} />
            </Link>
          ) : (
            <NodeCell column={name} node={node} mesh={mesh} />
          )}
        </Cell>
      ))}
    </tr>
  );
}, isSameRow);
