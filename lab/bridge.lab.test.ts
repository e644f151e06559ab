// The transaction of a bridge on real nodes, by ifupdown: kept, gone back, and who may hold it. The drills are beside this.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  describeLabTransaction,
  isReachable,
  patientTimes,
  removeBridge,
  shellIn,
  startPing,
  waitForState,
} from './bridge.ts';
import { openLab } from './lab.ts';
import { drills, type Stage } from './bridge-drills.ts';
import { expectBackWithin, freshStage, observeQuietly, runDrill } from './run-drill.ts';
import { openTransaction, placeTransaction } from '../host/bridge/node-transaction.ts';

const lab = openLab({ name: 'bridge' });
const node = 'node1';
const host = lab.runner(node);
let stage: Stage;
let address = '';
let before = '';

beforeAll(async () => {
  stage = await freshStage(lab);
  address = stage.address;
});
afterAll(() => lab.down());

describe('a change that nobody keeps', () => {
  beforeEach(async () => {
    before = await observeQuietly(stage);
  });
  // A pending transaction of a failed test would block the node for all later tests.
  afterEach(async () => {
    const pending = (await stage.sh('basename "$(readlink /var/lib/meshd/bridge/pending)"')).trim();
    if (pending !== '') await openTransaction(host, pending).undo();
  });

  test('rolls back on its own, and leaves nothing behind', async () => {
    const { transaction } = await describeLabTransaction(lab, node, { times: { window: 15 } });
    const ping = await startPing(address);
    const tx = await placeTransaction(host, transaction);
    const begun = await tx.begin();
    // Armed before anything is changed; by the time this is read it may have been.
    expect(['armed', 'applied']).toContain(begun.state);
    expect(begun.leftMs).toBeGreaterThan(0);
    expect((await waitForState(tx, 'inside-ok')).checks.filter(({ isOk }) => !isOk)).toEqual([]);
    expect(await shellIn(lab, node, 'ip -o -4 address show dev mega_bridge')).toContain(`${address}/24`);
    const { reason } = await waitForState(tx, 'rolled-back');
    expect(reason).toContain('nobody kept the change');
    expectBackWithin(transaction.times.window, await ping.stop());
    expect(await isReachable(address)).toBe(true);
    await expect.poll(() => observeQuietly(stage)).toBe(before);
  });

  test('rolls back at once when asked to, and asking twice does no harm', async () => {
    const { transaction } = await describeLabTransaction(lab, node, { times: { window: 60 } });
    const tx = await placeTransaction(host, transaction);
    await tx.begin();
    await waitForState(tx, 'inside-ok');
    expect(await tx.undo()).toMatchObject({ state: 'rolled-back', reason: 'undone on request', leftMs: null });
    expect((await tx.undo()).state).toBe('rolled-back');
    await expect.poll(() => observeQuietly(stage)).toBe(before);
  });

  test('holds the node against others, and knows its own', async () => {
    const { transaction } = await describeLabTransaction(lab, node, { times: { window: 60 }, holder: 'ada' });
    const tx = await placeTransaction(host, transaction);
    await tx.begin();
    const other = await placeTransaction(host, (await describeLabTransaction(lab, node)).transaction);
    await expect(other.begin()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(new RegExp(`transaction ${transaction.id} of ada holds this machine`)) as string,
    });
    expect((await tx.begin()).id).toBe(transaction.id);
    await tx.undo();
    // Over: asked for again it changes nothing, and takes no lock.
    expect((await tx.begin()).state).toBe('rolled-back');
    await expect.poll(() => stage.sh('readlink /var/lib/meshd/bridge/pending')).toBe('');
  });

  test('begun and kept by several at once, it is one transaction', async () => {
    const { transaction, nonce } = await describeLabTransaction(lab, node, { times: patientTimes });
    const tx = await placeTransaction(host, transaction);
    const begun = await Promise.all([tx.begin(), tx.begin(), tx.begin()]);
    expect(begun.filter(({ state }) => !['armed', 'applied'].includes(state))).toEqual([]);
    await waitForState(tx, 'inside-ok');
    const kept = await Promise.all([tx.keep(nonce), tx.keep(nonce)]);
    expect(kept.map(({ state }) => state)).toEqual(['committed', 'committed']);
    await expect.poll(() => tx.readStatus().then(({ dhcp }) => dhcp)).toBe('same');
    await removeBridge(lab, node);
    await expect.poll(() => observeQuietly(stage)).toBe(before);
  });

  test('is not kept without its nonce, and is prolonged up to the cap only', async () => {
    const { transaction, nonce } = await describeLabTransaction(lab, node, { times: { window: 60, cap: 90 } });
    const tx = await placeTransaction(host, transaction);
    await tx.begin();
    await waitForState(tx, 'inside-ok');
    await expect(tx.keep('guessed')).rejects.toMatchObject({ code: 'refused' });
    await expect(tx.reportSeen('guessed', 'me')).rejects.toMatchObject({ code: 'refused' });
    expect((await tx.readStatus()).witnesses).toEqual([]);
    const { leftMs } = await tx.readStatus();
    const longer = await tx.more(600);
    expect(longer.leftMs).toBeGreaterThan(leftMs ?? 0);
    expect(longer.leftMs).toBeLessThanOrEqual(90_000);
    expect(await tx.reportSeen(nonce, 'console')).toMatchObject({ state: 'outside-ok', witnesses: ['console'] });
    await tx.undo();
  });

  test('is refused when the node is not as it was planned for', async () => {
    const planned = await describeLabTransaction(lab, node, { addresses: ['10.0.0.1/24'] });
    const tx = await placeTransaction(host, planned.transaction);
    await expect(tx.begin()).rejects.toMatchObject({
      code: 'refused',
      message: 'nothing was changed: eth0 no longer has 10.0.0.1/24: plan again',
    });
    await expect(openTransaction(host, 'never-placed').readStatus()).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('drills', () => {
  let isWhole = true;
  for (const drill of drills.filter(({ isQuick }) => isQuick)) {
    test(drill.name, async () => {
      // What a failed drill left behind must not fail the next one.
      if (!isWhole) stage = await freshStage(lab);
      isWhole = false;
      await runDrill(drill, stage);
      isWhole = true;
    });
  }
});

test('a change that is kept survives a power cut, and is taken away again without a trace', async () => {
  before = await observeQuietly(stage);
  const { transaction, nonce } = await describeLabTransaction(lab, node, { times: patientTimes });
  const ping = await startPing(address);
  const startedAt = performance.now();
  const tx = await placeTransaction(host, transaction);
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  expect(await isReachable(address)).toBe(true);
  await tx.reportSeen(nonce, 'console');
  const kept = await tx.keep(nonce);
  const keptMs = performance.now() - startedAt;
  expect(kept.state).toBe('committed');
  await expect.poll(() => tx.readStatus().then(({ dhcp }) => dhcp)).toBe('same');
  await sleep(1_000);
  const outage = await ping.stop();
  console.log(
    `ifupdown: outage ${kept.outageMs} ms on the node, ${outage.longestMs} ms outside (${outage.lost} of ${outage.sent} lost, ` +
      `${outage.duplicates} twice), kept after ${Math.round(keptMs)} ms`,
  );
  expectBackWithin(transaction.times.window, outage);
  expect((await tx.prove()).rebootDoubts).toEqual([]);
  expect(
    await shellIn(
      lab,
      node,
      'ls /var/lib/meshd/bridge/pending; systemctl list-units --all --plain --no-legend "meshdeck-bridge*"; ls -A /etc/network',
    ),
  ).not.toContain('meshdeck');
  await lab.fault.power(node, 'off');
  await lab.fault.power(node, 'on');
  await lab.ready(node);
  expect(await isReachable(address)).toBe(true);
  expect(await shellIn(lab, node, 'ovs-vsctl list-ports mega_bridge')).toBe('eth0');
  expect(await shellIn(lab, node, 'ip -o -4 address show dev mega_bridge')).toContain(`${address}/24`);
  expect(await shellIn(lab, node, 'ip -o -4 address show dev eth0')).toBe('');
  const removed = await removeBridge(lab, node);
  console.log(`ifupdown: taken away again with an outage of ${removed.outageMs} ms on the node`);
  await expect.poll(() => observeQuietly(stage)).toBe(before);
});
