// The bridge by each owner and method that the lab test beside this leaves out, and each owner with a silent DHCP server.
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  changeBridge,
  cyclePower,
  expectBare,
  expectBridged,
  goBackAfterRestart,
  observeBridge,
  ownersWindow,
  proveOwner,
  readEtc,
} from './bridge-owners.ts';
import { imagesDeadlineMs, isReachable, shellIn } from './bridge.ts';
import { openLab } from './lab.ts';
import { nodeOwners, type NodeOwner } from './recipe.ts';
import { expectBackWithin } from './run-drill.ts';

const lab = openLab({ name: 'ownersdrill' });
const node = 'node1';

async function startLab(owner: NodeOwner): Promise<void> {
  await lab.down();
  const results = await lab.up({ nodes: 1, owner, router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
}
// The deadline of a test is for what it does with its node.
beforeAll(async () => {
  for (const owner of nodeOwners) await lab.buildImage({ owner });
}, imagesDeadlineMs);
afterEach(() => lab.down());

test.each([
  ['ifupdown', 'ifupdown'],
  ['ifupdown', 'commands'],
  ['networkd', 'networkd'],
  ['networkd', 'commands'],
  ['netplan', 'networkd'],
  ['netplan', 'commands'],
] as const)('%s by the method %s: bridged, through a power cut, taken away without a trace', async (owner, method) => {
  await startLab(owner);
  await proveOwner(lab, node, owner, method);
});

describe.each([
  ['networkmanager', 'commands', 'NetworkManager'],
  ['networkd', 'networkd', 'systemd-networkd'],
] as const)('%s while no DHCP server answers', (owner, method, service) => {
  test('restarted in the trial: it leaves the bridge alone, and the rollback costs no address', async () => {
    await startLab(owner);
    const { outside, backMs } = await goBackAfterRestart(lab, node, method, service);
    console.log(
      `${owner}: back after ${backMs} ms, outage ${outside.longestMs} ms outside (${outside.lost} of ${outside.sent} lost)`,
    );
    expectBackWithin(ownersWindow, outside);
    await expectBare(lab, node);
  });

  test('kept: the address stays, and is leased once the server is back', async () => {
    await startLab(owner);
    await lab.fault.dhcp('off');
    const figures = await changeBridge(lab, node, 'ensure', method);
    expect(figures.dhcp).toBe('silent');
    expectBackWithin(ownersWindow, figures.outside);
    expect(await isReachable(await lab.address(node))).toBe(true);
    await lab.fault.dhcp('on');
    await cyclePower(lab, node);
    await expectBridged(lab, node);
  });
});

test.each([
  ['networkmanager', 'commands'],
  ['networkd', 'networkd'],
  ['networkd', 'commands'],
] as const)(
  '%s by the method %s, and the DHCP server offers another address: the status names it, and it is not taken',
  async (owner, method) => {
    await startLab(owner);
    await lab.fault.dhcp('other-range');
    const figures = await changeBridge(lab, node, 'ensure', method);
    expect(figures.dhcp).toMatch(/^other:/);
    expectBackWithin(ownersWindow, figures.outside);
    const address = await lab.address(node);
    expect(await isReachable(address)).toBe(true);
    const there = await shellIn(
      lab,
      node,
      'ip -o -4 address show scope global | sed "s/.* inet //; s/ .*//"; ip route show default',
    );
    expect(there.split('\n')).toEqual([`${address}/24`, expect.stringMatching(/^default via \S+ dev mega_bridge/)]);
    expect((await observeBridge(lab, node)).rebootDoubts).not.toBe(null);
  },
);

/** Shell lines that give eth0 fixed addresses of both families and an extra route, in the owner's file. */
const fixedAddresses: Record<NodeOwner, (address: string, gateway: string) => string> = {
  ifupdown: (address, gateway) => `cat >/etc/network/interfaces <<'END'
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
  address ${address}/24
  gateway ${gateway}
  up ip route add 10.99.0.0/16 via ${gateway}
iface eth0 inet6 static
  address fd00::5/64
END`,
  networkmanager: (address, gateway) => `cat >/etc/NetworkManager/system-connections/wired.nmconnection <<'END'
[connection]
id=wired
type=ethernet
interface-name=eth0

[ipv4]
method=manual
address1=${address}/24,${gateway}
dns=${gateway};
route1=10.99.0.0/16,${gateway}

[ipv6]
method=manual
address1=fd00::5/64
END`,
  networkd: (address, gateway) => `cat >/etc/systemd/network/10-eth0.network <<'END'
[Match]
Name=eth0

[Network]
Address=${address}/24
Address=fd00::5/64
Gateway=${gateway}
DNS=${gateway}

[Route]
Destination=10.99.0.0/16
Gateway=${gateway}
END`,
  netplan: (address, gateway) => `cat >/etc/netplan/50-eth0.yaml <<'END'
network:
  version: 2
  renderer: networkd
  ethernets:
    eth0:
      addresses: [${address}/24, 'fd00::5/64']
      nameservers:
        addresses: [${gateway}]
      routes:
        - to: default
          via: ${gateway}
        - to: 10.99.0.0/16
          via: ${gateway}
END`,
};

test.each([
  ['ifupdown', 'ifupdown'],
  ['ifupdown', 'commands'],
  ['networkmanager', 'commands'],
  ['networkd', 'networkd'],
  ['networkd', 'commands'],
  ['netplan', 'networkd'],
  ['netplan', 'commands'],
] as const)(
  '%s by the method %s: fixed addresses and routes of both families come back at boot',
  async (owner, method) => {
    await startLab(owner);
    const address = await lab.address(node);
    await shellIn(lab, node, fixedAddresses[owner](address, address.replace(/\.\d+$/, '.1')));
    await cyclePower(lab, node);
    const routes = () =>
      shellIn(lab, node, 'ip route show | sed "s/ dev [^ ]*//" | sort; ip -6 -o address show scope global');
    const own = async () => (await routes()).match(/^10\.99\.0\.0\/16 via \S+|fd00::5\/64/gm);
    const etc = await readEtc(lab, node);
    expect(await own()).toHaveLength(2);
    const before = await own();
    const { outside } = await changeBridge(lab, node, 'ensure', method);
    expectBackWithin(ownersWindow, outside);
    await expectBridged(lab, node);
    expect(await own()).toEqual(before);
    await cyclePower(lab, node);
    await expectBridged(lab, node);
    expect(await own()).toEqual(before);
    await changeBridge(lab, node, 'remove', method);
    expect(await readEtc(lab, node)).toBe(etc);
    await cyclePower(lab, node);
    await expectBare(lab, node);
    expect(await own()).toEqual(before);
  },
);
