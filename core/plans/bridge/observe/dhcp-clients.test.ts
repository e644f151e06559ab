import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findForeignClient, isTaken } from './dhcp-clients.ts';
import type { BridgeFacts, NicFacts } from './facts.ts';
import { parseBridgeFacts } from './observe.ts';
import { persistBridge } from '../persist/persist.ts';
import { bridgeFacts, nicFacts } from './facts-for-tests.ts';

const recorded = readFileSync(new URL('fixtures/observe-bridge.debian12-ifupdown-0.8.41.txt', import.meta.url), 'utf8');
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** That node with these clients in place of those recorded, and these lines of dhcpcd.conf. */
function observe(clients: readonly string[], conf = ''): BridgeFacts {
  const lines = recorded.split('\n').filter((line) => !/^(client |end$|$)/.test(line));
  const more = clients.map((text) => `client ${base64(`${text} `)}`);
  return parseBridgeFacts([...lines, ...more, `dhcpcd_conf ${base64(conf)}`, 'end', ''].join('\n'));
}
const eth0 = (facts: BridgeFacts) => facts.nics.find(({ name }) => name === 'eth0')!;

describe('a dhcpcd for all interfaces', () => {
  // Titles of dhcpcd 9.4.1, as on Debian 12.
  const manager = [
    'dhcpcd: [manager] [ip4] [ip6]',
    'dhcpcd: [privileged proxy]',
    'dhcpcd: [network proxy]',
    'dhcpcd: [BPF ARP] eth0 10.0.0.5',
  ];
  test.each([
    [manager, true, 'none'],
    [['dhcpcd: [master] [ip4] [ip6]'], true, 'none'],
    [['/usr/sbin/dhcpcd -q -b'], true, 'none'],
    [['dhcpcd: eth0 [ip4] [ip6]', 'dhcpcd: [BPF ARP] eth0 10.0.0.5'], false, 'dhcpcd'],
    [['/sbin/dhcpcd -L eth0'], false, 'dhcpcd'],
    [['udhcpc -b -i eth0'], false, 'udhcpc'],
    [['dhclient -4 -v -i eth0'], false, 'dhclient'],
    [['dhclient -4 -v -i eth0', ...manager], true, 'dhclient'],
  ])('%j', (clients, isForAll, dhcp) => {
    const facts = observe(clients);
    expect(facts.dhcpcdForAll !== null).toBe(isForAll);
    expect(eth0(facts).dhcp).toBe(dhcp);
    expect(eth0(facts).dhcpPrograms).toBe(dhcp === 'none' ? 0 : 1);
  });

  test('takes what its configuration does not deny', () => {
    const { dhcpcdForAll } = observe(
      manager,
      'denyinterfaces eth1 mega_*\nallowinterfaces eth*\nallowinterfaces mega_bridge\n',
    );
    const taken = ['eth0', 'eth1', 'mega_bridge', 'wlan0'].filter((name) => isTaken(dhcpcdForAll!, name));
    expect(taken).toEqual(['eth0']);
  });
});

const forAll = { allow: [], deny: [] };
const uplink = (parts: Partial<NicFacts>) => nicFacts({ owner: 'none', ...parts });
const advice = (nic: NicFacts, parts: Partial<Pick<BridgeFacts, 'dhcpcdForAll'>> = {}) =>
  findForeignClient(bridgeFacts({ nics: [nic], ...parts }), nic, 'mega_bridge');

describe('the advice about a client that no owner started', () => {
  test('of a dhcpcd for all: another owner, denied interfaces, a reboot; not only another package', () => {
    const found = advice(uplink({}), { dhcpcdForAll: forAll });
    expect(found?.text).toContain('dhcpcd runs there for all interfaces, eth0 and mega_bridge too');
    expect(found?.mend).toContain('iface eth0 inet dhcp');
    expect(found?.mend).toContain('"denyinterfaces eth0 mega_bridge" to /etc/dhcpcd.conf');
    expect(found?.mend).toContain('reboot');
    expect(found?.mend).not.toContain('restart networking');
  });

  test('of a dhcpcd for all beside an owner: it is denied both interfaces', () => {
    const found = advice(uplink({ owner: 'ifupdown', dhcp: 'dhclient' }), { dhcpcdForAll: forAll });
    expect(found?.mend).toMatch(/^add "denyinterfaces eth0 mega_bridge"/);
    const half = advice(uplink({ owner: 'networkd' }), { dhcpcdForAll: { allow: [], deny: ['eth0'] } });
    expect(half?.text).toContain('for all interfaces, mega_bridge too');
    const denied = { dhcpcdForAll: { allow: [], deny: ['eth*', 'mega_bridge'] } };
    expect(advice(uplink({ owner: 'networkd' }), denied)).toBeNull();
  });

  test.each(['dhcpcd', 'udhcpc'] as const)('of %s for the NIC: by its name, and by who started it', (dhcp) => {
    const byIfupdown = advice(uplink({ owner: 'ifupdown', dhcp }));
    expect(byIfupdown?.text).toContain(`${dhcp} holds the lease of eth0`);
    expect(byIfupdown?.mend).toContain('restart networking');
    const byNobody = advice(uplink({ dhcp }));
    expect(byNobody?.mend).toContain(`systemctl status $(pgrep -x ${dhcp})`);
    expect(byNobody?.mend).toContain('iface eth0 inet dhcp');
    expect(byNobody?.mend).not.toContain('restart networking');
  });

  test('blocks the plan', () => {
    const facts = { ...observe(['dhcpcd: [manager] [ip4]']), ifupdown: null };
    const change = {
      kind: 'ensure',
      bridge: 'mega_bridge',
      uplink: eth0(facts),
      method: 'commands',
      datapath: 'netdev',
    } as const;
    expect(persistBridge(facts, change).findings).toMatchObject([{ level: 'block', id: 'persistence' }]);
  });
});
