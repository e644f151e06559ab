import { expect, it } from 'vitest';
import type { FleetVm } from '../../contract/fleet.ts';
import { consolePath, vmOfPath } from './console-path.ts';

it('names a console by node, VM and namespace, as little as it takes', () => {
  expect(consolePath({ node: 'node2', name: 'web1', namespace: 'minimega' })).toBe('/console/node2/web1');
  expect(consolePath({ node: 'n 2', name: 'web1', namespace: 'exp' }, 'serial')).toBe(
    '/console/n%202/web1?namespace=exp&kind=serial',
  );
});

it('means the VM of that name, or else of that id', () => {
  const vms = [
    { Node: 'id1', Id: 7, Name: 'web1', Namespace: 'exp' },
    { Node: 'id2', Id: 7, Name: 'db', Namespace: 'exp' },
    { Node: 'id2', Id: 8, Name: 'web1', Namespace: 'exp' },
  ] as FleetVm[];
  const at = (name: string, namespace = 'exp') => vmOfPath(vms, { nodeId: 'id2', name, namespace })?.Id ?? null;
  expect([at('web1'), at('7'), at('9'), at('web1', 'other')]).toEqual([8, 7, null, null]);
});
