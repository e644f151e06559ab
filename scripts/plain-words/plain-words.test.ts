import { RuleTester } from 'eslint';
import { describe, expect, test } from 'vitest';
import { plainWords } from './rule.ts';
import { findOverusedWords } from './words.ts';

const found = (text: string) => findOverusedWords(text).map((word) => word.text);

describe('overused words', () => {
  test.each([
    ['This link makes no admin any more', ['any more']],
    ['Without a verdict a node goes back after it', ['Without a verdict']],
    ['somebody sets this run going right now, whoever asks', ['sets this run going', 'whoever']],
    ['hand it over, it is not sent', ['hand it over']],
    ['it goes\non anew', ['anew', 'goes on']],
    ['the key is none', ['is none']],
    ['node7 is no member of the cluster', ['is no ']],
    ['a socket of its own', ['of its own']],
    ['it will be mended by itself', ['by itself', 'mended']],
  ])('are found: %s', (text, words) => {
    expect(found(text).sort()).toEqual([...words].sort());
  });

  test.each([
    'Reverts after this time unless confirmed',
    'There is no bridge on node3, and node3 is no longer a member',
    'until the timer is still armed',
    'goes on the bridge',
    'amend the commit',
  ])('plain English passes: %s', (text) => {
    expect(found(text)).toEqual([]);
  });
});

RuleTester.describe = describe;
RuleTester.it = test;
new RuleTester({ languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } } }).run('plain-words', plainWords, {
  valid: ['const anew = 1; // the start', 'call("node7 left the mesh")', 'x = { anew: 1 }'],
  invalid: [
    { code: 'x = "looking at it anew"', errors: [{ messageId: 'overused', line: 1, column: 20 }] },
    { code: 'x = `${name} is no member`', errors: 1 },
    { code: '// it goes\n// on after that', errors: [{ messageId: 'overused', line: 1 }] },
    { code: '/**\n * looks\n * once\n * more\n */', errors: [{ messageId: 'overused', line: 3 }] },
    { code: '// goes\n\n// on: two comments\nx = "by itself"', errors: [{ messageId: 'overused', line: 4 }] },
    { code: 'x = <p>Whoever asks</p>', errors: 1 },
  ],
});
