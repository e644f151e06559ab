import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseBridgeFacts } from './observe.ts';

/** Recorded on lab nodes: what observeBridgeScript printed there, before any bridge. */
const recorded = (name: string) =>
  readFileSync(new URL(`fixtures/observe-bridge.${name}.txt`, import.meta.url), 'utf8');
const base64 = (text: string) => Buffer.from(text).toString('base64');
/** A recorded answer with other lines in the place of those of the same name. */
function recordedWith(name: string, lines: Record<string, string>): string {
  const kept = recorded(name)
    .split('\n')
    .filter((line) => line !== 'end' && line !== '' && !Object.keys(lines).some((key) => line.startsWith(`${key} `)));
  return [...kept, ...Object.entries(lines).map(([key, rest]) => `${key} ${rest}`), 'end', ''].join('\n');
}
const eth0 = (output: string) => parseBridgeFacts(output).nics.find(({ name }) => name === 'eth0')!;

describe('facts of a node that ifupdown configures', () => {
  const facts = parseBridgeFacts(recorded('debian12-ifupdown-0.8.41'));
  it('has one NIC with its addresses, routes and client', () => {
    expect(facts.nics).toEqual([
      {
        name: 'eth0',
        altNames: [],
        mac: expect.stringMatching(/^02:4d:44:/) as string,
        mtu: 1500,
        hasCarrier: true,
        kind: 'ethernet',
        lower: '',
        uppers: [],
        master: '',
        ovsBridge: '',
        owner: 'ifupdown',
        networkFile: '',
        netplan: null,
        addresses: [
          {
            family: 4,
            address: '10.91.156.11/24',
            scope: 'global',
            flags: ['dynamic'],
            validSeconds: expect.any(Number) as number,
          },
          { family: 6, address: 'fe80::4d:44ff:fe9c:1/64', scope: 'link', flags: [], validSeconds: null },
        ],
        routes: [
          { family: 4, text: 'default via 10.91.156.1 dev eth0' },
          { family: 4, text: '10.91.156.0/24 dev eth0 proto kernel scope link src 10.91.156.11' },
          { family: 6, text: 'fe80::/64 dev eth0 proto kernel metric 256 pref medium' },
        ],
        dhcp: 'dhclient',
        dhcpPrograms: 1,
        dhcpClientId: '',
        ipv6Mode: 'eui64',
        entanglements: [],
        dnsServers: [],
        lldp: '',
      },
    ]);
    expect(facts.defaultRoutes).toEqual([{ family: 4, via: '10.91.156.1', dev: 'eth0', metric: 0 }]);
  });
  it('has the machine around it', () => {
    expect(facts).toMatchObject({
      name: 'node1',
      ingress: '',
      dnsServers: ['10.91.156.1'],
      resolver: 'file',
      ovs: { version: '3.1.0', isDatabaseUp: true, isSwitchUp: true, hasKernelModule: false, bridges: [] },
      hasSystemd: true,
      systemdVersion: 252,
      hasNft: true,
      hasIfupdownHook: true,
      dhcpClients: ['dhclient', 'networkd'],
      networkRoot: '',
      virtualisation: 'systemd-nspawn',
      nmCheckpoints: 0,
      isProxmox: false,
      transaction: null,
      committed: null,
      drift: [],
      rebootDoubts: null,
    });
    expect(facts.files.map(({ path, mode }) => `${mode} ${path}`)).toEqual(['644 /etc/network/interfaces']);
    expect(facts.files[0]?.content).toContain('\nauto eth0\niface eth0 inet dhcp\n');
  });
  it('knows the NIC that SSH came in by from the local end’s address', () => {
    const ssh = recordedWith('debian12-ifupdown-0.8.41', { '= ssh': '10.91.156.2 40000 10.91.156.11 22' });
    expect(parseBridgeFacts(ssh)).toMatchObject({ ingress: 'eth0', ingressAddress: '10.91.156.11' });
  });
});

