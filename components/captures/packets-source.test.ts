import { expect, test } from 'vitest';
import type { PacketLine } from '../../contract/captures.ts';
import { streamClose } from '../../contract/streams.ts';
import type { LineSocketEvents } from '../../lib/line-stream.ts';
import { followPackets, packetsPath, type PacketsState } from './packets-source.ts';

const of = { cluster: 'c1', node: 'node2', capture: 3 };
const packet = (info: string): PacketLine => ({
  ...{ at: 1_700_000_000_000, source: '10.0.0.1', destination: '10.0.0.2', protocol: 'ICMP', vlans: [101], length: 98 },
  info,
});
const bytes = (text: string) => new TextEncoder().encode(text).buffer;

function follow() {
  const states: PacketsState[] = [];
  const sockets: LineSocketEvents[] = [];
  const waits: (() => void)[] = [];
  let open = 0;
  const stop = followPackets(
    of,
    { onState: (state) => states.push(state) },
    {
      connect: (path, on) => {
        expect(path).toBe(packetsPath(of));
        sockets.push(on);
        open += 1;
        return () => void (open -= 1);
      },
      after: (_delayMs, run) => {
        waits.push(run);
        return () => void waits.pop();
      },
    },
  );
  return {
    states,
    sockets,
    waits,
    stop,
    infos: () => states.at(-1)?.packets.map(({ info }) => info),
    open: () => open,
  };
}

test('packets come in lines, however these are cut, until the capture ends', () => {
  const { sockets, states, infos } = follow();
  const text = `${JSON.stringify(packet('one'))}\nnot a packet\n${JSON.stringify(packet('two'))}\n`;
  sockets[0]?.message(bytes(text.slice(0, 30)));
  expect(states).toEqual([]);
  sockets[0]?.message(bytes(text.slice(30)));
  expect(infos()).toEqual(['one', 'two']);
  sockets[0]?.close({ code: streamClose.ended, reason: '' });
  expect(states.at(-1)).toMatchObject({ isOver: true, error: '' });
});

test('a stream that breaks begins again with the first packet', () => {
  const { sockets, states, waits, infos, stop, open } = follow();
  sockets[0]?.message(bytes(`${JSON.stringify(packet('one'))}\n`));
  sockets[0]?.close({ code: streamClose.failed, reason: 'node2 left' });
  expect(states.at(-1)?.error).toBe('node2 left');
  expect(infos()).toEqual(['one']);
  waits.shift()?.();
  sockets[1]?.message(bytes(`${JSON.stringify(packet('one'))}\n${JSON.stringify(packet('two'))}\n`));
  expect(infos()).toEqual(['one', 'two']);
  stop();
  expect(open()).toBe(1);
});

test('the end of the session is not tried again', () => {
  const { sockets, waits } = follow();
  sockets[0]?.close({ code: streamClose.sessionEnded, reason: 'log in' });
  expect(waits).toEqual([]);
});
