// Four bare machines and their root password, nothing typed in a shell: first admin, keys, deploy, a live mesh, and what the
// page does when machines lose their power. The tests build on each other from top to bottom.
import { ClusterWatcher } from '../lab/cluster-watch.ts';
import { nodePassword } from '../lab/node.ts';
import { accessIssues, deadlineMs, shoot, type Person } from './browser.ts';
import { expect, test } from './fixtures.ts';
import { makeFirstAdmin, nodeList, planAddNodes, planDeploy, runPlan, shownFingerprints } from './journey.ts';

const all = ['node1', 'node2', 'node3', 'node4'];
const watcher = new ClusterWatcher();

test.use({ scene: { lab: 'e2eroot', nodes: all.length, cluster: 'none', me: 'stranger' } });
test.describe.configure({ mode: 'serial' });
test.afterAll(() => {
  watcher.close();
});

const status = (me: Person, text: string | RegExp) => me.page.getByRole('status').filter({ hasText: text }).first();
/** The line at the bottom: `live node1 2 ms …`. */
const statusLine = (me: Person) => me.page.getByRole('contentinfo');

test('the one-time link makes the first admin, once', async ({ me, testConsole }) => {
  await makeFirstAdmin(me, testConsole.setupLink);
  await me.page.getByRole('heading', { name: 'No cluster yet' }).waitFor();
  await shoot(me.page, 'overview-empty');
  expect(await accessIssues(me.page)).toEqual([]);
});

test('the plan shows each node’s own host keys before anything is changed', async ({ lab, me }) => {
  await planAddNodes(me, {
    list: await nodeList(lab),
    user: 'root',
    password: nodePassword,
    // As the wizard offers it: packages are looked for, and lab nodes have them all.
    toggle: [],
  });
  for (const node of all) {
    const { stdout: own } = await lab.exec(node, ['ssh-keygen', '-lf', '/etc/ssh/ssh_host_ed25519_key.pub']);
    expect(await shownFingerprints(me, node)).toContain(own.split(' ')[1]);
    const { stdout: files } = await lab.exec(node, ['sh', '-c', 'ls -A /root/.ssh 2>/dev/null || true']);
    expect(files).toBe('');
  }
  await shoot(me.page, 'add-nodes-plan');
  expect(await accessIssues(me.page)).toEqual([]);
});

test('the nodes are brought in, and each says what was found on it', async ({ me }) => {
  await runPlan(me, { consent: /I have looked at the host keys of node\[1-4\]/, timeoutMs: 60_000 });
  const lane = me.page.getByRole('region', { name: 'node3' });
  await lane.getByRole('button', { name: /Look at the machine/ }).click();
  await lane
    .getByText(/KVM|virtualis/)
    .first()
    .waitFor();
  await lane.getByRole('button', { name: /things are well/ }).click();
  await lane
    .getByText(/Open vSwitch/)
    .first()
    .waitFor();
  // It has no default route: the NIC is the one that the console comes in on.
  await lane.getByText('eth0 belongs to ifupdown').waitFor();
  await shoot(me.page, 'add-nodes-done');
  expect(await accessIssues(me.page)).toEqual([]);
});

test('deploy makes a mesh of them, seen as it forms', async ({ me }) => {
  await planDeploy(me, 'john');
  await shoot(me.page, 'deploy-plan');
  await runPlan(me, { timeoutMs: 120_000 });
  await status(me, '4 of 4 nodes in the mesh').waitFor();
  await shoot(me.page, 'deploy-done');
  expect(await accessIssues(me.page)).toEqual([]);
});

test('the mesh page shows it complete, as a picture and as a table', async ({ me }) => {
  await me.page.getByRole('link', { name: 'Look at the mesh' }).click();
  await status(me, 'All 4 nodes in the mesh, 6 links').waitFor();
  await me.page.getByRole('application', { name: /All 4 nodes in the mesh/ }).waitFor();
  await me.page.getByRole('button', { name: 'Table' }).click();
  const table = me.page.getByRole('grid', { name: 'Nodes of the mesh with their peers' });
  for (const node of all) {
    const row = table.getByRole('row').filter({ has: me.page.getByRole('link', { name: node }) });
    await row.getByText('in the mesh').waitFor();
    await row.getByText('3 of 3').waitFor();
  }
});

test('a node without power is shown lost when the mesh knows', async ({ lab, me }) => {
  await me.page.goto('/');
  await status(me, 'All 4 nodes in the mesh').waitFor();
  await watcher.open(lab, ['node2']);
  const known = watcher
    .until(() => !watcher.members('node2').includes('node4'), { what: 'loss', timeoutMs: deadlineMs })
    .then(() => performance.now());
  const shown = status(me, '3 of 4 nodes in the mesh, without node4')
    .waitFor()
    .then(() => performance.now());
  const cutAt = performance.now();
  await lab.fault.power('node4', 'off');
  const [knownAt, shownAt] = await Promise.all([known, shown]);
  process.stdout.write(
    `power off: the mesh knows after ${Math.round(knownAt - cutAt)} ms, the page shows it ${Math.round(shownAt - knownAt)} ms later\n`,
  );
  await shoot(me.page, 'overview-lost');
  expect(await accessIssues(me.page)).toEqual([]);
});

test('the head without power: the console continues through another node, and the page stays live', async ({
  lab,
  me,
}) => {
  await statusLine(me).getByText('node1', { exact: true }).waitFor();
  const cutAt = performance.now();
  await lab.fault.power('node1', 'off');
  await statusLine(me)
    .getByText(/^node[23]$/)
    .waitFor();
  const attachedAt = performance.now();
  await status(me, '2 of 4 nodes in the mesh, without node[1,4]').waitFor();
  process.stdout.write(
    `head off: another node after ${Math.round(attachedAt - cutAt)} ms, its loss shown after ${Math.round(performance.now() - cutAt)} ms\n`,
  );
  await shoot(me.page, 'overview-head-lost');
  // Live: what happens from now on arrives as well.
  await lab.fault.power('node4', 'on');
  await status(me, '3 of 4 nodes in the mesh, without node1').waitFor({ timeout: 60_000 });
  await lab.fault.power('node1', 'on');
  await status(me, 'All 4 nodes in the mesh').waitFor({ timeout: 60_000 });
});

test('nothing went wrong in the browser meanwhile', ({ me }) => {
  expect(me.problems).toEqual([]);
});
