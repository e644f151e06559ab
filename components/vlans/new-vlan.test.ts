import { expect, test } from 'vitest';
import { testFleet, testNamespace, testNode, testVlan, testVm } from './rows-for-tests.ts';
import { checkAlias, checkKept, checkNamespace, checkNumber, checkRange, freeNumber } from './new-vlan.ts';
import { VlanIndex } from './vlan-index.ts';

const { current: known } = new VlanIndex(
  'c1',
  testFleet({
    nodes: [testNode('node1')],
    namespaces: [testNamespace('minimega', [101, 4094]), testNamespace('exp', [200, 299]), testNamespace('lab')],
    vlans: [
      testVlan(101, 'lan'),
      testVlan(102, 'lab//web'),
      testVlan(200, 'exp//dmz'),
      testVlan(305, 'exp//far'),
      testVlan(150),
      testVlan(7),
    ],
    vms: [testVm('a1', 'node1', [[7, '']]), testVm('a2', 'node1', [[103, 'gone']])],
  }),
);
const text = ({ error, note }: { error: string; note: string }) => error || note;

test.each([
  ['', '', ''],
  ['lan', 'minimega', 'lan has the number 101 already.'],
  ['lan', 'exp', ''],
  ['exp//lan', 'minimega', 'Write the namespace into its own field.'],
  ['12', 'minimega', 'Invalid alias `12`: 1 to 64 characters without spaces, commas and `//`, and not a number.'],
  ['a b', 'minimega', 'Invalid alias `a b`: 1 to 64 characters without spaces, commas and `//`, and not a number.'],
])('alias %j in %j: %s', (alias, namespace, expected) => {
  expect(text(checkAlias(alias, namespace, known))).toBe(expected);
});

test.each([
  ['', 'minimega', ''],
  ['104', 'minimega', ''],
  ['101', 'lab', '101 is the number of lan in the namespace minimega.'],
  ['150', 'lab', '150 is kept from aliases.'],
  ['7', 'lab', '7 is used as a number, without an alias: 1 VM, running.'],
  ['103', 'lab', 'VMs use 103, though the table does not name it: 1 VM, running.'],
  ['0', 'lab', '0 is a frame without VLAN: VMs there would be on the network of the nodes.'],
  ['4095', 'lab', '4095 is reserved by 802.1Q.'],
  ['5000', 'lab', 'A number from 1 to 4094.'],
  ['ten', 'lab', 'A number from 1 to 4094.'],
  ['250', 'lab', '250 is in the range of the namespace exp.'],
  ['250', 'exp', ''],
  ['400', 'exp', 'Outside of the range 200 to 299. That is allowed: for VLANs of your switches.'],
  ['5', 'lab', 'Outside of the range 101 to 4094. That is allowed: for VLANs of your switches.'],
])('number %j in %s: %s', (number, namespace, expected) => {
  expect(text(checkNumber(number, namespace, known))).toBe(expected);
});

test('a number that is kept from aliases must be nobody’s', () => {
  expect([checkKept('101', known).error, checkKept('104', known).error, checkKept('x', known).error]).toEqual([
    '101 is the number of lan in the namespace minimega.',
    '',
    'A number from 1 to 4094.',
  ]);
});

test('the lowest number that is free in the range, and in no other namespace’s', () => {
  expect([freeNumber('minimega', known), freeNumber('lab', known), freeNumber('exp', known)]).toEqual([104, 104, 201]);
  const full = Array.from({ length: 100 }, (_, at) => testVlan(200 + at, `exp//n${at}`));
  const { current } = new VlanIndex('c1', testFleet({ namespaces: [testNamespace('exp', [200, 299])], vlans: full }));
  expect([freeNumber('exp', current), freeNumber('other', current)]).toEqual([null, null]);
});

test.each([
  ['', '', 'exp', ''],
  ['300', '200', 'lab', 'The last number is below the first.'],
  ['0', '200', 'lab', '0 is a frame without VLAN: VMs there would be on the network of the nodes.'],
  ['250', '350', 'lab', 'The range of exp, 200 to 299, shares numbers with it.'],
  [
    '300',
    '399',
    'lab',
    '1 alias outside of it: numbers that are given stay. Other namespaces hold 1 number in it, and keep it.',
  ],
  ['200', '4094', 'minimega', '2 aliases outside of it: numbers that are given stay.'],
  ['210', '220', 'exp', '2 aliases outside of it: numbers that are given stay.'],
])('range %s to %s of %s: %s', (first, last, namespace, expected) => {
  const checks = checkRange({ first, last }, namespace, known);
  expect(text(checks.first) + text(checks.last)).toBe(expected);
});

test('a namespace that is not there is made', () => {
  expect([text(checkNamespace('exp', known)), text(checkNamespace('', known))]).toEqual(['', '']);
  expect(text(checkNamespace('new', known))).toBe('A new namespace: using its name makes it, on all nodes.');
  expect(checkNamespace('all', known).error).toContain('A namespace has 1 to 64');
});
