import { expect, test } from 'vitest';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { testFleet, testNode, testVlan, testVm } from './rows-for-tests.ts';
import { holdersOf, planDeletion } from './vlan-deletion.ts';
import { fixesOf } from './vlan-fixes.ts';
import { VlanIndex } from './vlan-index.ts';
import type { VlanName } from './vlan-view.ts';

const view = testFleet({
  nodes: ['node1', 'node2'].map((name) => testNode(name)),
  vlans: [
    testVlan(101, 'lan', { Split: true }),
    testVlan(110, 'lan', { Split: true }),
    testVlan(102, 'exp//dmz', { Clash: true }),
    testVlan(102, 'exp//web', { Clash: true }),
    testVlan(103, 'idle'),
    testVlan(150),
  ],
  vms: [
    testVm('a1', 'node1', [[101, 'lan']]),
    testVm('a2', 'node2', [[101, 'lan']]),
    testVm('a3', 'node2', [[110, 'lan']], { State: 'PAUSED' }),
    testVm('b1', 'node1', [[102, 'dmz']], { Namespace: 'exp' }),
    testVm('b2', 'node2', [[102, 'web']], { Namespace: 'exp' }),
    testVm('b3', 'node2', [[300, 'gone']], { Namespace: 'exp', State: 'QUIT' }),
  ],
});
const index = new VlanIndex('c1', view);
const map = index.current;
const vmsOn = (name: VlanName) => [...index.vmsOn(name)].flatMap((key) => rowsOf(view, fleetKeys.vms).get(key) ?? []);
const named = (alias: string, vlan?: number) =>
  map.vlans.find((each) => each.alias === alias && (vlan === undefined || each.vlan === vlan))!;
const fixes = (alias: string) => fixesOf(named(alias), { map, vmsOn, attached: 'node1' });

test('a split alias: which VMs would move for each number, and the commands', () => {
  const [fix] = fixes('lan');
  expect(fix).toMatchObject({ flag: 'split', action: 'join', title: 'lan has the numbers 101 and 110' });
  expect(fix?.text).toContain('Join it to 101: 1 VM would move (a3). Join it to 110: 2 VMs would move (a1 and a2).');
  // With the fewest moves.
  expect(fix?.commands).toEqual(['vlans join lan 101']);
});

test('a clash: who else holds the number, and how to part them', () => {
  const [fix] = fixes('dmz');
  expect(fix).toMatchObject({ flag: 'clash', state: 'bad', title: '102 is also the number of exp//web' });
  expect(fix?.text).toContain('b1 would move');
  expect(fix?.commands).toEqual([
    'namespace exp vlans add dmz-2',
    'namespace exp vm net connect b1 0 dmz-2',
    'namespace exp vlans delete dmz',
  ]);
});

test('what is unused, kept or not in the table says how to fix that', () => {
  expect(fixes('idle').map(({ flag, commands }) => [flag, ...commands])).toEqual([['unused', 'vlans delete idle']]);
  expect(fixes('').map(({ flag, commands }) => [flag, ...commands])).toEqual([['kept', 'vlans delete 150']]);
  expect(fixes('gone').map(({ flag, commands }) => [flag, ...commands])).toEqual([
    ['unlisted', 'namespace exp vlans add gone 300'],
  ]);
});

test('every command is one of the command language', () => {
  for (const { commands } of map.vlans.flatMap((vlan) => fixesOf(vlan, { map, vmsOn, attached: 'node1' })))
    for (const line of commands) expect(parseCommand(commandTable, line)).toMatchObject({ ok: true });
});

const deletion = (alias: string) => {
  const vlan = named(alias);
  return planDeletion(vlan, { map, holders: holdersOf(vlan, map, { vmsOn }), attached: 'node1' });
};

test('deleting takes VMs off all numbers of the alias first, and says which', () => {
  const { vms, stuck, consequences, commands } = deletion('lan');
  expect([vms.length, stuck]).toEqual([3, []]);
  expect(consequences[0]).toBe('3 VMs are taken off it, and lose this network: a1, a2 and a3.');
  expect(commands).toEqual([
    'vm net disconnect a1 0',
    'mesh send node2 vm net disconnect a[2-3] 0',
    'vlans delete lan',
  ]);
});

test('a VM that has quit or is lost stays on it, and stands in the way', () => {
  expect(deletion('gone').stuck.map(({ Name }) => Name)).toEqual(['b3']);
  expect(deletion('idle')).toMatchObject({ stuck: [], commands: ['vlans delete idle'] });
});

test('of a clash only its own VMs are taken off', () => {
  expect(deletion('web').commands).toEqual(['namespace exp vm net disconnect b2 0', 'namespace exp vlans delete web']);
});
