// A VNC client that only types and points: it says hello to QEMU, and reads nothing of the screen.
import type { Duplex } from 'node:stream';
import { AppError } from '../../contract/errors.ts';
import { messageOf, type VncEvent } from '../../core/consoles/vnc-events.ts';
import { readBytes, type ByteReader } from '../../host/qemu/read-bytes.ts';
import type { Clock } from '../mesh/clock.ts';

export interface Keyboard {
  send(event: VncEvent): void;
  /** What was sent arrives; then the connection ends. */
  close(): void;
}

const helloMs = 5_000;
/** How long QEMU may take for what was sent last. */
const closeMs = 1_000;

/** @throws AppError `timeout` when QEMU does not answer, and what is wrong with what it says */
export async function openKeyboard(stream: Duplex, clock: Pick<Clock, 'after'>): Promise<Keyboard> {
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => undefined);
  const timer = clock.after(helloMs, () =>
    late.reject(new AppError('timeout', 'QEMU does not answer on its VNC socket')),
  );
  stream.on('error', () => undefined);
  const reader = readBytes(stream);
  try {
    await Promise.race([hello(stream, reader), late.promise]);
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    timer.cancel();
  }
  // A bell, or the guest's clipboard, may come until the end.
  const drain = async () => {
    for (;;) await reader.read(1);
  };
  drain().catch(() => stream.destroy());
  return {
    send: (event) => {
      if (!stream.destroyed) stream.write(messageOf(event));
    },
    close: () => {
      stream.end();
      clock.after(closeMs, () => stream.destroy());
    },
  };
}

async function hello(stream: Duplex, reader: ByteReader): Promise<void> {
  await reader.read(12);
  stream.write('RFB 003.008\n');
  const [types = 0] = await reader.read(1);
  await reader.read(types);
  stream.write(Buffer.of(1));
  if ((await reader.read(4)).readUInt32BE(0) !== 0)
    throw new AppError('refused', 'QEMU wants a password on its VNC socket');
  // Shared: others look on.
  stream.write(Buffer.of(1));
  const init = await reader.read(24);
  await reader.read(init.readUInt32BE(20));
}
