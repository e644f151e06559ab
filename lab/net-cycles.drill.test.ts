// 100 times interfaces of a node, a mirror and a DHCP server come and go; in 20 of them meshd is killed at a random moment, and started again. The
// node is then as it was.
import { readdir, readlink } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../agent/mesh/simulation.ts';
import { CommandClient } from '../contract/command-client.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { installTree, startMeshd } from './cluster.ts';
import { openLab } from './lab.ts';
import { isNamed, observeNode } from './node-processes.ts';

const lab = openLab({ name: 'net-cycles' });
const node = 'node1';
const cycles = 100;
const kills = 20;
const seed = Number(process.env['SEED'] ?? Date.now() % 1e6);
const random = seededRandom(seed);
const deadlineMs = 60 * 60_000;

/** What a cycle adds to a node, and must be gone: names alone, since ids and sizes change. */
const look = `
echo links; ip -o link show | cut -d: -f2 | sort
echo addresses; ip -o -4 address show | tr -s ' ' | cut -d' ' -f2,4 | sort
echo networks; ip netns list
echo ports; ovs-vsctl --no-headings --columns=name,external_ids list Port | sort
echo interfaces; ovs-vsctl --no-headings --columns=name list Interface | sort
echo mirrors; ovs-vsctl --no-headings --columns=name list Mirror | sort
echo files; find /var/lib/meshd /run/meshd -not -name others.json | sort`;

let client: CommandClient;

async function start(): Promise<void> {
  await startMeshd(lab, node, ['-degree', '1', '-context', 'cycles', '-nostdin']);
  const socket = await connectSocket(await lab.livePath(node, '/run/meshd/meshd'));
  client = new CommandClient({ canCancel: true }, { transport: socketTransport(socket) });
}

async function shell(line: string): Promise<void> {
  for await (const { Resp } of client.command(line, { deadline: AbortSignal.timeout(120_000) }))
    for (const entry of Resp ?? []) if (entry.Error !== '') throw new Error(`${line}: ${entry.Error}`);
}

async function removeAll(): Promise<void> {
  await shell('clear tap');
  await shell('dnsmasq kill all');
}

async function cycle(): Promise<void> {
  await shell('tap create 100 ip 10.9.0.1/24 here0');
  await shell('tap create 101 name here1');
  await shell('tap mirror here0 here1');
  await shell('dnsmasq serve 102 10.8.0.1/24 10.8.0.10 10.8.0.99');
  await shell('dnsmasq start 10.9.0.1 10.9.0.10 10.9.0.99');
  await removeAll();
}

/** The node with its processes, and what meshd has open. */
async function observe(): Promise<string[]> {
  const leader = Number((await lab.livePath(node, '/')).split('/')[2]);
  const { stdout } = await lab.exec(node, ['sh', '-c', look]);
  const all = await observeNode(leader);
  const meshd = all.find((each) => isNamed(each, 'meshd'));
  if (!meshd) throw new Error('meshd does not run');
  const folder = `/proc/${meshd.pid}/fd`;
  const open = await Promise.all((await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')));
  // systemd's own helpers come and go.
  const programs = all.map(({ argv }) => argv.join(' ')).filter((text) => !/^(\/(usr\/)?lib\/systemd|\(sd)/.test(text));
  return [
    ...stdout.split('\n'),
    ...['processes', ...programs.sort()],
    // Node opens one inotify for all that a process watches, with the first of them, and keeps it.
    'open in meshd',
    ...open
      .filter((target) => target !== 'anon_inode:inotify')
      .map((target) => target.replace(/:\[\d+\]$/, ''))
      .sort(),
  ];
}

/** What has just ended may still be there for a moment: the node is at rest once two looks are the same. */
async function observeAtRest(): Promise<string[]> {
  let last = await observe();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = await observe();
    if (now.join('\n') === last.join('\n')) return now;
    last = now;
  }
}

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 1 });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await installTree(lab, node);
  await start();
});
afterAll(() => lab.down());

test(
  `${cycles} cycles, ${kills} of them with meshd killed, leave nothing behind`,
  async () => {
    console.log(`SEED=${seed}`);
    // The bridge, and what is loaded once.
    const begun = performance.now();
    await cycle();
    const longestMs = performance.now() - begun;
    const before = await observeAtRest();
    for (let index = 0; index < cycles; index += 1) {
      if (index % (cycles / kills) !== 0) {
        await cycle();
        continue;
      }
      const afterMs = random() * longestMs;
      const cycled = cycle().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      expect(await lab.fault.signal(node, 'meshd', 'SIGKILL')).toBe(1);
      await cycled;
      client.close();
      await start();
      await removeAll();
      await expect
        .poll(observe, { timeout: 60_000, message: `SEED=${seed}: meshd killed after ${Math.round(afterMs)} ms` })
        .toEqual(before);
    }
    await expect.poll(observe, { timeout: 60_000, message: `SEED=${seed}: after all cycles` }).toEqual(before);
  },
  deadlineMs,
);
