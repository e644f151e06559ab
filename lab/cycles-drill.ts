// The frame of drills in which something comes and ends on one node, over and over; in some of the cycles meshd is killed at a random moment, and
// started again. The node is then as it was: its processes, what is in its files and networks, and what meshd has open.
import { readdir, readlink } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../agent/mesh/simulation.ts';
import { CommandClient } from '../contract/command-client.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { installTree, startMeshd } from './cluster.ts';
import { openLab, type Lab } from './lab.ts';
import { isNamed, observeNode } from './node-processes.ts';

/** Sends a line to meshd. Gives the entries of its answer. @throws Error with the text of the first one that failed */
export type Shell = (line: string) => Promise<unknown[]>;

export interface NodeInDrill {
  readonly shell: Shell;
  readonly lab: Lab;
  readonly node: string;
}

export interface CyclesDrill {
  /** The lab's. */
  readonly name: string;
  readonly cycles: number;
  /** In how many of them. */
  readonly kills: number;
  /** A script whose output tells what a cycle adds to a node: names alone, since ids and sizes change. */
  readonly look: string;
  /** What stays for all cycles. */
  readonly begin?: (node: NodeInDrill) => Promise<void>;
  /** After each start of meshd. */
  readonly prepare?: (node: NodeInDrill) => Promise<void>;
  /** Ends with `removeAll`. */
  readonly cycle: (node: NodeInDrill) => Promise<void>;
  /** Takes away whatever a cycle that was cut off has left to be seen by commands. */
  readonly removeAll: (node: NodeInDrill) => Promise<void>;
}

const deadlineMs = 60 * 60_000;
const commandMs = 5 * 60_000;

/** Defines the test; its seed comes from SEED. */
export function testCycles(drill: CyclesDrill): void {
  const { cycles, kills } = drill;
  const lab = openLab({ name: drill.name });
  const node = 'node1';
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e6);
  const random = seededRandom(seed);
  let client: CommandClient;

  const shell: Shell = async (line) => {
    const entries: unknown[] = [];
    for await (const { Resp } of client.command(line, { deadline: AbortSignal.timeout(commandMs) })) {
      for (const entry of Resp ?? []) if (entry.Error !== '') throw new Error(`${line}: ${entry.Error}`);
      entries.push(...(Resp ?? []));
    }
    return entries;
  };
  const inDrill: NodeInDrill = { shell, lab, node };

  async function start(): Promise<void> {
    await startMeshd(lab, node, ['-degree', '1', '-context', 'cycles', '-nostdin']);
    const socket = await connectSocket(await lab.livePath(node, '/run/meshd/meshd'));
    client = new CommandClient({ canCancel: true }, { transport: socketTransport(socket) });
    await drill.prepare?.(inDrill);
  }

  /** A cycle that is cut off must not continue with the next meshd. */
  async function killAndStart(cycled: Promise<void>): Promise<void> {
    expect(await lab.fault.signal(node, 'meshd', 'SIGKILL')).toBe(1);
    await cycled.catch(() => undefined);
    client.close();
    await start();
  }

  const observe = () => observeAll(lab, node, drill.look);

  beforeAll(async () => {
    await lab.down();
    const results = await lab.up({ nodes: 1 });
    expect(results.filter(({ error }) => error !== null)).toEqual([]);
    await installTree(lab, node);
    await start();
    await drill.begin?.(inDrill);
  });
  afterAll(() => lab.down());

  test(
    `${cycles} cycles, ${kills} of them with meshd killed, leave nothing behind`,
    async () => {
      console.log(`SEED=${seed}`);
      // The bridge, a VM's test boot, and what is loaded once.
      const begun = performance.now();
      await drill.cycle(inDrill);
      const longestMs = performance.now() - begun;
      await killAndStart(Promise.resolve());
      const before = await atRest(observe);
      for (let index = 0; index < cycles; index += 1) {
        if (index % (cycles / kills) !== 0) {
          await drill.cycle(inDrill);
          continue;
        }
        const afterMs = random() * longestMs;
        const cycled = drill.cycle(inDrill);
        cycled.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        await killAndStart(cycled);
        await drill.removeAll(inDrill);
        await expect
          .poll(observe, { timeout: 60_000, message: `SEED=${seed}: meshd killed after ${Math.round(afterMs)} ms` })
          .toEqual(before);
      }
      await expect.poll(observe, { timeout: 60_000, message: `SEED=${seed}: after all cycles` }).toEqual(before);
    },
    deadlineMs,
  );
}

/** The node with its processes, and what meshd has open. */
async function observeAll(lab: Lab, node: string, look: string): Promise<string[]> {
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
async function atRest(observe: () => Promise<string[]>): Promise<string[]> {
  let last = await observe();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = await observe();
    if (now.join('\n') === last.join('\n')) return now;
    last = now;
  }
}
