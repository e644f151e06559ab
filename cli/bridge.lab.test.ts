// meshdeck bridge on real nodes: kept by the console and its peers, found right the second time, continued after kill -9, held
// against a second console, taken away again byte for byte, and proven by a restart. The tests build on each other from top to bottom.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RebootProof } from '../core/plans/bridge/plan/step-args.ts';
import { BridgeResult } from '../core/plans/bridge/plan/step-args.ts';
import { observeNetwork, shellIn, startPing } from '../lab/bridge.ts';
import { openLab } from '../lab/lab.ts';
import { Meshdeck, statesOf, stepsOf } from '../lab/meshdeck.ts';
import { exitCodes } from './exit-codes.ts';
import { expectBackWithin } from '../lab/run-drill.ts';

const lab = openLab({ name: 'clibridge' });
const names = ['node1', 'node2', 'node3'];
let deck: Meshdeck;
const before = new Map<string, string>();
const interfaces = new Map<string, string>();
/** Seconds. */
const window = 15;
const fast = ['--window', String(window), '--time', 'settle=1', '--time', 'inside=8', '--time', 'cap=60'];

/** Without the address's lifetime, which comes back with the lease's next renewal. */
const networkOf = async (node: string) => (await observeNetwork(lab, node)).replaceAll(' dynamic ', ' ');

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: names.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  deck = await Meshdeck.create();
  await deck.addNodes(lab, names);
  for (const node of names) {
    before.set(node, await networkOf(node));
    interfaces.set(node, await shellIn(lab, node, 'cat /etc/network/interfaces'));
  }
});
afterAll(async () => {
  await deck.remove();
  await lab.down();
});

test('a plan changes nothing, and bad input is an error before anything does', async () => {
  const { code, stdout } = await deck.run(['bridge', 'node[1-3]', '--plan']);
  expect(code).toBe(exitCodes.done);
  expect(stdout).toContain('arm the rollback in PID 1');
  const missing = await deck.run(['bridge', 'node[1-3]', '--uplink', 'eth9', '--plan']);
  expect(missing.code).toBe(exitCodes.usage);
  expect(missing.stderr).toContain('it has no NIC called eth9: it has eth0 (ethernet');
  expect((await deck.run(['bridge', 'node[1-9]', '--plan'])).stderr).toContain('does not know "node4"');
  expect((await deck.run(['bridge', 'node1', '--bridge', 'a-name-of-16-chars', '--plan'])).code).toBe(exitCodes.usage);
  for (const node of names) expect(await networkOf(node)).toBe(before.get(node));
});

