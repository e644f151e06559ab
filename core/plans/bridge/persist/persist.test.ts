import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BridgeFacts, BridgeMethod, FileFacts, NicFacts } from '../observe/facts.ts';
import { parseInterfaces } from '../observe/interfaces-file.ts';
import { parseBridgeFacts } from '../observe/observe.ts';
import { persistBridge } from './persist.ts';

const recorded = (name: string) =>
  parseBridgeFacts(
    readFileSync(new URL(`../observe/fixtures/observe-bridge.debian12-${name}.txt`, import.meta.url), 'utf8'),
  );
const ifupdown = recorded('ifupdown-0.8.41');
const networkd = recorded('networkd-252');
const networkManager = recorded('networkmanager-1.42.4');

const file = (path: string, content: string | null): FileFacts => ({
  path,
  content,
  mode: '644',
  sha256: '0'.repeat(64),
});
const withInterfaces = (content: string, ...others: FileFacts[]): BridgeFacts => ({
  ...ifupdown,
  // Its ifquery spoke of other files.
  ifupdown: null,
  files: [file('/etc/network/interfaces', content), ...others],
});
const withNic = (facts: BridgeFacts, nic: Partial<NicFacts>): BridgeFacts => ({
  ...facts,
  nics: facts.nics.map((each) => (each.name === 'eth0' ? { ...each, ...nic } : each)),
});

function persist(
  facts: BridgeFacts,
  method: BridgeMethod,
  { kind = 'ensure', datapath = 'system' }: { kind?: 'ensure' | 'remove'; datapath?: 'system' | 'netdev' } = {},
) {
  const uplink = facts.nics.find(({ name }) => name === 'eth0')!;
  const result = persistBridge(facts, { kind, bridge: 'mega_bridge', uplink, method, datapath });
  const blocks = result.findings.filter(({ level }) => level === 'block').map(({ text }) => text);
  return { ...result, blocks, content: (path: string) => result.files.find((each) => each.path === path)?.content };
}
/** The facts after the files of a plan were written. */
function afterwards(facts: BridgeFacts, files: ReturnType<typeof persist>['files']): BridgeFacts {
  const kept = facts.files.filter(({ path }) => !files.some((each) => each.path === path));
  const written = files.flatMap((each) =>
    each.content === null ? [] : [{ ...file(each.path, each.content), mode: each.mode }],
  );
  return { ...facts, files: [...kept, ...written] };
}

