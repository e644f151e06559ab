import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxRangeNameLength, maxRangeNames } from '../../contract/limits.ts';
import { describeRange } from './describe-range.ts';
import { compareNames } from './natural-order.ts';
import { findRangeIssue, parseRange, rangeHint } from './parse-range.ts';

function names(text: string): string[] {
  const result = parseRange(text);
  if (!result.ok) throw new Error(result.message);
  return result.names;
}

function message(text: string): string {
  const result = parseRange(text);
  return result.ok ? `names: ${result.names.join(' ')}` : result.message;
}

const padded = (typed: string, better: string) =>
  `the numbers of \`${typed}\` have zeros in front, but not one width: write \`${better}\`, or one bracket for each width`;

describe('parseRange', () => {
  it.each([
    ['', ''],
    ['foo,', 'foo'],
    ['node[2-4]', 'node2 node3 node4'],
    ['kn[1-3,100]', 'kn1 kn2 kn3 kn100'],
    ['kn[5,3,1]', 'kn1 kn3 kn5'],
    ['kn[008-011,100]', 'kn008 kn009 kn010 kn011 kn100'],
    ['kn[0,10]', 'kn0 kn10'],
    ['[2001:db8::5],[::1]', '2001:db8::5 ::1'],
    ['2001:db8::[5-6]', '2001:db8::5 2001:db8::6'],
    ['10.0.0.[9-11]', '10.0.0.9 10.0.0.10 10.0.0.11'],
    ['node1-3,rack1-node2', 'node1-3 rack1-node2'],
    ['kn[08-11]', 'kn08 kn09 kn10 kn11'],
    ['kn[8-11]', 'kn8 kn9 kn10 kn11'],
    ['kn[01,02]', 'kn01 kn02'],
    ['kn[00-02]', 'kn00 kn01 kn02'],
    ['kn[1-3,2-5]', 'kn1 kn2 kn3 kn4 kn5'],
    ['kn[1-2],kn[2-3]', 'kn1 kn2 kn3'],
    ['[1-3]', '1 2 3'],
    ['kn[1-2],[3-4]', 'kn1 kn2 3 4'],
    ['kn[2147483647]', 'kn2147483647'],
    ['foo[1-2].bar', 'foo1.bar foo2.bar'],
    [' kn[1-2] , head ', 'kn1 kn2 head'],
  ])('%s', (text, expected) => {
    expect(names(text).join(' ')).toBe(expected);
  });

  it.each([
    ['node[5-2]', 'range runs backwards: `5-2` in `node[5-2]`; write `2-5`'],
    ['foo,,bar', 'empty name in `foo,,bar`: two commas without a name between'],
    [',foo', 'empty name in `,foo`: two commas without a name between'],
    ['kn[]', 'a number is missing in `kn[]`'],
    ['kn[1-]', 'a number is missing in `kn[1-]`'],
    ['kn[-1]', 'a number is missing in `kn[-1]`'],
    ['kn[+1]', '`+1` is not a number in `kn[+1]`'],
    ['kn[a-b]', '`a` is not a number in `kn[a-b]`'],
    ['kn[1.5]', '`1.5` is not a number in `kn[1.5]`'],
    ['kn[ 1-2]', '`kn[ 1-2]`: no spaces inside a name or a bracket'],
    ['kn 1', '`kn 1`: no spaces inside a name or a bracket'],
    ['kn[2147483648]', 'value out of range: 2147483648 (at most 2147483647)'],
    ['kn[1-2-3]', 'invalid subrange 1-2-3'],
    ['kn[1-2]x[1-2]', '`kn[1-2]x[1-2]`: one bracket per name; write `kn1x[1-2],kn2x[1-2]`'],
    ['a[1-9]b[1-9]', '`a[1-9]b[1-9]`: one bracket per name'],
    ['node[01-3]', padded('node[01-3]', 'node[01-03]')],
    ['node[001-3]', padded('node[001-3]', 'node[001-003]')],
    ['kn[9-010]', padded('kn[9-010]', 'kn[009-010]')],
    ['kn[1,02,003]', padded('kn[1,02,003]', 'kn[001,002,003]')],
    ['kn[01-03,100]x', padded('kn[01-03,100]x', 'kn[001-003,100]x')],
    ['10.0.0.10-20', '`10.0.0.10-20` is not a name: for addresses in a row write `10.0.0.[10-20]`'],
    ['10.0.0.1-10.0.0.3', '`10.0.0.1-10.0.0.3` is not a name: for addresses in a row write `10.0.0.[1-3]`'],
    ['[2001:db8::5]:2222', '`[2001:db8::5]:2222`: without a port here; write `2001:db8::5`'],
    ['kn[1-2', "unterminated '[' in `kn[1-2`"],
    ['kn1-2]', "unmatched ']' at char 5"],
    ['kn[[1-2]]', "nested '[' at char 3"],
  ])('refuses %s', (text, expected) => {
    expect(message(text)).toBe(expected);
  });

  it('holds its bounds, and one more is an error', () => {
    expect(names(`n[1-${maxRangeNames}]`)).toHaveLength(maxRangeNames);
    expect(message(`n[1-${maxRangeNames + 1}]`)).toMatch(/more than 10000 names/);
    expect(message('n[0-2147483647]')).toMatch(/more than 10000 names/);
    expect(message(`n[1-${maxRangeNames}],x`)).toMatch(/more than 10000 names/);
    expect(names('a'.repeat(maxRangeNameLength))).toHaveLength(1);
    expect(message('a'.repeat(maxRangeNameLength + 1))).toMatch(/name of 254 characters/);
    expect(message(`n[${'0'.repeat(100_000)}1-2]`)).toMatch(/value out of range/);
  });
});

