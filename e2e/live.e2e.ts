// What people do on a cluster that stands: the terminal, a change on a node seen at once, hostile text, and a session that
// ends in the middle of a run.
import { openClient, runLine } from '../bench/meshd-view.ts';
import { nodePassword } from '../lab/node.ts';
import { accessIssues, deadlineMs, openPerson, shoot, type Person } from './browser.ts';
import { expect, test } from './fixtures.ts';
import { admin, nodeList, planAddNodes, runPlan, signIn } from './journey.ts';

test.use({ scene: { lab: 'e2elive', nodes: 3, cluster: 'meshed', me: 'admin' } });

const viewer = { name: 'Vera', email: 'vera@example.org', password: 'only looks at things' };

/** What stands on the screen of a terminal; xterm keeps it as text for screen readers. */
async function terminalText({ page }: Person): Promise<string> {
  const lines = page.getByRole('group', { name: /^Terminal of/ }).getByRole('listitem');
  return (await lines.allTextContents()).join('\n').replaceAll('\u00a0', ' ');
}

test('the terminal: a command, its answer, completion and history', async ({ me }) => {
  await me.page.goto('/terminal?node=node2');
  await expect.poll(() => terminalText(me)).toContain('Tab completes');
  await me.page.keyboard.type('mesh stat');
  // The page drops suggestions that take too long: people press Tab again.
  await expect(async () => {
    await me.page.keyboard.press('Tab');
    await expect.poll(() => terminalText(me), { timeout: 5_000 }).toContain('mesh status');
  }).toPass({ timeout: deadlineMs });
  await me.page.keyboard.press('Enter');
  await expect.poll(() => terminalText(me)).toMatch(/node2 +\| +3 +\| +3 +\| +2 +\| +john/);
  await me.page.keyboard.type('no such command');
  await me.page.keyboard.press('Enter');
  await expect.poll(() => terminalText(me)).toContain('no such command');
  await me.page.keyboard.press('ArrowUp');
  await me.page.keyboard.press('ArrowUp');
  await me.page.keyboard.press('Enter');
  await expect.poll(async () => (await terminalText(me)).match(/host +\| +size/g)?.length).toBe(2);
  await shoot(me.page, 'terminal-answers');
  expect(await accessIssues(me.page)).toEqual([]);
});

async function addUser(me: Person, user: typeof viewer): Promise<void> {
  await me.page.goto('/settings');
  await me.page.getByRole('button', { name: 'Add user' }).click();
  const dialog = me.page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(user.name);
  await dialog.getByLabel('E-mail').fill(user.email);
  await dialog.getByLabel('First password').fill(user.password);
  await dialog.getByRole('button', { name: 'Add user' }).click();
  await me.page.getByText(user.name).first().waitFor();
}

test('a viewer looks, and changes nothing', async ({ me, testConsole, browser }) => {
  await addUser(me, viewer);
  const vera = await openPerson(browser, testConsole.url);
  await vera.page.goto('/terminal?node=node2');
  await signIn(vera, viewer);
  await vera.page.getByText('read only').waitFor();
  await expect.poll(() => terminalText(vera)).toContain('Tab completes');
  await vera.page.keyboard.type('mesh degree 1');
  await vera.page.keyboard.press('Enter');
  await expect.poll(() => terminalText(vera)).toContain('needs the role');
  await vera.page.keyboard.type('mesh degree');
  await vera.page.keyboard.press('Enter');
  await shoot(vera.page, 'terminal-viewer');
  await vera.page.goto('/add-nodes');
  await expect(vera.page.getByRole('button', { name: 'Next' })).toHaveAttribute('aria-disabled', 'true');
  await vera.page.goto('/settings?tab=audit');
  await vera.page.getByRole('tab', { name: 'Keys' }).waitFor();
  expect(await vera.page.getByRole('tab', { name: 'Audit log' }).count()).toBe(0);
  await shoot(vera.page, 'settings-viewer');
  expect(vera.problems).toEqual([]);
  await vera.context.close();
});