describe('other owners', () => {
  it('NetworkManager says that it has the NIC, and with which client id it asked', () => {
    expect(eth0(recorded('debian12-networkmanager-1.42.4'))).toMatchObject({
      owner: 'networkmanager',
      dhcp: 'networkmanager',
      dhcpClientId: '01:02:4d:44:24:00:01',
    });
  });
  it('systemd-networkd says that it has the NIC, by which file, and with which client id it asked', () => {
    const facts = parseBridgeFacts(recorded('debian12-networkd-252'));
    expect(facts.nics[0]).toMatchObject({
      owner: 'networkd',
      networkFile: '/etc/systemd/network/10-eth0.network',
      dhcp: 'networkd',
      dhcpClientId: expect.stringMatching(/^ff(:[0-9a-f]{2}){18}$/) as string,
      entanglements: [],
    });
    expect(facts).toMatchObject({ resolver: 'systemd-resolved', dnsServers: ['10.91.119.1'] });
  });
  it.each([
    ['eth0:unmanaged:\n', 'none'],
    ['eth0:connected (externally):eth0\n', 'none'],
    ['eth0:disconnected:\n', 'networkmanager'],
    ['eth0:connecting (getting IP configuration):wired\n', 'networkmanager'],
  ])('NetworkManager that says %j', (devices, owner) => {
    const output = recordedWith('debian12-networkmanager-1.42.4', { nm_devices: base64(devices) });
    expect(eth0(output).owner).toBe(owner);
  });
  it('reports two owners that claim one NIC', () => {
    const output = recordedWith('debian12-networkmanager-1.42.4', { ifstate: base64('lo=lo\neth0=eth0\n') });
    expect(eth0(output)).toMatchObject({
      owner: 'networkmanager',
      entanglements: ['ifupdown also configures it'],
    });
  });
  it.each([
    ['network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n', 'networkd'],
    [
      'network:\n  version: 2\n  renderer: NetworkManager\n  ethernets:\n    eth0:\n      dhcp4: true\n',
      'NetworkManager',
    ],
    [
      'network:\n  renderer: networkd\n  ethernets:\n    eth1:\n      renderer: networkd\n    eth0:\n      renderer: NetworkManager\n',
      'NetworkManager',
    ],
    ['network:\n  ethernets:\n    eth1:\n      renderer: NetworkManager\n    eth0:\n      dhcp4: true\n', 'networkd'],
  ])('netplan %#: its renderer for the NIC', (yaml, renderer) => {
    const output = recordedWith('debian12-networkd-252', {
      netplan: base64(yaml),
      '= netplan_file': 'eth0 /etc/netplan/01-netcfg.yaml',
    });
    expect(eth0(output).netplan).toEqual({ renderer, file: '/etc/netplan/01-netcfg.yaml' });
  });
  it('netplan’s work is its renderer’s', () => {
    expect(parseBridgeFacts(recorded('debian12-netplan-0.106')).nics[0]).toMatchObject({
      owner: 'networkd',
      networkFile: '/run/systemd/network/10-netplan-eth0.network',
      netplan: { renderer: 'networkd', file: '/etc/netplan/50-lab.yaml' },
    });
  });
  it.each([
    ['mgmt\n  interfaces: eth0\n', 'public', ["it is in firewalld's zone mgmt, and mega_bridge in public"]],
    [
      'mgmt\n  interfaces: eth0\ndrop\n  interfaces: mega_bridge\n',
      'mgmt',
      [expect.stringMatching(/mega_bridge in drop$/)],
    ],
    // The bridge goes where the NIC is.
    ['mgmt\n  interfaces: eth1 eth0\n  sources: 10.0.0.0/8\n', 'mgmt', []],
    ['mgmt (default)\n  interfaces: eth0\n', 'mgmt', []],
    ['mgmt\n  interfaces: eth0 mega_bridge\n', 'public', []],
    ['mgmt\n  interfaces: eth1\n', 'public', []],
  ])('firewalld that says %j with %s as its default', (zones, zone, entanglements) => {
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      zones: base64(zones),
      '= zone_default': zone,
      nft: base64('table inet firewalld {\n\t\tiifname "eth0" goto filter_IN_mgmt\n'),
    });
    expect(eth0(output).entanglements).toEqual(entanglements);
  });
  it('an owner that runs and does not answer is no “none”', () => {
    expect(() => parseBridgeFacts(recordedWith('debian12-networkmanager-1.42.4', { nm_devices: '' }))).toThrow(
      'NetworkManager runs and does not answer',
    );
    expect(() => parseBridgeFacts(recordedWith('debian12-networkd-252', { networkd_links: '' }))).toThrow(
      'systemd-networkd runs and does not answer',
    );
  });
});

