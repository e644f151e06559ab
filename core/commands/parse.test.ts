import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandText, parseCommand } from './parse.ts';
import { compilePattern } from './pattern.ts';
import { commandTable } from './table.ts';
import { quoteWord, splitTokens } from './tokens.ts';
import type { ParsedCommand } from './types.ts';

function parse(line: string): ParsedCommand {
  const result = parseCommand(commandTable, line);
  if (!result.ok) throw new Error(result.message);
  if (!result.command) throw new Error('blank');
  return result.command;
}

function message(line: string): string {
  const result = parseCommand(commandTable, line);
  return result.ok ? `parsed: ${result.command?.pattern.pattern ?? 'blank'}` : result.message;
}

describe('splitTokens', () => {
  it.each([
    ['a  b\tc', ['a', 'b', 'c']],
    ['"a b" \'c d\'', ['a b', 'c d']],
    ['a"b c"d', ['ab cd']],
    ['""', ['']],
    ['a#b', ['a']],
    ['"a#b" c # rest', ['a#b', 'c']],
    ['\\"a\\n\\#', ['"a\n#']],
    ["'it\"s'", ['it"s']],
    ['# all of it', []],
  ])('%s', (line, expected) => {
    const result = splitTokens(line);
    expect(result.ok && result.tokens.map(({ text }) => text)).toEqual(expected);
  });

  it.each([
    ['echo "abc', 'missing terminal "'],
    ["echo 'abc", "missing terminal '"],
    ['echo \\ x', 'unexpected escaped character:  '],
    ['echo \\q', 'unexpected escaped character: q'],
    ['echo \\', 'missing character after \\'],
  ])('refuses %s', (line, expected) => {
    expect(splitTokens(line)).toEqual({ ok: false, message: expected, isTooLong: false });
  });

  it('reads back what quoteWord writes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (words) => {
        const result = splitTokens(words.map(quoteWord).join(' '));
        expect(result.ok && result.tokens.map(({ text }) => text)).toEqual(words);
      }),
    );
  });
});

