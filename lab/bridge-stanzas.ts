// Nodes whose ifupdown files are as people write them, bridged and through a cut of the power: for the lab test and the drills.
import { expect } from 'vitest';
import { persistBridge } from '../core/plans/bridge/persist/persist.ts';
import { addressesOf, carrierOf } from '../core/plans/bridge/plan/picture.ts';
import { placeTransaction } from '../host/bridge/node-transaction.ts';
import { bridgeName, describeLabTransaction, isReachable, patience, shellIn, waitForState } from './bridge.ts';
import { cyclePower, observeBridge, readEtc } from './bridge-owners.ts';
import type { Lab } from './lab.ts';

export interface StanzaCase {
  readonly name: string;
  /** Files by path, with the node's own address for A and its gateway for G. */
  readonly files: Readonly<Record<string, string>>;
  /** Fixed addresses beside the node's own. */
  readonly fixed: readonly string[];
  /** Neither written nor emptied by the plan. */
  readonly untouched: readonly string[];
}

const main = '/etc/network/interfaces';
const folder = `${main}.d`;
const lo = 'auto lo\niface lo inet loopback\n';
const dhcp = 'auto eth0\niface eth0 inet dhcp\n';
/** Nodes have no udev: at boot this does for a class of hotplug what udev's rule of ifupdown does. */
const hotplug = {
  '/etc/systemd/system/hotplug-eth0.service': `[Unit]
DefaultDependencies=no
After=local-fs.target network-pre.target
Before=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/ifup --allow=hotplug eth0
`,
  '/etc/systemd/system/multi-user.target.d/hotplug-eth0.conf': '[Unit]\nWants=hotplug-eth0.service\n',
};
/** Would make the node unreachable if anything took it up. */
const stale = 'auto eth0\niface eth0 inet static\n  address 192.0.2.99/24\n';

export const stanzaCases: readonly StanzaCase[] = [
  {
    name: 'a lease, a fixed address and a label',
    files: {
      [main]: `${lo}${dhcp}iface eth0 inet static\n  address 192.168.178.4/24\nauto eth0:1\niface eth0:1 inet static\n  address 192.168.179.4/24\n`,
    },
    fixed: ['192.168.178.4/24', '192.168.179.4/24'],
    untouched: [],
  },
  {
    name: 'source-directory with a file of cloud-init that ifupdown does not read',
    files: {
      [main]: `${lo}source-directory ${folder}\n`,
      [`${folder}/50-cloud-init.cfg`]: stale,
      [`${folder}/eth0`]: dhcp,
    },
    fixed: [],
    untouched: [`${folder}/50-cloud-init.cfg`],
  },
  {
    name: 'a stanza that inherits all it has, and a relative include',
    files: {
      [main]: `${lo}source interfaces.d/e*\n`,
      [`${folder}/eth0`]: 'iface base inet dhcp\n  metric 100\nauto eth0\niface eth0 inherits base\n',
    },
    fixed: [],
    untouched: [main],
  },
  {
    name: 'two fixed addresses',
    files: {
      [main]: `${lo}auto eth0\niface eth0 inet static\n  address A/24\n  gateway G\niface eth0 inet static\n  address 192.168.178.4/24\n`,
    },
    fixed: ['192.168.178.4/24'],
    untouched: [],
  },
  {
    name: 'source with a glob, beside files that it leaves out',
    files: {
      [main]: `source ${folder}/*.cfg\n${lo}`,
      [`${folder}/eth0`]: stale,
      [`${folder}/eth0.cfg.bak`]: stale,
      [`${folder}/eth0.cfg`]: dhcp,
    },
    fixed: [],
    untouched: [`${folder}/eth0`, `${folder}/eth0.cfg.bak`, main],
  },
  {
    name: 'an include in an include, and a NIC that udev brings up',
    files: {
      [main]: `${lo}source /srv/net/all\n`,
      ...hotplug,
      '/srv/net/all': 'source-directory nics\n',
      '/srv/net/nics/eth0': 'allow-hotplug eth0\niface eth0 inet dhcp\niface eth0 inet6 static\n  address fd00::5/64\n',
    },
    fixed: ['fd00::5/64'],
    untouched: [main, '/srv/net/all'],
  },
];

