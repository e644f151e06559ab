// The screen of a VM in memory: a picture that differs from VM to VM and moves while the VM runs, and a VNC server that shows it (RFC 6143: version
// 3.8, raw rectangles, QEMU's extended key events). What is typed and clicked becomes visible in it.
import { duplexPair, type Duplex } from 'node:stream';
import type { Picture } from './screen-picture.ts';
import { readBytes, type ByteReader } from './read-bytes.ts';

/** A VGA text screen, as firmware shows it. */
const [width, height] = [720, 400];
/** A key is a cell with the bits of its number as stripes. */
const cell = 16;
const columns = width / cell;
const rows = 12;
const extendedKeyEvents = -258;
const tickMs = 1_000;

type Colour = readonly [red: number, green: number, blue: number];
interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
const whole: Area = { x: 0, y: 0, width, height };
const white: Colour = [240, 240, 240];
const black: Colour = [16, 16, 16];

/** One viewer: what it has not seen yet, and whether it waits for that. */
interface Viewer {
  readonly stream: Duplex;
  unseen: Area | null;
  isWaiting: boolean;
  /** Positions of red, green and blue in a pixel's four bytes. */
  order: readonly [number, number, number];
}

export class MemoryScreen {
  private readonly name: string;
  private readonly isRunning: () => boolean;
  private readonly number: number;
  /** Null until somebody looks: there may be thousands of screens. */
  private drawn: Uint8Array | null = null;
  private readonly viewers = new Set<Viewer>();
  private keys = 0;
  private ticks = 0;
  private timer: NodeJS.Timeout | null = null;

  /** `number` chooses the colours. */
  constructor({ number, name }: { number: number; name: string }, { isRunning }: { isRunning: () => boolean }) {
    this.number = number;
    this.name = name;
    this.isRunning = isRunning;
  }

  private get rgb(): Uint8Array {
    if (this.drawn) return this.drawn;
    this.drawn = new Uint8Array(width * height * 3);
    for (let bar = 0; bar < 8; bar += 1) {
      const bits = bar + this.number;
      const colour: Colour = [bits & 1 ? 200 : 20, bits & 2 ? 200 : 20, bits & 4 ? 200 : 20];
      this.fill({ x: (bar * width) / 8, y: 0, width: width / 8, height }, colour);
    }
    return this.drawn;
  }

  picture(): Picture {
    return { width, height, rgb: this.rgb.slice() };
  }

  /** A connection to its VNC server. */
  connect(): Duplex {
    const [near, far] = duplexPair({ allowHalfOpen: true });
    const viewer: Viewer = { stream: far, unseen: whole, isWaiting: false, order: [2, 1, 0] };
    this.viewers.add(viewer);
    this.timer ??= setInterval(() => this.tick(), tickMs).unref();
    far.on('error', () => undefined);
    near.on('error', () => undefined);
    far.on('close', () => {
      this.viewers.delete(viewer);
      near.destroy();
      if (this.viewers.size > 0 || !this.timer) return;
      clearInterval(this.timer);
      this.timer = null;
    });
    near.on('close', () => far.destroy());
    this.serve(viewer).then(
      () => far.destroy(),
      () => far.destroy(),
    );
    return near;
  }

  /** The VM has ended. */
  close(): void {
    for (const { stream } of [...this.viewers]) stream.end(() => stream.destroy());
  }

  private tick(): void {
    if (!this.isRunning()) return;
    const markOf = (at: number) => ({ x: (at * 20) % width, y: height - 20, width: 20, height: 20 });
    this.fill({ x: 0, y: height - 20, width, height: 20 }, black);
    this.ticks += 1;
    this.fill(markOf(this.ticks), white);
  }

  private press(key: number): void {
    const at = this.keys % (columns * rows);
    const place = { x: (at % columns) * cell, y: Math.floor(at / columns) * cell };
    this.keys += 1;
    this.fill({ ...place, width: cell, height: cell }, black);
    for (let bit = 0; bit < 7; bit += 1) {
      if ((key >> (6 - bit)) & 1) this.fill({ x: place.x + 1 + bit * 2, y: place.y + 2, width: 2, height: 12 }, white);
    }
  }

  private fill(area: Area, [red, green, blue]: Colour): void {
    const { rgb } = this;
    const [right, bottom] = [Math.min(width, area.x + area.width), Math.min(height, area.y + area.height)];
    for (let y = area.y; y < bottom; y += 1) {
      for (let x = area.x; x < right; x += 1) rgb.set([red, green, blue], (y * width + x) * 3);
    }
    const seen = { ...area, width: right - area.x, height: bottom - area.y };
    for (const viewer of this.viewers) {
      viewer.unseen = viewer.unseen ? union(viewer.unseen, seen) : seen;
      // All that is drawn in one turn is one update.
      setImmediate(() => this.show(viewer));
    }
  }

