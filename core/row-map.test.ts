import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changedRows } from './rows.ts';
import { RowMap, changedKeys } from './row-map.ts';

const Key = fc.constantFrom(...Array.from({ length: 40 }, (_, at) => `node${at % 7} ${at}`));
const Changes = fc.array(fc.record({ put: fc.array(fc.tuple(Key, fc.nat())), gone: fc.array(Key) }), { maxLength: 20 });

test('it holds what a map holds, and what was before stays as it was', () => {
  fc.assert(
    fc.property(Changes, (changes) => {
      let own = RowMap.of<number>(new Map());
      const known = new Map<string, number>();
      for (const { put, gone } of changes) {
        const before = own;
        const rowsBefore = [...before].sort();
        for (const key of gone) known.delete(key);
        for (const [key, value] of put) known.set(key, value);
        own = own.with(put, gone);
        expect([...own].sort()).toEqual([...known].sort());
        expect(own.size).toBe(known.size);
        for (const key of [...known.keys(), 'nowhere'])
          expect([own.get(key), own.has(key)]).toEqual([known.get(key), known.has(key)]);
        expect([...before].sort()).toEqual(rowsBefore);
        const changed = [...new Set([...known.keys(), ...before.keys()])].filter(
          (key) => before.get(key) !== known.get(key),
        );
        for (const keys of [changedKeys(before, own), changedKeys(new Map(before), known), changedKeys(before, known)])
          expect([...keys].sort()).toEqual(changed.sort());
      }
      const seen: [string, number][] = [];
      own.forEach((value, key) => seen.push([key, value]));
      expect(seen).toEqual([...own.entries()]);
      expect([...own.keys()]).toEqual(seen.map(([key]) => key));
      expect([...own.values()]).toEqual(seen.map(([, value]) => value));
    }),
  );
});

test('a change of one row of many leaves the other rows the objects that they were', () => {
  const kind = { name: 'vms', key: ['Node', 'Id'], owner: 'Node' };
  const put = Array.from({ length: 3_000 }, (_, Id) => ({ Node: 'n1', Id, State: 'RUNNING' }));
  const rows = changedRows(kind, new Map(), { put, gone: [] });
  const next = changedRows(kind, rows, {
    put: [
      { Node: 'n1', Id: 7, State: 'PAUSED' },
      { Node: 'n1', Id: 9, State: 'QUIT' },
    ],
    gone: ['n1 8', 'n1 9'],
  });
  expect([next.size, next.get('n1 7'), next.has('n1 8')]).toEqual([
    2_999,
    { Node: 'n1', Id: 7, State: 'PAUSED' },
    false,
  ]);
  // What went and came back has nothing of what it was.
  expect(next.get('n1 9')).toEqual({ Node: 'n1', Id: 9, State: 'QUIT' });
  expect([rows.size, rows.get('n1 7')]).toEqual([3_000, { Node: 'n1', Id: 7, State: 'RUNNING' }]);
  expect([...next].filter(([key, row]) => rows.get(key) === row)).toHaveLength(2_997);
  expect(changedRows(kind, next, { put: [], gone: [] })).toBe(next);
});
