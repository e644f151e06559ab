import { describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { suggestLines } from './complete.ts';
import { expandCommand } from './expand.ts';
import { helpText } from './help.ts';
import { parseCommand } from './parse.ts';
import { commandTable } from './table.ts';
import type { ValueKind } from './types.ts';

const values: Partial<Record<ValueKind, string[]>> = {
  nodes: ['node1', 'node2', 'other'],
  targets: ['node1', 'node2', 'other'],
  namespaces: ['exp1', 'minimega'],
  variables: ['HOME', 'HOSTS'],
  vms: ['web1', 'web2'],
  'vm-targets': ['web1', 'web2'],
};
const suggest = (line: string) => suggestLines(commandTable, line, (kind) => values[kind] ?? []);

describe('suggestLines', () => {
  it.each([
    ['mes', ['mesh ']],
    ['mesh list', ['mesh list ']],
    ['mesh list ', ['mesh list all ', 'mesh list peers ']],
    ['me li p', ['me li peers ']],
    ['mesh send n', ['mesh send node1 ', 'mesh send node2 ']],
    ['mesh send ', ['mesh send all ', 'mesh send node1 ', 'mesh send node2 ', 'mesh send other ']],
    ['mesh send node1,', ['mesh send node1,node2 ', 'mesh send node1,other ']],
    ['mesh send all mesh st', ['mesh send all mesh status ']],
    ['.annotate false namespace exp1 mesh st', ['.annotate false namespace exp1 mesh status ']],
    ['deploy launch o', ['deploy launch other ']],
    ['deploy launch node1 root ', ['deploy launch node1 root sudo ']],
    ['namespace e', ['namespace exp1 ']],
    ['echo $HO', ['echo $HOME ', 'echo $HOSTS ']],
    ['qu', ['quit ']],
    ['cle', ['clear ']],
    ['cle h', []],
    ['clear h', ['clear history ']],
    ['vm con', ['vm config ']],
    ['vm start ', ['vm start all ', 'vm start web1 ', 'vm start web2 ']],
    ['vm start web1,', ['vm start web1,web2 ']],
    ['vm qmp w', ['vm qmp web1 ', 'vm qmp web2 ']],
    ['mesh status ', []],
    ['echo "mes', []],
    ['mesh # li', []],
  ])('%s', (line, expected) => {
    expect(suggest(line)).toEqual(expected);
  });

  it('lists every lead word for an empty word', () => {
    expect(suggest(' ')).toContain(' mesh ');
    expect(suggest(' ')).toContain(' .annotate ');
  });
});

describe('completion of long lines', () => {
  it('refuses what the parser refuses, with the same words', () => {
    expect(() => suggest('x '.repeat(1001))).toThrow('the line has more than 1000 words: split it into several lines');
    expect(() => suggest('x'.repeat(65_537))).toThrow(
      'the line has more than 65536 bytes: split it into several lines',
    );
  });

  it('answers with a megabyte at most', () => {
    const names = Array.from({ length: 1000 }, (_, i) => `node${i}`);
    const lines = suggestLines(commandTable, `mesh send node1,${' '.repeat(30_000)}`.trimEnd(), () => names);
    expect(lines).toHaveLength(999);
    const long = suggestLines(commandTable, `mesh send ${'n'.repeat(30_000)},n`, () => names);
    expect(long.length).toBeGreaterThan(10);
    expect(long.join('').length).toBeLessThanOrEqual(1_048_576);
  });
});

describe('helpText', () => {
  it('lists all, those of a prefix, or one with role and reach', () => {
    const all = helpText(commandTable, []) ?? '';
    for (const { pattern } of commandTable) expect(all).toContain(pattern.pattern);
    expect(helpText(commandTable, ['mesh'])?.split('\n')).toHaveLength(
      commandTable.filter(({ pattern }) => pattern.pattern.startsWith('mesh ')).length,
    );
    expect(helpText(commandTable, ['me', 'dot'])).toBe(
      [
        'Usage: mesh dot <filename>',
        '',
        '  write the mesh as a Graphviz file below -filepath',
        '  role: operator',
        '  accepted from the command socket only',
      ].join('\n'),
    );
    expect(helpText(commandTable, ['bogus'])).toBeNull();
  });
});

describe('expandCommand', () => {
  const variables = new Map([
    ['HOSTS', 'node[1-2]'],
    ['WORDS', 'a b'],
  ]);
  const expand = (line: string, isOn = true) => {
    const result = parseCommand(commandTable, line);
    if (!result.ok || !result.command) throw new Error(line);
    return expandCommand(result.command, variables, isOn);
  };

  it.each([
    ['deploy launch $HOSTS', 'deploy launch node[1-2]'],
    ['mesh send ${HOSTS} echo $WORDS!', 'mesh send node[1-2] echo "a b!"'],
    ['me send $HOSTS .json t ve', 'mesh send node[1-2] .json true version'],
    ['.preprocess false echo $WORDS', '.preprocess false echo $WORDS'],
    ['.preprocess false .preprocess true echo $WORDS', '.preprocess false .preprocess true echo "a b"'],
    ['echo 5$ $ $1', 'echo 5$ $ $1'],
    ['me st', 'me st'],
  ])('%s', (line, expected) => {
    expect(expand(line).line).toBe(expected);
  });

  it('fills words and lists, and nested lines are what is sent on', () => {
    expect(expand('deploy launch $HOSTS').words['hosts']).toBe('node[1-2]');
    expect(expand('mesh send all echo x $WORDS').nested?.line).toBe('echo x "a b"');
    expect(expand('echo $WORDS').lists['args']).toEqual(['a b']);
  });

  it('writes each word once however deep it is nested, and stops where a line would become too long', () => {
    const deep = expand(`${'.json true '.repeat(31)}echo $WORDS`);
    expect(deep.line).toBe(`${'.json true '.repeat(31)}echo "a b"`);
    expect(deep.nested?.nested?.line).toBe(`${'.json true '.repeat(29)}echo "a b"`);
    variables.set('BIG', 'x'.repeat(16_000));
    expect(() => expand('echo $BIG$BIG$BIG$BIG')).not.toThrow();
    expect(() => expand(`echo ${'$BIG'.repeat(10_000)}`)).toThrow(
      /^with its variables the line has more than 65536 bytes/,
    );
  });

  it('leaves all as it is when preprocessing is off', () => {
    expect(expand('echo $NONE http://x', false).lists['args']).toEqual(['$NONE', 'http://x']);
  });

  it.each([
    ['echo $NONE', '$NONE is not set: set it with `.env NONE <value>`'],
    ['echo file:x', 'meshd does not fetch `file:` values'],
    ['mesh send all echo https://x/y', 'meshd does not fetch `https:` values'],
  ])('refuses %s', (line, message) => {
    expect(() => expand(line)).toThrow(AppError);
    expect(() => expand(line)).toThrow(message);
  });
});
