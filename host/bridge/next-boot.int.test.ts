// How the words of the next boot are compared on the node: what is lost is named, what only has another name is not.
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localRunner } from '../runner.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-boot-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function ask(call: string, values = ''): Promise<string[]> {
  const script = await readFile(new URL('../scripts/bridge/next-boot.sh', import.meta.url), 'utf8');
  const fixed = `live='${folder}' UPLINK=eth0 BRIDGE=mega_bridge METHOD=ifupdown KIND=ensure SNAP_CLIENT_COMMAND=''`;
  const limit = `limit() { shift; "$@"; }\none_line() { printf '%s' "$1" | tr '\\n' ' '; }`;
  const { stdout } = await localRunner.run(['dash', '-c', `${fixed} ${values}\n${limit}\n${script}\n${call}`]);
  return stdout.split('\n').filter((line) => line !== '');
}

const before = [
  'raised eth0',
  'runs run-parts --exit-on-error /etc/network/if-pre-up.d',
  'runs dhclient -4 -v -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases eth0 \t',
  'runs ip addr add 192.168.178.4/255.255.255.0 broadcast 192.168.178.255 \t  dev eth0 label eth0',
  'runs ip link set dev eth0 mtu 9000  up',
  'runs  ip route add default via 10.0.0.1  dev eth0 onlink',
  'runs ip -6 addr add fd00::5/64  dev eth0  nodad',
];
const underBridge = before.map((line) => line.replaceAll('eth0', 'mega_bridge'));
const compare = async (then: readonly string[]) => {
  await writeFile(join(folder, 'boot-now'), `${before.join('\n')}\n`);
  await writeFile(join(folder, 'boot-then'), `${then.join('\n')}\n`);
  return ask('lost_words');
};

test('the same commands under the bridge’s name lose nothing', async () => {
  expect(await compare(underBridge.filter((line) => !line.includes('mtu')))).toEqual([]);
});

test('an address, a route or a lease that is not asked for is named', async () => {
  expect(await compare(underBridge.filter((line) => !/addr add/.test(line)))).toEqual([
    'the next boot would not give mega_bridge 192.168.178.4/255.255.255.0',
    'the next boot would not give mega_bridge fd00::5/64',
  ]);
  expect(await compare(underBridge.filter((line) => !/dhclient|route/.test(line)))).toEqual([
    expect.stringMatching(/^the next boot would not run `dhclient -4 .*mega_bridge` for mega_bridge$/),
    'the next boot would not run `ip route add default via 10.0.0.1 dev mega_bridge onlink` for mega_bridge',
  ]);
  expect(await compare([])).toHaveLength(4);
});

test('what runs now has to be given, or leased', async () => {
  const line = (address: string, flag: string) => `2: eth0    inet ${address} brd 10.0.0.255 scope global ${flag}eth0`;
  const snapshot = `SNAP_ADDRESSES='${line('10.0.0.5/24', 'dynamic ')}\n${line('10.0.0.6/24', '')}'`;
  const values = `ADDRESSES='10.0.0.5/24 10.0.0.6/24 fd00::5/64' ${snapshot}`;
  const words = 'ip addr add 10.0.0.6/24 dev mega_bridge; ip -6 addr add fd00:0::5/64 dev mega_bridge';
  expect(await ask(`missing_addresses_at_boot 'runs dhclient mega_bridge; ${words}'`, values)).toEqual([]);
  expect(await ask(`missing_addresses_at_boot 'runs dhclient mega_bridge'`, values)).toEqual([
    'the next boot would not give mega_bridge 10.0.0.6/24',
    'the next boot would not give mega_bridge fd00::5/64',
  ]);
  expect(await ask(`missing_addresses_at_boot 'runs ${words}'`, values)).toEqual([
    'the next boot would not ask for the lease of 10.0.0.5/24',
  ]);
});

