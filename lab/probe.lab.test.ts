// `vlans probe` over four bridged nodes and a switch with faults: what it names, whom its frames do not reach, and what is left of it when meshd is
// killed in the middle. One lab for all.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandError } from '../host/runner.ts';
import { startChild } from '../host/child.ts';
import { runMeshd } from './cluster.ts';
import { prepareHaltedVms } from './halted-vms.ts';
import { openLab } from './lab.ts';
import { probeFlows, runProbe, startProbedCluster } from './probed-cluster.ts';

const lab = openLab({ name: 'probe' });
const nodes = ['node1', 'node2', 'node3', 'node4'];
const sound = { bad: [], causes: [], unshielded: [], flooded: [] };

beforeAll(() => startProbedCluster(lab, nodes.length));
afterAll(() => lab.down());

test('20 probes of a network without faults find none', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { result } = await runProbe(lab, ['100-119']);
    expect(result).toMatchObject(sound);
    expect(result.nodes.map(({ name, state, uplink }) => [name, state, uplink])).toEqual(
      nodes.map((name) => [name, 'ok', 'eth0']),
    );
  }
  for (const node of nodes) expect(await probeFlows(lab, node)).toEqual([]);
});

describe('a port with a fault is named, with its VLAN and nothing else', () => {
  const cause = { kind: 'port', vlans: [120], groups: [['node3']], direction: 'both', arrivedOn: 0, or: [] };
  const none = { untag: [], blockFrom: [], blockTo: [], loseBig: [], move: [], double: [] };

  test('a VLAN that is missing on it', async () => {
    await lab.fault.dropVlans('node3', [120]);
    const { result, rows } = await runProbe(lab, ['118-122']);
    expect(result.causes).toEqual([{ ...cause, symptom: 'blocked' }]);
    const named = rows.filter((row) => row[4] !== 'ok');
    expect(named).toEqual([
      [
        ...['120', '', 'node3', 'node[1-2,4]', 'blocked'],
        'The switch port of node3 does not pass VLAN 120. Allow VLAN 120, tagged, on the switch port of node3.',
      ],
    ]);
    await lab.fault.dropVlans('node3', []);
  });

  test.each([
    ['a VLAN that is untagged on it', { untag: [120] }, { symptom: 'untagged', direction: 'to' }],
    ['big frames that it loses', { loseBig: [120] }, { symptom: 'big-lost', direction: 'both' }],
    ['frames of the node that it drops', { blockFrom: [120] }, { symptom: 'blocked', direction: 'from' }],
    ['frames to the node that it drops', { blockTo: [120] }, { symptom: 'blocked', direction: 'to' }],
    [
      'a VLAN that it puts on another',
      { move: [{ from: 120, to: 130 }] },
      { symptom: 'other-vlan', direction: 'from', arrivedOn: 130 },
    ],
    ['frames that it doubles', { double: [120] }, { symptom: 'doubled', direction: 'from' }],
  ])('%s', async (_name, fault, expected) => {
    await lab.fault.trunk('node3', { ...none, ...fault });
    const { result } = await runProbe(lab, ['118-122']);
    expect(result.causes).toEqual([{ ...cause, ...expected }]);
    expect(new Set(result.bad.map(({ vlan }) => vlan))).toEqual(new Set([120]));
  });

  test('and no longer when it is repaired', async () => {
    await lab.fault.trunk('node3', none);
    expect((await runProbe(lab, ['118-122'])).result).toMatchObject(sound);
  });
});

test.each([
  [['0'], 'invalid VLAN'],
  [['4095'], 'invalid VLAN'],
  [['150'], 'VLAN 150 is blacklisted'],
  [['120', 'nodes', 'node[1-9]'], 'no node node5 in the roster'],
  [['wan'], 'no alias wan'],
])('`vlans probe %s` is refused', async (words, text) => {
  if (words[0] === '150') await runMeshd(lab, 'node1', ['vlans', 'blacklist', '150']);
  await expect(runProbe(lab, words)).rejects.toThrow(CommandError);
  await expect(runProbe(lab, words)).rejects.toMatchObject({ stderr: expect.stringContaining(text) as string });
});

