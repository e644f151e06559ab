// One capture of packets while it runs: from the machine into its file, counted and bounded. A file ends with a whole packet, whatever ends it.
import { describeError } from '../../contract/errors.ts';
import { PcapReader, type PcapPiece } from '../../core/capture/pcap.ts';
import type { CaptureFile } from '../../host/capture/capture-file.ts';
import type { CaptureHost, CapturePlace, Taking } from '../../host/capture/capture-host.ts';
import type { CaptureRun, RunEvents } from './run.ts';

export interface PcapRunOptions {
  readonly id: number;
  readonly place: CapturePlace;
  readonly snaplen: number;
  readonly filter: string;
  readonly maxBytes: number;
}

/** @throws AppError when packets cannot be taken; there is no file then */
export async function startPcapRun(
  options: PcapRunOptions,
  { host, file, events }: { readonly host: CaptureHost; readonly file: CaptureFile; readonly events: RunEvents },
): Promise<CaptureRun> {
  const reader = new PcapReader();
  let packets = 0;
  /** It no longer writes. */
  let isOver = false;
  const finish = (state: 'ended' | 'failed', reason: string) => {
    if (isOver) return;
    isOver = true;
    events.onEnd(state, reason);
  };

  const onBytes = async (bytes: Uint8Array): Promise<void> => {
    if (isOver) return;
    try {
      const piece = reader.push(bytes);
      const kept = within(piece, options.maxBytes - file.bytes);
      if (kept.bytes.length > 0) await file.write(kept.bytes);
      packets += kept.packets.length;
      if (kept.bytes.length > 0) events.onGrow({ packets, bytes: file.bytes });
      if (kept !== piece) finish('ended', `the file has its ${options.maxBytes / 1e6} MB`);
    } catch (error) {
      finish('failed', describeError(error));
    }
  };
  let taking: Taking;
  try {
    taking = await host.take({ ...options, onBytes, onEnd: (why) => finish('failed', why || 'tcpdump ended') });
  } catch (error) {
    isOver = true;
    await file.discard();
    throw error;
  }
  return {
    async stop() {
      try {
        const { dropped } = await taking.stop();
        return { packets, bytes: file.bytes, dropped };
      } finally {
        isOver = true;
        await file.close();
      }
    },
  };
}

/** The first packets, as many as there is room for; the same piece where that is all. */
function within(piece: PcapPiece, room: number): PcapPiece {
  const { packets, bytes } = piece;
  if (bytes.length <= room) return piece;
  const ends = packets.map(({ data }) => data.byteOffset + data.length - bytes.byteOffset);
  const count = ends.filter((end) => end <= room).length;
  return { packets: packets.slice(0, count), bytes: bytes.subarray(0, ends[count - 1] ?? 0) };
}