describe('NetworkManager', () => {
  const ours =
    '[device-meshdeck-bridge]\nmatch-device=interface-name:eth0,interface-name:mega_bridge\nmanaged=0\n\n[main]\ndns=none\n';
  const askNm = async (config: string) => {
    await writeFile(join(folder, 'config'), config);
    return ask('nm_words', `\nNetworkManager() { cat '${folder}/config'; }; MAC=52:54:00:00:00:01;`);
  };

  test('is out of the way where its first section about the two is ours', async () => {
    expect(await askNm(ours)).toEqual([]);
    const others = [
      'match-device=interface-name:wlan*;type:wifi;mac:52:54:00:00:00:02\nmanaged=1',
      'match-device=interface-name:eth0\nwifi.backend=iwd',
      'match-device=interface-name:eth0\nmanaged=0',
    ];
    expect(await askNm(`${others.map((text, at) => `[device-${at}]\n${text}\n`).join('\n')}\n${ours}`)).toEqual([]);
    expect(await askNm(`${ours}\n[device-all]\nmatch-device=*\nmanaged=1\n`)).toEqual([]);
  });

  test.each([
    ['interface-name:eth*', '1'],
    ['interface-name:mega_bridge', 'true'],
    ['mac:52:54:00:00:00:01', 'yes'],
    ['type:ethernet', '1'],
    ['interface-name:wlan0;driver:virtio_net', '1'],
    ['*', 'on'],
    ['except:interface-name:wlan0', '1'],
  ])('takes the NIC again by a section for %s that comes before ours', async (match, managed) => {
    const config = `[device-site]\nmatch-device=${match}\nmanaged=${managed}\n\n${ours}`;
    expect(await askNm(config)).toEqual([
      `doubt NetworkManager would still take eth0 or mega_bridge at boot: [device-site] (match-device=${match}) comes before our section`,
    ]);
  });

  test('takes it again where our section is missing, or names another NIC', async () => {
    const missing = [
      expect.stringMatching(/^doubt NetworkManager would still take eth0 .*has no section of ours for both$/),
    ];
    expect(await askNm('[main]\ndns=default\n')).toEqual(missing);
    expect(await askNm(ours.replace('eth0', 'eth01'))).toEqual(missing);
    expect(await askNm(ours.replace('managed=0', 'managed=1'))).toHaveLength(1);
  });

  test('that does not say what it would do proves nothing', async () => {
    expect(await ask('nm_words', '\nNetworkManager() { echo no such option >&2; return 1; };')).toEqual([
      'doubt NetworkManager does not say what it would do at boot: no such option',
    ]);
  });
});

describe('systemd-networkd', () => {
  const askNetworkd = async (files: Readonly<Record<string, string>>) => {
    const folders = ['etc', 'run', 'lib'].map((name) => join(folder, name));
    for (const each of folders) await mkdir(each);
    const own = { 'etc/00-meshdeck-eth0.network': '[Match]\nName=eth0\n', ...files };
    for (const [path, text] of Object.entries(own)) {
      if (text === '/dev/null') await symlink(text, join(folder, path));
      else await writeFile(join(folder, path), text);
    }
    const words = await ask(`networkFolders='${folders.join(' ')}'; networkd_words`, 'MAC=52:54:00:00:00:01;');
    return words.map((word) => word.replace(`${folder}/`, ''));
  };

  test('reads ours first where earlier files are about other interfaces', async () => {
    expect(
      await askNetworkd({
        'etc/00-lan.network': '[Match]\nName=lan0 wlan*\n',
        'etc/00-all.network': '[Match]\nName=!eth* mega_bridge\nType=ether\n',
        'etc/00-mac.network': '[Match]\nMACAddress=52:54:00:00:00:02\n',
        'etc/00-wlan.network': '[Match]\nType=wlan\n# Name=eth0\n',
        'lib/00-masked.network': '[Match]\nName=eth0\n',
        'etc/00-masked.network': '/dev/null',
        'etc/10-eth0.network': '[Match]\nName=eth0\n',
        'etc/99-all.network': '[Match]\nName=*\n',
      }),
    ).toEqual([]);
  });

  test.each([
    ['Name=eth0'],
    ['Name=wlan0 eth*'],
    ['Name=wlan0\nName=mega_bridge'],
    ['Name = e[tn]h0'],
    ['MACAddress=02:00:00:00:00:01 52:54:00:00:00:01'],
    ['Type=ether'],
    ['Driver=virtio_net'],
    ['Name=!wlan*'],
  ])('reads a file first that matches by %s', async (match) => {
    expect(await askNetworkd({ 'run/00-a.network': `[Match]\n${match}\n\n[Network]\nDHCP=yes\n` })).toEqual([
      'doubt run/00-a.network comes before ours at boot',
    ]);
  });
});

