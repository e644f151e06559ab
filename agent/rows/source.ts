// Where the rows of one kind come from on their own node.
import type { Kind, RowData } from '../../contract/kinds.ts';
import type { ClusterRows } from './cluster-rows.ts';

/** Takes rows of one kind and one owner. */
export interface RowSink {
  /** A whole row, or changed fields with the key. */
  put(change: RowData): void;
  drop(key: string): void;
}

/** Rows of all kinds that this node has. */
export type KnownRows = Pick<ClusterRows, 'kinds' | 'table' | 'onChange'>;

export interface RowSource {
  readonly kind: Kind;
  /**
   * Someone wants the rows: puts those that there are, then what changes, until the returned function is called. `cluster`: for rows that
   * follow from others.
   */
  start(sink: RowSink, cluster: KnownRows): () => void;
}
