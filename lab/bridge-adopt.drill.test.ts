// Bridges that others made: recognised and completed, or left as they were. Each with the userspace datapath, as the guide's
// commands make them in this lab.
import { afterAll, beforeEach, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { bridgeName, isReachable, patientTimes, removeBridge, startPing, waitForState } from './bridge.ts';
import type { Stage } from './bridge-drills.ts';
import { observeBridge, planChange } from './bridge-owners.ts';
import { judgeBridge, type BridgePresence } from '../core/plans/bridge/judge/verdict.ts';
import type { TransactionOverrides } from './bridge.ts';
import { openLab } from './lab.ts';
import { expectBackWithin, freshStage, observeQuietly } from './run-drill.ts';

const lab = openLab({ name: 'adopt' });
const node = 'node1';
let stage: Stage;
let gateway = '';
beforeEach(async () => {
  stage = await freshStage(lab);
  gateway = stage.address.replace(/\d+$/, '1');
});
afterAll(() => lab.down());

const ofBridge = () =>
  stage.sh(`ovs-vsctl --format=csv --no-headings --columns=name,other_config,external_ids,fail_mode list bridge
  ovs-vsctl --format=csv --no-headings --columns=name,other_config,external_ids list port eth0
  ip -o address | sed 's/valid_lft.*//'; ip route; nft list ruleset`);

/** As the console would plan it, with what it takes the bridge for. */
async function planAdoption(presence: BridgePresence, overrides: TransactionOverrides = {}) {
  const facts = await observeBridge(lab, node);
  const verdict = judgeBridge(facts, { bridge: bridgeName, uplink: 'eth0', method: 'auto', datapath: 'auto' });
  expect(verdict.findings.filter(({ level }) => level === 'block')).toEqual([]);
  // A fixed address typed by hand, and a stanza that would ask for a lease: the stanza cannot bring it back.
  expect(verdict).toMatchObject({ presence, method: presence === 'unproven' ? 'commands' : 'ifupdown' });
  return planChange(lab, node, presence === 'unproven' ? 'persist' : 'ensure', verdict.method, overrides);
}

/** The guide's commands, typed in one go. */
async function bridgeByHand(): Promise<void> {
  await stage.sh(`kill -KILL $(cat /run/dhclient.eth0.pid)
    ovs-vsctl add-br ${bridgeName} -- set bridge ${bridgeName} datapath_type=netdev -- add-port ${bridgeName} eth0
    ip address flush dev eth0
    echo 1 >/proc/sys/net/ipv4/conf/${bridgeName}/arp_notify
    ip address add ${stage.address}/24 dev ${bridgeName}
    ip link set ${bridgeName} up
    ip route add default via ${gateway}
    nft 'add table netdev meshdeck_bridge; add chain netdev meshdeck_bridge uplink { type filter hook ingress device "eth0" priority -500; policy drop; }'`);
  expect(await isReachable(stage.address)).toBe(true);
}

test('one that works and would be gone at the next boot is completed for it, and nothing moves', async () => {
  await bridgeByHand();
  expect((await observeBridge(lab, node)).rebootDoubts).not.toEqual([]);
  const { tx, nonce } = await planAdoption('unproven');
  const ping = await startPing(stage.address);
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  await tx.reportSeen(nonce, 'console');
  expect((await tx.keep(nonce)).state).toBe('committed');
  await expect.poll(async () => (await tx.readStatus()).dhcp).toBe('none');
  expect(await ping.stop()).toMatchObject({ lost: 0 });
  const facts = await observeBridge(lab, node);
  // Pinned to the address that it had, which its next port could have changed.
  expect(facts.ovs.bridges[0]).toMatchObject({ hwaddr: facts.nics.find(({ name }) => name === bridgeName)?.mac });
  expect({ doubts: facts.rebootDoubts, drift: facts.drift }).toEqual({ doubts: [], drift: [] });
  await lab.fault.power(node, 'off');
  await lab.fault.power(node, 'on');
  await lab.ready(node);
  expect(await isReachable(stage.address)).toBe(true);
  expect(await stage.sh(`ovs-vsctl list-ports ${bridgeName}`)).toBe('eth0');
});

test.each(['undone', 'kept by nobody', 'cut by the power'])(
  'completed for the next boot, and %s: all stays as it was',
  async (how) => {
    await bridgeByHand();
    await observeQuietly(stage);
    const before = await ofBridge();
    const etc = await stage.sh('cat /etc/network/interfaces');
    const { tx } = await planAdoption('unproven', { times: { inside: 15, window: 30 } });
    const ping = await startPing(stage.address);
    await tx.begin();
    await waitForState(tx, 'inside-ok');
    if (how === 'undone') await tx.undo();
    if (how === 'cut by the power') {
      await lab.fault.power(node, 'off');
      await lab.fault.power(node, 'on');
    }
    expect((await waitForState(tx, ['rolled-back', 'rollback-failed'])).state).toBe('rolled-back');
    const { lost } = await ping.stop();
    expect(await stage.sh('cat /etc/network/interfaces')).toBe(etc);
    expect(await stage.sh('readlink /var/lib/meshd/bridge/pending')).toBe('');
    if (how === 'cut by the power') return;
    expect(lost).toBe(0);
    expect(await ofBridge()).toBe(before);
  },
);

test.each(['kept', 'gone back'])('half of one, with the address still on the NIC: completed, and %s', async (how) => {
  await stage.sh(
    `ovs-vsctl add-br ${bridgeName} -- set bridge ${bridgeName} datapath_type=netdev -- add-port ${bridgeName} eth0`,
  );
  expect(await isReachable(stage.address)).toBe(true);
  await observeQuietly(stage);
  const before = await ofBridge();
  const times = how === 'kept' ? patientTimes : { inside: 15, window: 30 };
  const { tx, nonce } = await planAdoption('partial', { times });
  const ping = await startPing(stage.address);
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  if (how === 'kept') {
    await tx.reportSeen(nonce, 'console');
    expect((await tx.keep(nonce)).state).toBe('committed');
    await expect.poll(async () => (await tx.readStatus()).dhcp).toBe('same');
    const facts = await observeBridge(lab, node);
    expect({ doubts: facts.rebootDoubts, drift: facts.drift }).toEqual({ doubts: [], drift: [] });
    expectBackWithin(times.window, await ping.stop());
    // It was there before: taken away again, it stays, and the NIC with its addresses is out of it.
    await removeBridge(lab, node);
    expect(await stage.sh(`ovs-vsctl list-br; ovs-vsctl list-ports ${bridgeName}`)).toBe(bridgeName);
  } else {
    expect((await waitForState(tx, ['rolled-back', 'rollback-failed'])).state).toBe('rolled-back');
    expectBackWithin(times.window, await ping.stop());
    await sleep(1_000);
    expect(await ofBridge()).toBe(before);
  }
  expect(await isReachable(stage.address)).toBe(true);
});

test('IPv6 alone: kept, and it is there after a power cut', async () => {
  const own = `fd4d:44:${stage.address.split('.')[2]}::11/64`;
  await stage.sh(`kill -KILL $(cat /run/dhclient.eth0.pid); ip -4 address flush dev eth0
    cat >/etc/network/interfaces <<'END'
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet6 static
  address ${own}
  accept_ra 0
END
    ifdown --force eth0; ifup --force eth0`);
  await observeQuietly(stage);
  const { tx, nonce } = await planAdoption('absent', { addresses: [own], checks: ['carrier', 'addresses', 'ovs'] });
  await tx.begin();
  await waitForState(tx, 'inside-ok');
  await tx.reportSeen(nonce, 'console');
  expect((await tx.keep(nonce)).state).toBe('committed');
  await expect.poll(async () => (await tx.readStatus()).dhcp).toBe('none');
  await lab.fault.power(node, 'off');
  await lab.fault.power(node, 'on');
  const addresses = () => stage.sh(`ip -o -6 address show dev ${bridgeName} scope global`);
  await expect.poll(addresses).toContain(own);
  expect(await stage.sh(`ovs-vsctl list-ports ${bridgeName}`)).toBe('eth0');
});
