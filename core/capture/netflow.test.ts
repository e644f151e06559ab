import { expect, it } from 'vitest';
import { readNetflow } from './netflow.ts';

/** One datagram of version 5: its header, and flows. */
function datagram(...flows: readonly { from: number; to: number; first: number; last: number }[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(24 + 48 * flows.length));
  view.setUint16(0, 5);
  view.setUint16(2, flows.length);
  view.setUint32(4, 60_000);
  view.setUint32(8, 1_700_000_060);
  view.setUint32(12, 500_000_000);
  flows.forEach(({ from, to, first, last }, index) => {
    const at = 24 + 48 * index;
    [0x0a000001, 0x0a000002, 0, 0, 3, 420, first, last].forEach((value, word) => view.setUint32(at + 4 * word, value));
    view.setUint16(at + 32, from);
    view.setUint16(at + 34, to);
    view.setUint8(at + 38, 6);
  });
  return new Uint8Array(view.buffer);
}

it('writes flows as minimega does', () => {
  expect(readNetflow(datagram({ from: 40_000, to: 22, first: 10_000, last: 12_500 }))).toEqual({
    count: 1,
    packets: 3,
    octets: 420,
    text: '2023-11-14T22:13:30Z\t2.5s\t6\t10.0.0.1:40000\t<->\t10.0.0.2:22\t3\t420\n',
  });
  expect(
    readNetflow(datagram({ from: 1, to: 2, first: 0, last: 0 }, { from: 3, to: 4, first: 0, last: 0 }))?.count,
  ).toBe(2);
});

it('refuses what is not version 5', () => {
  expect(readNetflow(new Uint8Array())).toBeNull();
  expect(readNetflow(datagram().subarray(0, 23))).toBeNull();
  expect(readNetflow(datagram({ from: 1, to: 2, first: 0, last: 0 }).subarray(0, 71))).toBeNull();
  const nine = datagram();
  nine[1] = 9;
  expect(readNetflow(nine)).toBeNull();
});
