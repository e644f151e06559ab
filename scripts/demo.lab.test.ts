// One of the README's two commands, run as it is typed there: from nothing to four nodes in one mesh, seen by the console's
// own API behind the link that it prints, and a clean end.
import { io, type Socket } from 'socket.io-client';
import { afterAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { FleetSnapshot } from '../contract/fleet.ts';
import { fleetFromSnapshot, type FleetView } from '../core/fleet-view.ts';
import { httpPaths } from '../contract/http-paths.ts';
import { RunSummary } from '../contract/plans.ts';
import { startChild, type Child } from '../host/child.ts';
import { localRunner } from '../host/runner.ts';
import { openLab } from '../lab/lab.ts';

const lab = openLab({ name: 'demotest' });
const root = new URL('..', import.meta.url).pathname;
const names = ['node1', 'node2', 'node3', 'node4'];
let demo: Child | null = null;
let socket: Socket | null = null;

afterAll(async () => {
  socket?.close();
  await demo?.stop(10_000);
  await lab.down();
});

/** Starts the demo; resolves with the one-time link once everything is printed. */
async function startDemo(): Promise<{ child: Child; link: URL; lines: string[] }> {
  const lines: string[] = [];
  const said = Promise.withResolvers<undefined>();
  const child = await startChild(['npm', 'run', 'demo', '--', '--name', 'demotest', '--listen', '127.0.0.1:0'], {
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

test('the demo prints a link to a console with four nodes in its mesh, and ends cleanly on SIGTERM', async () => {
  const startedAt = performance.now();
  const { child, link, lines } = await startDemo();
  process.stdout.write(`the demo printed its link after ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  expect(lines.join('\n')).toMatch(
    /host keys compared with those in the machines: all match[\s\S]*node\[2-4\] +Deploy meshd/,
  );
  // The shell that it offers opens.
  const shell = /npm run lab -- (ssh .*)$/m.exec(lines.join('\n'))?.[1] ?? '';
  const inside = await localRunner.run(
    ['npm', 'run', '--silent', 'lab', '--', ...shell.split(' '), '--', 'uname', '-n'],
    {
      cwd: root,
      timeoutMs: 60_000,
    },
  );
  expect(inside.stdout).toBe('node1\n');

  const page = await fetch(link, { headers: { accept: 'text/html' } });
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Make an admin')]);
  const { origin } = link;
  const form = { name: 'Ann', email: 'ann@example.org', password: 'correct horse battery' };
  const made = await fetch(`${origin}${httpPaths.createFirstAdmin}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ ...form, token: link.searchParams.get('token') }),
  });
  expect([made.status, await made.text()]).toEqual([200, '{}']);
  const cookie = made.headers.getSetCookie().map((line) => line.split(';')[0]);

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
  // What it says to try.
  await lab.fault.power('node3', 'off');
  await vi.waitFor(async () => expect(stateOf(await fleetOf(open), 'node3')).toBe('absent'), {
    interval: 200,
  });

  // npm passes it on to the demo; a browser is connected.
  child.kill('SIGTERM');
  expect(await child.ended).toEqual({ exitCode: 0, signal: null });
  const { nodes } = await lab.status();
  expect(nodes.map(({ name, power }) => `${name} ${power}`)).toEqual(['node1 on', 'node2 on', 'node3 off', 'node4 on']);
}, 1_200_000);
