import { expect, test } from 'vitest';
import { streamClose } from '../../contract/streams.ts';
import type { LineSocketEvents } from '../../lib/line-stream.ts';
import { followRates, type RatesState } from './rates-source.ts';

function world() {
  const sockets: { path: string; on: LineSocketEvents; isClosed: boolean }[] = [];
  const waits: { delayMs: number; run: () => void }[] = [];
  let state: RatesState | null = null;
  const stop = followRates(
    { cluster: 'c', node: 'node2', vm: 7 },
    { onState: (next) => (state = next) },
    {
      connect: (path, on) => {
        const socket = { path, on, isClosed: false };
        sockets.push(socket);
        return () => void (socket.isClosed = true);
      },
      after: (delayMs, run) => {
        waits.push({ delayMs, run });
        return () => void waits.pop();
      },
    },
  );
  const say = (text: string) => sockets.at(-1)?.on.message(new TextEncoder().encode(text).buffer);
  const end = (code: number, reason = '') => sockets.at(-1)?.on.close({ code, reason });
  return { sockets, waits, say, end, stop, state: () => state };
}
const line = (At: number) => `${JSON.stringify({ At, Cpu: 0.5, Memory: 100, Rx: 1, Tx: null })}\n`;

test('samples come in pieces, and what is not one is left out', () => {
  const { sockets, say, state } = world();
  expect(sockets[0]?.path).toBe('/streams/vm-rates?cluster=c&node=node2&args=%7B%22vm%22%3A7%7D');
  const both = line(1) + line(2);
  say(both.slice(0, 20));
  say(both.slice(20, both.length - 3));
  expect(state()?.samples).toEqual([{ At: 1, Cpu: 0.5, Memory: 100, Rx: 1, Tx: null }]);
  say(`${both.slice(-3)}nonsense\n{"At":"x"}\n{"At":3,"Cpu":-1}\n`);
  expect(state()?.samples.map(({ At, Cpu }) => [At, Cpu])).toEqual([
    [1, 0.5],
    [2, 0.5],
    [3, null],
  ]);
});

test('five minutes are kept', () => {
  const { say, state } = world();
  say(Array.from({ length: 400 }, (_, at) => line(at)).join(''));
  expect([state()?.samples.length, state()?.samples[0]?.At]).toEqual([300, 100]);
});

test('a stream that breaks is opened again, ever later until something comes', () => {
  const { sockets, waits, say, end, state } = world();
  for (const wait of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    end(streamClose.failed, 'node2 is not in the mesh now');
    expect([state()?.error, waits.at(-1)?.delayMs]).toEqual(['node2 is not in the mesh now', wait]);
    waits.pop()?.run();
  }
  say(line(1));
  expect(state()?.error).toBe('');
  end(streamClose.failed);
  expect(waits.at(-1)?.delayMs).toBe(2_000);
  expect(sockets).toHaveLength(7);
});

test('it is not opened again when the VM is gone, the session is over, or nobody looks', () => {
  for (const code of [streamClose.ended, streamClose.sessionEnded]) {
    const { waits, end } = world();
    end(code);
    expect(waits).toEqual([]);
  }
  const { sockets, waits, end, stop } = world();
  end(streamClose.failed);
  stop();
  expect(waits).toEqual([]);
  const second = world();
  second.stop();
  expect([sockets[0]?.isClosed, second.sockets[0]?.isClosed]).toEqual([false, true]);
});
