import { describe, expect, test } from 'vitest';
import { responseEntry } from '../../../contract/command-socket.ts';
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { commandStep, describeErrors, judgeLook, keptAnswers } from './actions.ts';

const table = (host: string, rows: string[][] | null, header = ['name', 'state']): ResponseEntry =>
  responseEntry(host, { Header: header, Tabular: rows });
const running = { line: 'vm info', where: { name: 'web1', state: 'RUNNING' } } as const;

describe('a look', () => {
  test.each<[string, ResponseEntry[], string, string]>([
    ['one row has all values', [table('a', [['web1', 'RUNNING']])], 'done', 'not done'],
    [
      'no row has all of them',
      [
        table('a', [
          ['web1', 'QUIT'],
          ['web2', 'RUNNING'],
        ]),
      ],
      'not done',
      'done',
    ],
    ['an empty table', [table('a', null)], 'not done', 'done'],
    ['one of several nodes has it', [table('a', null), table('b', [['web1', 'RUNNING']])], 'done', 'not done'],
    [
      'one has it and another fails',
      [responseEntry('a', { Error: 'no' }), table('b', [['web1', 'RUNNING']])],
      'done',
      'not done',
    ],
    ['none has it and one fails', [responseEntry('a', { Error: 'no' }), table('b', null)], 'unknown', 'unknown'],
    ['no table', [responseEntry('a', { Response: 'web1 RUNNING' })], 'unknown', 'unknown'],
    ['a table without one of the columns', [table('a', [['web1']], ['name'])], 'unknown', 'unknown'],
    ['no answer', [], 'unknown', 'unknown'],
  ])('%s', (_, entries, wantsRow, wantsNone) => {
    expect(judgeLook(entries, { ...running, wants: 'a row' }).is).toBe(wantsRow);
    expect(judgeLook(entries, { ...running, wants: 'no row' }).is).toBe(wantsNone);
  });

  test('that tells nothing says why', () => {
    const look = { ...running, wants: 'a row' } as const;
    expect(judgeLook([responseEntry('node2', { Error: 'no such namespace' })], look)).toEqual({
      is: 'unknown',
      why: 'node2: no such namespace',
    });
    expect(judgeLook([table('node2', [], ['name'])], look)).toMatchObject({
      why: expect.stringContaining('column state') as string,
    });
  });
});

test('what a run keeps of answers has a bound, of one node and of all', () => {
  const long = 'x'.repeat(50_000);
  const kept = keptAnswers(Array.from({ length: 1_000 }, (_, at) => responseEntry(`node${at}`, { Response: long })));
  expect(kept.answers).toHaveLength(1_000);
  expect(kept.answers[0]?.text).toHaveLength(2_000);
  expect(kept.answers.reduce((sum, { text }) => sum + text.length, 0)).toBe(64_000);
});

test('a table is kept as lines, and nodes with an error are named', () => {
  const kept = keptAnswers([
    table('node1', [
      ['web1', 'RUNNING'],
      ['web2', 'QUIT'],
    ]),
    responseEntry('node2', { Error: 'no' }),
  ]);
  expect(kept.answers[0]?.text).toBe('web1  RUNNING\nweb2  QUIT');
  expect(describeErrors(kept)).toBe('node2: no');
  expect(describeErrors(keptAnswers([table('node1', null)]))).toBeNull();
});

describe('a step', () => {
  const parts = { verb: 'launchVm', node: 'node1', cluster: 'c', title: '', why: '', line: 'vm launch kvm web1' };

  test('is taken back by its own line, seen by the same look the other way round', () => {
    const step = commandStep({ ...parts, look: { ...running, wants: 'a row' }, undo: { line: 'vm kill web1' } });
    expect(step).toMatchObject({
      key: 'launchVm node1',
      preview: [{ kind: 'command', text: "meshd -e 'vm launch kvm web1'   # on node1" }],
      do: { action: 'runCommand', args: { line: 'vm launch kvm web1', look: { wants: 'a row' } } },
      undo: { action: 'runCommand', args: { line: 'vm kill web1', look: { line: 'vm info', wants: 'no row' } } },
    });
  });

  test('may have no undo, and has time for the looks around its line', () => {
    const step = commandStep({ ...parts, undo: null, timeoutMs: 5_000 });
    expect(step.undo).toBeNull();
    expect(step.do.args['look']).toBeNull();
    expect(step.deadlineMs).toBeGreaterThan(3 * 5_000);
  });
});
