// The `vlans` commands over three nodes in one process: columns and texts, and the same table on each.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { assertAllowed } from '../../core/commands/authorise.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedVlans } from '../vlans/simulated-vlans.ts';
import { createVlanHandlers } from './vlans.ts';

let clock: VirtualClock;
let nodes: SimulatedVlans;

beforeEach(async () => {
  clock = new VirtualClock();
  nodes = await SimulatedVlans.create({ size: 3 }, clock);
  await nodes.startAll();
  await nodes.settled();
  await clock.advance(3_000);
});
afterEach(() => nodes.stopAll());

function parsed(line: string) {
  const result = parseCommand(commandTable, line);
  if (!result.ok || result.command === null) throw new Error(result.ok ? 'empty' : result.message);
  return result.command;
}

/** The first entry, or the error as text. */
async function run(index: number, line: string, namespace = 'minimega'): Promise<ResponseEntry | string> {
  const command = parsed(line);
  const handler = createVlanHandlers(nodes.at(index))[command.pattern.pattern];
  if (!handler) throw new Error(`no handler for ${command.pattern.pattern}`);
  const answered = handler({
    command,
    origin: { via: 'socket' },
    host: `node${index + 1}`,
    namespace,
    signal: new AbortController().signal,
    status: () => undefined,
  });
  if (Symbol.asyncIterator in answered) throw new Error('one answer');
  const outcome = await nodes.run(answered);
  if (outcome === null) throw new Error('no answer');
  return 'error' in outcome ? outcome.error.message : (outcome.value[0] ?? 'nothing');
}

async function tabular(index: number, line: string, namespace?: string): Promise<unknown> {
  const entry = await run(index, line, namespace);
  return typeof entry === 'string' ? entry : entry.Tabular;
}

test('`vlans add` on one node shows on every node, in its namespace only', async () => {
  expect(await run(0, 'vlans add alpha 200')).toMatchObject({
    Host: 'node1',
    Response: '',
    Header: null,
    Tabular: null,
    Data: null,
  });
  expect(await run(1, 'vlans add exp1//beta 201')).toMatchObject({ Response: '' });
  await nodes.agreed();
  for (const index of [0, 1, 2]) {
    expect(await run(index, 'vlans')).toMatchObject({
      Header: ['alias', 'vlan'],
      Tabular: [['alpha', '200']],
      Data: null,
    });
    expect(await tabular(index, 'vlans', 'exp1')).toEqual([['beta', '201']]);
  }
});

test.each([
  ['vlans add alpha 201', 'alias already in use'],
  ['vlans add beta 200', 'vlan already in use'],
  ['vlans add beta abc', 'expected integer VLAN'],
  ['vlans add beta 0', 'invalid VLAN (0 < vlan < 4095)'],
  ['vlans add beta 4095', 'invalid VLAN (0 < vlan < 4095)'],
  ['vlans add beta 150', 'vlan already in use'],
  ['vlans blacklist 200', 'vlan already in use'],
  ['vlans blacklist abc', 'expected integer VLAN'],
  ['vlans blacklist 5000', 'invalid VLAN (0 < vlan < 4095)'],
  ['vlans range 310 300', 'expected min > max'],
  ['vlans range abc 10', 'expected integer values for min/max'],
  ['vlans join alpha', 'alpha is not split: it is VLAN 200'],
  ['vlans join nothing', 'no alias nothing in the namespace minimega'],
])('%s: %s', async (line, message) => {
  await run(0, 'vlans add alpha 200');
  await run(0, 'vlans blacklist 150');
  await nodes.agreed();
  expect(await run(1, line)).toBe(message);
  expect(await tabular(2, 'vlans')).toEqual([['alpha', '200']]);
});

test('`vlans range` shows the range and the lowest free number, the same on every node', async () => {
  await run(0, 'vlans range 300 310');
  await run(1, 'vlans add alpha 300');
  await nodes.agreed();
  await clock.advance(200);
  for (const index of [0, 1, 2])
    expect(await run(index, 'vlans range')).toMatchObject({
      Header: ['min', 'max', 'next'],
      Tabular: [['300', '310', '301']],
    });
  const vlan = await nodes.number(2, 'beta');
  expect(vlan).toBeGreaterThan(300);
  expect(vlan).toBeLessThan(310);
});

test('`vlans blacklist` shows the numbers that no alias gets, `clear vlans all` forgets them with ranges and aliases', async () => {
  await run(0, 'vlans blacklist 150');
  await run(1, 'vlans range 300 310');
  await run(2, 'vlans add exp1//alpha 400');
  await nodes.agreed();
  await clock.advance(200);
  expect(await run(2, 'vlans blacklist')).toMatchObject({ Header: ['vlan'], Tabular: [['150']] });
  expect(await run(1, 'clear vlans all')).toMatchObject({ Response: '' });
  await nodes.agreed();
  await clock.advance(200);
  expect(await tabular(0, 'vlans blacklist')).toEqual([]);
  expect(await tabular(0, 'vlans', 'exp1')).toEqual([]);
  expect(await tabular(2, 'vlans range')).toEqual([['101', '4096', '101']]);
});

