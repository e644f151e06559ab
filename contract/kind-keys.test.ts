import { expect, test } from 'vitest';
import { clusterKinds } from './cluster-kinds.ts';
import { allFleetKeys } from './fleet-keys.ts';
import { fleetKinds } from './fleet.ts';

test('pages know each kind that the fleet has, by the same key', () => {
  const defined = fleetKinds(clusterKinds).map(({ name, key, owner }) => ({ name, key, owner }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect([...allFleetKeys].sort(byName)).toEqual(defined.sort(byName));
});
