// The bridge wizard in the browser with the other owners and methods.
import { expect, test } from 'vitest';
import { bridgeInBrowser } from './bridge-journey.ts';

test.each([
  { owner: 'ifupdown', method: 'Commands and a boot unit' },
  { owner: 'networkmanager', method: 'As the NIC’s owner does it' },
  { owner: 'networkd', method: 'As the NIC’s owner does it' },
] as const)('the wizard bridges node[1-4] of $owner: $method', async ({ owner, method }) => {
  await expect(bridgeInBrowser({ lab: 'e2ebrdrill', owner, method })).resolves.toBeUndefined();
});