  private show(viewer: Viewer): void {
    const { unseen: area, stream, order } = viewer;
    if (!viewer.isWaiting || !area || stream.destroyed) return;
    viewer.isWaiting = false;
    viewer.unseen = null;
    const { rgb } = this;
    const pixels = Buffer.alloc(area.width * area.height * 4);
    let to = 0;
    for (let y = area.y; y < area.y + area.height; y += 1) {
      for (let x = area.x; x < area.x + area.width; x += 1) {
        const from = (y * width + x) * 3;
        for (let colour = 0; colour < 3; colour += 1) pixels[to + (order[colour] ?? 0)] = rgb[from + colour] ?? 0;
        to += 4;
      }
    }
    stream.write(Buffer.concat([updateHead(area, 0), pixels]));
  }

  private async serve(viewer: Viewer): Promise<void> {
    const { stream } = viewer;
    const reader = readBytes(stream);
    await greet(this.name, stream, reader);
    for (;;) {
      const [type = 0] = await reader.read(1);
      if (type === 0) viewer.order = orderOf((await reader.read(19)).subarray(3));
      else if (type === 2) {
        const count = (await reader.read(3)).readUInt16BE(1);
        const encodings = await reader.read(4 * count);
        const has = Array.from({ length: count }, (_, at) => encodings.readInt32BE(4 * at));
        if (has.includes(extendedKeyEvents))
          stream.write(updateHead({ ...whole, width: 0, height: 0 }, extendedKeyEvents));
      } else if (type === 3) {
        const [incremental] = await reader.read(9);
        if (incremental === 0) viewer.unseen = whole;
        viewer.isWaiting = true;
        this.show(viewer);
      } else if (type === 4) {
        const key = await reader.read(7);
        if (key[0] !== 0) this.press(key.readUInt32BE(3));
      } else if (type === 5) {
        const pointer = await reader.read(5);
        const [x, y] = [pointer.readUInt16BE(1), pointer.readUInt16BE(3)];
        if (pointer[0] !== 0 && x < width && y < height) this.fill({ x, y, width: 6, height: 6 }, white);
      } else if (type === 6) {
        // What is pasted is typed.
        const length = (await reader.read(7)).readInt32BE(3);
        const text = await reader.read(Math.abs(length));
        if (length > 0) for (const key of text) this.press(key);
      } else if (type === 255) {
        const key = await reader.read(11);
        if (key.readUInt16BE(1) !== 0) this.press(key.readUInt32BE(3) || key.readUInt32BE(7));
      } else throw new Error(`no message ${type} here`);
    }
  }
}

async function greet(name: string, stream: Duplex, reader: ByteReader): Promise<void> {
  stream.write('RFB 003.008\n');
  await reader.read(12);
  // One security type: none.
  stream.write(Buffer.of(1, 1));
  await reader.read(1);
  stream.write(Buffer.alloc(4));
  await reader.read(1);
  const init = Buffer.alloc(24);
  init.writeUInt16BE(width, 0);
  init.writeUInt16BE(height, 2);
  // 32 bits a pixel, 24 of them used, little-endian, true colour: 255 of each, red from bit 16 on.
  init.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0], 4);
  const title = Buffer.from(`QEMU (${name})`);
  init.writeUInt32BE(title.length, 20);
  stream.write(Buffer.concat([init, title]));
}

/** Where a pixel format has its colours. @throws Error for one that is not of 32 bits with whole bytes */
function orderOf(format: Buffer): readonly [number, number, number] {
  const [bits = 0, , isBigEndian = 0, , , , , , , , red = 0, green = 0, blue = 0] = format;
  if (bits !== 32 || [red, green, blue].some((shift) => shift % 8 !== 0)) throw new Error('no such pixel format here');
  const place = (shift: number) => (isBigEndian === 0 ? shift / 8 : 3 - shift / 8);
  return [place(red), place(green), place(blue)];
}

/** A FramebufferUpdate with one rectangle, without its pixels. */
function updateHead(area: Area, encoding: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(area.x, 4);
  head.writeUInt16BE(area.y, 6);
  head.writeUInt16BE(area.width, 8);
  head.writeUInt16BE(area.height, 10);
  head.writeInt32BE(encoding, 12);
  return head;
}

function union(a: Area, b: Area): Area {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return {
    ...{ x, y },
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}