describe('/etc/network/interfaces', () => {
  it('gets both stanzas in the place of the NIC’s, and all else stays', () => {
    const { content, dhcp, enable, blocks } = persist(ifupdown, 'ifupdown');
    expect(blocks).toEqual([]);
    expect(content('/etc/network/interfaces')).toBe(`# The loopback network interface
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# The primary network interface
auto mega_bridge
allow-ovs mega_bridge
iface mega_bridge inet dhcp
\tovs_type OVSBridge
\tovs_ports eth0
\tovs_extra set bridge mega_bridge fail_mode=standalone other-config:hwaddr=02:4d:44:9c:00:01 external-ids:meshdeck-owner=meshdeck external-ids:meshdeck-uplink=eth0
\tpre-up [ -s /var/lib/dhcp/dhclient.mega_bridge.leases ] || [ ! -s /var/lib/dhcp/dhclient.eth0.leases ] || sed 's/"eth0"/"mega_bridge"/' /var/lib/dhcp/dhclient.eth0.leases >/var/lib/dhcp/dhclient.mega_bridge.leases

allow-mega_bridge eth0
iface eth0 inet manual
\tovs_type OVSPort
\tovs_bridge mega_bridge
`);
    expect({ dhcp, enable }).toEqual({ dhcp: 'dhclient', enable: [] });
  });
  it('carries static addresses, name servers and IPv6, and leaves the MTU with the NIC', () => {
    const facts = withInterfaces(`auto lo eth0
iface lo inet loopback
iface eth0 inet static
  address 10.0.0.5/24
  gateway 10.0.0.1
  mtu 9000
  dns-nameservers 10.0.0.1 \\
    10.0.0.2
  post-up ip route add 10.9.0.0/16 via 10.0.0.9
iface eth0 inet6 static
  address fd00::5/64
auto eth1
iface eth1 inet dhcp
`);
    const { content, dhcp, findings } = persist(facts, 'ifupdown', { datapath: 'netdev' });
    const stanzas = parseInterfaces(content('/etc/network/interfaces') ?? '');
    const options = (name: string, family: string) =>
      stanzas
        .find(({ keyword, words }) => keyword === 'iface' && words[0] === name && words[1] === family)
        ?.options.map((option) => `${option.name} ${option.value}`);
    expect(stanzas.filter(({ keyword }) => keyword === 'auto').map(({ words }) => words)).toEqual([
      ['mega_bridge'],
      ['lo'],
      ['eth1'],
    ]);
    expect(options('mega_bridge', 'inet')).toEqual(
      expect.arrayContaining([
        'address 10.0.0.5/24',
        'gateway 10.0.0.1',
        expect.stringMatching(/^dns-nameservers 10\.0\.0\.1\s+10\.0\.0\.2$/) as string,
        'post-up ip route add 10.9.0.0/16 via 10.0.0.9',
      ]),
    );
    expect(options('mega_bridge', 'inet')?.join('\n')).toContain('datapath_type=netdev');
    expect(options('mega_bridge', 'inet6')).toEqual(['address fd00::5/64']);
    expect(options('eth0', 'inet')).toEqual([
      'ovs_type OVSPort',
      'ovs_bridge mega_bridge',
      'mtu 9000',
      expect.stringContaining('nft') as string,
      'down nft delete table netdev meshdeck_bridge || true',
    ]);
    expect(dhcp).toBe('none');
    expect(findings.map(({ id, level }) => `${level} ${id}`)).toEqual(['warn commands']);
  });
  it('finds the stanza in a drop-in, and takes the class from the main file', () => {
    const facts = withInterfaces(
      'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\nallow-hotplug eth0\n',
      file('/etc/network/interfaces.d/eth0', 'iface eth0 inet dhcp\n'),
    );
    const { content } = persist(facts, 'ifupdown');
    expect(content('/etc/network/interfaces')).not.toContain('eth0');
    expect(content('/etc/network/interfaces.d/eth0')).toContain('allow-mega_bridge eth0');
  });
  it('finds nothing to do the second time, and completes the guide’s own snippet', () => {
    const first = persist(ifupdown, 'ifupdown');
    expect(persist(afterwards(ifupdown, first.files), 'ifupdown').files).toEqual([]);
    const guide = withInterfaces(
      'auto mega_bridge\nallow-ovs mega_bridge\niface mega_bridge inet dhcp\n  ovs_type OVSBridge\n  ovs_ports eth0\n\nauto eth0\niface eth0 inet dhcp\n',
    );
    const text = persist(guide, 'ifupdown').content('/etc/network/interfaces') ?? '';
    expect(text.match(/^iface /gm)).toHaveLength(2);
    expect(text).toContain('allow-mega_bridge eth0\niface eth0 inet manual\n');
    expect(text).not.toContain('auto eth0');
  });
  it.each([
    ['no stanza of the NIC', 'auto lo\niface lo inet loopback\n', 'has a stanza `iface eth0'],
    ['a Linux bridge', 'iface eth0 inet dhcp\n  bridge_ports none\n', 'bridge_ports'],
    ['Wi-Fi', 'iface eth0 inet dhcp\n  wpa-ssid x\n', 'wpa-ssid'],
    ['a secret that was not read', null, 'holds a secret'],
  ])('%s blocks and changes nothing', (_what, content, text) => {
    const facts = { ...ifupdown, files: [file('/etc/network/interfaces', content)] };
    const result = persist(facts, 'ifupdown');
    expect(result.blocks.join()).toContain(text);
    expect(result.files).toEqual([]);
  });
});

