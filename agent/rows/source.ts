// Where the rows of one kind come from on their own node.
import type { Kind, RowData } from '../../contract/kinds.ts';

/** Takes rows of one kind and one owner. */
export interface RowSink {
  /** A whole row, or changed fields with the key. */
  put(change: RowData): void;
  drop(key: string): void;
}

export interface RowSource {
  readonly kind: Kind;
  /** Someone wants the rows: puts those that there are, then what changes, until the returned function is called. */
  start(sink: RowSink): () => void;
}