describe('rangeHint', () => {
  it.each([
    ['node1-3', '; for a node range write `node[1-3]`'],
    ['node01-3', '; for a node range write `node[01-03]`'],
    ['node1-node3', '; for a node range write `node[1-3]`'],
    ['rack1-node3', ''],
    ['node3-1', ''],
    ['node-3', ''],
    ['node3', ''],
  ])('%s', (name, hint) => {
    expect(rangeHint(name)).toBe(hint);
    if (hint !== '') expect(parseRange(/`(.*)`/.exec(hint)?.[1] ?? '').ok).toBe(true);
  });
});

describe('findRangeIssue, where one name is wanted', () => {
  it.each([
    ['node1', null],
    ['node1-3', null],
    ['fe80::1', null],
    ['[fe80::1]', null],
    ['node[1-3]', '`node[1-3]` is a range of 3 names: this takes one at a time, such as `node1`'],
    ['node1,node2', '`node1,node2` is a range of 2 names: this takes one at a time, such as `node1`'],
    ['node[3]', '`node[3]` is one name written as a range: write `node3`'],
  ])('%s', (text, issue) => {
    expect(findRangeIssue(text)).toBe(issue);
  });

  it('says what parseRange says of text that is not a range', () => {
    for (const text of ['node[01-3]', '10.0.0.10-20', 'node[1'])
      expect(findRangeIssue(text)).toBe((parseRange(text) as { message: string }).message);
  });
});

describe('describeRange', () => {
  it.each([
    ['', ''],
    ['node1', 'node1'],
    ['node1 node2', 'node[1-2]'],
    ['node1 node3', 'node[1,3]'],
    ['n1 n2 n4 n5 n7', 'n[1-2,4-5,7]'],
    ['node1 node1', 'node1'],
    ['b a', 'a,b'],
    ['n1 node1 x', 'n1,node1,x'],
    ['ccc1 ccc2 head', 'ccc[1-2],head'],
    ['node node1', 'node,node1'],
    ['1 2 3', '[1-3]'],
    ['node08 node09 node10', 'node[08-10]'],
    ['kn1 kn01', 'kn01,kn1'],
    ['foo1.bar foo2.bar', 'foo[1-2].bar'],
    ['foo1.10g foo2.10g foo3.100g foo4.100g', 'foo[1-2].10g,foo[3-4].100g'],
    ['node2 node1 node10', 'node[1-2,10]'],
  ])('%s', (text, expected) => {
    expect(describeRange(text.split(' ').filter(Boolean))).toBe(expected);
  });

  it('keeps all ten nodes of the guide, where minimega prints node[2-10]', () => {
    expect(describeRange(names('node[1-10]'))).toBe('node[1-10]');
    expect(describeRange(names('node[1-120]'))).toBe('node[1-120]');
  });

  // What is not linear in the number of names takes minutes over these.
  it('describes the largest ranges, also of awkward names', { timeout: 60_000 }, () => {
    expect(describeRange(names('node[1-10000]'))).toBe('node[1-10000]');
    const awkward = names('n[1-5000]').map((name) => name + '1a'.repeat(100));
    expect(names(describeRange(awkward))).toHaveLength(5000);
  });

  it('prints what reads back as the same names', () => {
    // Few letters and digits, so that names collide in prefix, number, width and suffix.
    const name = fc.stringMatching(/^[ab]?[019]{0,3}[.a]?[019]{0,2}$/).filter((text) => text !== '');
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 60 }), (list) => {
        expect([...names(describeRange(list))].sort()).toEqual([...list].sort());
      }),
      { numRuns: 500 },
    );
  });

  it('leaves names alone that hold what a range is made of', () => {
    expect(describeRange(['[2001:db8::5]:22', '[2001:db8::6]:22'])).toBe('[2001:db8::5]:22,[2001:db8::6]:22');
  });

  it('prints the same text whatever the order of the names', () => {
    const name = fc.stringMatching(/^[ab][012]{1,2}[ab]?[012]{0,2}$/);
    fc.assert(
      fc.property(
        fc
          .uniqueArray(name, { maxLength: 30 })
          .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(describeRange(shuffled)).toBe(describeRange(list));
        },
      ),
    );
  });
});

describe('compareNames', () => {
  it('orders as people do', () => {
    expect(['node10', 'node2', 'node02', 'head', 'node2b', 'node'].sort(compareNames)).toEqual([
      'head',
      'node',
      'node02',
      'node2',
      'node2b',
      'node10',
    ]);
  });

  it('is a total order', () => {
    const name = fc.stringMatching(/^[a0-9]{0,6}$/);
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(compareNames(a, b))).toBe(-Math.sign(compareNames(b, a)) || 0);
        expect(compareNames(a, b) === 0).toBe(a === b);
        if (compareNames(a, b) <= 0 && compareNames(b, c) <= 0) expect(compareNames(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
