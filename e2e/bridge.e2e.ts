// Four bare nodes and the bridge wizard, by the browser alone: one run, no node lost, and all four the same after a power cut.
import { expect, test } from 'vitest';
import { bridgeInBrowser } from './bridge-journey.ts';

test('the wizard bridges node[1-4] in one run, by ifupdown, and a power cut changes nothing', async () => {
  await expect(
    bridgeInBrowser({ lab: 'e2ebridge', owner: 'ifupdown', method: 'As the NIC’s owner does it' }),
  ).resolves.toBeUndefined();
}, 400_000);
