// One of the README's two commands, run as it is typed there: from nothing to four nodes in one mesh with eight VMs on them, seen by
// the console's own API behind the link that it prints, a clean end, and a second start. A new user goes the way from the link to a ping in a browser.
import { chromium, type Browser } from 'playwright-core';
import { io, type Socket } from 'socket.io-client';
import { afterAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { FleetSnapshot } from '../contract/fleet.ts';
import { fleetFromSnapshot, type FleetView } from '../core/fleet-view.ts';
import { RunSummary } from '../contract/plans.ts';
import { chromiumPath } from '../e2e/chromium.ts';
import { pingAsNewUser } from '../e2e/first-ping.ts';
import { startChild, type Child } from '../host/child.ts';
import { localRunner, type RunResult } from '../host/runner.ts';
import { runMeshd } from '../lab/cluster.ts';
import { runInGuest } from '../lab/guest-shell.ts';
import { openLab } from '../lab/lab.ts';

const lab = openLab({ name: 'demotest' });
const root = new URL('..', import.meta.url).pathname;
const names = ['node1', 'node2', 'node3', 'node4'];
let demo: Child | null = null;
let socket: Socket | null = null;
let browser: Browser | null = null;

afterAll(async () => {
  socket?.close();
  await browser?.close();
  await demo?.stop(10_000);
  await lab.down();
});

/** Starts the demo; resolves with the one-time link once everything is printed. */
async function startDemo(...flags: string[]): Promise<{ child: Child; link: URL; lines: string[] }> {
  const lines: string[] = [];
  const said = Promise.withResolvers<undefined>();
  const argv = ['npm', 'run', 'demo', '--', '--name', 'demotest', '--listen', '127.0.0.1:0', ...flags];
  const child = await startChild(argv, {
    cwd: root,
    onLine: (line) => {
      lines.push(line);
      if (line.includes('npm run lab -- down --name demotest')) said.resolve(undefined);
    },
  });
  demo = child;
  void child.ended.then(() => said.reject(new Error(`the demo ended:\n${lines.join('\n')}`)));
  await said.promise;
  const link = lines.find((line) => line.includes('/setup?token=')) ?? '';
  return { child, link: new URL(link.trim()), lines };
}

async function fleetOf(open: Socket): Promise<FleetView> {
  const ack: unknown = await open.timeout(60_000).emitWithAck('fleet.subscribe', {});
  return fleetFromSnapshot(z.object({ ok: z.literal(true), data: FleetSnapshot }).parse(ack).data);
}
const stateOf = (fleet: FleetView, name: string) => [...fleet.nodes.values()].find(({ Name }) => Name === name)?.State;

/** A command of the lab that the demo printed, from its first word on; `more` goes behind it. */
function runPrinted(lines: readonly string[], first: string, more: readonly string[] = []): Promise<RunResult> {
  const words = new RegExp(`npm run lab -- (${first} .*)$`, 'm').exec(lines.join('\n'))?.[1]?.split(' ') ?? [];
  return localRunner.run(['npm', 'run', '--silent', 'lab', '--', ...words, ...more], { cwd: root, timeoutMs: 60_000 });
}

const Answers = z.array(
  z.object({ Host: z.string(), Header: z.array(z.string()), Tabular: z.array(z.array(z.string())) }),
);

interface Vm {
  readonly host: string;
  readonly name: string;
  readonly id: string;
  readonly uuid: string;
  readonly state: string;
  readonly vlan: string;
}

/** The VMs of the demo, by name, as `vm info` on node1 shows them. */
async function vmsOfDemo(): Promise<Map<string, Vm>> {
  const { stdout } = await runMeshd(lab, 'node1', ['namespace', 'demo', '.json', 'true', 'vm', 'info']);
  const rows = Answers.parse(JSON.parse(stdout)).flatMap(({ Host: host, Header, Tabular }) =>
    Tabular.map((cells): Vm => {
      const cell = (column: string) => cells[Header.indexOf(column)] ?? '';
      return { host, name: cell('name'), id: cell('id'), uuid: cell('uuid'), state: cell('state'), vlan: cell('vlan') };
    }),
  );
  return new Map(rows.map((row) => [row.name, row]));
}

test('the demo ends with a console, four nodes in one mesh and eight VMs on two VLANs; SIGTERM ends it, and a second start replaces it', async () => {
  const startedAt = performance.now();
  const { child, link, lines } = await startDemo();
  process.stdout.write(`the demo printed its link after ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  expect(lines.join('\n')).toMatch(
    /host keys compared with those in the machines: all match[\s\S]*node\[2-4\] +Deploy meshd/,
  );
  // The shell that it offers opens.
  const inside = await runPrinted(lines, 'ssh', ['--', 'uname', '-n']);
  expect(inside.stdout).toBe('node1\n');

  const { origin } = link;
  browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--use-angle=swiftshader'] });
  const { me, seconds, said } = await pingAsNewUser(browser, link);
  const story = seconds.map(([what, after]) => `${what} after ${after} s`).join(', ');
  process.stdout.write(`a new user of the demo, in the browser alone: ${story}\n`);
  // The first packets of a guest without KVM may be too late.
  expect(/(\d+) packets received/.exec(said)?.[1], said).toMatch(/^[1-9]/);
  expect(me.problems).toEqual([]);
  const cookie = (await me.context.cookies()).map(({ name, value }) => `${name}=${value}`);
  await browser.close();

  const open = io(origin, { transports: ['websocket'], extraHeaders: { cookie: cookie.join('; '), origin } });
  socket = open;
  await vi.waitFor(
    async () => {
      const fleet = await fleetOf(open);
      expect(fleet.clusters).toMatchObject([{ Context: 'demo', State: 'live' }]);
      expect(names.map((name) => stateOf(fleet, name))).toEqual(names.map(() => 'member'));
      expect(fleet.links.size).toBe(6);
    },
    { interval: 200 },
  );
  // The console continues the bridge's run automatically.
  await vi.waitFor(
    async () => {
      const ack: unknown = await open.timeout(60_000).emitWithAck('runs.list', { limit: 10 });
      const runs = z.object({ ok: z.literal(true), data: z.array(RunSummary) }).parse(ack).data;
      expect(runs.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
        'launch done',
        'bridge done',
        'deploy done',
        'add-nodes done',
      ]);
    },
    { timeout: 600_000, interval: 1_000 },
  );
  for (const name of names) {
    const { stdout } = await lab.exec(name, ['ovs-vsctl', 'list-ports', 'mega_bridge']);
    expect(stdout.trim().split('\n')).toContain('eth0');
  }

  await vi.waitFor(() => expect(lines.join('\n')).toContain('eight VMs run in the namespace demo'), {
    timeout: 600_000,
    interval: 1_000,
  });
  const vms = await vmsOfDemo();
  // One of each VLAN on each node.
  expect([...vms.values()].map(({ host, name, state, vlan }) => [host, name, state, vlan]).sort()).toEqual(
    names.flatMap((node, index) => [
      [node, `blue${index + 1}`, 'RUNNING', '[blue (200)]'],
      [node, `red${index + 1}`, 'RUNNING', '[red (100)]'],
    ]),
  );
  for (const { name, address } of [
    { name: 'red1', address: '10.100.0.4' },
    { name: 'blue1', address: '10.200.0.4' },
  ]) {
    const serial = await lab.livePath('node1', `/var/lib/meshd/instances/${vms.get(name)?.id ?? ''}/serial0`);
    // Eight guests boot at once, without KVM.
    const { code, output } = await runInGuest(serial, `ping -c 2 -W 10 ${address}`, 300_000);
    expect(code, output).toBe(0);
  }
  const { stdout: table } = await runPrinted(lines, 'exec.* vm info');
  for (const name of vms.keys()) expect(table).toContain(name);

  // What it says to try.
  await lab.fault.power('node3', 'off');
  await vi.waitFor(async () => expect(stateOf(await fleetOf(open), 'node3')).toBe('absent'), {
    interval: 200,
  });
  await vi.waitFor(
    async () => {
      const others = [...(await vmsOfDemo()).values()].filter(({ state }) => state !== 'RUNNING');
      expect(others.map(({ name, state }) => `${name} ${state}`).sort()).toEqual(['blue3 LOST', 'red3 LOST']);
    },
    { timeout: 60_000, interval: 500 },
  );

  // npm passes it on to the demo; a browser is connected.
  child.kill('SIGTERM');
  expect(await child.ended).toEqual({ exitCode: 0, signal: null });
  const { nodes } = await lab.status();
  expect(nodes.map(({ name, power }) => `${name} ${power}`)).toEqual(['node1 on', 'node2 on', 'node3 off', 'node4 on']);

  const qemus = () => localRunner.run(['pgrep', '-f', `uuid ${vms.get('red1')?.uuid ?? ''}`]);
  await qemus();
  const again = await startDemo('--bare');
  expect(again.lines.join('\n')).toContain('the lab demotest of an earlier start is replaced');
  await expect(qemus()).rejects.toMatchObject({ exitCode: 1 });
  const bare = await lab.status();
  expect(bare.nodes.map(({ name, power }) => `${name} ${power}`)).toEqual(names.map((name) => `${name} on`));
  await expect(lab.exec('node1', ['ls', '/var/lib/meshd'])).rejects.toMatchObject({ exitCode: 2 });
}, 1_800_000);
