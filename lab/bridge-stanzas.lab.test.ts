// Nodes whose ifupdown files are as people write them, side by side; more of them are drills.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeError } from '../contract/errors.ts';
import { persistBridge } from '../core/plans/bridge/persist/persist.ts';
import { judgeRegenerated } from '../core/plans/bridge/observe/regenerated.ts';
import { placeTransaction } from '../host/bridge/node-transaction.ts';
import { bridgeName, describeLabTransaction, patience, shellIn, waitForState } from './bridge.ts';
import { observeBridge } from './bridge-owners.ts';
import { proveStanzas, stanzaCases } from './bridge-stanzas.ts';
import { openLab } from './lab.ts';

const lab = openLab({ name: 'stanzas' });
const cases = stanzaCases.slice(0, 3);
const interfacesFile = '/etc/network/interfaces';
const times = { inside: 120, window: 300, cap: 600 };

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: cases.length, router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
});
afterAll(() => lab.down());

test('a commit whose files leave an address out is refused by the node before anything changes', async () => {
  const file = interfacesFile;
  const before = await shellIn(
    lab,
    'node1',
    `cp -a ${file} /root/kept; ip -o -4 address show dev eth0 | sed 's/valid.*//'`,
  );
  await shellIn(lab, 'node1', `printf 'iface eth0 inet static\\n  address 192.168.178.4/24\\n' >>${file}`);
  // Its file has the stanza of the lease alone.
  const { transaction } = await describeLabTransaction(lab, 'node1', { times });
  const tx = await placeTransaction(lab.runner('node1'), transaction, patience);
  await expect(tx.begin(patience)).rejects.toMatchObject({
    code: 'refused',
    message: 'nothing was changed: the next boot would not give mega_bridge 192.168.178.4/255.255.255.0',
  });
  await shellIn(lab, 'node1', `mv /root/kept ${file}`);
  expect(await shellIn(lab, 'node1', `ip -o -4 address show dev eth0 | sed 's/valid.*//'`)).toBe(before);
  expect(await shellIn(lab, 'node1', 'ovs-vsctl list-br; readlink /var/lib/meshd/bridge/pending')).toBe('');
});

test('an address that runs and that no file gives has the change go back instead of being kept', async () => {
  await shellIn(lab, 'node2', 'ip address add 10.77.7.7/24 dev eth0');
  const { transaction, nonce } = await describeLabTransaction(lab, 'node2', { times });
  const tx = await placeTransaction(lab.runner('node2'), transaction, patience);
  await tx.begin(patience);
  await waitForState(tx, 'inside-ok', patience.timeoutMs);
  await tx.reportSeen(nonce, 'console', patience);
  await expect(tx.keep(nonce, patience)).rejects.toMatchObject({ code: 'refused' });
  const { reason } = await waitForState(tx, 'rolled-back', patience.timeoutMs);
  expect(reason).toBe('not safe for the next boot: the next boot would not give mega_bridge 10.77.7.7/24');
  expect(await shellIn(lab, 'node2', 'ip -o -4 address show dev eth0')).toContain('10.77.7.7/24');
});

test('a unit that writes the file again at boot blocks the plan, until it is disabled as the block says', async () => {
  await shellIn(
    lab,
    'node3',
    `cp -a ${interfacesFile} /root/image-net
    printf '#!/bin/sh\\nTARGET=${interfacesFile}\\ninstall -m 644 /root/image-net "$TARGET"\\n' >/usr/local/sbin/image-net
    chmod 755 /usr/local/sbin/image-net
    printf '[Unit]\\nBefore=networking.service\\nDefaultDependencies=no\\n[Service]\\nType=oneshot\\nExecStart=/usr/local/sbin/image-net\\n[Install]\\nWantedBy=network.target\\n' >/etc/systemd/system/image-net.service
    systemctl daemon-reload; systemctl enable --now image-net.service`,
  );
  const blocks = async () => {
    const facts = await observeBridge(lab, 'node3');
    const uplink = facts.nics.find(({ name }) => name === 'eth0');
    if (!uplink) throw new Error('node3 has no eth0');
    const plan = { kind: 'ensure', bridge: bridgeName, uplink, method: 'ifupdown', datapath: 'netdev' } as const;
    return judgeRegenerated(facts, persistBridge(facts, plan).files);
  };
  const [block, ...more] = await blocks();
  expect(more).toEqual([]);
  expect(block).toMatchObject({
    level: 'block',
    text: expect.stringMatching(
      /^image-net\.service \(\/usr\/local\/sbin\/image-net:3: .*\) writes \/etc\/network\/interfaces again at boot/,
    ) as string,
  });
  await shellIn(lab, 'node3', block?.mend.split(', ')[0] ?? 'false');
  expect(await blocks()).toEqual([]);
  await shellIn(lab, 'node3', 'rm /etc/systemd/system/image-net.service /usr/local/sbin/image-net /root/image-net');
});

test('each is bridged, there after a power cut, and taken away again', { timeout: 600_000 }, async () => {
  const ends = await Promise.allSettled(cases.map((each, at) => proveStanzas(lab, `node${at + 1}`, each)));
  const failed = ends.flatMap((end, at) =>
    end.status === 'rejected' ? [`${cases[at]?.name ?? ''}: ${describeError(end.reason)}`] : [],
  );
  expect(failed).toEqual([]);
});
