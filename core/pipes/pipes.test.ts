import { describe, expect, it, test } from 'vitest';
import { closesCircle, readersOf } from './delivery.ts';
import { namespaceOf, parsePipeName, shownPipe } from './names.ts';

test('a pipe has the name of its namespace in front', () => {
  expect(parsePipeName('foo', 'exp1')).toEqual({ ok: true, name: 'exp1//foo' });
  expect(parsePipeName('minimega//foo', 'exp1')).toEqual({ ok: true, name: 'minimega//foo' });
  for (const text of ['', 'a b', 'a/b', '//foo', 'x//', 'x//a//b', 'all//a', 'f'.repeat(65)])
    expect(parsePipeName(text, 'exp1').ok, text).toBe(false);
  expect(namespaceOf('exp1//foo')).toBe('exp1');
  expect([shownPipe('exp1//foo', 'exp1'), shownPipe('exp1//foo', 'exp')]).toEqual(['foo', 'exp1//foo']);
});

describe('who gets a message', () => {
  const readers = new Map([
    ['b', 1],
    ['a', 2],
  ]);
  const all = [
    { nodeId: 'a', index: 0 },
    { nodeId: 'a', index: 1 },
    { nodeId: 'b', index: 0 },
  ];
  const none = () => 0;

  it('is every reader, unless the mode says otherwise', () => {
    expect(readersOf(readers, { mode: 'all', turn: 5, random: none })).toEqual(all);
    expect(readersOf(new Map(), { mode: 'random', turn: 0, random: none })).toEqual([]);
  });

  it('is one after the other, over all nodes', () => {
    const turns = [0, 1, 2, 3].map((turn) => readersOf(readers, { mode: 'round-robin', turn, random: none }));
    expect(turns).toEqual([all[0], all[1], all[2], all[0]].map((place) => [place]));
  });

  it('is any one', () => {
    expect(readersOf(readers, { mode: 'random', turn: 0, random: () => 0.5 })).toEqual([all[1]]);
    expect(readersOf(readers, { mode: 'random', turn: 0, random: () => 0.999 })).toEqual([all[2]]);
  });
});

test('a circle is found through others, and a diamond is not one', () => {
  const links = [
    ['a', 'b'],
    ['b', 'c'],
    ['a', 'c'],
  ] as const;
  expect(closesCircle(links, 'c', 'a')).toBe(true);
  expect(closesCircle(links, 'a', 'a')).toBe(true);
  expect(closesCircle(links, 'c', 'd')).toBe(false);
  expect(closesCircle(links, 'a', 'd')).toBe(false);
});
