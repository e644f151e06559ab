// Where the parts of the matrix stand, and where keys lead in it. Pure; pixels.
import type { MapNode } from './vlan-view.ts';
import type { SortColumn } from './vlan-choice.ts';

export const rowHeight = 32;
export const headerHeight = 40;

export interface FixedColumn {
  readonly id: Extract<SortColumn, 'alias' | 'vlan' | 'namespace' | 'vms'>;
  readonly title: string;
  readonly hint: string;
  readonly width: number;
  readonly isNumber: boolean;
}

const alias: FixedColumn = { id: 'alias', title: 'VLAN', hint: 'Alias', width: 196, isNumber: false };
const fixed: readonly FixedColumn[] = [
  alias,
  { id: 'vlan', title: 'Number', hint: 'Number of the VLAN', width: 68, isNumber: true },
  { id: 'namespace', title: 'Namespace', hint: 'Namespace of the alias', width: 112, isNumber: false },
  { id: 'vms', title: 'VMs', hint: 'VMs on all nodes', width: 60, isNumber: true },
];

/** The columns that stay on the left. With one namespace its column says nothing. */
export function fixedColumns(hasNamespaces: boolean): readonly FixedColumn[] {
  return hasNamespaces ? fixed : fixed.filter(({ id }) => id !== 'namespace');
}

export function widthOf(columns: readonly FixedColumn[]): number {
  return columns.reduce((sum, { width }) => sum + width, 0);
}

const characterWidth = 7.3;
const leastNodeWidth = 60;
const mostCharacters = 14;

/** All nodes have columns of one width: that of the longest name, as far as it is bearable. */
export function nodeWidth(nodes: readonly MapNode[]): number {
  const longest = nodes.reduce((most, { name }) => Math.max(most, name.length), 0);
  return Math.max(leastNodeWidth, Math.ceil(Math.min(longest, mostCharacters) * characterWidth) + 24);
}

/** A name that is too long loses its beginning: its number is at its end. */
export function shortNode(name: string): string {
  return name.length <= mostCharacters ? name : `…${name.slice(1 - mostCharacters)}`;
}

/** Row -1 is the header; columns count the fixed ones too. */
export interface GridPlace {
  readonly row: number;
  readonly column: number;
}

export interface GridKey {
  readonly key: string;
  readonly ctrlKey: boolean;
}

/** Where a key leads from here; null for a key that leads nowhere. `page`: rows that fit. */
export function placeAfter(
  { row, column }: GridPlace,
  { key, ctrlKey }: GridKey,
  { rows, columns, page }: { rows: number; columns: number; page: number },
): GridPlace | null {
  const at = (nextRow: number, nextColumn: number): GridPlace => ({
    row: Math.min(rows - 1, Math.max(-1, nextRow)),
    column: Math.min(columns - 1, Math.max(0, nextColumn)),
  });
  switch (key) {
    case 'ArrowDown':
      return at(row + 1, column);
    case 'ArrowUp':
      return at(row - 1, column);
    case 'ArrowRight':
      return at(row, column + 1);
    case 'ArrowLeft':
      return at(row, column - 1);
    case 'PageDown':
      return at(row + page, column);
    case 'PageUp':
      return at(Math.max(0, row - page), column);
    case 'Home':
      return at(ctrlKey ? 0 : row, 0);
    case 'End':
      return at(ctrlKey ? rows - 1 : row, columns - 1);
    default:
      return null;
  }
}
