// A stream of bare JSON strings, with or without newlines between them, back to back or in pieces: what a connection carries that became a named pipe.
import { AppError } from './errors.ts';

const quote = 0x22;
const backslash = 0x5c;
const whitespace = new Set([0x20, 0x09, 0x0a, 0x0d]);

export class JsonStringReader {
  private readonly maxBytes: number;
  private parts: Uint8Array[] = [];
  private bytes = 0;
  private isInside = false;
  private isEscaped = false;

  /** `maxBytes` bounds one string as it is written. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The strings that this piece completes. @throws AppError `invalid` for anything else, and then nothing can follow */
  push(chunk: Uint8Array): string[] {
    const found: string[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (!this.isInside) {
        if (whitespace.has(byte)) continue;
        if (byte !== quote) throw new AppError('invalid', 'a JSON string is expected on a pipe');
        this.isInside = true;
        start = at;
      } else if (this.isEscaped) this.isEscaped = false;
      else if (byte === backslash) this.isEscaped = true;
      else if (byte === quote) {
        this.keep(chunk.subarray(start, at + 1));
        found.push(this.take());
        this.isInside = false;
      }
    }
    if (this.isInside) this.keep(chunk.slice(start));
    return found;
  }

  private keep(part: Uint8Array): void {
    this.bytes += part.length;
    if (this.bytes > this.maxBytes) throw new AppError('invalid', `a message of more than ${this.maxBytes} bytes`);
    this.parts.push(part);
  }

  private take(): string {
    const decoder = new TextDecoder();
    const text = this.parts.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode();
    this.parts = [];
    this.bytes = 0;
    try {
      return String(JSON.parse(text));
    } catch (cause) {
      throw new AppError('invalid', 'a JSON string is expected on a pipe', { cause });
    }
  }
}
