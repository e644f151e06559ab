// Stock Debian: root may not log in, a user has sudo. From there to a mesh, by the browser alone.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLab } from '../lab/lab.ts';
import { nodePassword, sudoUser } from '../lab/node.ts';
import { launchBrowser, openPerson, phone, shoot, type Person } from './browser.ts';
import { makeDataFolder, startConsole, type TestConsole } from './console.ts';
import { makeFirstAdmin, nodeList, planAddNodes, planDeploy, runPlan } from './journey.ts';

const lab = openLab({ name: 'e2esudo' });
let data: Awaited<ReturnType<typeof makeDataFolder>>;
let testConsole: TestConsole;
let browser: Browser;
let me: Person;

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 2, login: 'sudo' });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  data = await makeDataFolder();
  testConsole = await startConsole(data.path);
  browser = await launchBrowser();
  // The whole way on a phone.
  me = await openPerson(browser, testConsole.url, { viewport: phone });
});
afterAll(async () => {
  await browser.close();
  await testConsole.stop();
  await data.remove();
  await lab.down();
});

const consent = /I have looked at the host keys of node\[1-2\]/;

test('a wrong password stops and asks again; the right one continues to the end', async () => {
  await makeFirstAdmin(me, testConsole.setupLink);
  await planAddNodes(me, {
    list: await nodeList(lab),
    user: sudoUser,
    password: 'wrong',
    toggle: ['Install what is missing'],
  });
  await me.page.getByRole('checkbox', { name: consent }).click();
  await me.page.getByRole('button', { name: 'Run it' }).click();
  await me.page.getByRole('status').filter({ hasText: 'It needs a secret' }).waitFor();
  await shoot(me.page, 'run-needs-password');
  for (const field of await me.page.getByLabel(/^Password of/).all()) await field.fill(nodePassword);
  await me.page.getByRole('button', { name: 'Continue' }).click();
  await me.page.getByRole('status').filter({ hasText: /^Done/ }).waitFor({ timeout: 60_000 });
});

test('the mesh is complete', async () => {
  await planDeploy(me, 'stock');
  await runPlan(me, { timeoutMs: 120_000 });
  await shoot(me.page, 'deploy-done');
  await me.page.getByRole('link', { name: 'Look at the mesh' }).click();
  await me.page.getByRole('status').filter({ hasText: 'All 2 nodes in the mesh, 1 link' }).waitFor();
  expect(me.problems).toEqual([]);
});
