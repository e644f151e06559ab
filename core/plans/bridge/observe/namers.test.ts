// Programs that name the NIC, from what `grep -rnI` and the others print.
import { describe, expect, test } from 'vitest';
import { judgeManaged, judgeNamers, managedFlag, markManaged, readNamers } from './namers.ts';
import { readObserved } from './observed.ts';
import { addressesOf } from '../plan/picture.ts';
import { bridgeFacts, nicFacts } from './facts-for-tests.ts';
import type { NicAddress } from './facts.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const observed = (parts: Record<string, string>, ...lines: string[]) =>
  readObserved([...Object.entries(parts).map(([name, text]) => `${name} ${base64(text)}`), ...lines, 'end'].join('\n'));
const nics = [nicFacts(), nicFacts({ name: 'eth1' })];
const choice = { uplink: 'eth0', bridge: 'mega_bridge' };

describe('programs that name the NIC', () => {
  const hits = `/etc/keepalived/keepalived.conf:12:    interface eth0
/etc/keepalived/keepalived.conf:20:    track_interface eth0 weight 5
/etc/dnsmasq.d/lan.conf:3:interface=eth0
/etc/lldpd.d/ports.conf:1:configure system interface pattern eth0
/etc/default/isc-dhcp-server:17:INTERFACESv4="eth0 eth1"
/etc/chrony/chrony.conf:9:bindacqdevice eth0
/etc/nftables.conf:8:  iifname "eth0" tcp dport 22 accept
/etc/sysctl.d/50-net.conf:2:net.ipv4.conf.eth0.rp_filter=2
/etc/myapp/listen.ini:4:nic = eth0
/etc/network/interfaces:9:auto eth0
/etc/systemd/network/10-eth0.network:2:Name=eth0
/etc/dnsmasq.d/lan.conf:5:# interface=eth0
/etc/dnsmasq.d/other.conf:1:interface=veth0
/etc/dnsmasq.d/other.conf:2:interface=eth0-backup
/etc/radvd.conf:1:interface eth1
/etc/keepalived/keepalived.conf.sample:21:    interface eth0
/etc/frr/frr.conf.bak:3:interface eth0
`;
  const namers = readNamers(
    observed({ namers: hits }, '= device_units eth0 ifup@eth0.service my-capture.service'),
    nics,
  );
  const findings = judgeNamers(bridgeFacts({ namers }), choice);

  test('are listed one by one, with file and line, and what to write there', () => {
    expect(findings.map(({ text }) => text.split(' names ')[0])).toEqual([
      'keepalived',
      'dnsmasq',
      'lldpd',
      'the DHCP server',
      'chrony',
      'nftables',
      'sysctl',
      '/etc/myapp/listen.ini',
      'my-capture.service',
    ]);
    expect(findings[0]).toEqual({
      id: 'named',
      level: 'warn',
      field: '',
      text:
        'keepalived names eth0: /etc/keepalived/keepalived.conf:12: interface eth0; ' +
        '/etc/keepalived/keepalived.conf:20: track_interface eth0 weight 5',
      mend: 'after the change write mega_bridge there in the place of eth0, then systemctl reload-or-restart keepalived',
    });
  });

  test('the owner’s own files, comments, and longer names do not count', () => {
    const text = JSON.stringify(findings);
    for (const other of ['/etc/network', '10-eth0', 'lan.conf:5', 'other.conf', 'ifup@'])
      expect(text).not.toContain(other);
  });

  test('one that speaks to the wire stays with the NIC', () => {
    expect(findings.find(({ text }) => text.startsWith('lldpd'))?.mend).toMatch(/^nothing: it speaks to the switch/);
  });

  test('are twelve findings at most', () => {
    const many = Array.from({ length: 400 }, (_, at) => `/etc/app${at}/x.conf:1:eth0`).join('\n');
    const all = judgeNamers(bridgeFacts({ namers: readNamers(observed({ namers: many }), nics) }), choice);
    expect(all).toHaveLength(13);
    expect(all.at(-1)?.text).toBe('52 more programs name eth0');
  });
});

describe('addresses of other programs', () => {
  const own: NicAddress = { family: 4, address: '10.91.53.12/24', scope: 'global', flags: [], validSeconds: null };
  const vip: NicAddress = { ...own, address: '10.91.53.250/32' };
  const vip6: NicAddress = {
    family: 6,
    address: '2001:db8::250/64',
    scope: 'global',
    flags: ['deprecated'],
    validSeconds: null,
  };
  const own6: NicAddress = { ...vip6, address: '2001:db8::12/64', flags: [] };
  const marked = (addresses: NicAddress[], parts: Record<string, string>, ...lines: string[]) =>
    markManaged([nicFacts({ addresses })], observed(parts, ...lines)).map((nic) => addressesOf(nic))[0];

  test.each([
    ['in the configuration of keepalived', vip, { vips: 'keepalived 10.91.53.250/32\n' }, []],
    [
      'there with another prefix, too',
      { ...vip, address: '10.91.53.250/24' },
      { vips: 'keepalived 10.91.53.250\n' },
      [],
    ],
    ['of pacemaker', { ...vip, address: '10.91.53.250/24' }, { vips: 'pacemaker 10.91.53.250\n' }, []],
    ['known to the kernel as keepalived’s', { ...vip, flags: ['protocol-18'] }, {}, []],
    ['a lone /32 beside a program that holds such', vip, {}, ['= holders keepalived']],
  ] as const)('%s: not carried', (_, address, parts, lines) => {
    expect(marked([own, address], parts, ...lines)).toEqual(['10.91.53.12/24']);
  });

  test('an IPv6 one is deprecated from the start', () => {
    expect(marked([own6, vip6], {}, '= holders keepalived')).toEqual(['2001:db8::12/64']);
  });

  test.each([
    ['a /32 without such a program', [own, vip], []],
    ['the only address, a /32 as hosters give it', [vip], ['= holders keepalived']],
    ['a leased one', [own, { ...vip, flags: ['dynamic'], validSeconds: 600 }], ['= holders keepalived']],
  ] as const)('%s is the node’s own', (_, addresses, lines) => {
    expect(marked([...addresses], {}, ...lines)).toEqual(addresses.map(({ address }) => address));
  });

  test('the plan says what becomes of it', () => {
    const nic = nicFacts({ addresses: [own, { ...vip, flags: [managedFlag] }] });
    expect(judgeManaged(nic, 'mega_bridge')[0]?.text).toContain('10.91.53.250/32 on eth0 belongs to another program');
    expect(judgeManaged(nicFacts(), 'mega_bridge')).toEqual([]);
  });
});
