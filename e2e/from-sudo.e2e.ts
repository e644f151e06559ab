// Stock Debian: root may not log in, a user has sudo. From there to a mesh, by the browser alone.
import { nodePassword, sudoUser } from '../lab/node.ts';
import { shoot } from './browser.ts';
import { expect, test } from './fixtures.ts';
import { makeFirstAdmin, nodeList, planAddNodes, planDeploy, runPlan } from './journey.ts';

// The whole way on a phone.
test.use({ scene: { lab: 'e2esudo', nodes: 2, login: 'sudo', cluster: 'none', me: 'stranger', screen: 'phone' } });
test.describe.configure({ mode: 'serial' });

const consent = /I have looked at the host keys of node\[1-2\]/;

test('a wrong password stops and asks again; the right one continues to the end', async ({ lab, me, testConsole }) => {
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

test('the mesh is complete', async ({ me }) => {
  await planDeploy(me, 'stock');
  await runPlan(me, { timeoutMs: 120_000 });
  await shoot(me.page, 'deploy-done');
  await me.page.getByRole('link', { name: 'Look at the mesh' }).click();
  await me.page.getByRole('status').filter({ hasText: 'All 2 nodes in the mesh, 1 link' }).waitFor();
  expect(me.problems).toEqual([]);
});
