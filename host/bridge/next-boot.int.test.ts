// How the words of the next boot are compared on the node: what is lost is named, what only has another name is not.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localRunner } from '../runner.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-boot-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function ask(call: string, values = ''): Promise<string[]> {
  const script = await readFile(new URL('./next-boot.sh', import.meta.url), 'utf8');
  const fixed = `live='${folder}' UPLINK=eth0 BRIDGE=mega_bridge METHOD=ifupdown KIND=ensure SNAP_CLIENT_COMMAND=''`;
  const limit = 'limit() { shift; "$@"; }';
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
  expect(await ask(`missing_addresses_at_boot 'dhclient mega_bridge; ${words}'`, values)).toEqual([]);
  expect(await ask(`missing_addresses_at_boot 'dhclient mega_bridge'`, values)).toEqual([
    'the next boot would not give mega_bridge 10.0.0.6/24',
    'the next boot would not give mega_bridge fd00::5/64',
  ]);
  expect(await ask(`missing_addresses_at_boot '${words}'`, values)).toEqual([
    'the next boot would not ask for the lease of 10.0.0.5/24',
  ]);
});
