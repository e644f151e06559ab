import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { keyOf } from '../contract/kind-keys.ts';
import { defineKind, type RowChanges } from '../contract/kinds.ts';
import { changedRows, parseRowChanges, PendingRows, Rows } from './rows.ts';

const vms = defineKind({
  name: 'vms',
  key: ['Node', 'Id'],
  owner: 'Node',
  bound: 3,
  row: z.object({
    Node: z.string(),
    Id: z.number(),
    Name: z.string().max(8),
    Tags: z.array(z.string()),
    Memory: z.number().nullable(),
  }),
});
const row = (Node: string, Id: number) => ({ Node, Id, Name: 'a', Tags: ['x'], Memory: null });

const step = fc.oneof(
  fc.record({
    Node: fc.constantFrom('n1', 'n2'),
    Id: fc.nat(2),
    Name: fc.constantFrom('a', 'b'),
    Tags: fc.subarray(['x', 'y']),
    Memory: fc.option(fc.nat(2)),
  }),
  fc.record({ gone: fc.constantFrom('n1 0', 'n1 1', 'n2 2') }),
  fc.constant('tell' as const),
  fc.record({ tell: fc.integer({ min: 1, max: 2 }) }),
);

test('whatever goes out in whichever portions, the other side ends with the same rows', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const rows = new Rows(vms);
      const pending = new PendingRows();
      let told: ReadonlyMap<string, z.infer<typeof vms.row>> = new Map();
      const tell = (changes: RowChanges) => {
        told = changedRows(vms, told, changes['vms'] ?? { put: [], gone: [] });
      };
      for (const each of steps) {
        if (each === 'tell') tell(pending.take());
        else if ('tell' in each) tell(pending.take(each.tell));
        else if ('gone' in each) {
          if (rows.drop(each.gone)) pending.noteGone(vms, each.gone);
        } else {
          const change = rows.put(each);
          if (change) pending.notePut(vms, change);
        }
      }
      tell(pending.take());
      expect(pending.size).toBe(0);
      expect(told).toEqual(new Map([...rows.values()].map((each) => [keyOf(vms, each), each])));
    }),
  );
});

test('a change of one field is that field beside the key, and the same row again changes nothing', () => {
  const rows = new Rows(vms);
  expect(rows.put(row('n1', 1))).toEqual(row('n1', 1));
  expect(rows.put({ ...row('n1', 1), Tags: ['x', 'y'] })).toEqual({ Node: 'n1', Id: 1, Tags: ['x', 'y'] });
  expect(rows.put({ ...row('n1', 1), Tags: ['x', 'y'] })).toBeNull();
});

test('a row that lacks a field is not taken, and an owner has no more than the bound', () => {
  const rows = new Rows(vms);
  expect(rows.put({ Node: 'n1', Id: 1 })).toBeNull();
  for (let id = 0; id < 5; id += 1) rows.put(row('n1', id));
  rows.put(row('n2', 9));
  expect([rows.size, rows.keysOf('n1'), rows.keysOf('n2')]).toEqual([4, ['n1 0', 'n1 1', 'n1 2'], ['n2 9']]);
  rows.drop('n1 0');
  expect(rows.put(row('n1', 4))).not.toBeNull();
});

test('what comes from outside is parsed: unknown kinds are left out, bad rows and too many are refused', () => {
  const change = { put: [{ Node: 'n1', Id: 1, Name: 'b', Extra: 'x' }], gone: [] };
  expect(parseRowChanges([vms], { vms: change, taps: { put: [{ any: 1 }], gone: [] } }, 10)).toEqual({
    vms: { put: [{ Node: 'n1', Id: 1, Name: 'b' }], gone: [] },
  });
  const bad =
    (put: Record<string, unknown>[], gone: string[] = []) =>
    () =>
      parseRowChanges([vms], { vms: { put, gone } }, 2);
  expect(bad([{ Node: 'n1', Name: 'b' }])).toThrow('a row of vms: Id');
  expect(bad([{ Node: 'n1', Id: 1, Name: 'far too long' }])).toThrow('a row of vms: Name');
  expect(bad([], ['a', 'b', 'c'])).toThrow('more than the 2 rows');
  expect(parseRowChanges([vms], Object.create({ vms: change }) as RowChanges, 2)).toEqual({});
});