describe('systemd-networkd', () => {
  it('keeps the identity that the lease was given to', () => {
    const { content, enable, dhcp } = persist(networkd, 'networkd');
    expect(content('/etc/systemd/network/00-meshdeck-mega_bridge.network')).toBe(
      `# Written by Meshdeck: mega_bridge has what eth0 had.\n[Match]\nName=mega_bridge\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nIAID=0x87ce8be7\n\n[DHCPv6]\nIAID=0x87ce8be7\n`,
    );
    expect(content('/etc/systemd/network/00-meshdeck-eth0.network')).toContain('LinkLocalAddressing=no');
    expect(content('/usr/local/lib/meshdeck/bridge-up')).toContain('addresses=owner');
    expect({ enable, dhcp }).toEqual({ enable: ['meshdeck-bridge-up.service'], dhcp: 'networkd' });
  });
  it('carries all of the old file, and says nothing of an identity that it fixes itself', () => {
    const path = '/etc/systemd/network/10-eth0.network';
    const old = `[Match]\nName=e*\n[Link]\nMTUBytes=9000\nRequiredForOnline=yes\n[Network]\nDHCP=ipv4\n# a comment\nDNS=10.0.0.1\n[Route]\nDestination=10.9.0.0/16\nGateway=10.0.0.9\n[DHCPv4]\nClientIdentifier=mac\n`;
    const facts = { ...networkd, files: [file(path, old)] };
    const { content, files } = persist(facts, 'networkd');
    const bridge = content('/etc/systemd/network/00-meshdeck-mega_bridge.network');
    expect(bridge).toContain('[Network]\nDHCP=ipv4\nDNS=10.0.0.1\n');
    expect(bridge).toContain('[Route]\nDestination=10.9.0.0/16\nGateway=10.0.0.9\n');
    expect(bridge).toContain('[DHCPv4]\nClientIdentifier=mac\n');
    expect(bridge).not.toMatch(/IAID|MTUBytes/);
    expect(content('/etc/systemd/network/00-meshdeck-eth0.network')).toContain(
      '[Link]\nMTUBytes=9000\nRequiredForOnline=no\n',
    );
    expect(files.map((each) => each.path)).not.toContain(path);
  });
  it('comes before what netplan generates, and says so', () => {
    const generated = '/run/systemd/network/10-netplan-eth0.network';
    const facts = withNic(
      { ...networkd, files: [file(generated, '[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n')] },
      { networkFile: generated, netplan: { renderer: 'networkd', file: '/etc/netplan/50.yaml' } },
    );
    const { files, findings } = persist(facts, 'networkd');
    expect(files.every(({ path }) => path.startsWith('/etc/systemd/') || path.startsWith('/usr/local/'))).toBe(true);
    expect(
      files.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).every((name) => !name.startsWith('10-')),
    ).toBe(true);
    expect(findings.map(({ id }) => id)).toEqual(['netplan']);
  });
  it('drop-ins and ties to other interfaces block', () => {
    const path = '/etc/systemd/network/10-eth0.network';
    const dropIn = { ...networkd, files: [...networkd.files, file(`${path}.d/x.conf`, '[Network]\nDNS=1.1.1.1\n')] };
    expect(persist(dropIn, 'networkd').blocks.join()).toContain('drop-ins');
    const tied = { ...networkd, files: [file(path, '[Match]\nName=eth0\n[Network]\nBond=bond0\n')] };
    expect(persist(tied, 'networkd').blocks.join()).toContain('Bond');
    expect(persist({ ...networkd, files: [] }, 'networkd').blocks.join()).toContain('does not say by which file');
  });
});

