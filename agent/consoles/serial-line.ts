// One serial port of a VM, for all who look at it. QEMU gives a port to one connection: this node has it, and passes on what comes.
//
// INVARIANTS
// - The port is always read: who does not read it holds up neither the guest nor the others. Such a viewer skips what is no longer kept, and reads how much that was.
// - What viewers type waits for the guest, and so do they; their output does not.
import type { Duplex } from 'node:stream';
import { AppError } from '../../contract/errors.ts';
import {
  maxSerialJoinBytes,
  maxSerialKeptBytes,
  maxSerialViewers,
  maxStreamChunkBytes,
} from '../../contract/limits.ts';
import { OutputLog } from '../../core/consoles/output-log.ts';
import type { Clock, Timer } from '../mesh/clock.ts';

/** The port is kept so long after the last viewer left: one that comes back, as after a reload of its page, has missed nothing. */
const lingerMs = 60_000;
/** Time for a viewer to take the last words of a VM. */
const farewellMs = 10_000;
/** Ends a half-sent escape sequence of a terminal (ECMA-48, CAN). */
const cancel = '\x18';

export interface SerialLineOptions {
  /** For people: `serial port 0 of web1`. */
  readonly name: string;
}

export interface SerialLineComponents {
  /** The connection to QEMU. */
  readonly qemu: Duplex;
  readonly clock: Pick<Clock, 'after'>;
  /** Why the connection ended, in words; asked once it has. */
  readonly whyEnded: () => Promise<string>;
  /** Nothing is left of it: the next viewer needs another one. */
  readonly onOver: () => void;
}

interface Viewer {
  readonly stream: Duplex;
  /** Position of what it gets next. */
  at: number;
  /** It takes no more now. */
  isFull: boolean;
}

export class SerialLine {
  private readonly options: SerialLineOptions;
  private readonly components: SerialLineComponents;
  private readonly log = new OutputLog(maxSerialKeptBytes);
  private readonly viewers = new Set<Viewer>();
  private linger: Timer | null = null;
  /** How it ended. */
  private lastWords: string | null = null;
  private isOver = false;

  constructor(options: SerialLineOptions, components: SerialLineComponents) {
    this.options = options;
    this.components = components;
    const { qemu } = components;
    qemu.on('data', (chunk: Buffer) => {
      this.log.append(chunk);
      for (const viewer of this.viewers) this.pass(viewer);
    });
    qemu.on('drain', () => {
      for (const { stream } of this.viewers) stream.resume();
    });
    qemu.on('error', () => undefined);
    qemu.on('end', () => void this.end());
    qemu.on('close', () => void this.end());
  }

  /** @throws AppError `conflict` when too many look at it */
  join(accept: () => Duplex, { input }: { input: boolean }): void {
    if (this.viewers.size >= maxSerialViewers) {
      throw new AppError('conflict', `${maxSerialViewers} look at ${this.options.name}, which is the limit: end some`);
    }
    const stream = this.accepted(accept);
    const viewer: Viewer = { stream, at: this.log.tail(maxSerialJoinBytes), isFull: false };
    this.viewers.add(viewer);
    this.linger?.cancel();
    this.linger = null;
    const { qemu } = this.components;
    stream.on('data', (chunk: Buffer) => {
      if (input && !qemu.destroyed && !qemu.write(chunk)) for (const each of this.viewers) each.stream.pause();
    });
    stream.on('drain', () => {
      viewer.isFull = false;
      this.pass(viewer);
    });
    stream.on('error', () => undefined);
    stream.on('end', () => stream.end());
    stream.on('close', () => this.leave(viewer));
    this.pass(viewer);
  }

  /** Lets go of the port, and ends the streams of all viewers. */
  close(): void {
    this.over();
    for (const { stream } of this.viewers) stream.destroy();
  }

  private accepted(accept: () => Duplex): Duplex {
    try {
      return accept();
    } catch (error) {
      this.lingerIfAlone();
      throw error;
    }
  }

  private leave(viewer: Viewer): void {
    this.viewers.delete(viewer);
    this.lingerIfAlone();
  }

  private lingerIfAlone(): void {
    if (this.viewers.size > 0 || this.isOver) return;
    this.linger?.cancel();
    this.linger = this.components.clock.after(lingerMs, () => this.over());
  }

  /** Gives a viewer what it has not got, as much as it takes. */
  private pass(viewer: Viewer): void {
    const { stream } = viewer;
    while (!viewer.isFull && !stream.writableEnded && viewer.at < this.log.end) {
      const missed = this.log.start - viewer.at;
      const bytes = this.log.read(viewer.at, maxStreamChunkBytes);
      viewer.at = Math.max(viewer.at, this.log.start) + bytes.length;
      if (missed > 0) stream.write(`${cancel}\r\n[meshd: ${missed} bytes skipped: this side was too slow]\r\n`);
      viewer.isFull = !stream.write(bytes);
    }
    if (this.lastWords !== null && viewer.at >= this.log.end && !stream.writableEnded) {
      stream.end(`${cancel}\r\n[meshd: ${this.lastWords}]\r\n`);
    }
  }

  /** QEMU ended the connection. What it had sent by then, everybody gets first. */
  private async end(): Promise<void> {
    if (this.isOver) return;
    this.over();
    this.lastWords = await this.components.whyEnded();
    const viewers = [...this.viewers];
    for (const viewer of viewers) this.pass(viewer);
    const timer = this.components.clock.after(farewellMs, () => {
      for (const { stream } of viewers) stream.destroy();
    });
    const open = viewers.filter(({ stream }) => !stream.closed);
    await Promise.all(open.map(({ stream }) => new Promise((resolve) => stream.once('close', resolve))));
    timer.cancel();
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.linger?.cancel();
    this.components.qemu.destroy();
    this.components.onOver();
  }
}
