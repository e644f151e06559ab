import { expect, test } from 'vitest';
import type { FleetNamespace } from '../../contract/fleet.ts';
import { filesHere, fits, holderOf, hostsOf, imagesOf, lansOf, placesOf, takenNames } from './cluster-facts.ts';
import { findNewLanIssue } from './new-lan.ts';
import { testFile, testHost, testNode, testRows, testVlan, testVm } from './rows-for-tests.ts';

test('a file is one line for all nodes that have it; the head’s copy counts', () => {
  const rows = testRows({
    files: [
      testFile('web.qcow2', 'node2', { Size: 5, Hash: 'bb', Modified: 9 }),
      testFile('web.qcow2', 'node1', { Size: 4, Hash: 'aa' }),
      testFile('db.qcow2', 'node3'),
      testFile('db.qcow2', 'node2', { Hash: '' }),
      testFile('new.iso', 'node2', { State: 'fetching' }),
      testFile('', 'node2', { State: 'more', Size: 7 }),
      testFile('x.raw', 'node2', { Cluster: 'other' }),
    ],
  });
  expect(imagesOf(rows)).toEqual({
    untold: 7,
    images: [
      { name: 'db.qcow2', format: 'qcow2', bytes: 1_000, nodes: ['node2', 'node3'], differs: false },
      { name: 'web.qcow2', format: 'qcow2', bytes: 4, nodes: ['node1', 'node2'], differs: true },
    ],
  });
  expect([...filesHere(rows).keys()]).toEqual(['web.qcow2']);
  expect([fits({ format: 'iso' }, 'disk'), fits({ format: 'kernel' }, 'initrd')]).toEqual([true, false]);
});

test('a VLAN knows how many VMs are on it where; those that have ended do not count', () => {
  const rows = testRows({
    vlans: [
      testVlan('lan', 101),
      testVlan('dmz', 102),
      testVlan('lan', 300, { Namespace: 'other' }),
      testVlan('', 150, { Namespace: '' }),
    ],
    vms: [
      testVm('a', 'node2', { Vlans: [101, 101, 102] }),
      testVm('b', 'node2', { Vlans: [101] }),
      testVm('c', 'node3', { Vlans: [101], State: 'QUIT' }),
    ],
  });
  expect(lansOf(rows, 'lab').map(({ alias, vlan, vms, vmsOn }) => [alias, vlan, vms, [...vmsOn]])).toEqual([
    ['dmz', 102, 1, [['node2', 1]]],
    ['lan', 101, 2, [['node2', 2]]],
  ]);
  expect([holderOf(rows, 101), holderOf(rows, 150), holderOf(rows, 999)]).toEqual(['lab//lan', '', undefined]);
  expect([...takenNames(rows, 'lab')]).toEqual([
    ['a', 'node2'],
    ['b', 'node2'],
    ['c', 'node3'],
  ]);
});

test('hosts of a namespace, and of one that is new', () => {
  const namespace = (Name: string, AllBut: boolean, Hosts: string[]): FleetNamespace => ({
    ...{ Cluster: 'c', AsOf: 0, Name, AllBut, Hosts, Load: 'cpucommit', VlanMin: null, VlanMax: null, Vms: 0 },
  });
  const rows = testRows({
    nodes: [testNode('node10'), testNode('node1'), testNode('node2'), testNode('node3', { State: 'absent' })],
    namespaces: new Map([
      ['a', namespace('some', false, ['id-node1', 'id-node3'])],
      ['b', namespace('most', true, ['id-node2'])],
    ]),
  });
  expect(hostsOf(rows, 'some')).toEqual(['node1']);
  expect(hostsOf(rows, 'most')).toEqual(['node1', 'node10']);
  expect(hostsOf(rows, 'fresh')).toEqual(['node2', 'node10']);
  expect(hostsOf(testRows({ nodes: [testNode('node1')] }), 'fresh')).toEqual(['node1']);
});

test('places are members that told what they have', () => {
  const rows = testRows({ hosts: [testHost('node2', { MemCommit: 512, VMs: 2 })] });
  expect(placesOf(rows)).toMatchObject([{ name: 'node2', memoryMb: 4_096, committedMemoryMb: 512, vms: 2 }]);
});

test.each([
  [{ alias: '', vlan: '' }, null],
  [{ alias: 'lan2', vlan: '' }, null],
  [{ alias: 'lan2', vlan: '200' }, null],
  [{ alias: '100', vlan: '' }, null],
  [{ alias: '', vlan: '200' }, 'alias: a VLAN with a number of yours needs a name'],
  [{ alias: 'a b', vlan: '' }, 'alias: invalid alias `a b`'],
  [{ alias: 'a,b', vlan: '' }, 'alias: a name has no comma'],
  [{ alias: '0', vlan: '' }, 'alias: a VLAN has a number from 1 to 4094'],
  [{ alias: '4095', vlan: '' }, 'alias: a VLAN has a number from 1 to 4094'],
  [{ alias: 'dmz', vlan: '' }, 'alias: a NIC is on it already'],
  [{ alias: 'lan', vlan: '' }, 'alias: lan is there already, as VLAN 101: choose it above'],
  [{ alias: '100', vlan: '200' }, 'vlan: the name is a number already'],
  [{ alias: 'lan2', vlan: '0' }, 'vlan: a VLAN has a number from 1 to 4094'],
  [{ alias: 'lan2', vlan: '4095' }, 'vlan: a VLAN has a number from 1 to 4094'],
  [{ alias: 'lan2', vlan: '101' }, 'vlan: taken by lab//lan'],
  [{ alias: 'lan2', vlan: '150' }, 'vlan: blacklisted, or used without a name'],
  [{ alias: 'lan2', vlan: '300' }, 'vlan: the number of dmz here'],
])('a new VLAN %j: %s', (lan, text) => {
  const rows = testRows({ vlans: [testVlan('lan', 101), testVlan('', 150, { Namespace: '' })] });
  const chosen = { networks: ['dmz'], vlans: { dmz: '300', gone: '200' } };
  const issue = findNewLanIssue(lan, { rows, lans: lansOf(rows, 'lab'), chosen });
  if (text === null) expect(issue).toBeNull();
  else expect(`${issue?.field ?? ''}: ${issue?.message ?? ''}`).toContain(text);
});
