// The bridge wizard in the browser with the other owners and methods.
import { bridgeInBrowser } from './bridge-journey.ts';
import { expect, test } from './fixtures.ts';

const ways = [
  { owner: 'ifupdown', method: 'Commands and a boot unit' },
  { owner: 'networkmanager', method: 'As the NIC’s owner does it' },
  { owner: 'networkd', method: 'As the NIC’s owner does it' },
] as const;

for (const { owner, method } of ways) {
  test(`the wizard bridges node[1-4] of ${owner}: ${method}`, async ({ browser }) => {
    await expect(bridgeInBrowser(browser, { lab: 'e2ebrdrill', owner, method })).resolves.toBeUndefined();
  });
}