describe('what a node prints is not trusted', () => {
  it('an answer that was cut off does not count', () => {
    const whole = recorded('debian12-ifupdown-0.8.41');
    expect(() => parseBridgeFacts(whole.slice(0, whole.lastIndexOf('end')))).toThrow('did not finish');
    expect(() => parseBridgeFacts('')).toThrow('did not finish');
  });
  it('no content of a file is read as a line of the answer', () => {
    const content = '= ssh 1.1.1.1 1 2.2.2.2 22\nend\n= proxmox yes\n';
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      file: `text 644 ${'0'.repeat(64)} ${base64('/etc/network/interfaces')} ${base64(content)}`,
    });
    expect(parseBridgeFacts(output)).toMatchObject({ ingressAddress: '', isProxmox: false, files: [{ content }] });
  });
  it('broken base64, JSON and numbers leave their fact empty', () => {
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      ovs_bridges: base64('{"headings":'),
      ovs_ports: '!!!',
      resolv_conf: '%%%',
      '= disk_kb': 'many',
      file: `text 644 short ${base64('/etc/x')} eA==`,
    });
    expect(parseBridgeFacts(output)).toMatchObject({ ovs: { bridges: [] }, dnsServers: [], diskBytes: 0, files: [] });
  });
  it('interfaces with impossible names and texts with escape sequences do not come through', () => {
    const links = [
      { ifname: 'eth0\n; reboot', addr_info: [] },
      { ifname: 'eth9', link_type: 'ether', addr_info: [] },
    ];
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      links: base64(JSON.stringify(links)),
      '= virtualisation': '\u001b[31mkvm',
    });
    const facts = parseBridgeFacts(output);
    expect(facts.nics.map(({ name }) => name)).toEqual(['eth9']);
    expect(facts.virtualisation).toBe(' [31mkvm');
  });
  it('what is a NIC says the kernel, whatever it is called', () => {
    const link = (ifname: string, info_kind?: string) => ({
      ifname,
      link_type: 'ether',
      altnames: ifname === 'docker7' ? ['enp1s0', 'enx525400000005'] : [],
      ...(info_kind === undefined ? {} : { linkinfo: { info_kind } }),
    });
    const links = [link('docker7'), link('veth-lan'), link('lan0', 'veth'), link('eth3', 'tun'), link('br-x', 'bond')];
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      links: base64(JSON.stringify(links)),
      '= hardware': 'docker7\n= hardware veth-lan',
    });
    const facts = parseBridgeFacts(output);
    expect(facts.nics.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'docker7 ethernet',
      'veth-lan ethernet',
      'lan0 virtual',
      'br-x bond',
    ]);
    expect(facts.nics[0]?.altNames).toEqual(['enp1s0', 'enx525400000005']);
  });
  it('for a machine without JSON from ip, the error names what it lacks', () => {
    expect(() => parseBridgeFacts(recordedWith('debian12-ifupdown-0.8.41', { links: '' }))).toThrow('iproute2');
  });
});

