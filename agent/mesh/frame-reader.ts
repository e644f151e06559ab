// Frames from a stream of bytes: u32 length, then that many bytes, the first of which is the type (SPEC F1).

export class FrameReader {
  private readonly maxBytes: number;
  private readonly header = new Uint8Array(4);
  private headerFilled = 0;
  private frame: Uint8Array | null = null;
  private length = 0;
  private filled = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Takes a chunk and gives each whole frame, in its own memory. False: the stream is malformed; stop reading it. */
  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.frame === null) {
        while (this.headerFilled < 4 && at < chunk.length) {
          this.header[this.headerFilled] = chunk[at] ?? 0;
          this.headerFilled += 1;
          at += 1;
        }
        if (this.headerFilled < 4) return true;
        const length = new DataView(this.header.buffer).getUint32(0);
        if (length === 0 || length > this.maxBytes) return false;
        // Grows as bytes come: a length alone does not allocate 4 MiB.
        this.frame = new Uint8Array(Math.min(length, Math.max(chunk.length - at, 4096)));
        this.length = length;
        this.filled = 0;
      }
      const take = Math.min(this.length - this.filled, chunk.length - at);
      const frame = this.reserve(this.frame, this.filled + take);
      frame.set(chunk.subarray(at, at + take), this.filled);
      this.filled += take;
      at += take;
      if (this.filled === this.length) {
        // `reserve` never makes it longer than the frame.
        this.frame = null;
        this.headerFilled = 0;
        onFrame(frame);
      }
    }
    return true;
  }

  private reserve(frame: Uint8Array, bytes: number): Uint8Array {
    if (frame.length >= bytes) return frame;
    const grown = new Uint8Array(Math.min(this.length, Math.max(bytes, frame.length * 2)));
    grown.set(frame.subarray(0, this.filled));
    this.frame = grown;
    return grown;
  }
}