test('an address counts as given only by what gives addresses, and a lease by what asks for one', async () => {
  const snapshot = `SNAP_ADDRESSES='2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0'`;
  const missing = async (words: readonly string[]) =>
    ask(`missing_addresses_at_boot '${words.join('\n')}'`, `ADDRESSES='10.0.0.5/24 10.0.0.6/24' ${snapshot}`);
  const neither = [
    'the next boot would not ask for the lease of 10.0.0.5/24',
    'the next boot would not give mega_bridge 10.0.0.6/24',
  ];
  // As ifupdown 0.8.41 says it.
  const client = `runs CLIENT="-i";  dhclient -4 -v $CLIENT -pf /run/dhclient.mega_bridge.pid -I mega_bridge \t`;
  const leases = 'runs [ -s /var/lib/dhcp/dhclient.mega_bridge.leases ] || cp /var/lib/dhcp/dhclient.eth0.leases x';
  expect(await missing([client, leases, 'runs ip addr add 10.0.0.6/255.255.255.0 \t  dev mega_bridge'])).toEqual([]);
  expect(await missing(['sets DHCP = yes', 'sets Address = 10.0.0.6/24'])).toEqual([]);
  expect(await missing(['sets # DHCP=yes', 'sets #Address=10.0.0.6/24'])).toEqual(neither);
  expect(await missing(['sets DHCP=ipv6', 'sets DNS=10.0.0.6', 'sets Gateway=10.0.0.6'])).toEqual(neither);
  expect(await missing(['sets DHCP=no', 'runs ip route add 10.9.0.0/16 via 10.0.0.6 dev mega_bridge'])).toEqual(
    neither,
  );
  expect(await missing([leases, 'runs # ip addr add 10.0.0.6/24 dev mega_bridge'])).toEqual(neither);
  expect(await missing(['runs limit 20 dhclient -4 mega_bridge', 'runs ifconfig mega_bridge:1 10.0.0.6 up'])).toEqual(
    [],
  );
});

test('a unit that the next boot needs and does not start is named', async () => {
  const askUnits = (enabled: string, values: string) =>
    ask(
      'unit_doubts',
      `\nsystemctl() { case " ${enabled} " in *" $3 "*) ;; *) return 1 ;; esac; }; ENABLE=''; ${values};`,
    );
  const ovs = 'openvswitch-switch.service';
  expect(await askUnits(`${ovs} networking.service`, 'OWNER=ifupdown DHCP=dhclient')).toEqual([]);
  expect(await askUnits('networking.service', 'OWNER=ifupdown DHCP=dhclient')).toEqual(['Open vSwitch is not enabled']);
  expect(await askUnits(ovs, 'OWNER=ifupdown DHCP=dhclient')).toEqual([
    'networking.service is not enabled: nothing brings mega_bridge up at boot',
  ]);
  const networkd = ['systemd-networkd.service is not enabled: nothing gives mega_bridge its addresses at boot'];
  expect(await askUnits(ovs, 'METHOD=networkd OWNER=networkd DHCP=none')).toEqual(networkd);
  expect(await askUnits(ovs, 'METHOD=commands OWNER=networkd DHCP=networkd')).toEqual(networkd);
  expect(
    await askUnits(ovs, 'METHOD=commands OWNER=networkmanager DHCP=networkd ENABLE=systemd-networkd.service'),
  ).toEqual([]);
  expect(await askUnits(ovs, 'METHOD=commands OWNER=networkmanager DHCP=dhclient')).toEqual([]);
});
