// The bridge by each owner and method that the lab test beside this leaves out, and each owner with a silent DHCP server.
import { afterEach, describe, expect, test } from 'vitest';
import {
  changeBridge,
  cyclePower,
  expectBare,
  expectBridged,
  goBackAfterRestart,
  proveOwner,
} from './bridge-owners.ts';
import { isReachable } from './bridge.ts';
import { openLab } from './lab.ts';
import type { NodeOwner } from './recipe.ts';

const lab = openLab({ name: 'ownersdrill' });
const node = 'node1';

async function startLab(owner: NodeOwner): Promise<void> {
  await lab.down();
  const results = await lab.up({ nodes: 1, owner, router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
}
afterEach(() => lab.down());

test.each([
  ['ifupdown', 'ifupdown'],
  ['ifupdown', 'commands'],
  ['networkd', 'networkd'],
  ['networkd', 'commands'],
] as const)('%s by the method %s: bridged, through a power cut, taken away without a trace', async (owner, method) => {
  await startLab(owner);
  await proveOwner(lab, node, owner, method);
});

describe.each([
  ['networkmanager', 'commands', 'NetworkManager'],
  ['networkd', 'networkd', 'systemd-networkd'],
] as const)('%s while no DHCP server answers', (owner, method, service) => {
  test('restarted in the trial: it leaves the bridge alone, and the way back costs no address', async () => {
    await startLab(owner);
    const { outside, backMs } = await goBackAfterRestart(lab, node, method, service);
    console.log(
      `${owner}: back after ${backMs} ms, outage ${outside.longestMs} ms outside (${outside.lost} of ${outside.sent} lost)`,
    );
    expect(outside.longestMs).toBeLessThan(1_000);
    await expectBare(lab, node);
  });

  test('kept: the address stays, and is leased once the server is back', async () => {
    await startLab(owner);
    await lab.fault.dhcp('off');
    const figures = await changeBridge(lab, node, 'ensure', method);
    expect(figures.dhcp).toBe('silent');
    expect(figures.outside.longestMs).toBeLessThan(1_000);
    expect(await isReachable(await lab.address(node))).toBe(true);
    await lab.fault.dhcp('on');
    await cyclePower(lab, node);
    await expectBridged(lab, node);
  });
});
