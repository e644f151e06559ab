// Four bare machines, and no command typed: keys, bridges, a mesh, then eight VMs on two VLANs by the launch wizard alone. The map of VLANs fills as they
// come, one pings another on another node from a serial console, and a screen shows what its guest draws and takes what one types. The tests build on
// each other from top to bottom.
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { runMeshd } from '../lab/cluster.ts';
import { ensureGuest } from '../lab/guest.ts';
import { defaultCache } from '../lab/layout.ts';
import { nodePassword } from '../lab/node.ts';
import { desktop, type Person } from './browser.ts';
import { expect, test } from './fixtures.ts';
import { inspect } from './inspect.ts';
import { makeFirstAdmin, nodeList, planAddNodes, planDeploy, runPlan } from './journey.ts';
import { comparePictures, openWizard, planLaunch, serialText, typeByKeys } from './vm-journey.ts';

test.use({ scene: { lab: 'e2evms', nodes: 4, cluster: 'none', me: 'stranger' } });
test.describe.configure({ mode: 'serial' });

const namespace = 'shop';
/** Guests that boot without KVM, eight at once on two processors. */
const bootMs = 180_000;
const done = ({ page }: Person, timeout: number) =>
  page.getByRole('status').filter({ hasText: /^Done/ }).waitFor({ timeout });
/** A link of the sidebar, which a phone has not. */
const open = async ({ page }: Person, name: string) => {
  await page.setViewportSize(desktop);
  await page.getByRole('link', { name, exact: true }).first().click();
};

test('bare machines get keys, bridges and a mesh', async ({ lab, me, testConsole }) => {
  await makeFirstAdmin(me, testConsole.setupLink);
  await planAddNodes(me, { list: await nodeList(lab), user: 'root', password: nodePassword, toggle: [] });
  await runPlan(me, { consent: /I have looked at the host keys of node\[1-4\]/, timeoutMs: 60_000 });
  await me.page.getByRole('link', { name: 'Bridge their NICs' }).click();
  await me.page.getByRole('button', { name: 'Next' }).click();
  await me.page.getByRole('button', { name: 'Make the plan' }).click();
  await me.page.getByRole('button', { name: 'Run it' }).waitFor({ timeout: 90_000 });
  await inspect(me, 'vms-bridge-plan', 'Plan');
  await me.page.setViewportSize(desktop);
  await me.page.getByRole('button', { name: 'Run it' }).click();
  await done(me, 240_000);
  await planDeploy(me, 'john');
  await runPlan(me, { timeoutMs: 120_000 });
  await me.page.getByRole('link', { name: 'Launch VMs' }).first().waitFor();
});

/** Numbers of VMs of a VLAN's row, as the map shows one after the other from now on. */
async function watchRow(page: Page, vlan: string): Promise<() => Promise<number[]>> {
  await page.evaluate(`
    window.seenVms = [];
    const textOf = (each) => each?.textContent ?? '';
    const look = () => {
      const header = [...document.querySelectorAll('[role=columnheader]')].find((each) => textOf(each).startsWith('VMs'));
      const row = [...document.querySelectorAll('[role=row]')].find((each) => textOf(each.querySelector('[role=rowheader]')) === '${vlan}');
      const text = textOf(row?.querySelector('[aria-colindex="' + header?.getAttribute('aria-colindex') + '"]'));
      if (/^[0-9]+$/.test(text) && window.seenVms.at(-1) !== Number(text)) window.seenVms.push(Number(text));
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    look();
  `);
  return () => page.evaluate<number[]>('window.seenVms');
}

test('the wizard launches four VMs on a new VLAN, of files that were uploaded, and the map shows them as they come', async ({
  me,
}) => {
  const guest = await ensureGuest(defaultCache, () => undefined);
  await openWizard(me);
  await planLaunch(me, {
    namespace,
    upload: { kernel: guest.kernel, initrd: guest.initramfs },
    ...{ memoryMb: 96, vlan: 'web', names: 'web[1-4]', nodes: 'node[1-4]', rule: 'One on each' },
    async onStep(title) {
      await inspect(me, `vms-launch-${title.split(/\W/)[0]?.toLowerCase() ?? ''}`, 'Launch VMs');
      await me.page.setViewportSize(desktop);
    },
  });
  await me.page.getByText(/^4 VMs, 1 on each of node\[1-4\], on VLAN web/).waitFor();
  await inspect(me, 'vms-launch-plan', 'Plan');
  await me.page.setViewportSize(desktop);

  const map = await me.context.newPage();
  await map.goto('/vlans');
  await map.getByRole('heading', { name: 'VLANs', level: 1 }).waitFor();
  const seen = await watchRow(map, 'web');
  await me.page.bringToFront();
  await me.page.getByRole('button', { name: 'Run it' }).click();
  await done(me, bootMs);
  await me.page.getByText('4 of 4 VMs run').waitFor();
  await map.bringToFront();
  await expect.poll(async () => (await seen()).at(-1)).toBe(4);
  const counts = await seen();
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  // One node alone launches first.
  expect(counts.length).toBeGreaterThan(1);
  await map.close();
});

test('a second launch takes the files that are there', async ({ me }) => {
  await openWizard(me);
  await planLaunch(me, { namespace, memoryMb: 96, vlan: 'db', names: 'db[1-4]', nodes: 'node[1-4]' });
  await me.page.getByRole('button', { name: 'Run it' }).click();
  await done(me, bootMs);
  const list = me.page.getByRole('list', { name: 'VMs of this launch' });
  // Nobody serves DHCP: the guests say which addresses they took.
  for (const name of ['db1', 'db4'])
    await list
      .getByRole('listitem')
      .filter({ has: me.page.getByRole('link', { name, exact: true }) })
      .getByText(/169\.254\./)
      .waitFor({ timeout: bootMs });
  await inspect(me, 'vms-launch-done', 'Launch VMs');
});

