// Drills of the bridge with the console in them, on real nodes with a 15 s window: no matter what is lost at the same time, the
// node ends committed, or at its old address without anyone's help.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bridgeName, isReachable, observeNetwork, shellIn } from '../lab/bridge.ts';
import { openLab } from '../lab/lab.ts';
import { Meshdeck, statesOf } from '../lab/meshdeck.ts';
import { exitCodes } from './exit-codes.ts';

const lab = openLab({ name: 'deckdrills' });
const names = ['node1', 'node2', 'node3'];
const node = 'node2';
let deck: Meshdeck;
let address = '';
let before = '';
const fast = ['--window', '15', '--time', 'settle=1', '--time', 'inside=8', '--time', 'cap=60', '--run', '--json'];

/** The state of its last transaction, from its own file. */
const stateThere = () =>
  shellIn(lab, node, 'cut -d" " -f2 "$(ls -td /var/lib/meshd/bridge/*/ | head -n 1)state"').catch(() => '');

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: names.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  deck = await Meshdeck.create();
  await deck.addNodes(lab, names);
  address = await lab.address(node);
  const deployed = await deck.run(['deploy', 'node[1-3]', '--head', 'node1', '--context', 'drills', '--run', '--json']);
  expect(deployed.code, deployed.stdout.slice(-2_000)).toBe(exitCodes.done);
});
afterAll(async () => {
  await deck.remove();
  await lab.down();
});

describe('the node rolls back automatically', () => {
  beforeEach(async () => {
    before = await observeNetwork(lab, node);
    expect(before).not.toContain(bridgeName);
  });

  test('with meshd killed, the console killed, SSH dropped and the network cut, all four together', async () => {
    const held = await deck.start(['bridge', node, '--hold', ...fast]);
    await expect.poll(() => held.lines.join('\n')).toContain('the change is in place');
    held.child.kill('SIGKILL');
    await lab.fault.link(node, 'down');
    await shellIn(lab, node, "pkill -KILL -f '^sshd: root' || true; pkill -KILL -f meshd.mjs || true");
    await held.child.ended;
    expect(await isReachable(address)).toBe(false);
    await expect.poll(stateThere, { interval: 500 }).toBe('rolled-back');
    await lab.fault.link(node, 'up');
    await expect.poll(() => isReachable(address)).toBe(true);
    expect(await shellIn(lab, node, `ovs-vsctl br-exists ${bridgeName} || echo none`)).toBe('none');
    expect(await shellIn(lab, node, 'ip -o -4 address show dev eth0')).toContain(`${address}/24`);
    // The console that comes back reads how it ended, and a retry is a new attempt.
    const { id } = await deck.newest();
    const resumed = await deck.run(['runs', 'resume', id, '--json']);
    expect(resumed.code).toBe(exitCodes.failed);
    expect(statesOf(resumed.stdout)).toEqual({ [`ensureBridge ${node}`]: 'failed' });
    expect(resumed.stdout).toContain('nobody kept the change before the window ended');
  });

  test('when the network is cut permanently after the change: console and peers see nothing, and say so', async () => {
    const run = await deck.start(['bridge', node, ...fast, '--time', 'settle=6']);
    await expect.poll(() => run.lines.join('\n')).toContain('"text":"transaction ');
    await expect.poll(stateThere, { interval: 100 }).toBe('applied');
    await lab.fault.partition([[node], ['node1', 'node3']]);
    await lab.fault.link(node, 'down');
    await expect.poll(stateThere, { interval: 500 }).toBe('rolled-back');
    await lab.fault.heal();
    await lab.fault.link(node, 'up');
    expect((await run.child.ended).exitCode).toBe(exitCodes.failed);
    expect(run.lines.join('\n')).toContain('is as it was before');
    await expect.poll(() => isReachable(address)).toBe(true);
  });
});

test('SSH dropped in the middle of the change: the change continues, and is kept over new connections', async () => {
  const run = await deck.start(['bridge', node, ...fast]);
  await expect.poll(() => run.lines.join('\n')).toContain('"text":"transaction ');
  await expect.poll(stateThere, { interval: 50 }).toMatch(/armed|applied|inside-ok/);
  await shellIn(lab, node, "pkill -KILL -f '^sshd: root' || true");
  expect((await run.child.ended).exitCode, run.lines.slice(-20).join('\n')).toBe(exitCodes.done);
  expect(await isReachable(address)).toBe(true);
  expect(await shellIn(lab, node, `ip -o -4 address show dev ${bridgeName}`)).toContain(`${address}/24`);
});
