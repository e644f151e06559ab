// A table that all nodes share, as one node knows it: in memory and on disk. What its rows are and how they merge is the table's.
//
// INVARIANTS
// - A row that this node wrote reaches no other node, and no caller, before it is on the disk: a node that forgot what it
//   wrote would write something else under the same version.
// - One write to the disk at a time; what comes meanwhile goes together into the next.
import { AppError, describeError } from '../../contract/errors.ts';
import type { Log } from '../log.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { TextStore } from './table-store.ts';

/** Rows of others are saved together. They come again from the mesh, so nothing is lost with them. */
const saveSoonMs = 500;

/** `isOwn`: written here, just now. */
export type ChangeListener<News> = (news: News, isOwn: boolean) => void;

/** `News`: rows of the table, in lists by their sort. */
export interface SharedTable<News> {
  /** Takes rows from anywhere. @returns those that were news */
  merge(heard: News): News;
  /** Takes rows; the function returned puts back what was there before them, except where something newer came meanwhile. */
  mergeForNow(rows: News): () => void;
  /** Equal hashes, equal tables. */
  hashes(): string[];
  /** The rows in the parts whose hashes differ from these. */
  differing(hashes: readonly string[]): News;
}

/** How the rows of one table are held together. */
export interface NewsLists<News> {
  all(news: News): readonly object[];
  filter(news: News, keep: (row: object) => boolean): News;
  join(first: News, second: News): News;
  /** As many as a message takes. */
  cut(news: News): News;
}

export interface SharedStateComponents {
  readonly store: TextStore;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

export abstract class SharedState<News> {
  readonly nodeId: string;
  readonly lists: NewsLists<News>;
  protected isDirty = false;
  private readonly what: string;
  private readonly shared: SharedTable<News>;
  private readonly parts: SharedStateComponents;
  private readonly listeners = new Set<ChangeListener<News>>();
  private readonly unsaved = new Set<object>();
  private writing: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  private soon: Timer | null = null;

  /** `what`: the plural of what the rows are, for texts. */
  protected constructor(
    { nodeId, what }: { nodeId: string; what: string },
    table: SharedTable<News>,
    components: SharedStateComponents & { readonly lists: NewsLists<News> },
  ) {
    this.nodeId = nodeId;
    this.what = what;
    this.shared = table;
    this.lists = components.lists;
    this.parts = components;
  }

  /** All that should be on the disk now. */
  protected abstract text(): string;

  onChange(listener: ChangeListener<News>): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /**
   * Writes rows: they count here at once, so that the next decision sees them, and others get them once they are on the
   * disk. @throws AppError `failed` when they are not, and count no more
   */
  async commit(news: News): Promise<void> {
    const rows = this.lists.all(news);
    const undo = this.shared.mergeForNow(news);
    for (const row of rows) this.unsaved.add(row);
    this.isDirty = true;
    try {
      await this.save();
    } catch (cause) {
      undo();
      const message = `${this.what} cannot be saved, so nothing was changed: ${describeError(cause)}`;
      throw new AppError('failed', message, { cause });
    } finally {
      for (const row of rows) this.unsaved.delete(row);
    }
    this.tell(news, true);
  }

  /** Takes what another member says. */
  merge(heard: News): News {
    const news = this.shared.merge(heard);
    if (this.lists.all(news).length === 0) return news;
    this.isDirty = true;
    this.soon ??= this.parts.clock.after(saveSoonMs, () => {
      this.soon = null;
      this.save().catch((error: unknown) => {
        const { log } = this.parts;
        log.warn(`${this.what.toLowerCase()}: rows of other nodes are not saved: ${describeError(error)}`);
      });
    });
    this.tell(news, false);
    return news;
  }

  hashes(): string[] {
    return this.shared.hashes();
  }

  /** What a node with these hashes lacks and may get. */
  lackedBy(hashes: readonly string[]): News {
    return this.saved(this.shared.differing(hashes));
  }

  /** Those of these rows that other nodes may get: not the ones that are being written. */
  saved(news: News): News {
    return this.lists.filter(news, (row) => !this.unsaved.has(row));
  }

  /** Waits while some of these rows, looked for again each time, are being written. */
  protected async settled(rows: () => readonly object[]): Promise<void> {
    // A write that fails takes its rows back; the writer gets the error.
    while (rows().some((row) => this.unsaved.has(row))) await this.save().catch(() => undefined);
  }

  /** All that this node knows, on the disk. */
  save(): Promise<void> {
    if (this.next) return this.next;
    if (!this.isDirty) return this.writing ?? Promise.resolve();
    this.next = this.writeNext();
    return this.next;
  }

  async stop(): Promise<void> {
    this.soon?.cancel();
    this.soon = null;
    this.listeners.clear();
    await this.save();
  }

  private async writeNext(): Promise<void> {
    await this.writing?.catch(() => undefined);
    // All that is decided in this turn goes into one write.
    await Promise.resolve();
    this.next = null;
    this.isDirty = false;
    const writing = this.parts.store.save(this.text());
    this.writing = writing;
    try {
      await writing;
    } catch (error) {
      this.isDirty = true;
      throw error;
    } finally {
      if (this.writing === writing) this.writing = null;
    }
  }

  private tell(news: News, isOwn: boolean): void {
    for (const listener of [...this.listeners]) listener(news, isOwn);
  }
}
