import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CommandResponse, responseEntry } from '../contract/command-socket.ts';
import { goJson } from './go-json.ts';
import { defaultOutputFlags, renderEntries, type OutputFlags } from './render.ts';
import { filterRows, selectColumns } from './transform.ts';

const render = (entries: Parameters<typeof renderEntries>[0], flags: Partial<OutputFlags> = {}) =>
  renderEntries(entries, { ...defaultOutputFlags, ...flags });
const table = (Host: string, Header: string[], ...Tabular: string[][]) => responseEntry(Host, { Header, Tabular });
const text = (Host: string, Response: string) => responseEntry(Host, { Response });

describe('recorded answers of minimega 3.1.0', () => {
  const recorded = readFileSync(new URL('../lab/minimega/recorded.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { request: { Command?: string }; responses: unknown[] })
    .flatMap(({ request, responses }) =>
      responses.map((response) => [request.Command ?? '', CommandResponse.parse(response)] as const),
    )
    .filter(([, response]) => response.Resp !== null);
  const flagsOf = (command: string): Partial<OutputFlags> => ({
    ...(command.startsWith('.csv true') ? { mode: 'csv' as const } : {}),
    ...(command.startsWith('.json true') ? { mode: 'json' as const } : {}),
    ...(command.startsWith('.annotate false') ? { annotate: false } : {}),
    ...(command.startsWith('.compress false') ? { compress: false } : {}),
  });

  it('are many', () => {
    expect(recorded.length).toBeGreaterThan(80);
  });

  it.each(recorded)('%s', (command, response) => {
    expect(render(response.Resp ?? [], flagsOf(command))).toBe(response.Rendered);
  });
});

describe('renderEntries', () => {
  it('says what cannot be one table', () => {
    expect(render([table('n1', ['a'], ['1']), table('n2', ['b'], ['1'])])).toBe('header mismatch, hosts: n1, n2');
    expect(render([table('n1', ['a', 'b'], ['1', '2'], ['1'])])).toBe('tabular width mismatch, host: n1, row: 1');
    expect(render([table('n1', ['a'], ['1']), text('n2', 'x')])).toBe('responses mix simple and tabular data');
  });

  it('never shows errors', () => {
    expect(render([responseEntry('n1', { Error: 'no' }), text('n2', 'yes')])).toBe('n2: yes');
    expect(render([responseEntry('n1', { Error: 'no' })])).toBe('');
  });

  it('sorts numbers as numbers, and not at all when told so', () => {
    const entries = [table('n1', ['id', 'name'], ['10', 'a'], ['9', 'b'], ['9', 'a'])];
    expect(render(entries, { annotate: false })).toBe('id   | name\n9    | a\n9    | b\n10   | a');
    expect(render(entries, { annotate: false, sort: false, headers: false })).toBe('10   | a\n9    | b\n9    | a');
  });

  it('merges equal answers into a correct range', () => {
    const entries = Array.from({ length: 10 }, (_, at) => text(`node${at + 1}`, 'same\n'));
    expect(render([...entries, text('head', 'other')])).toBe('head: other\nnode[1-10]: same');
    expect(render(entries, { annotate: false })).toBe('same');
    expect(render(entries.slice(0, 2), { compress: false })).toBe('node1: same\nnode2: same');
  });

  it('quotes CSV as Go does', () => {
    const entries = [table('n1', ['a', 'b'], ['x,y', 'say "hi"'], [' lead', ''])];
    expect(render(entries, { mode: 'csv', sort: false })).toBe('host,a,b\nn1,"x,y","say ""hi"""\nn1," lead",');
  });

  it('escapes JSON as Go does', () => {
    expect(goJson({ a: '<&>\u2028\u2029' })).toBe('{"a":"\\u003c\\u0026\\u003e\\u2028\\u2029"}');
  });

  it('aligns by characters, not by UTF-16 units', () => {
    expect(render([table('n1', ['a', 'b'], ['😀😀😀😀😀', '1'])], { annotate: false })).toBe(
      'a     | b\n😀😀😀😀😀 | 1',
    );
  });
});

describe('selectColumns', () => {
  const entry = table('n1', ['name', 'state', 'id', 'idle'], ['a', 'RUNNING', '1', 'x']);

  it('keeps and reorders', () => {
    expect(selectColumns([entry], 'state,id,name')[0]).toMatchObject({
      Header: ['state', 'id', 'name'],
      Tabular: [['RUNNING', '1', 'a']],
    });
  });

  it('refuses what is not a column, unless there are no rows', () => {
    // An abbreviation is not a column.
    expect(() => selectColumns([entry], 'i')).toThrow('no such column `i`');
    expect(() => filterRows([entry], 'nam=x')).toThrow('no such column `nam`');
    expect(() => selectColumns([entry], 'x')).toThrow('no such column `x`');
    expect(() => selectColumns([entry], 'Name')).toThrow('no such column `Name`');
    expect(selectColumns([table('n1', ['a'])], 'x,y')[0]?.Header).toEqual(['x', 'y']);
    expect(selectColumns([text('n1', 'plain')], 'x')).toEqual([text('n1', 'plain')]);
  });
});

describe('filterRows', () => {
  const entry = table('n1', ['name', 'vlan'], ['Web', '[alpha (100), beta (101)]'], ['db', '[]']);
  const names = (filter: string) => filterRows([entry], filter)[0]?.Tabular?.map(([name]) => name);

  it.each([
    ['name=web', ['Web']],
    ['name!=web', ['db']],
    ['name~E', ['Web']],
    ['name!~e', ['db']],
    ['vlan=alpha', ['Web']],
    ['vlan!=alpha', ['db']],
    ['name=w', []],
  ])('%s', (filter, expected) => {
    expect(names(filter)).toEqual(expected);
  });

  it('keeps or drops whole hosts, and lets text pass', () => {
    expect(filterRows([entry, table('n2', ['name', 'vlan'])], 'host=n2').map(({ Host }) => Host)).toEqual(['n2']);
    expect(filterRows([entry], 'host=zzz')).toEqual([]);
    expect(filterRows([text('n1', 'plain')], 'name=x')).toHaveLength(1);
  });

  it.each(['name', 'name=a=b', ''])('refuses %s', (filter) => {
    expect(() => names(filter)).toThrow('invalid filter, see help');
  });
});
