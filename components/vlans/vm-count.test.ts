import { expect, test } from 'vitest';
import type { VmState } from '../../core/vms/states.ts';
import { countVm, describeVms, noVms, sumOf } from './vm-count.ts';

const of = (...states: VmState[]) => states.reduce((count, state) => countVm(count, state, 1), noVms);

test.each([
  [of(), 'no VMs'],
  [of('RUNNING'), '1 VM, running'],
  [of('RUNNING', 'RUNNING'), '2 VMs, both running'],
  [of('PAUSED', 'PAUSED', 'PAUSED'), '3 VMs, all paused'],
  [of('LOST', 'RUNNING', 'ERROR', 'RUNNING', 'BUILDING'), '5 VMs: 2 running, 1 not started, 1 failed, 1 lost'],
])('%o: %s', (count, text) => {
  expect(describeVms(count)).toBe(text);
});

test('counts add up and down again', () => {
  expect(sumOf([of('RUNNING', 'QUIT'), of('RUNNING')])).toEqual(of('RUNNING', 'QUIT', 'RUNNING'));
  expect(countVm(of('RUNNING'), 'RUNNING', -1)).toEqual(noVms);
});