describe('Open vSwitch', () => {
  const uuid = (digit: string) => `${digit.repeat(8)}-0000-0000-0000-000000000000`;
  // As `ovs-vsctl --format=json list` of 3.1.0 prints them.
  const tables = (bridge: { port?: unknown; config?: unknown } = {}) => ({
    ovs_bridges: base64(
      JSON.stringify({
        headings: ['_uuid', 'name', 'ports', 'datapath_type', 'fail_mode', 'other_config', 'external_ids'],
        data: [
          [
            ['uuid', uuid('a')],
            'mega_bridge',
            [
              'set',
              [
                ['uuid', uuid('1')],
                ['uuid', uuid('2')],
                ['uuid', uuid('3')],
              ],
            ],
            'netdev',
            'standalone',
            bridge.config ?? ['map', [['hwaddr', '02:4d:44:9c:00:01']]],
            ['map', [['meshdeck-owner', 'meshdeck']]],
          ],
        ],
      }),
    ),
    ovs_ports: base64(
      JSON.stringify({
        headings: ['_uuid', 'name', 'interfaces', 'other_config'],
        data: [
          [['uuid', uuid('1')], 'mega_bridge', ['uuid', uuid('4')], ['map', []]],
          [['uuid', uuid('2')], 'eth0', ['uuid', uuid('5')], bridge.port ?? ['map', []]],
          [['uuid', uuid('3')], 'mega_tap0', ['uuid', uuid('6')], ['map', []]],
        ],
      }),
    ),
    ovs_interfaces: base64(
      JSON.stringify({
        headings: ['_uuid', 'name', 'type', 'error'],
        data: [
          [['uuid', uuid('4')], 'mega_bridge', 'internal', ['set', []]],
          [['uuid', uuid('5')], 'eth0', '', ['set', []]],
          [['uuid', uuid('6')], 'mega_tap0', '', 'could not open network device mega_tap0 (No such device)'],
        ],
      }),
    ),
  });
  it('tells a bridge, its ports, its errors and the VMs on it', () => {
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      ...tables({ port: ['map', [['transient', 'true']]] }),
      vm_names: base64('812 guest=web1,debug-threads=on\n813 \n'),
      users: base64('ann      pts/0        2026-11-26 00:12 (10.0.0.1)\n'),
      vm_taps: base64('/proc/812/fdinfo/9:iff:\tmega_tap0\n/proc/812/fdinfo/10:iff:\tmega_tap0\n'),
    });
    const facts = parseBridgeFacts(output);
    expect(facts.ovs.bridges).toEqual([
      {
        name: 'mega_bridge',
        ports: ['eth0', 'mega_tap0'],
        datapathType: 'netdev',
        failMode: 'standalone',
        hwaddr: '02:4d:44:9c:00:01',
        externalIds: { 'meshdeck-owner': 'meshdeck' },
        transientPorts: ['eth0'],
        errors: ['mega_tap0: could not open network device mega_tap0 (No such device)'],
      },
    ]);
    expect(facts.taps).toEqual({ mega_bridge: ['web1'] });
    expect(facts).toMatchObject({ vms: ['web1', 'process 813'], users: ['ann on pts/0'] });
    expect(facts.nics.find(({ name }) => name === 'eth0')?.ovsBridge).toBe('mega_bridge');
    // As the guide's commands leave it: in the database, and nothing else.
    expect(facts.rebootDoubts).toEqual([
      'eth0 has the transient mark: the next start of Open vSwitch takes it out of mega_bridge',
      '/etc/network/interfaces still gives eth0 its own address',
      'nothing shuts the kernel’s own stack out of eth0 at boot: every packet would be answered twice',
    ]);
  });
  it('a transaction under way is read from its state file, its timers and its services', () => {
    const units = 'inactive active inactive active inactive inactive inactive inactive inactive';
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      '= pending': 'run7-1',
      '= pending_steady': 'yes',
      '= pending_state': '1795649000000 applied the change is in place',
      pending_plan: base64("KIND='ensure'\nHOLDER='john on console (run7)'\nCAP=1800\n"),
      pending_journal: base64(
        '1795648400000 planned begun\n1795648401000 armed goes back in 300 s unless it is kept\n',
      ),
      '= now_ms': '1795649012345',
      '= pending_units': units,
    });
    expect(parseBridgeFacts(output).transaction).toEqual({
      id: 'run7-1',
      state: 'applied',
      ageSeconds: 12,
      isPastCap: false,
      holder: 'john on console (run7)',
      isArmed: true,
      isSteady: true,
      isAtWork: false,
    });
    // The clock was set by an hour: the time since boot counts.
    const clock = output.replace(/\nend\n$/, '\n= pending_since 500000\n= pending_cap 2300000\n= uptime 512.04\nend\n');
    expect(parseBridgeFacts(clock.replace('1795649012345', '1795659012345')).transaction).toMatchObject({
      ageSeconds: 12,
      isPastCap: false,
    });
    // By its own plan's cap, from when it was armed.
    const late = recordedWith('debian12-ifupdown-0.8.41', {
      '= pending': 'run7-1',
      '= pending_state': '1795649000000 outside-ok seen',
      pending_plan: base64('CAP=300\n'),
      pending_journal: base64('1795648401000 armed goes back in 120 s unless it is kept\n'),
      '= now_ms': '1795649012345',
      '= pending_units': units,
    });
    expect(parseBridgeFacts(late).transaction).toMatchObject({ ageSeconds: 12, isPastCap: true });
  });
  it('a root on the network goes over the interfaces that its servers are reached by', () => {
    const lines = { '= root': 'nfs4 10.0.0.9:/srv/root', '= root_over': 'eth1' };
    expect(parseBridgeFacts(recordedWith('debian12-ifupdown-0.8.41', lines))).toMatchObject({
      networkRoot: 'nfs',
      networkRootOver: ['eth1'],
    });
  });
  it('drift is what differs from the record of the last commit', () => {
    const record = [
      'transaction=run7-1',
      'bridge=mega_bridge',
      'uplink=eth0',
      'method=ifupdown',
      'atMs=1795649000000',
      'mac=02:4d:44:9c:00:01',
      `file=${'a'.repeat(64)} /etc/network/interfaces`,
      `file=${'b'.repeat(64)} /etc/gone`,
      'file=none /etc/network/interfaces.d/eth0',
      '',
    ].join('\n');
    const output = recordedWith('debian12-ifupdown-0.8.41', {
      ...tables({ config: ['map', []] }),
      committed: base64(record),
      '= sum': `${'c'.repeat(64)} /etc/network/interfaces`,
      original: `text 644 ${base64('/etc/network/interfaces')} ${base64('auto eth0\n')}`,
    });
    const facts = parseBridgeFacts(output);
    expect(facts.committed).toEqual({
      transaction: 'run7-1',
      bridge: 'mega_bridge',
      uplink: 'eth0',
      method: 'ifupdown',
      atMs: 1795649000000,
    });
    expect(facts.drift).toEqual([
      '/etc/network/interfaces was changed since',
      '/etc/gone is gone',
      'mega_bridge is no longer pinned to 02:4d:44:9c:00:01',
    ]);
    expect(facts.originals).toEqual([{ path: '/etc/network/interfaces', content: 'auto eth0\n', mode: '644' }]);
  });
});
