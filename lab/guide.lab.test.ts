// The guide, word by word, on ten real nodes, and then what a machine room does to them. One lab for all: the tests build
// on each other from top to bottom.
import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeRange } from '../core/ranges/describe-range.ts';
import { startChild } from '../host/child.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd } from './cluster.ts';
import { ClusterWatcher } from './cluster-watch.ts';
import { ensureImage } from './image.ts';
import { openLab } from './lab.ts';
import { defaultCache } from './layout.ts';

const lab = openLab({ name: 'guide' });
const all = Array.from({ length: 10 }, (_, index) => `node${index + 1}`);
const [head = '', ...others] = all;
const watcher = new ClusterWatcher();
const degree = 3;

const without = (...gone: string[]) => all.filter((name) => !gone.includes(name));
/** Each of `observers` sees exactly these members. */
const see = (observers: readonly string[], members: readonly string[]) => () =>
  observers.every((name) => {
    const seen = watcher.members(name);
    return seen.length === members.length && members.every((member) => seen.includes(member));
  });
/** Each of `observers` sees that each member holds the degree. */
const holdDegree = (observers: readonly string[]) => () =>
  observers.every((name) => {
    const degrees = [...watcher.degrees(name).values()];
    return degrees.length === observers.length && degrees.every((links) => links >= degree);
  });

