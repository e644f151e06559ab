// Streams about one capture of this node: its first packets in a line each, and its file. Both read the file, so they work for captures that run,
// for those that have ended, and after a restart of meshd.
import type { Duplex } from 'node:stream';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { captureFileService, capturePacketsService, type PacketLine } from '../../contract/captures.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxShownPackets } from '../../contract/limits.ts';
import { PcapReader, type PcapPacket } from '../../core/capture/pcap.ts';
import { summarise } from '../../core/capture/summary.ts';
import type { CaptureRecord } from '../../core/capture/record.ts';
import type { StreamCall, StreamHandler } from '../mesh/streams.ts';
import type { Captures } from './captures.ts';

const Args = z.object({ capture: z.number().int().min(0) });
const pieceBytes = 64 * 1024;

export interface CaptureServicesComponents {
  readonly captures: Pick<Captures, 'find' | 'onChange'>;
  /** @throws AppError when it is gone */
  readonly openFile: (name: string) => Promise<FileHandle>;
}

export function createCaptureServices(components: CaptureServicesComponents): Readonly<Record<string, StreamHandler>> {
  const { captures, openFile } = components;
  const begin = async ({ args, accept }: StreamCall, service: string) => {
    const parsed = Args.safeParse(args);
    if (!parsed.success) throw new AppError('invalid', `${service} wants {"capture": <id>}`);
    const record = captures.find(parsed.data.capture);
    if (!record) throw new AppError('not-found', `no capture ${parsed.data.capture} on this node`);
    if (record.kind !== 'pcap') throw new AppError('refused', `capture ${record.id} has flows, and no packets`);
    const file = await openFile(record.target);
    try {
      return { record, file, stream: accept() };
    } catch (error) {
      await file.close();
      throw error;
    }
  };

  return {
    async [capturePacketsService](call) {
      const { record, file, stream } = await begin(call, capturePacketsService);
      const grown = new Grown(captures, record);
      void serve(stream, file, async () => {
        const reader = new PcapReader();
        let [at, shown] = [0, 0];
        while (shown < maxShownPackets && !stream.destroyed) {
          const seen = grown.take();
          const piece = await readAt(file, at);
          at += piece.length;
          const { packets } = reader.push(piece);
          for (const packet of packets.slice(0, maxShownPackets - shown)) await write(stream, lineOf(packet));
          shown += packets.length;
          if (piece.length > 0) continue;
          if (!seen.isRunning) break;
          await grown.next(stream);
        }
      }).finally(() => grown.end());
    },

    async [captureFileService](call) {
      const { file, stream } = await begin(call, captureFileService);
      void serve(stream, file, async () => {
        const reader = new PcapReader();
        const { size } = await file.stat();
        for (let at = 0; at < size && !stream.destroyed;) {
          const piece = (await readAt(file, at)).subarray(0, size - at);
          if (piece.length === 0) break;
          at += piece.length;
          const { bytes } = reader.push(piece);
          if (bytes.length > 0) await write(stream, bytes);
        }
      });
    },
  };
}

/** Whether a capture has grown since somebody looked. */
class Grown {
  private readonly captures: Pick<Captures, 'find' | 'onChange'>;
  private readonly id: number;
  private readonly stop: () => void;
  private isDue = true;
  private wake: () => void = () => undefined;

  constructor(captures: Pick<Captures, 'find' | 'onChange'>, { id }: CaptureRecord) {
    this.captures = captures;
    this.id = id;
    this.stop = captures.onChange((changed, gone) => {
      if (!changed.some((record) => record.id === id) && !gone.includes(id)) return;
      this.isDue = true;
      this.wake();
    });
  }

  /** What is read after this has all that was there before. */
  take(): { readonly isRunning: boolean } {
    this.isDue = false;
    return { isRunning: this.captures.find(this.id)?.state === 'running' };
  }

  async next(stream: Duplex): Promise<void> {
    if (this.isDue || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      stream.once('close', resolve);
    });
  }

  end(): void {
    this.stop();
  }
}

function lineOf({ atUs, length, data }: PcapPacket): string {
  const { source, destination, protocol, info, vlans } = summarise(data);
  const line: PacketLine = { at: atUs / 1_000, source, destination, protocol, vlans, length, info };
  return `${JSON.stringify(line)}\n`;
}

async function readAt(file: FileHandle, at: number): Promise<Uint8Array> {
  // A fresh one each time: what was read before may still be on its way.
  const { buffer, bytesRead } = await file.read(new Uint8Array(pieceBytes), 0, pieceBytes, at);
  return buffer.subarray(0, bytesRead);
}

/** At the reader's pace. */
async function write(stream: Duplex, bytes: Uint8Array | string): Promise<void> {
  if (stream.destroyed || stream.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done).once('close', done);
  });
}

/** Does the work, ends the stream, and closes the file, whichever comes first. */
async function serve(stream: Duplex, file: FileHandle, work: () => Promise<void>): Promise<void> {
  // The page says nothing; its end is ours.
  stream.on('error', () => undefined).on('end', () => stream.end());
  stream.resume();
  try {
    await work();
    stream.end();
  } catch (error) {
    stream.destroy(error instanceof AppError ? error : new AppError('failed', describeError(error)));
  } finally {
    await file.close();
  }
}