test('killed -9 once the change is in place, the run finds its transaction again and keeps it', async () => {
  const killed = await deck.run(['bridge', 'node1', ...fast, '--window', '60', '--run', '--json'], {
    killAt: /"text":"the change is in place/,
  });
  expect(killed.code).toBe(-9);
  expect(await shellIn(lab, 'node1', 'ls -d /var/lib/meshd/bridge/pending')).toContain('pending');
  const resumed = await deck.run(['runs', 'resume', (await deck.newest()).id, '--json']);
  expect(resumed.code, resumed.stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(statesOf(resumed.stdout)).toEqual({ 'ensureBridge node1': 'done' });
  const result = BridgeResult.parse(stepsOf(resumed.stdout)['ensureBridge node1']?.result);
  expect(result).toMatchObject({ outcome: 'committed', rebootDoubts: [] });
  expect(result.witnesses).toContain('the console');
  expect(result.witnesses.length).toBeGreaterThan(1);
});

test('all nodes: right ones are left alone, the others are back before their window ends and keep their addresses', async () => {
  const pings = await Promise.all(names.map(async (node) => startPing(await lab.address(node))));
  const { code, stdout } = await deck.run(['bridge', 'node[1-3]', ...fast, '--run', '--json']);
  const outages = await Promise.all(pings.map((ping) => ping.stop()));
  expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(statesOf(stdout)).toEqual({
    'ensureBridge node1': 'unchanged',
    'ensureBridge node2': 'done',
    'ensureBridge node3': 'done',
  });
  for (const outage of outages) expectBackWithin(window, outage);
  const again = await deck.run(['bridge', 'node[1-3]', '--run']);
  expect(again.code).toBe(exitCodes.done);
  expect(again.stdout).toContain('all is right already');
  expect((await deck.run(['bridge', 'show', 'node[1-3]'])).stdout).toMatch(
    /node3 +mega_bridge +eth0 +ifupdown +ifupdown +safe/,
  );
});

test('a run is undone, and taking the bridge away puts back what was there, byte for byte', async () => {
  const all = (await deck.list()).find(({ kind, counts }) => kind === 'bridge' && counts.total === 3);
  const undone = await deck.run(['runs', 'undo', all?.id ?? 'none', '--json']);
  expect(undone.code, undone.stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(statesOf(undone.stdout)).toEqual({ 'ensureBridge node2': 'undone', 'ensureBridge node3': 'undone' });
  const removed = await deck.run([
    'bridge',
    '--undo',
    'node[1-3]',
    '--confirm',
    'mega_bridge',
    ...fast,
    '--run',
    '--json',
  ]);
  expect(removed.code, removed.stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(statesOf(removed.stdout)).toEqual({ 'removeBridge node1': 'done' });
  for (const node of names) {
    expect(await shellIn(lab, node, 'cat /etc/network/interfaces')).toBe(interfaces.get(node));
    await expect.poll(() => networkOf(node)).toBe(before.get(node));
  }
});

test('a second console’s error says who holds the node, and the first one’s node rolls back on request', async () => {
  const other = await Meshdeck.create();
  try {
    await other.addNodes(lab, ['node2']);
    const held = await deck.start(['bridge', 'node2', ...fast, '--window', '60', '--hold', '--run', '--json']);
    await expect.poll(() => held.lines.join('\n')).toContain('seen from outside by');
    const second = await other.run(['bridge', 'node2', ...fast, '--run']);
    expect(second.code).toBe(exitCodes.usage);
    expect(second.stderr).toMatch(/root on this machine at \S+ changes its bridge right now/);
    held.child.kill('SIGINT');
    expect((await held.child.ended).exitCode).toBe(exitCodes.failed);
    expect(statesOf(held.lines.join('\n'))).toEqual({ 'ensureBridge node2': 'cancelled' });
    await expect.poll(() => networkOf('node2')).toBe(before.get('node2'));
  } finally {
    await other.remove();
  }
});

test('a canary is restarted to prove it only after a yes, and once: killed -9 in the middle, the run finds it back', async () => {
  const boot = () => shellIn(lab, 'node3', 'cat /proc/sys/kernel/random/boot_id');
  const first = await boot();
  const declined = await deck.run(['bridge', 'node3', ...fast, '--reboot-canary', '--run', '--json']);
  expect(declined.code, declined.stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(statesOf(declined.stdout)).toEqual({ 'ensureBridge node3': 'done', 'proveByReboot node3': 'skipped' });
  expect(await boot()).toBe(first);
  const wanted = ['bridge', 'node3', ...fast, '--reboot-canary', '--yes', '--run', '--json'];
  const killed = await deck.run(wanted, { killAt: /it restarts; boot/ });
  expect(killed.code, killed.stdout.slice(-2_000)).toBe(-9);
  const resumed = await deck.run(['runs', 'resume', (await deck.newest()).id, '--json']);
  expect(resumed.code, resumed.stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(stepsOf(resumed.stdout)['proveByReboot node3']).toMatchObject({ state: 'done', result: { differences: [] } });
  const second = await boot();
  expect(second).not.toBe(first);
  expect(await shellIn(lab, 'node3', 'cut -d" " -f2 /var/lib/meshd/bridge/reboot')).toBe(first);
  const whole = await deck.run(wanted);
  expect(whole.code, whole.stdout.slice(-2_000)).toBe(exitCodes.done);
  const proof = RebootProof.parse(stepsOf(whole.stdout)['proveByReboot node3']?.result);
  expect(proof.differences).toEqual([]);
  expect(proof.secondsAway).toBeGreaterThan(0);
  expect(await boot()).not.toBe(second);
});
