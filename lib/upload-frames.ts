// Frames of an upload as a browser writes and reads them.
import { uploadHeadBytes } from '../contract/uploads.ts';

export interface UploadFrame {
  readonly type: number;
  readonly body: Uint8Array<ArrayBuffer>;
}

export function encodeUploadFrame(type: number, ...body: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const frame = new Uint8Array(uploadHeadBytes + length);
  frame[0] = type;
  new DataView(frame.buffer).setUint32(1, length);
  let at = uploadHeadBytes;
  for (const part of body) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** Takes what arrives apart; messages and frames begin and end at different places. */
export class UploadFrames {
  private waiting: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  push(piece: Uint8Array): UploadFrame[] {
    const all = new Uint8Array(this.waiting.length + piece.length);
    all.set(this.waiting);
    all.set(piece, this.waiting.length);
    const frames: UploadFrame[] = [];
    let at = 0;
    while (all.length - at >= uploadHeadBytes) {
      const end = at + uploadHeadBytes + new DataView(all.buffer).getUint32(at + 1);
      if (end > all.length) break;
      frames.push({ type: all[at] ?? 0, body: all.slice(at + uploadHeadBytes, end) });
      at = end;
    }
    this.waiting = all.slice(at);
    return frames;
  }
}
