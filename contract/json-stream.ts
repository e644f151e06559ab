// Takes a stream of bytes apart into JSON objects, with or without newlines between them, back to back or in pieces. It
// finds where an object ends; JSON.parse decides whether the text inside is JSON.
import { AppError } from './errors.ts';

const quote = 0x22;
const backslash = 0x5c;
const whitespace = new Set([0x20, 0x09, 0x0a, 0x0d]);
const openers = new Set([0x7b, 0x5b]);
const closers = new Set([0x7d, 0x5d]);

export interface JsonPieces {
  /** Texts of the objects that are complete. */
  readonly texts: string[];
  /** Why nothing can follow: something other than an object came, or an object beyond the bound. */
  readonly error: AppError | null;
  /** Bytes of the piece that were taken: all, unless it stopped at `most` objects. */
  readonly used: number;
}

export class JsonSplitter {
  private readonly maxBytes: number;
  private parts: Uint8Array[] = [];
  private partBytes = 0;
  private depth = 0;
  private isString = false;
  private isEscaped = false;
  private error: AppError | null = null;

  /** `maxBytes` bounds one object. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Objects that this piece completes, at most `most`: what follows them need not be JSON. After an error it takes no more. */
  push(chunk: Uint8Array, most = Infinity): JsonPieces {
    const texts: string[] = [];
    let start = this.depth > 0 ? 0 : -1;
    let at = 0;
    for (; at < chunk.length && !this.error && texts.length < most; at += 1) {
      const byte = chunk[at] ?? 0;
      if (this.depth === 0) {
        if (whitespace.has(byte)) continue;
        if (byte !== 0x7b) {
          this.error = new AppError('invalid', 'malformed request: a JSON object is expected');
          break;
        }
        start = at;
      }
      this.step(byte);
      if (start >= 0 && this.partBytes + at - start + 1 > this.maxBytes) {
        this.error = new AppError('invalid', `a JSON object of more than ${this.maxBytes} bytes`);
      } else if (this.depth === 0) {
        this.keep(chunk.subarray(start, at + 1));
        texts.push(this.take());
        start = -1;
      }
    }
    if (start >= 0 && !this.error) this.keep(chunk.slice(start));
    return { texts, error: this.error, used: at };
  }

  /** The stream ended in the middle of an object. */
  get isIncomplete(): boolean {
    return this.depth > 0;
  }

  private step(byte: number): void {
    if (this.isString) {
      if (this.isEscaped) this.isEscaped = false;
      else if (byte === backslash) this.isEscaped = true;
      else if (byte === quote) this.isString = false;
    } else if (byte === quote) this.isString = true;
    else if (openers.has(byte)) this.depth += 1;
    else if (closers.has(byte)) this.depth -= 1;
  }

  private keep(part: Uint8Array): void {
    this.parts.push(part);
    this.partBytes += part.length;
  }

  private take(): string {
    const decoder = new TextDecoder();
    const text = this.parts.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode();
    this.parts = [];
    this.partBytes = 0;
    return text;
  }
}
