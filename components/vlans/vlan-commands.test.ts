import { expect, test } from 'vitest';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { testVm } from './rows-for-tests.ts';
import { addLine, blacklistLine, deleteLine, joinLine, netLines, nicsOn, rangeLine } from './vlan-commands.ts';
import { nameOfVlan } from './vlan-view.ts';

const nameOf = (id: string) => id.replace('id-', '');

test.each([
  [addLine({ namespace: 'minimega', alias: 'lan', vlan: null, force: false }), 'vlans add lan'],
  [addLine({ namespace: 'exp', alias: 'lan', vlan: 10, force: false }), 'namespace exp vlans add lan 10'],
  [addLine({ namespace: 'exp', alias: 'a#"b', vlan: 10, force: true }), 'namespace exp vlans add "a#\\"b" 10 force'],
  [deleteLine(nameOfVlan(10, 'exp', 'lan')), 'namespace exp vlans delete lan'],
  [deleteLine(nameOfVlan(150, '', '')), 'vlans delete 150'],
  [joinLine({ namespace: 'minimega', alias: 'lan' }, null), 'vlans join lan'],
  [joinLine({ namespace: 'exp', alias: 'lan' }, 101), 'namespace exp vlans join lan 101'],
  // The command names the first number after the range.
  [rangeLine('exp', 200, 299), 'namespace exp vlans range 200 300'],
  [blacklistLine(150, false), 'vlans blacklist 150'],
])('%s', (line, expected) => {
  expect(line).toBe(expected);
  expect(parseCommand(commandTable, line)).toMatchObject({ ok: true });
});

test('interfaces on a VLAN, by the name that they are on it by', () => {
  const vms = [
    testVm('a1', 'node1', [
      [101, 'lan'],
      [101, ''],
      [102, 'dmz'],
    ]),
    testVm('a2', 'node1', [[101, 'minimega//lan']], { Namespace: 'exp' }),
    testVm('a3', 'node1', [[101, 'lan']], { Namespace: 'exp' }),
  ];
  const lan = nameOfVlan(101, 'minimega', 'lan');
  const found = (isRaw: boolean) => nicsOn(vms, lan, isRaw).map(({ vm, nic }) => `${vm.Name} ${nic}`);
  expect(found(false)).toEqual(['a1 0', 'a2 0']);
  expect(found(true)).toEqual(['a1 0', 'a1 1', 'a2 0']);
});

test('VMs of one namespace and one NIC are one line; other nodes are sent those of the default namespace', () => {
  const nics = [
    { vm: testVm('web2', 'node1', []), nic: 0 },
    { vm: testVm('web1', 'node1', []), nic: 0 },
    { vm: testVm('web3', 'node2', []), nic: 0 },
    { vm: testVm('db1', 'node2', [], { Namespace: 'exp' }), nic: 1 },
    { vm: testVm('db2', 'node1', [], { Namespace: 'exp' }), nic: 1 },
  ];
  const lines = (to: string | null) => netLines(nics, { to, attached: 'node1', nameOf });
  expect(lines(null)).toEqual([
    'vm net disconnect web[1-2] 0',
    'mesh send node2 vm net disconnect web3 0',
    'namespace exp vm net disconnect db[1-2] 1',
  ]);
  expect(lines('lan-2')[2]).toBe('namespace exp vm net connect db[1-2] 1 lan-2');
  for (const line of [...lines(null), ...lines('lan-2')])
    expect(parseCommand(commandTable, line)).toMatchObject({ ok: true });
});

test('names without end are several lines', () => {
  const nics = Array.from({ length: 450 }, (_, at) => ({ vm: testVm(`vm${at}`, 'node1', []), nic: 0 }));
  expect(netLines(nics, { to: null, attached: 'node1', nameOf })).toHaveLength(3);
});
