// This node's files as rows: looked at when a folder changes, and now and then in any case, while someone watches. A folder with any
// number of files costs one bounded look, and no more rows than the kind allows: the largest files, since images are.
import { files as filesKind, type FileRow } from '../../contract/cluster-kinds.ts';
import { maxFactCharacters, maxFileRows, maxListedFiles, maxRowFileNameCharacters } from '../../contract/limits.ts';
import type { FileEntry } from '../../host/images/image-store.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { RowSink, RowSource } from '../rows/source.ts';
import type { FetchStatus } from './fetch.ts';
import type { Files } from './files.ts';

/** Changes come in bursts: a file that is copied in changes all the time. */
const burstMs = 2_000;
/** What the watches missed: there are no more of them than the adapter sets. */
const slowMs = 30_000;
/** Rows of fetches, so that files that are here have room too. */
const maxFetchRows = maxFileRows / 2;

export interface FileRowsComponents {
  readonly files: Files;
  readonly clock: Pick<Clock, 'after'>;
  /** The folder could not be looked at this time. */
  readonly onError: (error: unknown) => void;
}

export function fileSource(self: { readonly nodeId: string }, components: FileRowsComponents): RowSource {
  return {
    kind: filesKind,
    start: (sink) => {
      const rows = new FileRows(self.nodeId, sink, components);
      return () => rows.stop();
    },
  };
}

class FileRows {
  private readonly nodeId: string;
  private readonly sink: RowSink;
  private readonly components: FileRowsComponents;
  /** Names that have a row. */
  private told = new Set<string>();
  private timer: Timer | null = null;
  private isLooking = false;
  private isStale = false;
  private isStopped = false;
  private watched = '';
  private unwatch: () => void = () => undefined;
  private readonly unfollow: () => void;

  constructor(nodeId: string, sink: RowSink, components: FileRowsComponents) {
    this.nodeId = nodeId;
    this.sink = sink;
    this.components = components;
    this.unfollow = components.files.onFetch((status) => this.onFetch(status));
    this.look();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    this.unwatch();
    this.unfollow();
  }

  private onFetch(status: FetchStatus): void {
    const isOver = status.state === 'done' || status.state === 'failed';
    // Which rows there are is decided by a look; between looks those that are there follow.
    if (isOver || !this.told.has(status.name)) this.changed();
    if (status.state !== 'done' && this.told.has(status.name)) this.sink.put(fetchRow(this.nodeId, status));
  }

  /** Something is new: one look for a burst of it. */
  private changed(): void {
    if (this.isLooking || this.isStale) {
      this.isStale = true;
      return;
    }
    this.isStale = true;
    this.timer?.cancel();
    this.timer = this.components.clock.after(burstMs, () => this.look());
  }

  private look(): void {
    this.isLooking = true;
    this.isStale = false;
    void this.update()
      .catch(this.components.onError)
      .finally(() => {
        this.isLooking = false;
        if (this.isStopped) return;
        this.timer?.cancel();
        this.timer = this.components.clock.after(this.isStale ? burstMs : slowMs, () => this.look());
      });
  }

  private async update(): Promise<void> {
    const { files } = this.components;
    const { entries, isCut } = await files.store.list('', { isRecursive: true, most: maxListedFiles });
    const here = entries.filter(({ isFolder, name }) => !isFolder && name.length <= maxRowFileNameCharacters);
    const fetches = files.status().slice(0, maxFetchRows);
    const fetched = new Set(fetches.map(({ name }) => name));
    const room = maxFileRows - 1 - fetches.length;
    const others = here
      .filter(({ name }) => !fetched.has(name))
      .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
    const rows = new Map<string, FileRow>();
    for (const status of fetches) rows.set(status.name, fetchRow(this.nodeId, status));
    for (const entry of others.slice(0, room)) rows.set(entry.name, await this.rowOf(entry));
    const withoutRow = entries.filter(({ isFolder, name }) => !isFolder && !rows.has(name)).length;
    if (isCut || withoutRow > 0) rows.set('', this.moreRow(Math.max(1, withoutRow)));
    if (this.isStopped) return;
    for (const name of this.told) if (!rows.has(name)) this.sink.drop(`${this.nodeId} ${name}`);
    for (const row of rows.values()) this.sink.put(row);
    this.told = new Set(rows.keys());
    this.watch(entries);
  }

  private watch(entries: readonly FileEntry[]): void {
    const folders = ['', ...entries.flatMap(({ isFolder, name }) => (isFolder ? [name] : []))];
    const text = folders.join('\n');
    if (text === this.watched) return;
    this.watched = text;
    this.unwatch();
    this.unwatch = this.components.files.store.watch(folders, () => this.changed());
  }

  private async rowOf(entry: FileEntry): Promise<FileRow> {
    const { manifests, inspections } = this.components.files;
    const { name, bytes, modifiedMs } = entry;
    // It may have gone since, or be somebody's pipe now.
    const format = await inspections.of(entry).then(
      (facts) => facts.format,
      () => 'other' as const,
    );
    return {
      Node: this.nodeId,
      Name: name,
      Size: bytes,
      Modified: modifiedMs,
      Format: format,
      Hash: manifests.peek(entry)?.hashes.total ?? '',
      State: 'here',
      Done: bytes,
      Error: '',
    };
  }

  private moreRow(count: number): FileRow {
    const none = { Modified: 0, Format: '', Hash: '', Done: 0, Error: '' };
    return { Node: this.nodeId, Name: '', Size: count, State: 'more', ...none };
  }
}

function fetchRow(nodeId: string, { name, bytes, doneBytes, state, error }: FetchStatus): FileRow {
  return {
    Node: nodeId,
    Name: name,
    Size: bytes,
    Modified: 0,
    Format: '',
    Hash: '',
    State: state === 'done' ? 'here' : state === 'starting' ? 'queued' : state,
    Done: doneBytes,
    Error: error.slice(0, maxFactCharacters),
  };
}
