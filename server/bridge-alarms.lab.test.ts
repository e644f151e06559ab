// The red banner about bridges on real nodes, as a browser's socket receives it: none while a run does what it should, and one
// with a command that helps when the timer that would roll a node back is gone. The tests build on each other.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isReachable, observeNetwork, shellIn } from '../lab/bridge.ts';
import { logIn, openBrowser, RunWatch, startConsole, startRun } from '../lab/console.ts';
import type { ConsoleProcess } from '../lab/console.ts';
import { openLab } from '../lab/lab.ts';
import { nodePassword } from '../lab/node.ts';
import type { ConsoleClient } from '../lib/client.ts';
import { FleetCollection } from '../lib/fleet.ts';

const lab = openLab({ name: 'alarms' });
const names = ['node1', 'node2'];
let folder = '';
let server: ConsoleProcess;
let client: ConsoleClient;
/** Each look of a meshd at its bridge that reached the browser, by node: the bridge, and the alarms. */
const seen = new Map<string, { bridge: string; alarms: string }[]>();
const latest = (node: string) => seen.get(node)?.at(-1);

async function run(kind: Parameters<typeof startRun>[1], form: Record<string, unknown>): Promise<RunWatch> {
  const started = await startRun(client, kind, form, { 'password:root': nodePassword });
  return RunWatch.open(client, started.run.id);
}
async function runToEnd(...parameters: Parameters<typeof run>): Promise<RunWatch> {
  const watch = await run(...parameters);
  await watch.until('the run is over', ({ summary }) => summary.endedAt !== null, 300_000);
  expect(watch.summary.state, watch.describe()).toBe('done');
  return watch;
}
/** What the console itself saw last; pages show it of nodes without meshd. */
async function rememberedAlarms(): Promise<string[]> {
  const known = await client.call('nodes.known', {});
  return known.flatMap(({ bridge }) => bridge?.summary.alarms ?? []);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-alarms-'));
  await lab.down();
  const results = await lab.up({ nodes: names.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  const items = await Promise.all(names.map(async (node) => `${node}=${await lab.address(node)}`));
  server = await startConsole(join(folder, 'data'));
  client = await openBrowser(server, await logIn(server));
  await runToEnd('add-nodes', { nodes: items.join(',') });
  await runToEnd('deploy', { head: 'node1', nodes: 'node[1-2]', context: 'alarms', degree: 1 });
  const fleet = new FleetCollection({ client, now: Date.now });
  fleet.state.subscribe(() => {
    const { nodes, bridges } = fleet.state.get().view;
    for (const { Id, Name } of nodes.values()) {
      const row = bridges.get(Id);
      if (row === undefined) continue;
      const look = { bridge: row.Bridge, alarms: row.Alarms.join('\n') };
      if (JSON.stringify(latest(Name)) !== JSON.stringify(look)) seen.set(Name, [...(seen.get(Name) ?? []), look]);
    }
  });
  fleet.retain();
});
afterAll(async () => {
  await server.stop();
  await lab.down();
  await rm(folder, { recursive: true, force: true });
});

test('a run that does what it should raises no alarm, from its plan until both nodes show their bridge', async () => {
  await expect.poll(() => names.map(latest)).toEqual(names.map(() => ({ bridge: '', alarms: '' })));
  const watch = await run('bridge', { nodes: 'node[1-2]' });
  const isOver = () => watch.summary.endedAt !== null;
  const remembered = new Set<string>();
  const look = async () => {
    for (const alarm of await rememberedAlarms()) remembered.add(alarm);
    return isOver();
  };
  await expect.poll(look, { timeout: 400_000, interval: 500 }).toBe(true);
  expect(watch.summary.state, watch.describe()).toBe('done');
  await expect.poll(() => names.map(latest)).toEqual(names.map(() => ({ bridge: 'mega_bridge', alarms: '' })));
  expect([...seen.values()].flat().filter(({ alarms }) => alarms !== '')).toEqual([]);
  expect([...remembered]).toEqual([]);
});

test('a change whose timer is gone raises an alarm, and its command brings the node back', async () => {
  // A port that is made again has another number in Open vSwitch's database.
  const network = async () =>
    (await observeNetwork(lab, 'node2')).replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b(?!-)/g, 'uuid');
  const before = await network();
  const watch = await run('remove-bridge', { nodes: 'node2', confirm: 'mega_bridge', hold: true, window: 600 });
  const pending = () => shellIn(lab, 'node2', 'cat /run/meshdeck/bridge/*/state');
  await expect.poll(pending).toMatch(/inside-ok|outside-ok/);
  await shellIn(lab, 'node2', "systemctl stop 'meshdeck-bridge-deadman*.timer'");
  await expect.poll(() => latest('node2')?.alarms).toMatch(/ has no timer in PID 1, which would take it back: /);
  expect(latest('node1')?.alarms).toBe('');
  const command = latest('node2')?.alarms.split('take it back: ')[1] ?? '';
  expect(command).toMatch(/^sh \/var\/lib\/meshd\/bridge\/\S+\/tx undo$/);
  // At the node's own console.
  await lab.exec('node2', ['bash', '-c', command], { timeoutMs: 120_000 });
  await expect.poll(network).toBe(before);
  await expect.poll(async () => isReachable(await lab.address('node2'))).toBe(true);
  await expect.poll(() => latest('node2')).toEqual({ bridge: 'mega_bridge', alarms: '' });
  await watch.until('the run is over', ({ summary }) => summary.endedAt !== null);
  expect(watch.states()).toEqual({ 'removeBridge node2': 'failed' });
  expect(await rememberedAlarms()).toEqual([]);
});
