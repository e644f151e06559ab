import { describe, expect, test } from 'vitest';
import { quoteArgv } from './quote.ts';

describe('quoteArgv', () => {
  test('plain words stay readable', () => {
    expect(quoteArgv(['tar', '-x', '--verbose', 'a@b:1,2+3%'])).toBe('tar -x --verbose a@b:1,2+3%');
  });

  test.each([
    ['', "''"],
    ["it's", String.raw`'it'\''s'`],
    ['$(reboot)', "'$(reboot)'"],
    ['~root', "'~root'"],
    ['a=b', "'a=b'"],
    ['#', "'#'"],
    ['a\nb', "'a\nb'"],
  ])('%j', (word, quoted) => {
    expect(quoteArgv(['echo', word])).toBe(`echo ${quoted}`);
  });

  test('refuses what no argument can hold', () => {
    expect(() => quoteArgv([])).toThrow('empty argv');
    expect(() => quoteArgv(['a\0b'])).toThrow('NUL');
  });
});
