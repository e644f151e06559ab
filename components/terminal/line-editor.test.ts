import { describe, expect, it } from 'vitest';
import { completeWith } from './completion.ts';
import { drawLine, inColumns } from './draw-line.ts';
import { type KeyName, readKeys } from './keys.ts';
import { emptyLine, insertText, type Line, maxLineCharacters, maxLines, pressKey, submitLine } from './line-editor.ts';

function press(line: Line, ...names: KeyName[]): Line {
  return names.reduce(pressKey, line);
}

describe('the line editor', () => {
  const line = insertText(emptyLine(['first', 'second']), 'mesh status');

  it.each([
    [['home', 'delete'], 'esh status', 0],
    [['backspace'], 'mesh statu', 10],
    [['delete-word'], 'mesh ', 5],
    [['delete-word', 'yank', 'yank'], 'mesh statusstatus', 17],
    [['word-left', 'delete-to-start'], 'status', 0],
    [['word-left', 'left', 'delete-to-end'], 'mesh', 4],
    [['home', 'word-right'], 'mesh status', 4],
    [['home', 'left', 'backspace'], 'mesh status', 0],
    [['up'], 'second', 6],
    [['up', 'up', 'up'], 'first', 5],
    [['up', 'down'], 'mesh status', 11],
    [['down'], 'mesh status', 11],
  ] as [KeyName[], string, number][])('%j', (names, text, cursor) => {
    expect(press(line, ...names)).toMatchObject({ text, cursor });
  });

  it('moves over whole characters: emoji, and letters with combining marks', () => {
    const wide = insertText(emptyLine(), 'a😀e\u0301');
    expect(press(wide, 'left').cursor).toBe(3);
    expect(press(wide, 'left', 'left').cursor).toBe(1);
    expect(press(wide, 'left', 'backspace').text).toBe('ae\u0301');
  });

  it('keeps history bounded, without blanks, doubles and lines that start with a space', () => {
    let next = emptyLine();
    for (const text of ['a', 'a', '  ', ' secret', 'b']) next = submitLine(insertText(next, text)).line;
    expect(next.history).toEqual(['a', 'b']);
    for (let n = 0; n < maxLines + 5; n += 1) next = submitLine(insertText(next, `line ${n}`)).line;
    expect(next.history).toHaveLength(maxLines);
  });

  it('takes no more than one command may have', () => {
    expect(insertText(emptyLine(), 'x'.repeat(maxLineCharacters + 1)).text).toHaveLength(maxLineCharacters);
  });
});

describe('keys', () => {
  it('splits text, controls and sequences', () => {
    expect(readKeys('ab\u001b[A\t\u001b[1;5D\u0003')).toEqual([
      { kind: 'text', text: 'ab' },
      { kind: 'key', name: 'up' },
      { kind: 'key', name: 'tab' },
      { kind: 'key', name: 'word-left' },
      { kind: 'key', name: 'interrupt' },
    ]);
  });

  it('drops what has no meaning, and never types part of a sequence', () => {
    expect(readKeys('\u001b[15~\u001b[24;2~\u0000')).toEqual([]);
    expect(readKeys('\u001b')).toEqual([{ kind: 'key', name: 'escape' }]);
  });

  it('reads a paste as one, with one kind of line end and no control characters', () => {
    expect(readKeys('\u001b[200~a\r\nb\u0007\tc\u001b[201~')).toEqual([{ kind: 'paste', text: 'a\nb c' }]);
    expect(readKeys('a\rb')).toEqual([{ kind: 'paste', text: 'a\nb' }]);
    expect(readKeys('a\r')).toEqual([
      { kind: 'text', text: 'a' },
      { kind: 'key', name: 'enter' },
    ]);
  });
});

describe('drawing a line', () => {
  const options = { prompt: 'n1$ ', colouredPrompt: 'n1$ ', columns: 10, previousRow: 0 };

  it('puts the cursor where it belongs on a wrapped line', () => {
    expect(drawLine({ ...options, text: 'abcdefghij', cursor: 2 })).toEqual({
      output: '\r\u001b[J' + 'n1$ abcdefghij' + '\u001b[1A\r\u001b[6C',
      cursorRow: 0,
    });
  });

  it('goes to the next row when the row is exactly full', () => {
    expect(drawLine({ ...options, text: 'abcdef', cursor: 6 })).toEqual({
      output: '\r\u001b[J' + 'n1$ abcdef' + '\r\n\r',
      cursorRow: 1,
    });
  });

  it('erases from where the prompt started', () => {
    expect(drawLine({ ...options, text: '', cursor: 0, previousRow: 2 }).output).toBe(
      '\u001b[2A\r\u001b[Jn1$ \r\u001b[4C',
    );
  });

  it('counts wide characters as two cells', () => {
    expect(drawLine({ ...options, text: '日本', cursor: 2 }).output).toContain('\u001b[8C');
  });

  it('lists words in columns', () => {
    expect(inColumns(['aa', 'b', 'cccc'], 12)).toBe('aa    b\ncccc');
  });
});

describe('completion', () => {
  it.each([
    ['mesh s', ['mesh send ', 'mesh status '], { do: 'list', words: ['send', 'status'] }],
    ['me', ['mesh '], { do: 'replace', text: 'mesh ' }],
    ['m', ['mesh list ', 'mesh status '], { do: 'replace', text: 'mesh ' }],
    ['mesh ', [], { do: 'nothing' }],
    ['mesh ', ['host '], { do: 'nothing' }],
  ])('%s', (typed, found, expected) => {
    expect(completeWith(typed, found)).toEqual(expected);
  });
});
