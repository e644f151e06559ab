// Text that comes in pieces, as lines without their newlines. A line that is too long comes in several.

export class LineCutter {
  private readonly most: number;
  private rest = '';

  /** `most`: characters of a line. */
  constructor(most: number) {
    this.most = most;
  }

  *push(text: string): Generator<string, void, undefined> {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) yield* this.pieces(line);
    while (this.rest.length > this.most) {
      yield this.rest.slice(0, this.most);
      this.rest = this.rest.slice(this.most);
    }
  }

  /** What came after the last newline. */
  *end(): Generator<string, void, undefined> {
    if (this.rest !== '') yield this.rest;
    this.rest = '';
  }

  private *pieces(line: string): Generator<string, void, undefined> {
    for (let at = 0; at === 0 || at < line.length; at += this.most) yield line.slice(at, at + this.most);
  }
}
