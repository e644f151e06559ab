// Every page of the build over a real cluster, wide and on a phone, dark and light: nothing that axe calls serious, nothing
// wider than the screen, no error in the browser. The screenshots are for people to look at.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { accessIssues, desktop, launchBrowser, openPerson, overflow, phone, shoot, type Person } from './browser.ts';
import { makeFirstAdmin } from './journey.ts';
import { setStage, type Stage } from './stage.ts';

let stage: Stage;
let browser: Browser;
let me: Person;

beforeAll(async () => {
  stage = await setStage('e2epages', 4);
  browser = await launchBrowser();
  me = await openPerson(browser, stage.console.url);
  await makeFirstAdmin(me, stage.console.setupLink);
});
afterAll(async () => {
  await browser.close();
  await stage.down();
});

interface Shown {
  readonly name: string;
  /** As the build's manifest has it. */
  readonly route: string;
  readonly path: string;
  readonly heading: string | RegExp;
}

const shown: readonly Shown[] = [
  { name: 'overview', route: '/', path: '/', heading: 'Overview' },
  { name: 'mesh', route: '/mesh', path: '/mesh', heading: 'Mesh' },
  { name: 'mesh-table', route: '/mesh', path: '/mesh?view=table', heading: 'Mesh' },
  { name: 'mesh-selected', route: '/mesh', path: '/mesh?view=both&node=node2', heading: 'Mesh' },
  { name: 'nodes', route: '/nodes', path: '/nodes', heading: 'Nodes' },
  { name: 'nodes-ticked', route: '/nodes', path: '/nodes?ticked=node[1-2]', heading: 'Nodes' },
  { name: 'nodes-none-found', route: '/nodes', path: '/nodes?q=nowhere', heading: 'Nodes' },
  { name: 'node', route: '/nodes/[name]', path: '/nodes/node2', heading: 'node2' },
  { name: 'node-unknown', route: '/nodes/[name]', path: '/nodes/node99', heading: 'No node is called node99' },
  { name: 'add-nodes', route: '/add-nodes', path: '/add-nodes', heading: 'Add nodes' },
  { name: 'add-nodes-login', route: '/add-nodes', path: '/add-nodes?step=login', heading: 'Add nodes' },
  {
    name: 'add-nodes-check',
    route: '/add-nodes',
    path: '/add-nodes?nodes=node2&install=yes&step=options',
    heading: 'Add nodes',
  },
  { name: 'remove-node', route: '/remove-node', path: '/remove-node?nodes=node4', heading: 'Remove nodes' },
  { name: 'replace-node', route: '/replace-node', path: '/replace-node?node=node4', heading: 'Replace node' },
  { name: 'deploy', route: '/deploy', path: '/deploy?nodes=node[1-4]', heading: 'Deploy' },
  { name: 'deploy-mesh', route: '/deploy', path: '/deploy?nodes=node[1-4]&step=mesh', heading: 'Deploy' },
  { name: 'runs', route: '/runs', path: '/runs', heading: 'Runs' },
  { name: 'run-unknown', route: '/runs/[run]', path: '/runs/none', heading: 'Run' },
  { name: 'terminal', route: '/terminal', path: '/terminal?node=node2', heading: 'Terminal' },
  { name: 'settings', route: '/settings', path: '/settings', heading: 'Settings' },
  { name: 'settings-sessions', route: '/settings', path: '/settings?tab=sessions', heading: 'Settings' },
  { name: 'settings-keys', route: '/settings', path: '/settings?tab=keys', heading: 'Settings' },
  { name: 'settings-audit', route: '/settings', path: '/settings?tab=audit', heading: 'Settings' },
  {
    name: 'passwordless-root',
    route: '/passwordless-root',
    path: '/passwordless-root?nodes=node4',
    heading: 'Root without a password',
  },
  { name: 'bridge', route: '/bridge', path: '/bridge?nodes=node[2-4]', heading: /[Bb]ridge/ },
  { name: 'bridge-remove', route: '/bridge/remove', path: '/bridge/remove?nodes=node[2-4]', heading: /[Bb]ridge/ },
  { name: 'rotate-key', route: '/rotate-key', path: '/rotate-key', heading: 'New console key' },
];
/** Separate tests below visit these; Next's own error page has no address. */
const others: readonly string[] = ['/login', '/setup', '/_not-found', '/_global-error'];

