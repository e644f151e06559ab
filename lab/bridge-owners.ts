// A node's bridge by each owner and method, the whole way: looked at, planned, changed, kept, power cut, taken away again. For
// the lab test and the drills.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { observeBridgeScript, parseBridgeFacts } from '../core/plans/bridge/observe/observe.ts';
import { carrierOf } from '../core/plans/bridge/plan/picture.ts';
import { persistBridge } from '../core/plans/bridge/persist/persist.ts';
import type { BridgeFacts, BridgeMethod } from '../core/plans/bridge/observe/facts.ts';
import type { BridgeTransaction } from '../core/plans/bridge/plan/transaction.ts';
import { placeTransaction, type NodeTransaction } from '../host/bridge/node-transaction.ts';
import {
  bridgeName,
  describeLabTransaction,
  isReachable,
  patience,
  patientTimes,
  shellIn,
  startPing,
  waitForState,
  type Outage,
  type TransactionOverrides,
} from './bridge.ts';
import type { Lab } from './lab.ts';
import { expectBackWithin } from './run-drill.ts';

export async function observeBridge(lab: Lab, node: string): Promise<BridgeFacts> {
  const { stdout } = await lab.exec(node, ['sh', '-c', observeBridgeScript, 'sh', bridgeName], patience);
  return parseBridgeFacts(stdout);
}

/** What was measured of one change. */
export interface ChangeFigures {
  /** On the node: from the uplink's loss of its address to the bridge's having it. */
  readonly insideMs: number;
  readonly outside: Outage;
  readonly keptMs: number;
  readonly dhcp: string;
}

/** Of the changes here, in seconds. */
export const ownersWindow = patientTimes.window;

/** A transaction as the console would plan it now, placed on the node. */
export async function planChange(
  lab: Lab,
  node: string,
  kind: BridgeTransaction['kind'],
  method: BridgeMethod,
  overrides: TransactionOverrides = {},
): Promise<{ tx: NodeTransaction; nonce: string }> {
  const facts = await observeBridge(lab, node);
  const uplink = facts.nics.find(({ name }) => name === 'eth0');
  if (!uplink) throw new Error(`${node} has no eth0`);
  const persistence = persistBridge(facts, { kind, bridge: bridgeName, uplink, method, datapath: 'netdev' });
  expect(persistence.findings.filter(({ level }) => level === 'block')).toEqual([]);
  const { transaction, nonce } = await describeLabTransaction(lab, node, {
    kind,
    method,
    mac: carrierOf(facts, uplink, bridgeName).mac,
    owner: uplink.owner,
    dhcp: persistence.dhcp,
    dhcpClientId: uplink.dhcpClientId,
    files: persistence.files,
    enable: persistence.enable,
    disable: persistence.disable,
    ...overrides,
    times: { ...patientTimes, dhcp: 10, ...overrides.times },
  });
  return { tx: await placeTransaction(lab.runner(node), transaction), nonce };
}

/** Runs one transaction, and keeps it. */
export async function changeBridge(
  lab: Lab,
  node: string,
  kind: BridgeTransaction['kind'],
  method: BridgeMethod,
): Promise<ChangeFigures> {
  const address = await lab.address(node);
  const ping = await startPing(address);
  const startedAt = performance.now();
  const { tx, nonce } = await planChange(lab, node, kind, method);
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  expect(await isReachable(address)).toBe(true);
  await tx.reportSeen(nonce, 'console');
  const kept = await tx.keep(nonce);
  const keptMs = Math.round(performance.now() - startedAt);
  expect(kept.state).toBe('committed');
  let dhcp = '';
  await expect.poll(async () => (dhcp = (await tx.readStatus()).dhcp)).not.toBe('');
  // What the hand-over does after its word, and what it may break, comes in these seconds.
  await sleep(4_000);
  const outside = await ping.stop();
  return { insideMs: kept.outageMs ?? 0, outside, keptMs, dhcp };
}

/** On trial, then back, while the owner was restarted and no DHCP server answers: how long nobody answered, in ms. */
export async function goBackAfterRestart(
  lab: Lab,
  node: string,
  method: BridgeMethod,
  service: string,
): Promise<{ outside: Outage; backMs: number }> {
  const { tx } = await planChange(lab, node, 'ensure', method);
  const ping = await startPing(await lab.address(node));
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  await lab.fault.dhcp('off');
  await shellIn(lab, node, `systemctl restart ${service}`);
  await sleep(3_000);
  expect((await tx.readStatus()).state).toBe('inside-ok');
  const startedAt = performance.now();
  expect((await tx.undo()).state).toBe('rolled-back');
  const backMs = Math.round(performance.now() - startedAt);
  // NetworkManager gives DHCP 45 s before it takes an address away.
  await sleep(50_000);
  return { outside: await ping.stop(), backMs };
}

