// Every page of the build over a real cluster, wide and on a phone, dark and light: nothing that axe calls serious, nothing
// wider than the screen, no error in the browser. The screenshots are for people to look at.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { accessIssues, desktop, openPerson, phone, shoot, type Person } from './browser.ts';
import { expect, test } from './fixtures.ts';
import { inspect } from './inspect.ts';
import { others, shown } from './shown-pages.ts';

test.use({ scene: { lab: 'e2epages', nodes: 4, cluster: 'meshed', me: 'admin' } });

test('every page of the build is among them', () => {
  const manifest = join(import.meta.dirname, '../.next/app-path-routes-manifest.json');
  const routes = Object.values(z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(manifest, 'utf8'))));
  const visited = new Set([...shown.map(({ route }) => route), ...others]);
  // Files such as the icon are not pages.
  expect(routes.filter((route) => !visited.has(route) && !route.includes('.'))).toEqual([]);
});

for (const { name, path, heading } of shown) {
  test(name, async ({ me }) => {
    // On a phone's screen a selection covers the page.
    await me.page.setViewportSize(desktop);
    await me.page.goto(path);
    await me.page.getByRole('contentinfo').getByText('live').first().waitFor();
    await inspect(me, name, heading);
  });
}

test('a run', async ({ me }) => {
  await me.page.setViewportSize(desktop);
  await me.page.goto('/runs');
  await me.page.getByRole('link', { name: /Deploy node\[2-4\]/ }).click();
  await inspect(me, 'run', /^Deploy/);
});

test('the palette', async ({ me }) => {
  await me.page.setViewportSize(desktop);
  await me.page.goto('/nodes');
  await me.page.getByRole('button', { name: /Search/ }).click();
  await me.page.getByRole('combobox').fill('node3');
  await me.page.getByRole('option', { name: /node3/ }).first().waitFor();
  await inspect(me, 'palette', /./);
});

test('a VLAN is added, and the map, the table and the graph show it', async ({ me }) => {
  const { page } = me;
  await page.setViewportSize(desktop);
  await page.goto('/vlans');
  await page.getByRole('button', { name: 'Add a VLAN' }).click();
  await page.getByLabel('Alias').fill('lan');
  await page.getByLabel('Number').fill('200');
  await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await page
    .getByRole('grid')
    .getByRole('row', { name: /lan.*200/ })
    .waitFor();
  await page.getByRole('complementary', { name: 'Selection' }).getByText('vlans delete lan').waitFor();
  await inspect(me, 'vlans-map', 'VLANs');
  for (const view of ['Table', 'Graph']) {
    await page.setViewportSize(desktop);
    await page.getByRole('group', { name: 'View' }).getByRole('button', { name: view }).click();
    await inspect(me, `vlans-${view.toLowerCase()}`, 'VLANs');
  }
});

test('a probe that no node can take part in says why, with each node’s reason', async ({ me }) => {
  const { page } = me;
  await page.setViewportSize(desktop);
  await page.goto('/vlans/probe?vlans=100-102&nodes=node[1-3]');
  await page.getByRole('button', { name: 'Probe', exact: true }).click();
  await page
    .getByRole('alert')
    .filter({ hasText: /a probe needs two nodes that can take part: node1: / })
    .waitFor();
  await inspect(me, 'probe-refused', 'Probe');
});

test('on a phone nodes are ticked by a finger, beside the box too', async ({ me }) => {
  await me.page.setViewportSize(phone);
  await me.page.goto('/nodes');
  const target = me.page.getByRole('checkbox', { name: 'node2' }).locator('xpath=ancestor::label');
  const { width, height } = (await target.boundingBox()) ?? { width: 0, height: 0 };
  expect(Math.min(width, height)).toBeGreaterThanOrEqual(44);
  await target.click({ position: { x: 4, y: 4 } });
  await me.page.getByText('1 ticked: node2').waitFor();
  await me.page.getByRole('checkbox', { name: 'All nodes listed' }).click();
  await me.page.getByText('4 ticked: node[1-4]').waitFor();
  expect(await me.page.getByRole('link', { name: 'Deploy…' }).getAttribute('href')).toContain('node%5B1-4%5D');
});

test('on a phone settings are reached from the menu of the user', async ({ me }) => {
  await me.page.goto('/');
  await me.page.setViewportSize(phone);
  await me.page.getByRole('button', { name: /^You/ }).click();
  await me.page.getByRole('menuitem', { name: 'Settings' }).waitFor();
  await inspectMenu(me);
  await me.page.getByRole('menuitem', { name: 'Settings' }).click();
  await me.page.getByRole('tab', { name: 'Audit log' }).click();
  await me.page.getByRole('heading', { name: 'Audit log' }).waitFor();
});
async function inspectMenu(me: Person): Promise<void> {
  await shoot(me.page, 'user-menu');
  expect(await accessIssues(me.page)).toEqual([]);
}

test('what a stranger sees: login, a used link, no page', async ({ testConsole, browser }) => {
  const stranger = await openPerson(browser, testConsole.url);
  await stranger.page.goto('/nodes?sort=load');
  await inspect(stranger, 'login', 'Sign in');
  await stranger.page.getByLabel('Email').fill('ann@example.org');
  await stranger.page.getByLabel('Password').fill('wrong');
  await stranger.page.getByRole('button', { name: 'Sign in' }).click();
  await stranger.page.getByRole('alert').filter({ hasText: /./ }).waitFor();
  await shoot(stranger.page, 'login-refused', 'light');
  await stranger.page.goto(testConsole.setupLink);
  // The browser reports every answer that failed; this one was asked for.
  stranger.problems.length = 0;
  await inspect(stranger, 'setup', /.+/);
  await stranger.context.close();
});

test('a page that is not there says so', async ({ me }) => {
  await me.page.goto('/no-such-page');
  me.problems.length = 0;
  await inspect(me, 'not-found', /.+/);
});