/** Waits for what the page shows, then takes it apart: both schemes, both widths. */
async function inspect(person: Person, name: string, heading: string | RegExp): Promise<void> {
  const { page } = person;
  const found: string[] = [];
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize(desktop);
  await page.getByRole('heading', { name: heading }).first().waitFor();
  await expect.poll(() => page.getByRole('status', { name: /(is|are) loading$/ }).count()).toBe(0);
  // The picture is loaded after its page.
  for (const picture of await page.getByRole('application').all()) await picture.locator('canvas').first().waitFor();
  for (const size of [desktop, phone]) {
    await page.setViewportSize(size);
    for (const scheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await shoot(page, name, scheme);
      // Each scheme and each width once.
      if ((size === desktop) === (scheme === 'dark')) found.push(...(await accessIssues(page)));
    }
    const wider = await overflow(page);
    if (wider > 0) found.push(`${page.url()} is ${wider} px wider than ${size.width}`);
  }
  expect(found).toEqual([]);
  expect(person.problems.splice(0)).toEqual([]);
}

test('every page of the build is among them', () => {
  const manifest = join(import.meta.dirname, '../.next/app-path-routes-manifest.json');
  const routes = Object.values(z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(manifest, 'utf8'))));
  const visited = new Set([...shown.map(({ route }) => route), ...others]);
  // Files such as the icon are not pages.
  expect(routes.filter((route) => !visited.has(route) && !route.includes('.'))).toEqual([]);
});

test.each(shown)('$name', async ({ name, path, heading }) => {
  // On a phone's screen a selection covers the page.
  await me.page.setViewportSize(desktop);
  await me.page.goto(path);
  await me.page.getByRole('contentinfo').getByText('live').first().waitFor();
  await inspect(me, name, heading);
});

test('a run', async () => {
  await me.page.setViewportSize(desktop);
  await me.page.goto('/runs');
  await me.page.getByRole('link', { name: /Deploy node\[2-4\]/ }).click();
  await inspect(me, 'run', /^Deploy/);
});

test('the palette', async () => {
  await me.page.setViewportSize(desktop);
  await me.page.goto('/nodes');
  await me.page.getByRole('button', { name: /Search/ }).click();
  await me.page.getByRole('combobox').fill('node3');
  await me.page.getByRole('option', { name: /node3/ }).first().waitFor();
  await inspect(me, 'palette', /./);
});

test('on a phone nodes are ticked by a finger, beside the box too', async () => {
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

test('on a phone settings are reached from the menu of the user', async () => {
  await me.page.goto('/');
  await me.page.setViewportSize(phone);
  await me.page.getByRole('button', { name: /^You/ }).click();
  await me.page.getByRole('menuitem', { name: 'Settings' }).waitFor();
  await inspectMenu();
  await me.page.getByRole('menuitem', { name: 'Settings' }).click();
  await me.page.getByRole('tab', { name: 'Audit log' }).click();
  await me.page.getByRole('heading', { name: 'Audit log' }).waitFor();
});
async function inspectMenu(): Promise<void> {
  await shoot(me.page, 'user-menu');
  expect(await accessIssues(me.page)).toEqual([]);
}

test('what a stranger sees: login, a used link, no page', async () => {
  const stranger = await openPerson(browser, stage.console.url);
  await stranger.page.goto('/nodes?sort=load');
  await inspect(stranger, 'login', 'Sign in');
  await stranger.page.getByLabel('Email').fill('ann@example.org');
  await stranger.page.getByLabel('Password').fill('wrong');
  await stranger.page.getByRole('button', { name: 'Sign in' }).click();
  await stranger.page.getByRole('alert').filter({ hasText: /./ }).waitFor();
  await shoot(stranger.page, 'login-refused', 'light');
  await stranger.page.goto(stage.console.setupLink);
  // The browser reports every answer that is not a success; the test caused this one.
  stranger.problems.length = 0;
  await inspect(stranger, 'setup', /.+/);
  await stranger.context.close();
});

test('a page that is not there says so', async () => {
  await me.page.goto('/no-such-page');
  me.problems.length = 0;
  await inspect(me, 'not-found', /.+/);
});
