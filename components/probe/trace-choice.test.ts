// The ends of a trace: names of one namespace, and the line for them.
import { expect, test } from 'vitest';
import { testVm } from '../vlans/rows-for-tests.ts';
import { checkEnd, shownChoices, traceLine, tracePath, usualEnds, vmChoices } from './trace-choice.ts';

const lab = { Namespace: 'lab' };
const vms = [
  ...['web10', 'web2', 'db-web'].map((name) => testVm(name, 'node1', [[101, 'lan']], lab)),
  testVm('web3', 'node2', [[101, 'lan']], lab),
  ...['node1', 'node2'].map((node) => testVm('own', node, [[101, 'lan']])),
];
const names = (typed: string, other = '') => vmChoices(vms, { namespace: 'lab', typed, other }).map(({ Name }) => Name);

test('the line and the page of two VMs', () => {
  expect(traceLine({ namespace: 'lab', from: 'web2', to: 'web 3' })).toBe('namespace lab vlans trace web2 "web 3"');
  expect(traceLine({ namespace: 'minimega', from: 'a', to: 'b' })).toBe('vlans trace a b');
  expect(tracePath({ namespace: 'lab', from: 'web2' })).toBe('/vlans/trace?namespace=lab&from=web2');
  expect(tracePath({})).toBe('/vlans/trace');
});

test('choices begin with what is typed, then contain it; the other end is left out', () => {
  expect(names('web')).toEqual(['web2', 'web3', 'web10', 'db-web']);
  expect(names('WEB1')).toEqual(['web10']);
  expect(names('', 'web2')).not.toContain('web2');
  const many = Array.from({ length: 5_000 }, (_, at) => testVm(`n${at}`, 'node1', [], lab));
  expect(vmChoices(many, { namespace: 'lab', typed: 'n', other: '' })).toHaveLength(shownChoices);
});

test('a name that no VM has, and one that two nodes have', () => {
  const check = (name: string, namespace = 'lab') => checkEnd(vms, { namespace, name });
  expect(check('web2').vm?.Name).toBe('web2');
  expect(check('').error).toBe('');
  expect(check('wb').error).toBe('No VM of the namespace lab is called wb.');
  expect(check('own', 'minimega').error).toBe('2 nodes have a VM own: a trace cannot tell them apart.');
});

test('of a VLAN two VMs on different nodes, or at least two of one namespace', () => {
  expect(usualEnds(vms)).toEqual({ namespace: 'lab', from: 'web10', to: 'web3' });
  expect(usualEnds(vms.slice(0, 2))).toEqual({ namespace: 'lab', from: 'web10', to: 'web2' });
  expect(usualEnds(vms.slice(0, 1))).toBeNull();
});
