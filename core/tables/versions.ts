// Rows that many nodes write, and tables of them that nodes compare: which of two rows wins, and hashes of a table's parts.
import { hashText } from './hash.ts';

/** The higher counter wins, then the greater node id: each writer counts on from what it knows. */
export interface RowVersion {
  readonly counter: number;
  /** Who wrote it. */
  readonly node: string;
}

/** Parts of a table that two nodes compare: what differs is sent by the part. */
export const tableParts = 64;

/** Whether `a` replaces `b`. The last comparison concerns a writer that lost its disk and counted from the start. */
export function isNewer<Row extends RowVersion>(a: Row, b: Row, textOf: (row: Row) => string): boolean {
  if (a.counter !== b.counter) return a.counter > b.counter;
  if (a.node !== b.node) return a.node > b.node;
  return textOf(a) > textOf(b);
}

/** One hash for each part of a table: equal hashes, equal rows, in whatever order they came. */
export class PartHashes {
  private readonly lanes = new Uint32Array(2 * tableParts);

  /** A row with this text came into the part, or left it. Adding it and taking it away are the same: exclusive or. */
  flip(text: string, part: number): void {
    const [a, b] = hashText(text);
    this.lanes[2 * part] = (this.lanes[2 * part] ?? 0) ^ a;
    this.lanes[2 * part + 1] = (this.lanes[2 * part + 1] ?? 0) ^ b;
  }

  texts(): string[] {
    const hex = (lane: number) => (this.lanes[lane] ?? 0).toString(16).padStart(8, '0');
    return Array.from({ length: tableParts }, (_, part) => hex(2 * part) + hex(2 * part + 1));
  }

  /** By part: whether it differs from the one with this hash. */
  differing(hashes: readonly string[]): boolean[] {
    return this.texts().map((hash, part) => hash !== hashes[part]);
  }
}

/** The part of a row that is named by a text. */
export function partOf(name: string): number {
  return hashText(name)[0] % tableParts;
}
