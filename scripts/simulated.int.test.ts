// The demo where no lab can be: real meshds over simulated hosts, seen by the console that is attached to one of them.
import { io, type Socket } from 'socket.io-client';
import { afterEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { browserMethods } from '../contract/browser.ts';
import { FleetSnapshot } from '../contract/fleet.ts';
import { fleetFromSnapshot } from '../core/fleet-view.ts';
import { httpPaths } from '../contract/http-paths.ts';
import { startChild, type Child } from '../host/child.ts';

const program = new URL('./demo.ts', import.meta.url).pathname;
const names = ['node1', 'node2', 'node3', 'node4'];
let child: Child | null = null;
let socket: Socket | null = null;

afterEach(async () => {
  socket?.close();
  await child?.stop(10_000);
});

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('a console over simulated nodes says so everywhere, outlives the node it is attached to, and ends with all of them', async () => {
  const lines: string[] = [];
  const started = await startChild([process.execPath, program, '--simulated', '--listen', '127.0.0.1:0'], {
    onLine: (line) => lines.push(line),
    diesWithParent: true,
  });
  child = started;
  await vi.waitFor(() => expect(lines.at(-1)).toContain('Ctrl-C ends all of it'), { interval: 50 });
  const link = new URL(lines.find((line) => line.includes('/setup?token='))?.trim() ?? '');
  const pids = new Map(
    lines.flatMap((line) => {
      const [, name = '', pid = ''] = /^ {2}(node\d) {2}process (\d+)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, Number(pid)] as const];
    }),
  );
  expect([...pids.keys()]).toEqual(names);

  const notice = 'Simulated nodes: real meshds on this machine';
  expect(await (await fetch(link, { headers: { accept: 'text/html' } })).text()).toContain(notice);
  const { origin } = link;
  const form = { name: 'Ann', email: 'ann@example.org', password: 'correct horse battery' };
  const made = await fetch(`${origin}${httpPaths.createFirstAdmin}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ ...form, token: link.searchParams.get('token') }),
  });
  const cookie = made.headers.getSetCookie().map((line) => line.split(';')[0]);
  const open = io(origin, { transports: ['websocket'], extraHeaders: { cookie: cookie.join('; '), origin } });
  socket = open;
  const ask = async <T>(method: string, data: z.core.$ZodType<T>): Promise<T> => {
    const ack: unknown = await open.timeout(60_000).emitWithAck(method, {});
    return z.object({ ok: z.literal(true), data }).parse(ack).data;
  };
  expect(await ask('session.current', browserMethods['session.current'].output)).toMatchObject({ isSimulated: true });
  const seen = async () => {
    const { clusters, nodes, hosts, links } = fleetFromSnapshot(await ask('fleet.subscribe', FleetSnapshot));
    const members = [...nodes.values()].filter(({ Id, State }) => State === 'member' && hosts.has(Id));
    return { cluster: clusters[0], members: members.map(({ Name }) => Name).sort(), links: links.size };
  };
  await vi.waitFor(async () => expect(await seen()).toMatchObject({ members: names, links: 6 }), {
    interval: 100,
  });
  const attachedTo = (await seen()).cluster?.AttachedTo ?? '';
  process.kill(pids.get(attachedTo) ?? 0, 'SIGKILL');
  const others = names.filter((name) => name !== attachedTo);
  await vi.waitFor(
    async () => {
      const now = await seen();
      expect(now).toMatchObject({ cluster: { State: 'live' }, members: others, links: 3 });
      expect(others).toContain(now.cluster?.AttachedTo);
    },
    { interval: 100 },
  );

  started.kill('SIGTERM');
  expect(await started.ended).toEqual({ exitCode: 0, signal: null });
  expect(others.filter((name) => isRunning(pids.get(name) ?? 0))).toEqual([]);
});