describe('a boot unit of ours', () => {
  it('takes the NIC from NetworkManager and asks with its client id', () => {
    const { files, content, enable, dhcp } = persist(networkManager, 'commands', { datapath: 'netdev' });
    expect(files.map(({ path, mode }) => `${mode} ${path}`)).toEqual([
      '755 /usr/local/lib/meshdeck/bridge-up',
      '644 /etc/systemd/system/meshdeck-bridge-up.service',
      '644 /etc/dhcp/meshdeck-mega_bridge.conf',
      '644 /etc/NetworkManager/conf.d/90-meshdeck-bridge.conf',
    ]);
    expect(content('/etc/dhcp/meshdeck-mega_bridge.conf')).toContain('dhcp-client-identifier 01:02:4d:44:24:00:01;');
    expect(content('/etc/NetworkManager/conf.d/90-meshdeck-bridge.conf')).toContain('dns=none');
    expect({ enable, dhcp }).toEqual({ enable: ['meshdeck-bridge-up.service'], dhcp: 'dhclient' });
  });
  it('leaves resolv.conf to NetworkManager where it has other NICs, with a word', () => {
    const other = { ...networkManager.nics[0]!, name: 'eth1' };
    const { content, findings } = persist({ ...networkManager, nics: [...networkManager.nics, other] }, 'commands');
    expect(content('/etc/NetworkManager/conf.d/90-meshdeck-bridge.conf')).not.toContain('dns=none');
    expect(findings.map(({ id }) => id)).toEqual(['resolver']);
  });
  it('writes static addresses and routes down as they are, quoted', () => {
    const facts = withNic(networkManager, {
      dhcp: 'none',
      addresses: [
        { family: 4, address: '10.0.0.5/24', scope: 'global', flags: ['noprefixroute'], validSeconds: null },
        { family: 6, address: 'fd00::5/64', scope: 'global', flags: [], validSeconds: null },
        { family: 6, address: 'fe80::5/64', scope: 'link', flags: [], validSeconds: null },
      ],
      routes: [
        { family: 4, text: 'default via 10.0.0.1 dev eth0 proto static metric 100' },
        { family: 4, text: "10.9.0.0/16 via 10.0.0.9 dev eth0 table $(reboot)'" },
        { family: 4, text: '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5' },
      ],
    });
    const { content, dhcp } = persist(facts, 'commands');
    const script = content('/usr/local/lib/meshdeck/bridge-up') ?? '';
    expect(script).toContain(`limit 5 ip address replace '10.0.0.5/24' broadcast + dev "$bridge"\n`);
    expect(script).toContain(`limit 5 ip address replace 'fd00::5/64' nodad dev "$bridge"\n`);
    expect(script).toContain(
      `limit 5 ip -4 route replace 'default' 'via' '10.0.0.1' 'dev' 'mega_bridge' 'proto' 'static' 'metric' '100'\n`,
    );
    expect(script).toContain(`'table' '$(reboot)'\\'''\n`);
    expect(script).not.toMatch(/fe80|proto' 'kernel|dhclient/);
    expect(dhcp).toBe('none');
  });
  it('gives the bridge the uplink’s name servers, and not those of other NICs', () => {
    const blob = Buffer.from('Global: 1.1.1.1\nLink 2 (eth0): 10.0.0.1 fd00::1\nLink 3 (eth1): 192.168.9.1\n');
    const text = readFileSync(
      new URL('../observe/fixtures/observe-bridge.debian12-networkd-252.txt', import.meta.url),
      'utf8',
    );
    const facts = parseBridgeFacts(text.replace(/^resolved .*$/m, `resolved ${blob.toString('base64')}`));
    expect(facts.dnsServers).toEqual(['1.1.1.1', '10.0.0.1', 'fd00::1', '192.168.9.1']);
    const addresses = [{ family: 4, address: '10.0.0.5/24', scope: 'global', flags: [], validSeconds: null }] as const;
    const { content } = persist(withNic(facts, { dhcp: 'none', addresses }), 'commands');
    const lines = (content('/usr/local/lib/meshdeck/bridge-up') ?? '').split('\n');
    expect(lines.filter((line) => line.includes('resolvectl'))).toEqual([
      `limit 5 resolvectl dns "$bridge" '10.0.0.1' 'fd00::1'`,
    ]);
  });
  it('has networkd hold the lease where there is no dhclient, and blocks where there is neither', () => {
    const { content, enable, dhcp } = persist({ ...networkManager, dhcpClients: ['networkd'] }, 'commands');
    expect(content('/etc/systemd/network/00-meshdeck-mega_bridge.network')).toContain('ClientIdentifier=mac');
    // The lease's route replaces the carried one.
    expect(content('/etc/systemd/network/00-meshdeck-mega_bridge.network')).toContain('RouteMetric=100\n');
    expect({ enable, dhcp }).toEqual({
      enable: ['meshdeck-bridge-up.service', 'systemd-networkd.service'],
      dhcp: 'networkd',
    });
    const bridged = afterwards(
      networkManager,
      persist({ ...networkManager, dhcpClients: ['networkd'] }, 'commands').files,
    );
    expect(persist(bridged, 'commands', { kind: 'remove' }).disable).toEqual([
      'meshdeck-bridge-up.service',
      'systemd-networkd.service',
    ]);
    expect(persist({ ...networkManager, dhcpClients: [] }, 'commands').blocks.join()).toContain(
      'no client for the bridge',
    );
  });
  it('tells ifupdown to raise the NIC and no more', () => {
    const { content } = persist(ifupdown, 'commands');
    expect(content('/etc/network/interfaces')).toContain('auto eth0\niface eth0 inet manual\n');
  });
  it('finds nothing to do the second time', () => {
    for (const facts of [ifupdown, networkManager, networkd]) {
      const after = afterwards(facts, persist(facts, 'commands').files);
      expect(persist(after, 'commands').files).toEqual([]);
    }
  });
});