/** On trial, then undone: how long that took on the node, and how long nobody answered, in ms. */
async function goBack(lab: Lab, node: string, method: BridgeMethod): Promise<{ outside: Outage; backMs: number }> {
  const { tx } = await planChange(lab, node, 'ensure', method);
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  const ping = await startPing(await lab.address(node));
  await sleep(500);
  const startedAt = performance.now();
  expect((await tx.undo()).state).toBe('rolled-back');
  const backMs = Math.round(performance.now() - startedAt);
  await sleep(2_000);
  return { outside: await ping.stop(), backMs };
}

/** A hard power cycle, until the node is ready again. */
export async function cyclePower(lab: Lab, node: string): Promise<void> {
  await lab.fault.power(node, 'off');
  await lab.fault.power(node, 'on');
  await lab.ready(node);
}

/** All of /etc but what Open vSwitch and the resolver's owner write. */
export function readEtc(lab: Lab, node: string): Promise<string> {
  // NetworkManager writes resolv.conf under another name first; a cut of the power in between leaves that file for ever.
  const ours = `! -path './openvswitch/*' ! -name resolv.conf ! -name 'resolv.conf.??????'`;
  const script = `
    cd /etc && find . -type f ${ours} -exec sha256sum {} + | sort -k 2
    find . -type f ${ours} -printf '%m %u %g %p\\n' | sort -k 4
    find . -type l -printf '%p -> %l\\n' | sort`;
  return shellIn(lab, node, script);
}

/** The bridge is as wanted now, and the node says that it will be so after the next boot. */
export async function expectBridged(lab: Lab, node: string): Promise<void> {
  const address = await lab.address(node);
  expect(await isReachable(address)).toBe(true);
  const facts = await observeBridge(lab, node);
  const [bridge, uplink] = [bridgeName, 'eth0'].map((name) => facts.nics.find((nic) => nic.name === name));
  expect(facts.ovs.bridges.find(({ name }) => name === bridgeName)).toMatchObject({ ports: ['eth0'], errors: [] });
  expect(bridge?.addresses.map((each) => each.address)).toContain(`${address}/24`);
  expect(bridge?.mac).toBe(uplink?.mac);
  expect(uplink?.addresses.filter(({ family }) => family === 4)).toEqual([]);
  expect(facts.defaultRoutes.map(({ dev }) => dev)).toEqual([bridgeName]);
  expect(facts.dnsServers).toHaveLength(1);
  expect({ doubts: facts.rebootDoubts, drift: facts.drift }).toEqual({ doubts: [], drift: [] });
  const ping = await startPing(address);
  await sleep(1_000);
  expect(await ping.stop()).toMatchObject({ lost: 0, duplicates: 0 });
}

/** eth0 has what it had, and nothing of the bridge is left. */
export async function expectBare(lab: Lab, node: string): Promise<void> {
  const address = await lab.address(node);
  expect(await isReachable(address)).toBe(true);
  const facts = await observeBridge(lab, node);
  expect(facts.ovs.bridges).toEqual([]);
  expect(facts.nics.map(({ name }) => name)).toEqual(['eth0']);
  expect(facts.nics[0]?.addresses.map((each) => each.address)).toContain(`${address}/24`);
  expect(facts.dnsServers).toHaveLength(1);
  expect(facts.committed).toBe(null);
}

/** Bridged, power cut, taken away, power cut: all of it as the node's user would see it. Prints the row of the measured table. */
export async function proveOwner(lab: Lab, node: string, owner: string, method: BridgeMethod): Promise<void> {
  const before = await readEtc(lab, node);
  const back = await goBack(lab, node, method);
  console.log(`${owner}, ${method}: back after ${back.backMs} ms, ${back.outside.lost} of ${back.outside.sent} lost`);
  expectBackWithin(ownersWindow, back.outside);
  expect(await readEtc(lab, node)).toBe(before);
  const ensured = await changeBridge(lab, node, 'ensure', method);
  print(`${owner}, ${method}`, ensured);
  expect(ensured.dhcp).toBe('same');
  expectBackWithin(ownersWindow, ensured.outside);
  await expectBridged(lab, node);
  await cyclePower(lab, node);
  await expectBridged(lab, node);
  const facts = await observeBridge(lab, node);
  const uplink = facts.nics.find(({ name }) => name === 'eth0');
  if (!uplink) throw new Error(`${node} has no eth0`);
  const again = persistBridge(facts, { kind: 'ensure', bridge: bridgeName, uplink, method, datapath: 'netdev' });
  expect(again.files.map(({ path }) => path)).toEqual([]);
  const removed = await changeBridge(lab, node, 'remove', method);
  print(`${owner}, ${method}, taken away`, removed);
  expectBackWithin(ownersWindow, removed.outside);
  expect(await readEtc(lab, node)).toBe(before);
  await expectBare(lab, node);
  await cyclePower(lab, node);
  await expectBare(lab, node);
  expect(await readEtc(lab, node)).toBe(before);
}

function print(what: string, { insideMs, outside, keptMs, dhcp }: ChangeFigures): void {
  console.log(
    `${what}: outage ${insideMs} ms on the node, ${outside.longestMs} ms outside (${outside.lost} of ${outside.sent} lost, ` +
      `${outside.duplicates} twice), kept after ${keptMs} ms, lease ${dhcp}`,
  );
}
