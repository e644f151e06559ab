// A fetch's stream to one node that has the file, or parts of it: what it has, what it was asked for, and what comes.
import type { Duplex } from 'node:stream';
import { AppError, describeError } from '../../contract/errors.ts';
import { chunkCount } from '../../core/files/chunks.ts';
import {
  fileFrame,
  FrameReader,
  indexFrame,
  readHave,
  readIndex,
  readManifest,
  type Bits,
  type Manifest,
} from './wire.ts';

/** Chunks that one node is asked for ahead: it reads one while the last is on its way. */
export const asksAtOnce = 2;

export interface SourceEvents {
  /** The manifest, when it was asked for. */
  onManifest(source: Source, manifest: Manifest): void;
  /** It has more than before, or lacks what it was asked for. */
  onHave(source: Source): void;
  /** A chunk that it was asked for: settles when there is room for the next one. */
  onChunk(source: Source, index: number, data: Buffer): Promise<void>;
  /** Something came: it lives. */
  onWord(source: Source): void;
  onClosed(source: Source, error: AppError): void;
}

export class Source {
  readonly nodeId: string;
  /** Had the whole file when it was opened: others get its chunks from each other where they can. */
  isOrigin = false;
  /** Asked for, and not stored yet. */
  readonly asked = new Map<number, number>();
  /** When it was last heard, on the fetch's clock. */
  heardAt: number;
  private have: Bits | 'all' | null = null;
  private readonly stream: Duplex;
  private readonly events: SourceEvents;
  private count: number | null;
  private isClosed = false;

  constructor(
    options: { readonly nodeId: string; readonly bytes: number | null; readonly now: number },
    { stream, events }: { stream: Duplex; events: SourceEvents },
  ) {
    this.nodeId = options.nodeId;
    this.count = options.bytes === null ? null : chunkCount(options.bytes);
    this.heardAt = options.now;
    this.stream = stream;
    this.events = events;
    void this.read();
  }

  /** How many chunks may still be requested from it before one of those under way has arrived. */
  get room(): number {
    return this.have === null ? 0 : asksAtOnce - this.asked.size;
  }

  has(index: number): boolean {
    return this.have === 'all' || (this.have?.has(index) ?? false);
  }

  ask(index: number, now: number): void {
    this.asked.set(index, now);
    this.stream.write(indexFrame(fileFrame.want, index));
  }

  close(error?: AppError): void {
    this.isClosed = true;
    this.stream.destroy(error);
  }

  private async read(): Promise<void> {
    const frames = new FrameReader('fetcher');
    let error = new AppError('unreachable', 'it ended the stream');
    try {
      // Reading waits while a chunk is stored: what the node sends ahead stays within the stream's credit.
      for await (const piece of this.stream as AsyncIterable<Buffer>) {
        this.events.onWord(this);
        for (const frame of frames.push(piece)) await this.onFrame(frame);
      }
    } catch (cause) {
      error = cause instanceof AppError ? cause : new AppError('failed', describeError(cause), { cause });
    }
    this.stream.destroy();
    if (!this.isClosed) this.events.onClosed(this, error);
    this.isClosed = true;
  }

  private async onFrame(frame: { readonly type: number; readonly body: Buffer }): Promise<void> {
    if (frame.type === fileFrame.alive) return;
    if (frame.type === fileFrame.manifest) {
      const manifest = readManifest(frame.body);
      this.count = chunkCount(manifest.bytes);
      this.events.onManifest(this, manifest);
      return;
    }
    // Before the manifest nobody knows how many chunks there are.
    const { count } = this;
    if (count === null) throw new AppError('failed', 'it sent something before the manifest');
    switch (frame.type) {
      case fileFrame.have:
        this.have = readHave(frame.body, count);
        this.isOrigin = this.have === 'all';
        this.events.onHave(this);
        break;
      case fileFrame.got:
        if (this.have !== null && this.have !== 'all') this.have.add(readIndex(frame, count));
        this.events.onHave(this);
        break;
      case fileFrame.lacks: {
        const index = readIndex(frame, count);
        this.asked.delete(index);
        if (this.have !== null && this.have !== 'all') this.have.delete(index);
        this.events.onHave(this);
        break;
      }
      case fileFrame.chunk: {
        const index = readIndex(frame, count);
        // What nobody asked for would fill the memory of a fetch.
        if (!this.asked.has(index)) throw new AppError('failed', `it sent chunk ${index}, which nobody asked for`);
        await this.events.onChunk(this, index, frame.body.subarray(4));
        this.asked.delete(index);
        this.events.onHave(this);
        break;
      }
      default:
        throw new AppError('failed', 'it sent a frame of a type that nobody knows');
    }
  }
}