/** As the machine would be if it had been installed like that. */
export async function writeCase(lab: Lab, node: string, { files }: StanzaCase): Promise<void> {
  const address = await lab.address(node);
  const texts = Object.entries(files).map(([path, text]) => {
    const content = text
      .replace(/\bA\//, `${address}/`)
      .replace(/gateway G/, `gateway ${address.replace(/\.\d+$/, '.1')}`);
    return `mkdir -p ${path.slice(0, path.lastIndexOf('/'))}; cat >${path} <<'END'\n${content}END`;
  });
  await shellIn(lab, node, ['rm -f /etc/network/interfaces.d/*', ...texts].join('\n'));
  await cyclePower(lab, node);
}

export async function expectAddresses(lab: Lab, node: string, device: string, fixed: readonly string[]): Promise<void> {
  const wanted = [`${await lab.address(node)}/24`, ...fixed].sort();
  const script = `ip -o address show dev ${device} scope global | awk '{ print $4 }' | sort`;
  await expect
    .poll(async () => (await shellIn(lab, node, script)).split('\n').sort(), { timeout: 60_000 })
    .toEqual(wanted);
  await expect.poll(async () => isReachable(await lab.address(node)), { timeout: 60_000 }).toBe(true);
}

/** As the console would plan it now, and kept. */
export async function change(lab: Lab, node: string, kind: 'ensure' | 'remove'): Promise<void> {
  const facts = await observeBridge(lab, node);
  const uplink = facts.nics.find(({ name }) => name === 'eth0');
  if (!uplink) throw new Error(`${node} has no eth0`);
  const plan = { kind, bridge: bridgeName, uplink, method: 'ifupdown', datapath: 'netdev' } as const;
  const { files, dhcp, findings } = persistBridge(facts, plan);
  expect(findings.filter(({ level }) => level === 'block')).toEqual([]);
  const carrier = carrierOf(facts, uplink, bridgeName);
  const { transaction, nonce } = await describeLabTransaction(lab, node, {
    ...{ kind, files, dhcp, mac: carrier.mac, owner: uplink.owner, addresses: addressesOf(carrier) },
    times: { inside: 120, window: 300, cap: 600 },
  });
  const tx = await placeTransaction(lab.runner(node), transaction, patience);
  await tx.begin(patience);
  await waitForState(tx, 'inside-ok', patience.timeoutMs);
  await tx.reportSeen(nonce, 'console', patience);
  expect((await tx.keep(nonce, patience)).state).toBe('committed');
  await expect.poll(async () => (await tx.readStatus(patience)).dhcp, { timeout: 120_000 }).not.toBe('');
  const pending = () => shellIn(lab, node, 'readlink /var/lib/meshd/bridge/pending');
  await expect.poll(pending, { timeout: 60_000 }).toBe('');
  expect((await tx.prove(patience)).rebootDoubts).toEqual([]);
}

/** Bridged, power cut, taken away: every address is there each time, and so is each file at the end. */
export async function proveStanzas(lab: Lab, node: string, each: StanzaCase): Promise<void> {
  await writeCase(lab, node, each);
  await expectAddresses(lab, node, 'eth0', each.fixed);
  const etc = await readEtc(lab, node);
  const sums = () => shellIn(lab, node, `sha256sum ${each.untouched.join(' ')} </dev/null`);
  const kept = await sums();
  await change(lab, node, 'ensure');
  const isSafe = async () => {
    const { rebootDoubts, drift } = await observeBridge(lab, node);
    return { rebootDoubts, drift };
  };
  expect(await isSafe()).toEqual({ rebootDoubts: [], drift: [] });
  await expectAddresses(lab, node, bridgeName, each.fixed);
  expect(await sums()).toBe(kept);
  await cyclePower(lab, node);
  await expectAddresses(lab, node, bridgeName, each.fixed);
  expect(await isSafe()).toEqual({ rebootDoubts: [], drift: [] });
  // What the bridge lost meanwhile comes back with the stanzas.
  for (const address of each.fixed.slice(0, 1))
    await shellIn(lab, node, `ip address delete ${address} dev ${bridgeName}`);
  await change(lab, node, 'remove');
  await expectAddresses(lab, node, 'eth0', each.fixed);
  expect(await readEtc(lab, node)).toBe(etc);
}
