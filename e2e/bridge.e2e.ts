// Four bare nodes and the bridge wizard, by the browser alone: one run, no node lost, and all four the same after a power cut.
import { bridgeInBrowser } from './bridge-journey.ts';
import { expect, test } from './fixtures.ts';

test('the wizard bridges node[1-4] in one run, by ifupdown, and a power cut changes nothing', async ({ browser }) => {
  test.setTimeout(600_000);
  await expect(
    bridgeInBrowser(browser, { lab: 'e2ebridge', owner: 'ifupdown', method: 'As the NIC’s owner does it' }),
  ).resolves.toBeUndefined();
});