test('no VM sees a frame of it or of a trace, on its VLAN or another', async () => {
  const inDemo = (line: string) =>
    runMeshd(lab, 'node1', ['namespace', 'demo', ...line.trim().split(/ +/)], { timeoutMs: 120_000 });
  await inDemo('ns add-hosts node[1-4]');
  for (const [node, name] of [
    ['node2', 'seer'],
    ['node4', 'other'],
  ] as const) {
    for (const line of await prepareHaltedVms(lab, node, { vlan: 100 })) await inDemo(line);
    await inDemo(`vm launch kvm ${name}`);
  }
  await inDemo('vm start all');
  const leader = (await lab.livePath('node2', '/')).split('/')[2] ?? '';
  const seen: string[] = [];
  const listening = Promise.withResolvers<undefined>();
  const tcpdump = await startChild(
    [
      ...['nsenter', `--net=/proc/${leader}/ns/net`, '--', 'tcpdump', '-i', 'mega_tap0', '-Q', 'out', '-n', '-e', '-l'],
      ...['--immediate-mode', 'ether', 'proto', '0x88b5'],
    ],
    {
      diesWithParent: true,
      onLine: (line, stream) => {
        if (stream === 'stdout') seen.push(line);
        else if (line.startsWith('listening on')) listening.resolve(undefined);
      },
    },
  );
  try {
    await listening.promise;
    // The VLANs of the namespace: its VM's.
    const { result } = await runProbe(lab, ['100-119']);
    expect(result).toMatchObject(sound);
    const { stdout } = await inDemo('vlans probe');
    expect(stdout).toMatch(/\| 100 +\| +\| node\[1-4\] +\| each other \| ok/);
    expect((await inDemo('vlans trace seer other')).stdout).not.toMatch(/broken|unknown/);
    await lab.fault.dropVlans('node4', [100]);
    const traced = (await inDemo('vlans trace seer other')).stdout
      .split('\n')
      .filter((line) => line.includes('broken'));
    expect(traced.map((line) => line.split('|').map((cell) => cell.trim())[5])).toEqual(['to node4', 'to node2']);
    await lab.fault.dropVlans('node4', []);
    expect(seen).toEqual([]);
    // A frame of somebody else with the same EtherType gets there: the tap was listened to.
    const send = `import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0))
s.send(bytes.fromhex('ffffffffffff0200000000018100006488b5') + b'x' * 46)`;
    await expect
      .poll(async () => {
        await lab.exec('node1', ['python3', '-c', send]);
        return seen.length;
      })
      .toBeGreaterThan(0);
    expect(seen.filter((line) => line.includes('02:4d:50'))).toEqual([]);
  } finally {
    await tcpdump.stop();
  }
});

test('kill -9 of meshd in the middle leaves no flow, and its node is silent in the answer', async () => {
  const probing = runProbe(lab, ['200-499']);
  probing.catch(() => undefined);
  await expect.poll(() => probeFlows(lab, 'node2'), { interval: 20 }).not.toEqual([]);
  expect(await lab.fault.signal('node2', 'meshd', 'SIGKILL')).toBe(1);
  const { result } = await probing;
  expect(result.nodes.map(({ name, state }) => [name, state])).toEqual(
    nodes.map((name) => [name, name === 'node2' ? 'silent' : 'ok']),
  );
  expect(result).toMatchObject({ bad: [], causes: [] });
  for (const node of nodes) await expect.poll(() => probeFlows(lab, node)).toEqual([]);
  // systemd started it again, and it takes part.
  await expect.poll(async () => (await runProbe(lab, ['100-119'])).result.nodes[1]?.state).toBe('ok');
});

test('kill -9 of the meshd that runs it leaves no flow either', async () => {
  const probing = runProbe(lab, ['200-499']).then(
    () => 'an answer',
    () => 'no answer',
  );
  await expect.poll(() => probeFlows(lab, 'node3'), { interval: 20 }).not.toEqual([]);
  // Its client has the same name.
  await lab.exec('node1', ['sh', '-c', 'kill -9 $(cat /run/meshd/meshd.pid)']);
  expect(await probing).toBe('no answer');
  for (const node of nodes) await expect.poll(() => probeFlows(lab, node)).toEqual([]);
});