describe('taking it away', () => {
  it('puts back what was recorded, byte for byte, and removes what was not there', () => {
    const original = ifupdown.files[0]!;
    const bridged: BridgeFacts = {
      ...afterwards(ifupdown, persist(ifupdown, 'ifupdown').files),
      originals: [{ path: original.path, content: original.content, mode: original.mode }],
    };
    expect(persist(bridged, 'ifupdown', { kind: 'remove' }).files).toEqual([
      { path: original.path, content: original.content, mode: '644', oldSha256: '0'.repeat(64) },
    ]);
    const unit = afterwards(networkManager, persist(networkManager, 'commands').files);
    const removed = persist(unit, 'commands', { kind: 'remove' });
    expect(removed.files.map(({ content }) => content)).toEqual([null, null, null, null]);
    expect(removed.disable).toEqual(['meshdeck-bridge-up.service']);
  });
  it('takes only its part out of a file that somebody edited since', () => {
    const bridged = afterwards(ifupdown, persist(ifupdown, 'ifupdown').files);
    const edited = {
      ...bridged,
      files: bridged.files.map((each) => ({ ...each, content: `${each.content}\nauto eth1\niface eth1 inet dhcp\n` })),
      originals: [{ path: '/etc/network/interfaces', content: ifupdown.files[0]!.content, mode: '644' }],
      drift: ['/etc/network/interfaces was changed since'],
    };
    const { content, findings } = persist(edited, 'ifupdown', { kind: 'remove' });
    const text = content('/etc/network/interfaces') ?? '';
    expect(text).toContain('auto eth0\niface eth0 inet dhcp\n');
    expect(text).toContain('auto eth1\niface eth1 inet dhcp\n');
    expect(text).not.toMatch(/mega_bridge|ovs/);
    expect(findings.map(({ id }) => id)).toEqual(['edited']);
    // The same once a plan accepted it as it is: it no longer has an original.
    const unit = { path: '/etc/systemd/system/meshdeck-bridge-up.service', content: null, mode: '644' };
    const accepted = persist({ ...edited, originals: [unit], drift: [] }, 'ifupdown', { kind: 'remove' });
    expect(accepted.content('/etc/network/interfaces')).toBe(text);
  });
});

it.each([
  ['ifupdown2', 'ovs-ports-condone-regex'],
  ['ifcfg', 'NetworkManager'],
] as const)('%s is refused with advice', (owner, advice) => {
  const { findings, files } = persist(withNic(ifupdown, { owner }), 'commands');
  expect(files).toEqual([]);
  expect(findings[0]).toMatchObject({ level: 'block', mend: expect.stringContaining(advice) as string });
});