test('map, table, graph, VMs, nodes and overview show all eight', async ({ me }) => {
  await open(me, 'VLANs');
  const row = (vlan: string) => me.page.getByRole('grid').getByRole('row', { name: new RegExp(`^${vlan}`) });
  // Number and VMs: there is only one namespace.
  for (const vlan of ['web', 'db']) await expect(row(vlan).getByRole('gridcell').nth(1)).toHaveText('4');
  await row('web').getByRole('rowheader').click();
  await me.page.getByRole('complementary', { name: 'Selection' }).getByText('web1').first().waitFor();
  await inspect(me, 'vms-vlans-map', 'VLANs');
  for (const view of ['Table', 'Graph']) {
    await me.page.setViewportSize(desktop);
    await me.page.getByRole('group', { name: 'View' }).getByRole('button', { name: view }).click();
    await inspect(me, `vms-vlans-${view.toLowerCase()}`, 'VLANs');
  }
  await open(me, 'VMs');
  await me.page.getByText('8 VMs on 4 nodes, all running').first().waitFor();
  await inspect(me, 'vms-table', 'VMs');
  await me.page.setViewportSize(desktop);
  await me.page.getByRole('link', { name: 'web2', exact: true }).click();
  await me.page.getByRole('img', { name: 'Screen of web2' }).waitFor();
  await inspect(me, 'vms-vm', 'web2');
  await open(me, 'Nodes');
  await me.page.getByRole('link', { name: 'node2', exact: true }).first().click();
  await me.page
    .getByRole('link', { name: /^(web|db)\d/ })
    .first()
    .waitFor();
  await inspect(me, 'vms-node', 'node2');
  await open(me, 'Overview');
  await inspect(me, 'vms-overview', 'Overview');
  await open(me, 'Consoles');
  await expect(me.page.getByRole('img', { name: /^Screen of/ })).toHaveCount(8, {
    timeout: bootMs,
  });
  await inspect(me, 'vms-wall', 'Consoles');
});

/** The address of a VM in the table, which is left with this VM alone. */
async function addressOf(me: Person, name: string): Promise<string> {
  await open(me, 'VMs');
  await me.page.getByLabel('Filter VMs').fill(name);
  const row = me.page.getByRole('row').filter({ has: me.page.getByRole('link', { name, exact: true }) });
  await row.getByText(/169\.254\./).waitFor({ timeout: bootMs });
  return /169\.254\.\d+\.\d+/.exec(await row.innerText())?.[0] ?? '';
}

async function openConsole({ page }: Person, name: string, link: 'Screen' | 'Serial line'): Promise<void> {
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('link', { name: link, exact: true }).click();
  await page.getByRole('status').filter({ hasText: 'You type' }).waitFor();
}

test('a ping that is typed into a serial console crosses nodes, and stays on its VLAN', async ({ me }) => {
  const [web, db] = [await addressOf(me, 'web3'), await addressOf(me, 'db3')];
  await addressOf(me, 'web1');
  await openConsole(me, 'web1', 'Serial line');
  await expect(async () => {
    await me.page.keyboard.press('Enter');
    await expect.poll(() => serialText(me.page), { timeout: 5_000 }).toContain('/ #');
  }).toPass({ timeout: bootMs });
  await me.page.keyboard.type(`ping -c 3 ${web}\n`);
  await expect.poll(() => serialText(me.page)).toMatch(/3 packets transmitted, [1-3] packets received/);
  await inspect(me, 'vms-serial', 'web1');
  await me.page.setViewportSize(desktop);
  await me.page.getByRole('group', { name: /^Serial port/ }).click();
  await me.page.keyboard.type(`ping -c 2 -W 2 ${db}\n`);
  await expect.poll(() => serialText(me.page)).toContain('2 packets transmitted, 0 packets received');
});

test('a screen shows what its guest draws, and takes what is typed', async ({ lab, me }) => {
  await addressOf(me, 'web2');
  await openConsole(me, 'web2', 'Screen');
  const serial = await me.context.newPage();
  await serial.goto(`${me.page.url()}&kind=serial`);
  await serial
    .getByRole('status')
    .filter({ hasText: /types?$/ })
    .waitFor();
  await me.page.bringToFront();
  await me.page.getByRole('group', { name: 'Screen of web2' }).locator('canvas').last().click();
  await typeByKeys(me.page, 'echo typed into the screen > /dev/ttyS0\n');
  await expect.poll(() => serialText(serial)).toContain('typed into the screen');
  await serial.close();
  // Without its cursor, which blinks, the screen is still.
  await typeByKeys(me.page, "clear; printf '\\033[?25lstill\\n'\n");

  let count = 0;
  const shown = async () => {
    const download = me.page.waitForEvent('download');
    await me.page.getByRole('button', { name: 'Save a screenshot' }).click();
    return readFile(await (await download).path());
  };
  const taken = async () => {
    count += 1;
    const name = `screen${count}.png`;
    await runMeshd(lab, 'node1', ['namespace', namespace, 'vm', 'screenshot', 'web2', 'file', name]);
    return readFile(await lab.path('node1', `/var/lib/meshd/files/${name}`));
  };
  await expect
    .poll(async () => comparePictures(me.page, await shown(), await taken()))
    .toEqual({ pixels: 720 * 400, differ: 0 });
  await inspect(me, 'vms-screen', 'web2');
});