test('each change on a node reaches the screen', async ({ lab, me }) => {
  const client = await openClient(await lab.livePath('node3', '/run/meshd/meshd'));
  await me.page.goto('/nodes/node3');
  await me.page.getByText('(degree 3)').waitFor();
  const times: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const degree = round % 2 === 0 ? 2 : 3;
    // Noted by the page itself, in the frame that shows it.
    const shownAt = me.page.evaluate<number>(`new Promise((resolve, reject) => {
      const until = Date.now() + ${deadlineMs};
      const look = () => {
        if (document.body.innerText.includes('(degree ${degree})')) return resolve(Date.now());
        if (Date.now() > until) return reject(new Error('degree ${degree} was not shown'));
        requestAnimationFrame(look);
      };
      look();
    })`);
    const sentAt = Date.now();
    await runLine(client, `mesh degree ${degree}`, deadlineMs);
    times.push((await shownAt) - sentAt);
  }
  client.close();
  times.sort((a, b) => a - b);
  const p95 = times[Math.ceil(times.length * 0.95) - 1] ?? Infinity;
  process.stdout.write(
    `from a command on a node to the screen: median ${times[times.length >> 1] ?? 0} ms, p95 ${p95} ms of ${times.length}\n`,
  );
});

test('markup in fields, and in what nodes report, is shown as text', async ({ lab, me }) => {
  let dialogs = 0;
  me.page.on('dialog', (dialog) => {
    dialogs += 1;
    void dialog.dismiss();
  });
  const markup = '<img src=x onerror=alert(1)>';
  await addUser(me, { name: markup, email: 'mark@example.org', password: 'only looks at things' });
  await me.page.goto('/add-nodes');
  await me.page.getByLabel('Nodes', { exact: true }).fill(`${markup}\n"><script>alert(1)</script>`);
  await me.page.getByRole('button', { name: 'Next' }).click();
  await me.page.getByRole('heading', { name: 'Nodes', exact: true, level: 2 }).waitFor();
  await expect.poll(() => me.page.getByLabel('Nodes', { exact: true }).getAttribute('aria-invalid')).toBe('true');
  await shoot(me.page, 'add-nodes-bad-input');
  for (const path of [`/nodes/${encodeURIComponent(markup)}`, '/settings']) {
    await me.page.goto(path);
    await me.page.getByText(markup).first().waitFor();
  }
  // The machine itself chooses the name of its system.
  await lab.exec('node3', ['sh', '-c', 'printf "PRETTY_NAME=\'%s\'\\n" "$1" >/etc/os-release', 'sh', markup]);
  await me.page.goto('/nodes');
  await planAddNodes(me, {
    list: await nodeList(lab, ['node3']),
    user: 'root',
    password: nodePassword,
    toggle: ['Install what is missing'],
  });
  await runPlan(me, { timeoutMs: 60_000 });
  const lane = me.page.getByRole('region', { name: 'node3' });
  await lane.getByRole('button', { name: /Look at the machine/ }).click();
  await lane.getByRole('button', { name: /things are well/ }).click();
  await lane.getByText(markup).first().waitFor();
  await shoot(me.page, 'run-hostile-node');
  expect(dialogs).toBe(0);
  expect(me.problems.splice(0)).toEqual([]);
});

test('a session that ends in the middle of a run: the run continues, and the login leads back to it', async ({
  lab,
  me,
  testConsole,
  browser,
}) => {
  await me.page.goto('/nodes');
  await planAddNodes(me, {
    list: await nodeList(lab, ['node1', 'node2']),
    user: 'root',
    password: nodePassword,
    toggle: ['Install what is missing', 'Offer to switch password login off'],
  });
  await me.page.getByRole('button', { name: 'Run it' }).click();
  await me.page.getByRole('link', { name: 'Its own page' }).click();
  await me.page
    .getByText(/switch password login off/i)
    .first()
    .waitFor();
  await me.page.getByRole('status').filter({ hasText: 'It asks you' }).waitFor();
  const runUrl = me.page.url();

  const again = await openPerson(browser, testConsole.url);
  await again.page.goto('/settings?tab=sessions');
  await signIn(again, admin);
  await again.page.getByRole('button', { name: 'Log out everywhere else' }).click();
  await me.page.getByRole('heading', { name: 'Sign in' }).waitFor();

  // Meanwhile the run continues: the other session answers for one node.
  await again.page.goto(runUrl);
  await again.page.getByRole('listitem').filter({ hasText: 'node1:' }).getByRole('button', { name: 'No' }).click();
  await expect.poll(() => again.page.getByRole('listitem').filter({ hasText: 'node1:' }).count()).toBe(0);

  await signIn(me, admin);
  await me.page.waitForURL(runUrl);
  await me.page.getByRole('listitem').filter({ hasText: 'node2:' }).getByRole('button', { name: 'No' }).click();
  await me.page.getByRole('status').filter({ hasText: /^Done/ }).waitFor();
  await again.page.getByRole('status').filter({ hasText: /^Done/ }).waitFor();
  expect([...again.problems]).toEqual([]);
  await again.context.close();
});
