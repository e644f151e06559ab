// What people do on a minimega cluster that they run already: see it, start and launch VMs, look at a screen, type commands, and learn what is wrong when
// nodes go. The cluster is the double of lab/minimega, which follows the recordings of minimega 3.1.0.
import { CommandClient } from '../contract/command-client.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { accessIssues, desktop, shoot, type Person } from './browser.ts';
import { expect, test } from './fixtures.ts';
import { inspect } from './inspect.ts';
import { openWizard, planLaunch } from './vm-journey.ts';

const names = ['node1', 'node2', 'node3'];
test.use({ scene: { lab: 'e2emini', nodes: 0, cluster: 'none', me: 'admin', minimega: names } });

/** As somebody types them on the node, not in the console. */
async function typeThere(socketPath: string, lines: readonly string[]): Promise<void> {
  const client = new CommandClient(
    { canCancel: false },
    { transport: socketTransport(await connectSocket(socketPath)) },
  );
  for (const line of lines) for await (const answer of client.command(line)) expect(answer.More).toBe(false);
  client.close();
}

async function terminalText({ page }: Person): Promise<string> {
  const lines = page.getByRole('group', { name: /^Terminal of/ }).getByRole('listitem');
  return (await lines.allTextContents()).join('\n').replaceAll('\u00a0', ' ');
}

test('the mesh, its VLANs and VMs are shown, and what somebody else does appears', async ({ me, minimega }) => {
  const socket = minimega?.socketOf('node1') ?? '';
  await me.page.goto('/nodes');
  for (const name of names) await me.page.getByRole('link', { name, exact: true }).first().waitFor();
  await typeThere(socket, [
    'namespace lab ns add-hosts node1',
    'namespace lab vm config networks lan',
    'namespace lab vm config serial-ports 1',
    'namespace lab vm config schedule node1',
    'namespace lab vm launch kvm web[1-2]',
  ]);
  await me.page.goto('/vms');
  await me.page.getByText('web1').first().waitFor();
  await me.page.getByText('web2').first().waitFor();
  await inspect(me, 'minimega-vms', 'VMs');
  await me.page.setViewportSize(desktop);
  await me.page.goto('/vlans');
  await me.page.getByText('lan').first().waitFor();
  await inspect(me, 'minimega-vlans', 'VLANs');
  await me.page.setViewportSize(desktop);
  // The picture is a canvas: the table beside it has the names.
  await me.page.goto('/mesh?view=table');
  await me.page.getByRole('link', { name: 'node3', exact: true }).waitFor();
  await inspect(me, 'minimega-mesh', 'Mesh');
  await me.page.setViewportSize(desktop);
  expect(await accessIssues(me.page)).toEqual([]);
});

test('a VM is started from its page, and what minimega cannot do is disabled with its reason', async ({ me }) => {
  await me.page.goto('/vms/node1/0');
  await me.page.getByRole('heading', { name: 'web1', level: 1 }).waitFor();
  await me.page.getByRole('button', { name: 'Start', exact: true }).click();
  await me.page.getByText('running', { exact: false }).first().waitFor();
  const shutdown = me.page.getByRole('button', { name: 'Shut down', exact: true });
  await expect(shutdown).toHaveAttribute('aria-disabled', 'true');
  await expect(me.page.getByText(/minimega does not tell what a VM takes/)).toBeVisible();
  await me.page.getByText('Snapshot', { exact: true }).waitFor();
  await expect(me.page.getByText('gave no answer')).toHaveCount(0);
  await inspect(me, 'minimega-vm', 'web1');
  await me.page.setViewportSize(desktop);
});

test('its screen is shown', async ({ me }) => {
  await me.page.goto('/console/node1/web1?namespace=lab');
  await expect(me.page.getByRole('group', { name: 'Screen of web1' }).locator('canvas').last()).toBeVisible();
  await shoot(me.page, 'minimega-console');
});

test('the wizard launches two VMs on a new VLAN, and each is looked for afterwards', async ({ me }) => {
  await me.page.setViewportSize(desktop);
  await me.page.goto('/vms');
  await openWizard(me);
  await planLaunch(me, {
    ...{ namespace: 'shop', vlan: 'web', names: 'shop[1-2]', nodes: 'node[2-3]', rule: 'One on each' },
    async onStep(title) {
      await inspect(me, `minimega-launch-${title.split(/\W/)[0]?.toLowerCase() ?? ''}`, 'Launch VMs');
      await me.page.setViewportSize(desktop);
    },
  });
  await inspect(me, 'minimega-launch-plan', 'Plan');
  await me.page.setViewportSize(desktop);
  await me.page.getByRole('button', { name: 'Run it' }).click();
  await me.page.getByRole('status').filter({ hasText: /^Done/ }).waitFor();
  const made = me.page.getByRole('list', { name: 'VMs of this launch' });
  for (const name of ['shop1', 'shop2'])
    await made
      .getByRole('listitem')
      .filter({ has: me.page.getByRole('link', { name, exact: true }) })
      .getByText('running')
      .waitFor();
  await inspect(me, 'minimega-launch-done', 'Launch VMs');
  await me.page.setViewportSize(desktop);
});

test('the terminal speaks minimega, keeps its namespace to itself, and sends nothing that minimega dies of', async ({
  me,
  minimega,
}) => {
  await me.page.goto('/terminal?node=node1');
  await expect.poll(() => terminalText(me)).toContain('Tab completes');
  const type = async (line: string) => {
    await me.page.keyboard.type(line);
    await me.page.keyboard.press('Enter');
  };
  await type('namespace lab');
  await type('.columns name,state vm info');
  await expect.poll(() => terminalText(me)).toMatch(/node1 +\| +web1 +\| +RUNNING/);
  await type('background-status');
  await expect.poll(() => terminalText(me)).toContain('is not sent');
  expect(minimega?.nodes.get('node1')).toMatchObject({ active: 'minimega', isAlive: true });
  await shoot(me.page, 'minimega-terminal');
});

test('a node that is killed is shown as such, and when the attached one goes another takes over', async ({
  me,
  minimega,
}) => {
  await me.page.goto('/nodes');
  minimega?.kill('node3');
  await me.page
    .getByText(/not in the mesh|absent|lost/i)
    .first()
    .waitFor();
  await shoot(me.page, 'minimega-node-killed');
  minimega?.kill('node1');
  await expect.poll(() => me.page.getByText(/node2/).first().isVisible()).toBe(true);
  await me.page.goto('/terminal?node=node2');
  await expect.poll(() => terminalText(me)).toContain('Tab completes');
  await me.page.keyboard.type('mesh status');
  await me.page.keyboard.press('Enter');
  await expect.poll(() => terminalText(me)).toMatch(/node2 +\| +1 +\|/);
  await shoot(me.page, 'minimega-head-killed');
  expect(me.problems).toEqual([]);
});
