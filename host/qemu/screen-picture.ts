// Pictures of a VM's screen: QEMU writes PPM (netpbm ppm(5), P6), which every version can; people get PNG (RFC 2083), no larger than they
// ask for. Owns reading one and writing the other.
import { crc32, deflateSync } from 'node:zlib';
import { AppError } from '../../contract/errors.ts';
import { maxScreenPixels } from '../../contract/limits.ts';

/** Rows from the top, three bytes a pixel: red, green, blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Reads a PPM with eight bits a colour. @throws AppError `invalid` for anything else */
export function parsePpm(bytes: Uint8Array): Picture {
  // Comments are allowed by the format; QEMU writes none.
  const head = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  const [text, width, height] = /^P6\s+(\d{1,6})\s+(\d{1,6})\s+255\s/.exec(head) ?? [];
  if (text === undefined) throw new AppError('invalid', 'QEMU wrote a screenshot that is not a picture');
  const picture = { width: Number(width), height: Number(height) };
  const pixels = picture.width * picture.height;
  if (pixels === 0 || pixels > maxScreenPixels || bytes.length < text.length + pixels * 3) {
    throw new AppError(
      'invalid',
      `QEMU wrote a screenshot of ${picture.width} x ${picture.height} in ${bytes.length} bytes`,
    );
  }
  return { ...picture, rgb: bytes.subarray(text.length, text.length + pixels * 3) };
}

/** The picture with neither side above `maxSide` pixels, in its proportions; each pixel is the mean of those that it stands for. */
export function shrink(picture: Picture, maxSide: number): Picture {
  const scale = Math.max(picture.width, picture.height) / maxSide;
  if (scale <= 1) return picture;
  const width = Math.max(1, Math.round(picture.width / scale));
  const height = Math.max(1, Math.round(picture.height / scale));
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const [top, bottom] = span(y, height, picture.height);
    for (let x = 0; x < width; x += 1) {
      const [left, right] = span(x, width, picture.width);
      const to = (y * width + x) * 3;
      for (let colour = 0; colour < 3; colour += 1) {
        let sum = 0;
        for (let row = top; row < bottom; row += 1) {
          for (let column = left; column < right; column += 1) {
            sum += picture.rgb[(row * picture.width + column) * 3 + colour] ?? 0;
          }
        }
        rgb[to + colour] = Math.round(sum / ((bottom - top) * (right - left)));
      }
    }
  }
  return { width, height, rgb };
}

/** Which of `from` pixels the pixel `at` of `to` stands for: at least one, none twice. */
function span(at: number, to: number, from: number): readonly [number, number] {
  const start = Math.floor((at * from) / to);
  return [start, Math.max(start + 1, Math.floor(((at + 1) * from) / to))];
}

/** The picture as a PNG file. */
export function encodePng({ width, height, rgb }: Picture): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits a colour, colour type 2 (red, green, blue), the only compression and filter methods, not interlaced.
  header.set([8, 2, 0, 0, 0], 8);
  const stride = width * 3;
  const rows = Buffer.alloc((stride + 1) * height);
  // Each row begins with its filter: 0, none.
  for (let y = 0; y < height; y += 1) rows.set(rgb.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const name = Buffer.from(type, 'latin1');
  const framed = Buffer.alloc(data.length + 12);
  framed.writeUInt32BE(data.length, 0);
  framed.set(name, 4);
  framed.set(data, 8);
  framed.writeUInt32BE(crc32(data, crc32(name)), data.length + 8);
  return framed;
}

/** Width and height of a PNG file (its IHDR comes first). */
export function pngSize(png: Buffer): { width: number; height: number } {
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
}
