// The last bytes of an output that never ends, by their position in it: who reads it slowly continues where it was, as long as that is
// still kept. Owns the bytes and their bound.

export class OutputLog {
  private readonly mostBytes: number;
  private buffer: Uint8Array;
  private written = 0;
  /** Bytes that were kept before the buffer grew to its bound are all there. */
  private first = 0;

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
    this.buffer = new Uint8Array(Math.min(mostBytes, 4_096));
  }

  /** Position of the first byte that is kept, and of the one that comes next. */
  get start(): number {
    return this.first;
  }
  get end(): number {
    return this.written;
  }

  append(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - this.mostBytes));
    this.grow(this.written - this.first + bytes.length);
    const from = this.written + bytes.length - kept.length;
    const at = from % this.buffer.length;
    const head = kept.subarray(0, this.buffer.length - at);
    this.buffer.set(head, at);
    this.buffer.set(kept.subarray(head.length), 0);
    this.written += bytes.length;
    this.first = Math.max(this.first, this.written - this.buffer.length);
  }

  /** At most `most` bytes from this position on; fewer where the buffer wraps. What is no longer kept counts as after `start`. */
  read(position: number, most: number): Uint8Array {
    const from = Math.max(position, this.first);
    const at = from % this.buffer.length;
    const bytes = Math.max(0, Math.min(most, this.written - from, this.buffer.length - at));
    return this.buffer.slice(at, at + bytes);
  }

  /**
   * Where to begin for who wants the last `bytes`. If something is missing before that, the beginning of the next line: half of a line, or of
   * a sign, means nothing.
   */
  tail(bytes: number): number {
    const from = Math.max(this.first, this.written - bytes);
    if (from === 0) return 0;
    for (let at = from; at < this.written; at += 1) {
      if (this.buffer[at % this.buffer.length] === newline) return at + 1;
    }
    return from;
  }

  private grow(needed: number): void {
    let size = this.buffer.length;
    while (size < needed && size < this.mostBytes) size = Math.min(this.mostBytes, size * 2);
    if (size === this.buffer.length) return;
    const bigger = new Uint8Array(size);
    for (let at = this.first; at < this.written; at += 1) bigger[at % size] = this.buffer[at % this.buffer.length] ?? 0;
    this.buffer = bigger;
  }
}

const newline = 0x0a;
