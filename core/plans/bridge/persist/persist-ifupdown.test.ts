// ifupdown's files as people really write them: which are read, and that every stanza of the uplink moves or nothing does.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BridgeFacts, BridgeMethod, FileFacts, NicAddress } from '../observe/facts.ts';
import { parseBridgeFacts } from '../observe/observe.ts';
import { persistBridge } from './persist.ts';

const recorded = parseBridgeFacts(
  readFileSync(new URL('../observe/fixtures/observe-bridge.debian12-ifupdown-0.8.41.txt', import.meta.url), 'utf8'),
);
const main = '/etc/network/interfaces';
const lo = 'auto lo\niface lo inet loopback\n';

/** A node with these files; its NIC has the leased address of the recording, and these. */
function nodeWith(files: Record<string, string>, fixed: readonly string[] = []): BridgeFacts {
  const added = fixed.map((address): NicAddress => ({
    family: address.includes(':') ? 6 : 4,
    address,
    scope: 'global',
    flags: [],
    validSeconds: null,
  }));
  return {
    ...recorded,
    ifupdown: null,
    nics: recorded.nics.map((nic) => (nic.name === 'eth0' ? { ...nic, addresses: [...nic.addresses, ...added] } : nic)),
    files: Object.entries(files).map(([path, content]): FileFacts => ({
      path,
      content,
      mode: '644',
      sha256: '0'.repeat(64),
    })),
  };
}