describe('parseCommand', () => {
  it('gives words, lists and nested commands', () => {
    expect(parse('mesh list peers').words).toEqual({ peers: 'peers' });
    expect(parse('deploy launch node[2-10] john sudo').words).toEqual({
      hosts: 'node[2-10]',
      user: 'john',
      sudo: 'sudo',
    });
    expect(parse('deploy hostkeys accept node2 SHA256:a SHA256:b').lists).toEqual({
      fingerprint: ['SHA256:a', 'SHA256:b'],
    });
    expect(parse('deploy flags').lists).toEqual({ meshd: [] });
    const send = parse('mesh send node[2-3] .columns size mesh status # comment');
    expect(send.words).toEqual({ hostname: 'node[2-3]' });
    expect(send.nested?.line).toBe('.columns size mesh status');
    expect(send.nested?.nested?.pattern.pattern).toBe('mesh status');
  });

  it.each([
    ['ve', 'version'],
    ['mesh l', 'mesh list [all,peers]'],
    ['me li p', 'mesh list [all,peers]'],
    ['host memu', `host <`],
    ['.col size mesh st', '.columns <columns as csv> (command)'],
    ['.j t ve', '.json <true,false> (command)'],
    ['mesh d', 'mesh degree [degree]'],
    ['deploy hostkeys accept', 'deploy hostkeys <hosts>'],
    ['quit', 'quit [delay]'],
    ['quit 3', 'quit [delay]'],
    ['namespace n host', 'namespace <name> (command)'],
  ])('%s runs %s', (line, pattern) => {
    expect(parse(line).pattern.pattern.startsWith(pattern)).toBe(true);
  });

  it.each([
    ['', 'parsed: blank'],
    ['  # comment', 'parsed: blank'],
    ['bogus', 'invalid command: `bogus`'],
    ['  mesh bogus ', 'invalid command: `mesh bogus`'],
    ['.annotate false bogus', 'invalid command: `.annotate false bogus`'],
    ['mesh dial', 'invalid command: `mesh dial`'],
    ['""', 'invalid command: `""`'],
    ['mesh ""', 'invalid command: `mesh ""`'],
    ['h', 'ambiguous command: `h`: could be `help`, `history`, `host`'],
    ['host cp', 'ambiguous command: `host cp`: could be `host cpucommit`, `host cpus`'],
    ['.annotate false h', 'ambiguous command: `.annotate false h`: could be `help`, `history`, `host`'],
    ['echo "x', 'missing terminal "'],
  ])('%s: %s', (line, expected) => {
    expect(message(line)).toBe(expected);
  });

  it.each(['q', 'qui', 'qui 3', 'cle history', 'clear hist', 'clear d f', 'clear namespac x', '.annotate false qu'])(
    'no abbreviation selects a destructive command: %s',
    (line) => {
      expect(message(line)).toMatch(/is destructive and must be typed in full$/);
    },
  );

  it('no abbreviation of any destructive pattern of the table runs it', () => {
    for (const { pattern, items } of commandTable.filter(({ pattern: { destructive } }) => destructive)) {
      const words = items.flatMap((item) => (item.kind === 'literal' ? [item.text] : []));
      words.forEach((word, at) => {
        const line = words.map((full, index) => (index === at ? word.slice(0, -1) : full)).join(' ');
        expect(message(line), line).not.toBe(`parsed: ${pattern.pattern}`);
      });
    }
  });

  it('prefers the words typed in full', () => {
    const table = ['vm info', 'vm information', 'vm <a,ab>'].map((pattern) =>
      compilePattern({ pattern, role: 'viewer', reach: 'mesh', scope: 'local', help: '' }),
    );
    const of = (line: string) => {
      const result = parseCommand(table, line);
      return result.ok ? result.command?.line : result.message;
    };
    expect(of('vm info')).toBe('vm info');
    expect(of('vm a')).toBe('vm a');
    expect(of('vm inf')).toBe('ambiguous command: `vm inf`: could be `vm info`, `vm information`');
  });

  it('ends on deep nesting', () => {
    expect(message('.annotate true '.repeat(31) + 'version')).toBe('parsed: .annotate <true,false> (command)');
    expect(message('.annotate true '.repeat(32) + 'version')).toMatch(/more than 32 commands inside each other/);
    expect(message('.annotate true '.repeat(400) + 'version')).toMatch(/more than 32 commands inside each other/);
    expect(message('. t '.repeat(30) + 'ver')).toMatch(/^parsed: .alias/);
  });

  it('takes 1,000 words and 64 kB, 16 kB of them from the mesh, and one more of each before it looks at a pattern', () => {
    const visits = { count: 0 };
    const outcome = (line: string, via: 'socket' | 'mesh') => {
      const result = parseCommand(commandTable, line, { via, onVisit: () => (visits.count += 1) });
      return result.ok ? 'ok' : result.message;
    };
    expect(parse(`echo ${'x '.repeat(999)}`).lists['args']).toHaveLength(999);
    expect(outcome(`echo ${'x'.repeat(65_531)}`, 'socket')).toBe('ok');
    expect(outcome(`echo ${'x'.repeat(16_379)}`, 'mesh')).toBe('ok');
    visits.count = 0;
    const words = 'the line has more than 1000 words: split it into several lines';
    expect(outcome(`echo ${'x '.repeat(1000)}`, 'socket')).toBe(words);
    expect(outcome(`echo ${'x '.repeat(1000)}`, 'mesh')).toBe(words);
    expect(outcome('. '.repeat(32_768), 'socket')).toBe(words);
    const bytes = 'the line has more than 65536 bytes: split it into several lines';
    expect(outcome(`echo ${'x'.repeat(65_532)}`, 'socket')).toBe(bytes);
    expect(outcome(`echo ${'é'.repeat(32_766)}`, 'socket')).toBe(bytes);
    expect(outcome('. '.repeat(500_000), 'socket')).toBe(bytes);
    expect(outcome(`echo ${'x'.repeat(16_380)}`, 'mesh')).toMatch(/^the line has more than 16384 bytes/);
    expect(outcome('. '.repeat(500_000), 'mesh')).toMatch(/^the line has more than 16384 bytes/);
    expect(visits.count).toBe(0);
  });

  it.each([
    '. ',
    '. t ',
    '. x ',
    '.c x ',
    'n x ',
    'mesh send a ',
    'm s a ',
    '.annotate t ',
    'echo x ',
    'deploy flags x ',
  ])('does twice the work for twice the words of %s', (piece) => {
    const work = (pieces: number) => {
      let visits = 0;
      parseCommand(commandTable, piece.repeat(pieces), { onVisit: () => (visits += 1) });
      return visits;
    };
    const most = Math.floor(999 / (piece.split(' ').length - 1));
    const items = commandTable.reduce((sum, compiled) => sum + compiled.items.length, 0);
    expect(work(most)).toBeLessThanOrEqual(2.2 * work(Math.floor(most / 2)));
    expect(work(most)).toBeLessThanOrEqual((items + 20) * most * 3);
  });

  it('says an ambiguous or unknown line of 64 kB in short', () => {
    for (const line of ['. '.repeat(999), `bogus ${'x'.repeat(60_000)}`, `. ${'x'.repeat(60_000)} version`]) {
      expect(message(line).length, line.slice(0, 40)).toBeLessThan(6_000);
    }
  });

  it('reads any line of words of the table to a command whose text reads back, or to one message', () => {
    const vocabulary = commandTable.flatMap(({ items }) =>
      items.flatMap((item) => (item.kind === 'literal' ? [item.text] : item.kind === 'choice' ? item.options : [])),
    );
    const word = fc.oneof(
      fc.constantFrom(...vocabulary),
      fc
        .constantFrom(...vocabulary)
        .chain((text) => fc.integer({ min: 1, max: text.length }).map((n) => text.slice(0, n))),
      fc.constantFrom('.', 'x', '""', '$X', 'node[1-3]', '"a b"', '#c', "'", '\\n'),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        let visits = 0;
        const result = parseCommand(commandTable, words.join(' '), { onVisit: () => (visits += 1) });
        expect(visits).toBeLessThan(60 * (words.length + 1) * commandTable.length);
        if (!result.ok) expect(result.message).not.toBe('');
        else if (result.command) expect(parse(commandText(result.command)).parts).toEqual(result.command.parts);
      }),
      { numRuns: 500 },
    );
  });

  it('writes a command as text that parses to the same', () => {
    for (const line of [
      'me li p',
      'ec "a b" \'\' "c#"',
      'namespace "my ns" .csv t mesh stat',
      'deploy la node[1-2] root su',
    ]) {
      const command = parse(line);
      const again = parse(commandText(command));
      expect(again.parts).toEqual(command.parts);
      expect(commandText(again)).toBe(commandText(command));
    }
  });
});

