import { expect, test } from 'vitest';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { testVm } from '../vlans/rows-for-tests.ts';
import { serveLine, serversOn, stopLine } from './dhcp-view.ts';
import { leaseOf } from './leases.ts';
import { testDhcp, testLease } from './rows-for-tests.ts';

const words = {
  ...{ address: '10.0.0.1/24', low: '10.0.0.10', high: '10.0.0.99' },
  ...{ gateway: '10.0.0.254', dns: '', domain: '', lease: '1h' },
};

test.each([
  [
    serveLine({ node: 'node1', attached: 'node1', namespace: 'minimega' }, 'lan', words),
    'dnsmasq serve lan 10.0.0.1/24 10.0.0.10 10.0.0.99 gateway=10.0.0.254',
  ],
  [
    serveLine({ node: 'node2', attached: 'node1', namespace: 'exp' }, '300', { ...words, gateway: '', lease: '10m' }),
    'mesh send node2 namespace exp dnsmasq serve 300 10.0.0.1/24 10.0.0.10 10.0.0.99 lease=10m',
  ],
  [stopLine({ node: 'node2', attached: 'node1', namespace: 'exp' }, 3), 'mesh send node2 namespace exp dnsmasq kill 3'],
])('%s', (line, expected) => {
  expect(line).toBe(expected);
  expect(parseCommand(commandTable, line)).toMatchObject({ ok: true });
});

test('servers on a number, with their leases by address and the VMs that have them', () => {
  const web = testVm('web1', 'node1', [[101, 'lan']], { Macs: ['02:00:00:00:00:0A'] });
  const rows = {
    dhcp: new Map(
      [testDhcp('node2', 101), testDhcp('node1', 101), testDhcp('node1', 102, { Id: 1 })].map((row, at) => [
        String(at),
        row,
      ]),
    ),
    leases: new Map(
      [
        testLease('node1', '10.0.0.20', '02:00:00:00:00:0a'),
        testLease('node1', '10.0.0.9', '02:00:00:00:00:0b'),
        testLease('node1', '10.0.0.30', '02:00:00:00:00:0c', { Dhcp: 1 }),
      ].map((row, at) => [String(at), row]),
    ),
  };
  const found = serversOn(101, rows, { cluster: 'c1', nameOf: (id) => id.replace('id-', ''), vms: [web] });
  expect(
    found.map(({ node, leases }) => [node, ...leases.map(({ lease, vm }) => `${lease.Ip} ${vm?.Name ?? '-'}`)]),
  ).toEqual([['node1', '10.0.0.9 -', '10.0.0.20 web1'], ['node2']]);
  expect(serversOn(101, rows, { cluster: 'other', nameOf: String, vms: [] })).toEqual([]);
});

test('a NIC has the newest lease of its VLAN', () => {
  const mac = '02:00:00:00:00:0a';
  const leases = [
    testLease('node1', '10.0.0.20', mac, { Expires: 5 }),
    testLease('node2', '10.0.0.21', mac, { Expires: 9 }),
    testLease('node1', '10.1.0.20', mac, { Vlan: 102, Expires: 99 }),
  ];
  expect(leaseOf(leases, { mac: mac.toUpperCase(), vlan: 101 })?.Ip).toBe('10.0.0.21');
  expect(leaseOf(leases, { mac, vlan: 103 })).toBeNull();
});