function bridge(facts: BridgeFacts, method: BridgeMethod = 'ifupdown') {
  const uplink = facts.nics.find(({ name }) => name === 'eth0')!;
  const { files, findings } = persistBridge(facts, {
    kind: 'ensure',
    bridge: 'mega_bridge',
    uplink,
    method,
    datapath: 'system',
  });
  return {
    blocks: findings.filter(({ level }) => level === 'block').map(({ text }) => text),
    contents: Object.fromEntries(files.map(({ path, content }) => [path, content])),
  };
}
const linesOf = (text: string | null | undefined) =>
  (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(ovs_|pre-up \[ -s)/.test(line));

describe('every stanza of the uplink goes to the bridge', () => {
  it('a lease and a fixed address', () => {
    const text = `auto eth0\niface eth0 inet dhcp\niface eth0 inet static\n  address 192.168.178.4/24\n`;
    const { blocks, contents } = bridge(nodeWith({ [main]: text }, ['192.168.178.4/24']));
    expect(blocks).toEqual([]);
    expect(linesOf(contents[main])).toEqual([
      ...['auto mega_bridge', 'allow-ovs mega_bridge'],
      ...['iface mega_bridge inet dhcp', 'iface mega_bridge inet static', 'address 192.168.178.4/24'],
      ...['allow-mega_bridge eth0', 'iface eth0 inet manual'],
    ]);
  });
  it('two fixed addresses, a fixed IPv6 one, and a label', () => {
    const text = `${lo}auto eth0 eth0:1
iface eth0 inet static
  address 10.0.0.5/24
  gateway 10.0.0.1
  metric 20
  mtu 9000
  post-up ip route add 10.9.0.0/16 via 10.0.0.9 dev eth0
  pre-up ethtool -K $IFACE gro off
iface eth0 inet static
  address 10.0.0.6/24
iface eth0 inet6 static
  address fd00::5/64
iface eth0:1 inet static
  address 10.0.0.7/24
`;
    const { blocks, contents } = bridge(nodeWith({ [main]: text }, ['10.0.0.6/24', '10.0.0.7/24', 'fd00:0::5/64']));
    expect(blocks).toEqual([]);
    expect(linesOf(contents[main])).toEqual([
      ...['auto lo', 'iface lo inet loopback'],
      ...['auto mega_bridge', 'allow-ovs mega_bridge', 'iface mega_bridge inet static', 'address 10.0.0.5/24'],
      ...['gateway 10.0.0.1', 'metric 20', 'post-up ip route add 10.9.0.0/16 via 10.0.0.9 dev mega_bridge'],
      ...['iface mega_bridge inet static', 'address 10.0.0.6/24', 'iface mega_bridge inet6 static'],
      ...['address fd00::5/64', 'auto mega_bridge:1', 'iface mega_bridge:1 inet static', 'address 10.0.0.7/24'],
      ...['allow-mega_bridge eth0', 'iface eth0 inet manual', 'mtu 9000', 'pre-up ethtool -K $IFACE gro off'],
    ]);
  });
  it('what it inherits, where that is all of it', () => {
    const text = `iface base inet dhcp\n  metric 100\n\nauto eth0\niface eth0 inherits base\n`;
    const { blocks, contents } = bridge(nodeWith({ [main]: text }));
    expect(blocks).toEqual([]);
    expect(linesOf(contents[main]).slice(0, 6)).toEqual([
      ...['iface base inet dhcp', 'metric 100', 'auto mega_bridge', 'allow-ovs mega_bridge'],
      ...['iface mega_bridge inet dhcp', 'metric 100'],
    ]);
  });
  it('what it inherits beside its own words: the base wins, and commands of both run', () => {
    const base = 'iface base inet static\n  metric 100\n  mtu 9000\n  up echo base\n';
    const own = 'auto eth0\niface eth0 inet static inherits base\n  address 10.0.0.5/24\n  metric 5\n  up echo own\n';
    const { contents } = bridge(nodeWith({ [main]: base + own }));
    const lines = linesOf(contents[main]);
    expect(lines.slice(lines.indexOf('iface mega_bridge inet static'))).toEqual([
      ...['iface mega_bridge inet static', 'metric 100', 'up echo base', 'address 10.0.0.5/24', 'up echo own'],
      ...['allow-mega_bridge eth0', 'iface eth0 inet manual', 'mtu 9000'],
    ]);
  });
  it('and finds nothing to do the second time', () => {
    const text = `auto eth0 eth0:1\nno-auto-down eth0\niface eth0 inet6 static\n address fd00::5/64\n mtu 1400\niface eth0 inet dhcp\niface eth0:1 inet static\n address 10.0.0.7/24\n`;
    const first = bridge(nodeWith({ [main]: text }, ['10.0.0.7/24', 'fd00::5/64']));
    const content = first.contents[main] ?? '';
    expect(content).toContain('no-auto-down mega_bridge\n');
    expect(bridge(nodeWith({ [main]: content }, ['10.0.0.7/24', 'fd00::5/64'])).contents).toEqual({});
  });
  it('a label that would be too long is a reason not to begin', () => {
    const text = `auto eth0\niface eth0 inet dhcp\nauto eth0:backup\niface eth0:backup inet static\n  address 10.0.0.7/24\n`;
    expect(bridge(nodeWith({ [main]: text })).blocks.join()).toContain('mega_bridge:backup would be longer than 15');
  });
  it('an address that no stanza gives is a reason not to begin', () => {
    const { blocks } = bridge(nodeWith({ [main]: 'auto eth0\niface eth0 inet dhcp\n' }, ['10.7.7.7/24']));
    expect(blocks).toEqual(['eth0 has 10.7.7.7/24, which no stanza gives: the next boot would leave it out']);
  });
});

describe('files are read as ifupdown reads them', () => {
  const dhcp = 'auto eth0\niface eth0 inet dhcp\n';
  const folder = `${main}.d`;
  const cloud = 'auto eth0\niface eth0 inet static\n  address 192.0.2.99/24\n';
  /** The files that a plan changes. */
  const changed = (files: Record<string, string>) => {
    const { blocks, contents } = bridge(nodeWith(files));
    expect(blocks).toEqual([]);
    return Object.keys(contents);
  };

  it('source-directory takes no name with a dot in it', () => {
    const files = { [main]: `${lo}source-directory ${folder}\n`, [`${folder}/50-cloud-init.cfg`]: cloud };
    expect(changed({ ...files, [`${folder}/eth0`]: dhcp })).toEqual([`${folder}/eth0`]);
  });
  it('source takes what its glob takes, and no more: not the copy beside it, nor a hidden file', () => {
    const others = { [`${folder}/eth0.cfg.bak`]: cloud, [`${folder}/.eth0.cfg`]: cloud, [`${folder}/eth0`]: cloud };
    const files = { [main]: `source ${folder}/*.cfg\n${lo}`, ...others, [`${folder}/eth0.cfg`]: dhcp };
    expect(changed(files)).toEqual([`${folder}/eth0.cfg`]);
  });
  it('a path without a slash in front counts from the folder of the file that includes it, also in an include', () => {
    expect(changed({ [main]: 'source interfaces.d/*\n', [`${folder}/eth0`]: dhcp })).toEqual([`${folder}/eth0`]);
    expect(changed({ [main]: 'source-directory interfaces.d\n', [`${folder}/eth0`]: dhcp })).toEqual([
      `${folder}/eth0`,
    ]);
    const nested = { [main]: `source /srv/net/all\n`, '/srv/net/all': 'source ../nics/e?h[0-9]\n' };
    expect(changed({ ...nested, '/srv/nics/eth0': dhcp })).toEqual(['/srv/nics/eth0']);
  });
  it('a file that includes itself has an end', () => {
    expect(changed({ [main]: `source interfaces\n${dhcp}` })).toEqual([main]);
  });
  it('a comment ends with its line, whatever it ends in', () => {
    const { contents } = bridge(nodeWith({ [main]: `# the NIC \\\niface eth0 inet dhcp\nauto eth0\n` }));
    expect(contents[main]).toContain('iface mega_bridge inet dhcp\n');
  });
  it('all that is not ours stays byte for byte', () => {
    const text = `# a\n\n\n\nauto  lo\teth0 \n\n\niface lo inet loopback\n\n\n${dhcp.replace('auto eth0\n', '')}# tail\n\n\n`;
    const { contents } = bridge(nodeWith({ [main]: text }));
    const [before = '', after = ''] = (contents[main] ?? '').split(/auto mega_bridge[\s\S]*ovs_bridge mega_bridge\n/);
    expect(before + after).toBe(`# a\n\n\n\nauto  lo \n\n\niface lo inet loopback\n\n\n# tail\n\n\n`);
  });
  it('a symbolic link is followed: what is written goes where it leads', () => {
    const facts = nodeWith({ [main]: 'source interfaces.d/*\n', [`${folder}/eth0`]: dhcp });
    const files = facts.files.map((file) =>
      file.path === main ? file : { ...file, realPath: '/srv/net/eth0', sha256: '1'.repeat(64) },
    );
    expect(Object.keys(bridge({ ...facts, files }).contents)).toEqual(['/srv/net/eth0']);
  });
});

describe('what cannot be carried is said before anything changes', () => {
  const reasonFor = (text: string, method: BridgeMethod = 'ifupdown') =>
    bridge(nodeWith({ [main]: `${text}\n` }), method).blocks.join();
  const dhcp = 'iface eth0 inet dhcp';

  it.each([
    [`mapping eth*\n  script /bin/echo\nauto eth0\n${dhcp}`, 'chooses the stanza of eth0 by a script'],
    ['auto eth0=lan\niface lan inet dhcp', 'gives eth0 the stanza of another name (eth0=lan)'],
    [`auto /e*\n${dhcp}`, 'raises eth0 by a pattern'],
    [`auto eth0\nno-scripts eth*\n${dhcp}`, 'keeps the hook of Open vSwitch from running'],
    [`rename mac/02:*=eth0\nauto eth0\n${dhcp}`, '.link file'],
    [`source $HOME/net\nauto eth0\n${dhcp}`, 'cannot be followed'],
    ['auto eth0\niface eth0 inet ppp\n  provider isp', 'makes its own interface'],
    ['auto lo', 'no file that ifupdown reads has a stanza'],
  ])('%j', (text, reason) => expect(reasonFor(text)).toContain(reason));

  it('a stanza under another name does not hinder our boot unit: the NIC’s own becomes manual', () => {
    const { blocks, contents } = bridge(nodeWith({ [main]: 'auto lo eth0=lan\niface lan inet dhcp\n' }), 'commands');
    expect(blocks).toEqual([]);
    expect(linesOf(contents[main])).toEqual(['auto eth0', 'iface eth0 inet manual', 'auto lo', 'iface lan inet dhcp']);
  });
  it('labels of the NIC do not stay with it beside a boot unit of ours', () => {
    const text = `auto eth0 eth0:1\n${dhcp}\niface eth0:1 inet static\n  address 10.0.0.7/24\n`;
    const { contents } = bridge(nodeWith({ [main]: text }, ['10.0.0.7/24']), 'commands');
    expect(linesOf(contents[main])).toEqual(['auto eth0', 'iface eth0 inet manual']);
  });
});

describe('ifquery has the last word', () => {
  const query = (text: string, files: Record<string, string>) => ({
    ...nodeWith(files),
    ifupdown: { queries: { eth0: text }, runs: {} },
  });
  const files = { [main]: 'auto eth0\niface eth0 inet static\n  address 10.0.0.5/24\n  post-up  echo  a\n' };
  it('the same in its words is the same', () => {
    const said = 'address: 10.0.0.5\nup: echo  a\nbroadcast: 10.0.0.255\nnetmask: 255.255.255.0\n';
    expect(bridge(query(said, files)).blocks).toEqual([]);
  });
  it('what it knows and no file says, and the reverse, is a reason not to begin', () => {
    expect(bridge(query('address: 10.0.0.5\nup: echo a\naddress: 10.0.0.6\n', files)).blocks.join()).toContain(
      'ifquery says `address 10.0.0.6` of eth0',
    );
    expect(bridge(query('address: 10.0.0.5\n', files)).blocks.join()).toContain('`up echo a`, and ifquery does not');
  });
});