describe('the table', () => {
  it('has each pattern once', () => {
    const patterns = commandTable.map(({ pattern }) => pattern.pattern);
    expect(new Set(patterns).size).toBe(patterns.length);
  });

  it('lets what runs on every host of a namespace go over the mesh', () => {
    for (const { pattern } of commandTable) {
      if (pattern.scope !== 'local') expect(pattern.reach, pattern.pattern).toBe('mesh');
    }
  });

  it('marks all that clears, ends, forces or moves VMs as destructive', () => {
    for (const { pattern } of commandTable) {
      const isDestructive =
        /^(clear|quit|nuke)\b|^file <delete,>|^vm <(kill|flush),>|^bridge <destroy,>|^tap <delete,>|^dnsmasq kill |<force,>$|^disk (commit|<set-backing,>)|^ns <flush,>|^vlans (<join,> <alias> <vlan>|<delete,> <alias>)$/.test(
          pattern.pattern,
        );
      expect(pattern.destructive ?? false, pattern.pattern).toBe(isDestructive);
    }
  });

  it('refuses a notation that it cannot match', () => {
    const compile = (pattern: string) =>
      compilePattern({ pattern, role: 'viewer', reach: 'mesh', scope: 'local', help: '' });
    expect(() => compile('vm [x] info')).toThrow(/must be the last/);
    expect(() => compile('vm <x>... info')).toThrow(/must be the last/);
  });
});
