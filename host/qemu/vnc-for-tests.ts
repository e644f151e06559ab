// For tests: a VNC client that sees what a screen shows, and types.
import type { Duplex } from 'node:stream';
import { inflateSync } from 'node:zlib';
import { pngSize, type Picture } from './screen-picture.ts';
import { readBytes } from './read-bytes.ts';

export interface VncForTests {
  readonly width: number;
  readonly height: number;
  /** The whole screen now. */
  frame(): Promise<Picture>;
  /** Presses a key and lets go of it: as X11 names it, and by its position (a PC's scan code). */
  press(keysym: number, scancode: number): void;
}

export async function openVnc(stream: Duplex): Promise<VncForTests> {
  const reader = readBytes(stream);
  await reader.read(12);
  stream.write('RFB 003.008\n');
  const [types = 0] = await reader.read(1);
  await reader.read(types);
  stream.write(Buffer.of(1));
  await reader.read(4);
  stream.write(Buffer.of(1));
  const init = await reader.read(24);
  const [width, height] = [init.readUInt16BE(0), init.readUInt16BE(2)];
  await reader.read(init.readUInt32BE(20));
  // 32 bits, little-endian, red in the first byte.
  stream.write(Buffer.of(0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0));
  // Raw rectangles, and keys by position (-258).
  stream.write(Buffer.of(2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xfe));

  /** Reads one rectangle into the picture; how many pixels it had. */
  async function readRectangle(rgb: Uint8Array): Promise<number> {
    const head = await reader.read(12);
    const [x, y, w, h] = [0, 2, 4, 6].map((at) => head.readUInt16BE(at)) as [number, number, number, number];
    if (head.readInt32BE(8) !== 0) return 0;
    const pixels = await reader.read(w * h * 4);
    for (let at = 0; at < w * h; at += 1) {
      rgb.set(pixels.subarray(at * 4, at * 4 + 3), ((y + Math.floor(at / w)) * width + x + (at % w)) * 3);
    }
    return w * h;
  }

  return {
    width,
    height,
    async frame() {
      const request = Buffer.of(3, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      request.writeUInt16BE(width, 6);
      request.writeUInt16BE(height, 8);
      stream.write(request);
      const rgb = new Uint8Array(width * height * 3);
      for (let missing = width * height; missing > 0;) {
        const [type = 0] = await reader.read(1);
        // A bell is one byte, and a clipboard has its length.
        if (type === 3) await reader.read((await reader.read(7)).readUInt32BE(3));
        if (type !== 0) continue;
        const count = (await reader.read(3)).readUInt16BE(1);
        for (let at = 0; at < count; at += 1) missing -= await readRectangle(rgb);
      }
      return { width, height, rgb };
    },
    press(keysym, scancode) {
      for (const isDown of [1, 0]) {
        const message = Buffer.of(255, 0, 0, isDown, 0, 0, 0, 0, 0, 0, 0, 0);
        message.writeUInt32BE(keysym, 4);
        message.writeUInt32BE(scancode, 8);
        stream.write(message);
      }
    },
  };
}

/** A PNG as screen-picture.ts writes them. */
export function decodePng(png: Buffer): Picture {
  const { width, height } = pngSize(png);
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const bytes = inflateSync(Buffer.concat(parts));
  const rgb = new Uint8Array(width * height * 3);
  const stride = width * 3;
  for (let y = 0; y < height; y += 1) rgb.set(bytes.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)), y * stride);
  return { width, height, rgb };
}
