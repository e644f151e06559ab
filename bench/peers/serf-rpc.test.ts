import { expect, test } from 'vitest';
import { pack, unpack } from './serf-rpc.ts';

test('what is packed unpacks to the same', () => {
  const value = { Seq: 200, Error: 'x'.repeat(40), Ok: true, Num: 7, Map: { a: 'b' } };
  const bytes = pack(value);
  expect(unpack(bytes)).toEqual({ value, next: bytes.length });
});

test('lists are packed as the msgpack spec has them', () => {
  expect(pack({ Existing: ['a'], Replay: false }).toString('hex')).toBe(
    `82a8${Buffer.from('Existing').toString('hex')}91a161a6${Buffer.from('Replay').toString('hex')}c2`,
  );
});

test('a value that is cut anywhere is not complete yet', () => {
  const bytes = pack({ Seq: 200, Error: 'y'.repeat(33) });
  for (let length = 0; length < bytes.length; length++) expect(unpack(bytes.subarray(0, length))).toBeNull();
});

test('a type that serf does not send is refused', () => {
  expect(() => unpack(Buffer.from([0xcb, 0, 0]))).toThrow('0xcb');
});
