// What others do with the NIC while it moves: netplan applied by hand, a firewalld zone that names it, and keepalived with a
// virtual address on it.
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { judgeManaged, judgeNamers } from '../core/plans/bridge/observe/namers.ts';
import { transactionOf } from '../core/plans/bridge/plan/node-step.ts';
import { persistBridge } from '../core/plans/bridge/persist/persist.ts';
import { judgeBridge } from '../core/plans/bridge/judge/verdict.ts';
import { cyclePower, expectBare, expectBridged, observeBridge, planChange, readEtc } from './bridge-owners.ts';
import {
  bridgeName,
  imagesDeadlineMs,
  isReachable,
  patientTimes,
  removeBridge,
  shellIn,
  startPing,
  waitForState,
} from './bridge.ts';
import { openLab, type UpOptions } from './lab.ts';

const lab = openLab({ name: 'othersdrill' });
const node = 'node1';
const sh = (line: string) => shellIn(lab, node, line);

async function startLab(options: Partial<UpOptions>): Promise<void> {
  await lab.down();
  const results = await lab.up({ nodes: 1, router: true, ...options });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
}
// The deadline of a test is for what it does with its node.
beforeAll(async () => {
  await lab.buildImage({ owner: 'netplan' });
  await lab.buildImage({ extra: ['firewalld'] });
  await lab.buildImage({ extra: ['keepalived'] });
}, imagesDeadlineMs);
afterEach(() => lab.down());

/** Changes it, and returns once the inside checks have passed. Where nobody keeps it, the test waits for the window's end. */
async function tryOut(method: 'networkd' | 'ifupdown', end: 'kept' | 'gone back') {
  const times = end === 'kept' ? patientTimes : { inside: 15, window: 30 };
  const trial = await planChange(lab, node, 'ensure', method, { times });
  await trial.tx.begin();
  await waitForState(trial.tx, 'inside-ok');
  return trial;
}

describe('netplan apply (or ifreload) run by hand in trial', () => {
  test('and nobody keeps it: it goes back', async () => {
    await startLab({ owner: 'netplan' });
    const before = await readEtc(lab, node);
    const ping = await startPing(await lab.address(node));
    const { tx } = await tryOut('networkd', 'gone back');
    expect(await sh('netplan apply && echo applied')).toContain('applied');
    const { reason } = await waitForState(tx, 'rolled-back');
    expect(reason).toContain('nobody kept the change');
    await sleep(3_000);
    const outage = await ping.stop();
    console.log(`netplan apply: outage ${outage.longestMs} ms outside (${outage.lost} of ${outage.sent} lost)`);
    await expectBare(lab, node);
    expect(await readEtc(lab, node)).toBe(before);
  });

  test('and it is kept: bridge, uplink and address are right after a power cut, and after another apply', async () => {
    await startLab({ owner: 'netplan' });
    const { tx, nonce } = await tryOut('networkd', 'kept');
    expect(await sh('netplan apply && echo applied')).toContain('applied');
    expect(await isReachable(await lab.address(node))).toBe(true);
    await tx.reportSeen(nonce, 'console');
    expect((await tx.keep(nonce)).state).toBe('committed');
    await expect.poll(async () => (await tx.readStatus()).dhcp).toBe('same');
    await expectBridged(lab, node);
    await cyclePower(lab, node);
    await expectBridged(lab, node);
    expect(await sh('netplan apply && echo applied')).toContain('applied');
    await sleep(3_000);
    await expectBridged(lab, node);
  });
});

describe('firewalld zone on NIC', () => {
  /** eth0 in a zone that lets SSH in, all other interfaces in one that lets nothing in. */
  async function startWithZone(): Promise<void> {
    await startLab({ extra: ['firewalld'] });
    const made = await sh(`firewall-cmd -q --permanent --new-zone=mgmt &&
      firewall-cmd -q --permanent --zone=mgmt --add-service=ssh &&
      firewall-cmd -q --permanent --zone=mgmt --add-interface=eth0 &&
      firewall-cmd -q --set-default-zone=drop && firewall-cmd -q --reload && firewall-cmd --get-active-zones`);
    expect(made).toMatch(/^mgmt\n {2}interfaces: eth0/);
    expect(await isReachable(await lab.address(node))).toBe(true);
  }
  /** What the plan says of zones and rules of a firewall. */
  async function readWarnings() {
    const facts = await observeBridge(lab, node);
    const choice = { bridge: bridgeName, uplink: 'eth0', method: 'auto', datapath: 'netdev' } as const;
    return judgeBridge(facts, choice).findings.filter(({ id }) => id === 'zone' || id === 'entangled');
  }

  test('that lets SSH in, and the default zone does not: warned of, and it goes back', async () => {
    await startWithZone();
    expect(await readWarnings()).toMatchObject([{ level: 'warn', id: 'zone' }]);
    const before = await readEtc(lab, node);
    const address = await lab.address(node);
    const { tx } = await tryOut('ifupdown', 'gone back');
    // Nobody sees it: neither the console nor a peer gets in.
    expect(await isReachable(address)).toBe(false);
    await waitForState(tx, 'rolled-back');
    await expectBare(lab, node);
    expect(await readEtc(lab, node)).toBe(before);
  });

  test('and the bridge put into it as the warning says: kept, and so after a power cut', async () => {
    await startWithZone();
    const [warning] = await readWarnings();
    expect(await sh(warning?.mend.replace(/^[^:]*: /, '') ?? 'false')).toContain('success');
    expect(await readWarnings()).toEqual([]);
    const address = await lab.address(node);
    const { tx, nonce } = await tryOut('ifupdown', 'kept');
    expect(await isReachable(address)).toBe(true);
    await tx.reportSeen(nonce, 'console');
    expect((await tx.keep(nonce)).state).toBe('committed');
    await expect.poll(async () => (await tx.readStatus()).dhcp).toBe('same');
    await cyclePower(lab, node);
    await expectBridged(lab, node);
    await removeBridge(lab, node);
    await expectBare(lab, node);
  });
});