test('`clear vlans` releases the aliases of the namespace with the prefix, and no others', async () => {
  for (const line of ['vlans add alpha 200', 'vlans add alto 201', 'vlans add beta 202', 'vlans add exp1//alpha 203'])
    await run(0, line);
  await nodes.agreed();
  await run(2, 'clear vlans al');
  await nodes.agreed();
  expect(await tabular(1, 'vlans')).toEqual([['beta', '202']]);
  expect(await tabular(1, 'vlans', 'exp1')).toEqual([['alpha', '203']]);
});

test('`vlans add` without a number gives a free one of the range, and says which', async () => {
  const entry = await run(0, 'vlans add alpha');
  await nodes.agreed();
  const rows = (await tabular(2, 'vlans')) as string[][];
  expect(rows).toHaveLength(1);
  expect(entry).toMatchObject({ Response: `alpha is VLAN ${rows[0]?.[1]}` });
  expect(Number(rows[0]?.[1])).toBeGreaterThanOrEqual(101);
  expect(await run(1, 'vlans add alpha')).toBe('alias already in use');
});

test('`vlans delete` releases one alias, not those that begin with it, and a number that was blacklisted', async () => {
  for (const line of ['vlans add lan 200', 'vlans add lan2 201', 'vlans add exp1//lan 202', 'vlans blacklist 150'])
    await run(0, line);
  await nodes.agreed();
  expect(await run(1, 'vlans delete lan')).toMatchObject({ Response: '' });
  expect(await run(2, 'vlans delete 150')).toMatchObject({ Response: '' });
  await nodes.agreed();
  expect(await tabular(2, 'vlans')).toEqual([['lan2', '201']]);
  expect(await tabular(2, 'vlans', 'exp1')).toEqual([['lan', '202']]);
  expect(await tabular(2, 'vlans blacklist')).toEqual([]);
  expect(await run(1, 'vlans delete lan')).toBe('no alias lan in the namespace minimega');
  expect(await run(1, 'vlans delete 201')).toBe('VLAN 201 is not held without an alias');
});

test('`vlans delete` is refused while VMs use the alias; those of another alias on the number do not count', async () => {
  const row = { namespace: 'minimega', state: 'held', pinned: true, counter: 1, node: '1'.repeat(32) } as const;
  const rows = [
    { ...row, vlan: 103, alias: 'beta', forced: false },
    { ...row, vlan: 103, alias: 'gamma', forced: true },
  ];
  for (const index of [0, 1, 2]) nodes.at(index).state.merge({ rows, ranges: [] });
  nodes.vms[1]?.push({ vm: 'web1', name: { namespace: 'minimega', alias: 'beta' }, vlan: 103 });
  expect(await run(0, 'vlans delete beta')).toMatch(/^VMs use these VLANs: web1 on n.* \(103\)\. Kill and flush them/);
  expect(await run(0, 'vlans delete gamma')).toMatchObject({ Response: '' });
  await nodes.agreed();
  expect(await tabular(2, 'vlans')).toEqual([['beta', '103']]);
});

test('a split alias and a clash are marked in the table', async () => {
  const row = { namespace: 'minimega', state: 'held', pinned: false, counter: 1, node: '1'.repeat(32) } as const;
  nodes.at(0).state.merge({
    rows: [
      { ...row, vlan: 101, alias: 'alpha', forced: false },
      { ...row, vlan: 102, alias: 'alpha', forced: false },
      { ...row, vlan: 103, alias: 'beta', forced: false },
      { ...row, vlan: 103, alias: 'gamma', forced: true },
    ],
    ranges: [],
  });
  expect(await tabular(0, 'vlans')).toEqual([
    ['alpha', '101 (split)'],
    ['alpha', '102 (split)'],
    ['beta', '103 (clash)'],
    ['gamma', '103 (clash)'],
  ]);
});

test('force must be typed in full, and needs an admin', () => {
  expect(() => parsed('vlans add alpha 200 f')).toThrow('must be typed in full');
  expect(() => parsed('vl add alpha 200 force')).toThrow('must be typed in full');
  expect(() => parsed('clear vlan')).toThrow('must be typed in full');
  for (const line of ['vlans add alpha 200 force', 'vlans blacklist 200 force']) {
    expect(() => {
      assertAllowed(parsed(line), { via: 'mesh', role: 'operator' });
    }).toThrow('needs the role admin');
  }
});

test('who looks changes nothing: a viewer sees tables, and what joining would do', () => {
  for (const line of ['vlans', 'vlans range', 'vlans blacklist', 'vlans join alpha'])
    expect(() => {
      assertAllowed(parsed(line), { via: 'mesh', role: 'viewer' });
    }).not.toThrow();
  for (const line of [
    ...['vlans add a', 'vlans add a 5', 'vlans delete a', 'vlans range 5 6', 'vlans blacklist 5'],
    ...['vlans join alpha 5', 'clear vlans'],
  ])
    expect(() => {
      assertAllowed(parsed(line), { via: 'mesh', role: 'viewer' });
    }).toThrow('needs the role operator');
});
