// pcapng files (draft-ietf-opsawg-pcapng), written: captures of several interfaces in one file, each with its name. Merging takes packets in the
// order of their time and holds one piece of each capture, however long they are.
import { joinBytes, PcapReader, ethernet, type PcapHeader, type PcapPacket } from './pcap.ts';

/** What is given at a time. */
const pieceBytes = 64 * 1024;
const writer = 'Meshdeck';

export interface MergedCapture {
  /** Of its interface in the file, such as `node1/web/0`. */
  readonly name: string;
  /** A pcap, as it comes. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

const padded = (length: number) => Math.ceil(length / 4) * 4;

/** A block: type, length, body, length. */
function block(type: number, bodyBytes: number, fill: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const length = 12 + padded(bodyBytes);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  view.setUint32(length - 4, length, true);
  fill(new DataView(bytes.buffer, 8), bytes.subarray(8));
  return bytes;
}

function option(code: number, text: string): Uint8Array {
  const value = new TextEncoder().encode(text);
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

const endOfOptions = new Uint8Array(4);
const options = (...list: readonly Uint8Array[]) => joinBytes([...list, endOfOptions]);

/** The beginning of a file. */
export function encodeSection(): Uint8Array {
  const own = options(option(4, writer));
  return block(0x0a0d0d0a, 16 + own.length, (view, bytes) => {
    view.setUint32(0, 0x1a2b3c4d, true);
    view.setUint16(4, 1, true);
    // Of the section: not said.
    view.setBigInt64(8, -1n, true);
    bytes.set(own, 16);
  });
}

/** An interface; packets name it by its place among these. */
export function encodeInterface(name: string, { linkType, snaplen }: PcapHeader): Uint8Array {
  const own = options(option(2, name));
  return block(1, 8 + own.length, (view, bytes) => {
    view.setUint16(0, linkType, true);
    view.setUint32(4, snaplen, true);
    bytes.set(own, 8);
  });
}

export function encodePacket(place: number, { atUs, length, data }: PcapPacket): Uint8Array {
  return block(6, 20 + data.length, (view, bytes) => {
    view.setUint32(0, place, true);
    view.setUint32(4, Math.floor(atUs / 2 ** 32), true);
    view.setUint32(8, atUs % 2 ** 32, true);
    view.setUint32(12, data.length, true);
    view.setUint32(16, length, true);
    bytes.set(data, 20);
  });
}

/** Packets of one capture, the next one ready. */
class Input {
  readonly reader = new PcapReader();
  private readonly source: AsyncIterator<Uint8Array>;
  private packets: readonly PcapPacket[] = [];
  private at = 0;
  private isOver = false;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.source = bytes[Symbol.asyncIterator]();
  }

  get next(): PcapPacket | undefined {
    return this.packets[this.at];
  }

  /** The next packet is there, or the capture is over. */
  async fill(): Promise<void> {
    while (this.at >= this.packets.length && !this.isOver) {
      const result = await this.source.next();
      if (result.done === true) this.isOver = true;
      else {
        this.packets = this.reader.push(result.value).packets;
        this.at = 0;
      }
    }
  }

  take(): void {
    this.at += 1;
  }

  async end(): Promise<void> {
    await this.source.return?.();
  }
}

/**
 * The packets of several captures as one pcapng, by time as their nodes have it. A capture that ends in the middle of a packet ends before it.
 * @throws AppError `invalid` for what is not a pcap, and what its `bytes` throw
 */
export async function* mergeCaptures(captures: readonly MergedCapture[]): AsyncGenerator<Uint8Array, void, undefined> {
  const inputs = captures.map(({ bytes }) => new Input(bytes));
  try {
    for (const input of inputs) await input.fill();
    const none = { linkType: ethernet, snaplen: 0 };
    let pieces = [
      encodeSection(),
      ...inputs.map(({ reader }, place) => encodeInterface(captures[place]?.name ?? '', reader.header ?? none)),
    ];
    let bytes = 0;
    for (;;) {
      let first = -1;
      inputs.forEach(({ next }, place) => {
        if (next && next.atUs < (inputs[first]?.next?.atUs ?? Infinity)) first = place;
      });
      const input = inputs[first];
      if (!input?.next) break;
      const encoded = encodePacket(first, input.next);
      pieces.push(encoded);
      bytes += encoded.length;
      input.take();
      await input.fill();
      if (bytes < pieceBytes) continue;
      yield joinBytes(pieces);
      pieces = [];
      bytes = 0;
    }
    yield joinBytes(pieces);
  } finally {
    await Promise.allSettled(inputs.map((input) => input.end()));
  }
}