describe('keepalived has a /32 on the NIC', () => {
  const config = '/etc/keepalived/keepalived.conf';
  const addressesOn = (device: string) => sh(`ip -o -4 address show dev ${device} | awk '{ print $4 }'`);
  let vip = '';

  async function startWithVip(): Promise<void> {
    await startLab({ extra: ['keepalived'] });
    vip = `${(await lab.address(node)).replace(/\d+$/, '200')}/32`;
    await sh(`cat >${config} <<'END'
vrrp_instance web {
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 100
  virtual_ipaddress {
    ${vip}
  }
}
END
systemctl restart keepalived`);
    await expect.poll(() => addressesOn('eth0')).toContain(vip);
  }

  /** As the console plans it, changed, and past the inside checks; with what the plan says of keepalived. */
  async function tryWithVip() {
    const facts = await observeBridge(lab, node);
    const verdict = judgeBridge(facts, { bridge: bridgeName, uplink: 'eth0', method: 'auto', datapath: 'netdev' });
    const { uplink, method, datapath } = verdict;
    if (!uplink) throw new Error(`${node} has no eth0`);
    const persistence = persistBridge(facts, { kind: 'ensure', bridge: bridgeName, uplink, method, datapath });
    const form = { bridge: bridgeName, hold: false, times: {} };
    const { addresses, leave } = transactionOf('ensure', { facts, verdict, uplink, persistence, form });
    expect({ addresses, leave }).toEqual({ addresses: [`${await lab.address(node)}/24`], leave: [vip] });
    const trial = await planChange(lab, node, 'ensure', method, { addresses, leave, times: patientTimes });
    await trial.tx.begin();
    await waitForState(trial.tx, 'inside-ok');
    expect(await addressesOn(bridgeName)).toBe(addresses[0]);
    const named = judgeNamers(facts, { uplink: 'eth0', bridge: bridgeName });
    return { ...trial, findings: [...named, ...judgeManaged(uplink, bridgeName)] };
  }

  test('undone: the node has its own address again, and keepalived brings its own', async () => {
    await startWithVip();
    const before = await readEtc(lab, node);
    const { tx } = await tryWithVip();
    expect((await tx.undo()).state).toBe('rolled-back');
    await expect.poll(() => addressesOn('eth0')).toBe(`${await lab.address(node)}/24\n${vip}`);
    await expectBare(lab, node);
    expect(await readEtc(lab, node)).toBe(before);
  });

  test('kept: the plan names it, the bridge does not get it, and keepalived puts it where its file says', async () => {
    await startWithVip();
    const { tx, nonce, findings } = await tryWithVip();
    expect(findings).toMatchObject([
      { level: 'warn', id: 'named', text: expect.stringContaining(`keepalived names eth0: ${config}:3: `) as string },
      { level: 'warn', id: 'managed', text: expect.stringContaining(`${vip} on eth0 belongs to`) as string },
    ]);
    await tx.reportSeen(nonce, 'console');
    expect((await tx.keep(nonce)).state).toBe('committed');
    await expect.poll(async () => (await tx.readStatus()).dhcp).toBe('same');
    expect(await addressesOn(bridgeName)).toBe(`${await lab.address(node)}/24`);
    // As the plan says: the bridge's name in the place of the NIC's, then the command.
    const [, reload = 'false'] = /, then (systemctl .*)$/.exec(findings[0]?.mend ?? '') ?? [];
    await sh(`sed -i 's/eth0/${bridgeName}/' ${config}; ${reload}`);
    await expect.poll(() => addressesOn(bridgeName)).toContain(vip);
    await expectBridged(lab, node);
    await cyclePower(lab, node);
    await expect.poll(() => addressesOn(bridgeName)).toContain(vip);
    await expectBridged(lab, node);
  });
});
