// One viewer of a VM's screen: its own connection to QEMU's VNC server, and what it sends read on the way, so that who may only look does.
import type { Duplex } from 'node:stream';
import type { AppError } from '../../contract/errors.ts';
import { RfbClient } from '../../core/consoles/rfb-client.ts';

export interface ScreenOptions {
  readonly input: boolean;
  /** Gets the beginning of each message that types or points. */
  readonly onInput: (message: Uint8Array) => void;
  readonly whyEnded: () => Promise<AppError>;
}

/** Carries bytes until one side ends. @throws AppError: why QEMU ended it, or what is wrong with what the viewer sends */
export async function carryScreen(
  stream: Duplex,
  qemu: Duplex,
  { input, onInput, whyEnded }: ScreenOptions,
): Promise<void> {
  const client = new RfbClient({ mayInput: () => input, onInput });
  const { promise, resolve, reject } = Promise.withResolvers<'viewer' | 'qemu'>();
  stream.on('data', (chunk: Buffer) => {
    try {
      const passed = client.push(chunk);
      if (passed.length > 0 && !qemu.write(passed)) stream.pause();
    } catch (error) {
      // Nothing of what follows may pass.
      stream.removeAllListeners('data');
      reject(error);
    }
  });
  qemu.on('drain', () => stream.resume());
  qemu.on('data', (chunk: Buffer) => {
    if (!stream.write(chunk)) qemu.pause();
  });
  stream.on('drain', () => qemu.resume());
  for (const end of ['end', 'close', 'error'] as const) {
    stream.on(end, () => resolve('viewer'));
    qemu.on(end, () => resolve('qemu'));
  }
  try {
    if ((await promise) === 'qemu') throw await whyEnded();
    stream.end();
  } finally {
    qemu.destroy();
  }
}