beforeAll(async () => {
  await lab.down();
  await ensureImage(defaultCache, () => undefined);
  const startedAt = performance.now();
  const results = await lab.up({ nodes: 10 });
  console.log(`ten nodes up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await placeRootKeys(lab, head, others);
  await installTree(lab, head);
});
afterAll(async () => {
  watcher.close();
  await lab.down();
});

describe('the guide', () => {
  test('start on the head, deploy launch node[2-10], and the mesh has ten nodes', async () => {
    await startMeshd(lab, head, ['-degree', '3', '-context', 'john', '-nostdin']);
    const startedAt = performance.now();
    const { stdout } = await runMeshd(lab, head, ['deploy', 'launch', 'node[2-10]'], { timeoutMs: 120_000 });
    const deployedAt = performance.now();
    await watcher.open(lab, all);
    await watcher.until(see(all, all), { what: 'ten nodes on each of ten' });
    console.log(
      `deploy launch node[2-10], nothing on the nodes: ${((deployedAt - startedAt) / 1000).toFixed(1)} s, ` +
        `size 10 on every node after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
    );
    for (const name of others) expect(stdout).toContain(name);
    const status = await runMeshd(lab, head, ['mesh', 'status']);
    expect(status.stdout.trim().split('\n')).toEqual([
      'host  | size | degree | peers | context | port',
      expect.stringMatching(/^node1 \| 10 {3}\| 3 {6}\| \d+ +\| john {4}\| 9000$/),
    ]);
  });

  test('each node holds at least three links, and mesh list is the same text on all ten', async () => {
    await watcher.until(holdDegree(all), { what: 'degree 3 everywhere' });
    const lists = await Promise.all(
      all.map(async (name) => (await runMeshd(lab, name, ['.annotate', 'false', 'mesh', 'list'])).stdout),
    );
    expect(new Set(lists).size).toBe(1);
    const statuses = await Promise.all(
      all.map(async (name) => {
        const words = ['.annotate', 'false', '.columns', 'size,degree,context', 'mesh', 'status'];
        return (await runMeshd(lab, name, words)).stdout.trim();
      }),
    );
    expect(new Set(statuses).size).toBe(1);
    expect(statuses[0]).toMatch(/^10 +\| 3 +\| john$/m);
    const neighbours = new Map<string, number>();
    let current = '';
    for (const line of lists[0]!.trim().split('\n')) {
      if (!line.startsWith(' ')) current = line.trim();
      else neighbours.set(current, (neighbours.get(current) ?? 0) + 1);
    }
    expect([...neighbours.keys()].sort()).toEqual([...all].sort());
    expect(Math.min(...neighbours.values())).toBeGreaterThanOrEqual(degree);
  });

  test('mesh list all prints all ten as one range, which minimega does not', async () => {
    const { stdout } = await runMeshd(lab, head, ['mesh', 'list', 'all']);
    expect(stdout.trim()).toBe(`node1: ${describeRange(all)}`);
    expect(describeRange(all)).toBe('node[1-10]');
  });

  test('no frame on the mesh port holds a node name, the context or a command', async () => {
    const pcap = '/tmp/meshdeck-guide.pcap';
    const leader = (await lab.livePath('node2', '/')).split('/')[2] ?? '';
    const argv = ['nsenter', '-t', leader, '-n', 'tcpdump', '-i', 'eth0', '-U', '-s', '0', '-w', pcap, 'tcp port 9000'];
    const capture = await startChild(argv);
    try {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      // A new handshake with every neighbour, then commands and answers in both directions.
      await lab.exec('node2', ['systemctl', 'restart', 'meshd']);
      await watcher.open(lab, ['node2']);
      await watcher.until(see(all, all), { what: 'node2 back after a restart' });
      const { stdout } = await runMeshd(lab, head, ['mesh', 'send', 'all', 'echo', 'confidential']);
      expect(stdout).toContain('confidential');
      await runMeshd(lab, 'node2', ['mesh', 'send', 'all', 'mesh', 'status']);
    } finally {
      capture.kill('SIGINT');
      await capture.ended;
    }
    const bytes = (await readFile(pcap)).toString('latin1');
    await rm(pcap);
    // TLS 1.3 records of application data: 0x17, legacy version 3.3 (RFC 8446, 5.2).
    expect(bytes.split('\x17\x03\x03').length).toBeGreaterThan(10);
    for (const secret of ['node', 'john', 'confidential', 'echo', 'mesh', 'status']) {
      expect(bytes.includes(secret), `"${secret}" in clear on port 9000`).toBe(false);
    }
  });

  test('a second deploy finds nothing to do, and the mesh stays whole', async () => {
    const startedAt = performance.now();
    await runMeshd(lab, head, ['deploy', 'launch', 'node[2-10]'], { timeoutMs: 60_000 });
    console.log(`deploy launch node[2-10], everything there: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    expect(see(all, all)()).toBe(true);
  });
});

describe('faults', () => {
  const gone = async (name: string, fault: () => Promise<unknown>) => {
    const rest = without(name);
    const startedAt = performance.now();
    await fault();
    const faultMs = performance.now() - startedAt;
    await watcher.until(see(rest, rest), { what: `${name} gone from all lists` });
    const ms = performance.now() - startedAt;
    await watcher.until(holdDegree(rest), { what: 'degree restored' });
    console.log(
      `${name} gone from all lists after ${(ms / 1000).toFixed(2)} s (the fault itself took ${(faultMs / 1000).toFixed(2)} s), ` +
        `degree restored after ${((performance.now() - startedAt) / 1000).toFixed(2)} s`,
    );
  };
  const back = async (...names: string[]) => {
    await watcher.open(lab, names);
    await watcher.until(see(all, all), { what: 'ten nodes again' });
    await watcher.until(holdDegree(all), { what: 'degree 3 everywhere again' });
  };

  test('a node without power is gone from all lists, and comes back on its own', async () => {
    await gone('node7', () => lab.fault.power('node7', 'off'));
    await lab.fault.power('node7', 'on');
    await back('node7');
  });

  test('a cut cable: gone from all lists, back when it is plugged in', async () => {
    await gone('node4', () => lab.fault.link('node4', 'down'));
    await lab.fault.link('node4', 'up');
    await watcher.until(see(all, all), { what: 'ten nodes again' });
  });

  test.each([
    { how: 'kill -9', node: 'node5', end: () => lab.fault.signal('node5', 'meshd', 'SIGKILL'), start: null },
    {
      how: 'SIGTERM by systemctl',
      node: 'node8',
      end: () => lab.exec('node8', ['systemctl', 'stop', 'meshd']),
      start: () => lab.exec('node8', ['systemctl', 'start', 'meshd']),
    },
    // A meshd that quits stays away until it is started again.
    {
      how: 'quit',
      node: 'node9',
      end: () => runMeshd(lab, 'node9', ['quit']),
      start: () => lab.exec('node9', ['systemctl', 'start', 'meshd']),
    },
  ])('$how: gone from all lists, and back when it runs again', async ({ how, node, end, start }) => {
    const rest = without(node);
    const seen = watcher.until(see(rest, rest), { what: `${node} gone` });
    const ended = end();
    const ms = await seen;
    await ended;
    console.log(`${node} gone ${(ms / 1000).toFixed(2)} s after ${how} was asked for`);
    await start?.();
    await back(node);
  });

  test('a meshd that hangs (SIGSTOP) is dropped, and is a member again when it continues', async () => {
    await gone('node6', () => lab.fault.signal('node6', 'meshd', 'SIGSTOP'));
    await lab.fault.signal('node6', 'meshd', 'SIGCONT');
    await watcher.until(see(all, all), { what: 'ten nodes again' });
  });

  test('the head without power: the rest stay one mesh, and the head comes back after its boot', async () => {
    await gone(head, () => lab.fault.power(head, 'off'));
    await lab.fault.power(head, 'on');
    await back(head);
    const { stdout } = await runMeshd(lab, head, ['mesh', 'degree']);
    expect(stdout.trim()).toBe('node1: 3');
  });

  test('a network split 5/5 becomes two meshes, and one again after it is healed', async () => {
    const [left, right] = [all.slice(0, 5), all.slice(5)];
    await lab.fault.partition([left, right]);
    const isSplit = () => see(left, left)() && see(right, right)();
    await watcher.until(isSplit, { what: 'two meshes of five' });
    const startedAt = performance.now();
    await lab.fault.heal();
    await watcher.until(see(all, all), { what: 'one mesh again' });
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`one mesh again ${seconds.toFixed(1)} s after the split was healed`);
    await watcher.until(holdDegree(all), { what: 'degree 3 everywhere again' });
  });

  test('100 kill -9 at random over the nodes: the mesh is whole at the end', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    let state = seed;
    const random = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
    let killed = 0;
    while (killed < 100) {
      const name = all[Math.floor(random() * all.length)] ?? head;
      // While systemd waits to start it again there is nothing to kill.
      killed += await lab.fault.signal(name, 'meshd', 'SIGKILL').catch(() => 0);
      await new Promise((resolve) => setTimeout(resolve, random() * 400));
    }
    await back(...all);
  });
});
