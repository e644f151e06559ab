// The bridge wizard's way, from bare nodes to nodes that come back bridged after a power cut, in the browser; while it runs each
// node is pinged from outside. For the e2e test and, with other owners and methods, its drills.
import { fileURLToPath } from 'node:url';
import { expect, type Browser } from '@playwright/test';
import { localRunner } from '../host/runner.ts';
import { bridgeName, startPing } from '../lab/bridge.ts';
import { openLab, type UpOptions } from '../lab/lab.ts';
import { nodePassword } from '../lab/node.ts';
import { accessIssues, openPerson, shoot, type Person } from './browser.ts';
import { makeDataFolder, startConsole } from './console.ts';
import { makeFirstAdmin, nodeList } from './journey.ts';

const cli = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const nodes = ['node1', 'node2', 'node3', 'node4'];
/** At 20 pings a second, fewer than a second's worth may be lost. */
const maxLostPings = 20;

export interface BridgeJourney {
  readonly lab: string;
  readonly owner: NonNullable<UpOptions['owner']>;
  /** As the wizard words it. */
  readonly method: string;
}

/** Bridges node[1-4] in one run, cuts the power of all, and finds nothing left to do. */
export async function bridgeInBrowser(browser: Browser, { lab: name, owner, method }: BridgeJourney): Promise<void> {
  const lab = openLab({ name });
  const data = await makeDataFolder();
  const ends: (() => Promise<unknown>)[] = [() => data.remove(), () => lab.down()];
  try {
    await lab.down();
    const results = await lab.up({ nodes: nodes.length, owner });
    expect(results.filter(({ error }) => error !== null)).toEqual([]);
    const list = (await nodeList(lab)).replaceAll('\n', ',');
    await localRunner.run(
      [
        process.execPath,
        cli,
        '--data',
        data.path,
        'nodes',
        'add',
        list,
        '--run',
        '--json',
        '--accept-new',
        '--password-stdin',
      ],
      { timeoutMs: 120_000, stdin: `${nodePassword}\n` },
    );
    const testConsole = await startConsole(data.path);
    ends.push(() => testConsole.stop());
    const me = await openPerson(browser, testConsole.url);
    ends.push(() => me.context.close());
    await makeFirstAdmin(me, testConsole.setupLink);

    await planBridge(me, method);
    await me.page.getByRole('heading', { name: 'Before and after' }).waitFor();
    await shoot(me.page, `bridge-plan-${owner}`);
    expect(await accessIssues(me.page)).toEqual([]);
    const before = await addressesOf(lab);
    const pings = await Promise.all(nodes.map(async (node) => startPing(await lab.address(node))));
    await me.page.getByRole('button', { name: 'Run it' }).click();
    await me.page.getByRole('region', { name: 'Countdown' }).waitFor({ timeout: 60_000 });
    // Another person who looks sees the same countdown.
    const other = await openPerson(browser, testConsole.url, { from: me });
    ends.push(() => other.context.close());
    await other.page.goto(me.page.url());
    await other.page.getByRole('region', { name: 'Countdown' }).waitFor({ timeout: 60_000 });
    await shoot(me.page, `bridge-run-${owner}`);
    await me.page.getByRole('status').filter({ hasText: /^Done/ }).waitFor({ timeout: 240_000 });
    await shoot(me.page, `bridge-done-${owner}`);
    expect(await accessIssues(me.page)).toEqual([]);
    for (const [at, ping] of pings.entries()) {
      const { lost, sent } = await ping.stop();
      process.stdout.write(`${owner}, ${method}: ${nodes[at] ?? ''} lost ${lost} of ${sent} pings at 20/s\n`);
      expect(lost).toBeLessThan(maxLostPings);
    }
    expect(await addressesOf(lab)).toEqual(before);
    await expectBridged(lab);

    for (const node of nodes) await lab.fault.power(node, 'off');
    for (const node of nodes) await lab.fault.power(node, 'on');
    await Promise.all(nodes.map((node) => lab.ready(node)));
    await expectBridged(lab);
    expect(await addressesOf(lab)).toEqual(before);

    await me.page.goto('/');
    await planBridge(me, method);
    await me.page.getByText('All is right already', { exact: true }).waitFor();
    expect([...me.problems, ...other.problems]).toEqual([]);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** From any page to the plan. */
async function planBridge({ page }: Person, method: string): Promise<void> {
  await page.goto('/bridge');
  await page.getByRole('textbox', { name: 'Nodes', exact: true }).fill('node[1-4]');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('How it comes back at boot').click();
  await page.getByRole('option', { name: method }).click();
  await page.getByRole('button', { name: 'Make the plan' }).click();
  await page.getByRole('button', { name: 'Run it' }).waitFor({ timeout: 90_000 });
}

type LabOf = ReturnType<typeof openLab>;

/** The IPv4 address of each node, on whichever interface has it. */
async function addressesOf(lab: LabOf): Promise<string[]> {
  return Promise.all(
    nodes.map(async (node) => {
      const { stdout } = await lab.exec(node, ['ip', '-o', '-4', 'address', 'show', 'scope', 'global']);
      return (/ inet (\S+)/.exec(stdout) ?? [])[1] ?? '';
    }),
  );
}

async function expectBridged(lab: LabOf): Promise<void> {
  for (const node of nodes) {
    const { stdout: ports } = await lab.exec(node, ['ovs-vsctl', 'list-ports', bridgeName]);
    expect(ports.trim().split('\n'), node).toContain('eth0');
    const { stdout: addresses } = await lab.exec(node, ['ip', '-o', '-4', 'address', 'show', 'dev', bridgeName]);
    expect(addresses, node).toContain(await lab.address(node));
  }
}
