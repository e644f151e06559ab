import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonSplitter } from './json-stream.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('JsonSplitter', () => {
  it('finds every object however the bytes are cut', () => {
    const values = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 });
    fc.assert(
      fc.property(values, fc.constantFrom('', '\n', ' \r\n'), fc.integer({ min: 1, max: 9 }), (list, between, size) => {
        const data = bytes(list.map((value) => JSON.stringify(value)).join(between) + between);
        const splitter = new JsonSplitter(1_000_000);
        const found: string[] = [];
        for (let at = 0; at < data.length; at += size) {
          const { texts, error } = splitter.push(data.subarray(at, at + size));
          expect(error).toBeNull();
          found.push(...texts);
        }
        expect(found).toEqual(list.map((value) => JSON.stringify(value)));
        expect(splitter.isIncomplete).toBe(false);
      }),
    );
  });

  it('takes an object of the bound, and refuses one byte more', () => {
    const object = (size: number) => bytes(`{"a":"${'x'.repeat(size - 8)}"}`);
    expect(object(100)).toHaveLength(100);
    expect(new JsonSplitter(100).push(object(100)).texts).toHaveLength(1);
    const { texts, error } = new JsonSplitter(100).push(object(101));
    expect(texts).toEqual([]);
    expect(error?.message).toMatch(/more than 100 bytes/);
    const slow = new JsonSplitter(100);
    for (let at = 0; at < 10; at += 1) slow.push(bytes(at === 0 ? '{"a":"xxxx' : 'xxxxxxxxxx'));
    expect(slow.push(bytes('x')).error?.message).toMatch(/more than 100 bytes/);
  });

  it('gives what was complete before garbage, and nothing after', () => {
    const splitter = new JsonSplitter(100);
    const { texts, error } = splitter.push(bytes('{"a":1} nonsense {"b":2}'));
    expect(texts).toEqual(['{"a":1}']);
    expect(error?.message).toMatch(/a JSON object is expected/);
    expect(splitter.push(bytes('{"c":3}')).texts).toEqual([]);
  });

  it('knows when it is in the middle', () => {
    const splitter = new JsonSplitter(100);
    splitter.push(bytes('{"a":"}'));
    expect(splitter.isIncomplete).toBe(true);
  });

  it('stops behind as many objects as are asked for: bytes that follow need not be JSON', () => {
    const splitter = new JsonSplitter(100);
    const first = splitter.push(bytes('{"a":1'), 1);
    expect(first).toEqual({ texts: [], error: null, used: 6 });
    const data = bytes('}\n\u0000{"b":2}');
    const { texts, error, used } = splitter.push(data, 1);
    expect([texts, error]).toEqual([['{"a":1}'], null]);
    expect(data.subarray(used)).toEqual(bytes('\n\u0000{"b":2}'));
  });
});
