// A second monitor of a VM, for benches: it causes an event and tells when QEMU made it, by the clock of the machine.
import { createConnection } from 'node:net';
import { JsonSplitter } from '../contract/json-stream.ts';
import { within } from './rounds.ts';

/** Where QEMU has it, on its node. */
export const monitorPath = '/tmp/bench-monitor';
/** Words for QEMU's command line. */
export const monitorWords: readonly string[] =
  `-chardev socket,id=bench,path=${monitorPath},server=on,wait=off -mon chardev=bench,mode=control`.split(' ');

export interface Monitor {
  /** @returns when QEMU made the event, ms since 1970 */
  cause(command: string, event: string): Promise<number>;
  close(): void;
}

/** QEMU's protocol as far as this needs it. */
export async function openMonitor(path: string): Promise<Monitor> {
  const socket = createConnection(path);
  const splitter = new JsonSplitter(1_000_000);
  const waiting = new Map<string, (message: Record<string, unknown>) => void>();
  const next = (key: string) =>
    within(
      new Promise<Record<string, unknown>>((resolve) => {
        waiting.set(key, resolve);
      }),
      60_000,
      () => `QEMU says nothing of ${key}`,
    );
  socket.on('data', (chunk) => {
    for (const text of splitter.push(chunk).texts) {
      const message = JSON.parse(text) as Record<string, unknown>;
      const key = typeof message['event'] === 'string' ? message['event'] : 'QMP' in message ? 'greeting' : 'answer';
      waiting.get(key)?.(message);
    }
  });
  await next('greeting');
  const ready = next('answer');
  socket.write('{"execute":"qmp_capabilities"}\n');
  await ready;
  return {
    async cause(command, event) {
      const made = next(event);
      socket.write(`{"execute":"${command}"}\n`);
      const { seconds, microseconds } = (await made)['timestamp'] as { seconds: number; microseconds: number };
      return seconds * 1_000 + microseconds / 1_000;
    },
    close: () => void socket.destroy(),
  };
}
