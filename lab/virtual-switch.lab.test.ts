// The virtual switch on a real node: its Open vSwitch as Debian's units run it, restarted, wiped and altered by hand.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChild } from '../host/child.ts';
import { LinuxHost } from '../host/ovs/linux-host.ts';
import { describeWithTools } from '../host/ovs/private-ovs.ts';
import { describeSwitch, type SwitchMachine } from '../host/ovs/switch-compliance.ts';
import { VirtualSwitch } from '../host/ovs/virtual-switch.ts';
import { openLab } from './lab.ts';

const lab = openLab({ name: 'ovs' });
const node = 'node1';
const run = async (...argv: string[]) => (await lab.exec(node, argv)).stdout;
const vsctl = (...args: string[]) => run('ovs-vsctl', '--timeout=20', ...args);
const systemctl = (...args: string[]) => run('systemctl', ...args);
const units = ['openvswitch-switch', 'ovs-vswitchd', 'ovsdb-server'];
let runFolder = '';
let within: string[] = [];

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 1 });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  runFolder = await lab.livePath(node, '/run/openvswitch');
  const leader = /^\/proc\/(\d+)\//.exec(runFolder)?.[1] ?? '';
  // With the node's own programs: nft is on nodes, and need not be here.
  within = ['nsenter', '--target', leader, '--net', '--mount', '--'];
});
afterAll(() => lab.down());

const openHost = () => new LinuxHost({ runFolder, within, log: (_level, text) => console.log(text) });

async function start(): Promise<void> {
  // Tests restart it more often than systemd's limit allows; openvswitch-switch needs the unit that records the host's name.
  for (const unit of [...units, 'ovs-record-hostname']) await systemctl('reset-failed', unit).catch(() => '');
  await systemctl('start', ...units);
}

async function giveBack(): Promise<void> {
  await start();
  for (const bridge of (await vsctl('list-br')).split('\n').filter(Boolean)) await vsctl('del-br', bridge);
  const links = JSON.parse(await run('ip', '-d', '-j', 'link', 'show')) as {
    ifname: string;
    linkinfo?: { info_kind?: string };
  }[];
  for (const { ifname, linkinfo } of links) {
    if (linkinfo?.info_kind === 'tun' && !ifname.startsWith('ovs-')) await run('ip', 'link', 'del', ifname);
  }
}

describeSwitch('on a node', async (): Promise<SwitchMachine> => {
  await giveBack();
  return {
    host: openHost,
    ...describeWithTools({ within, run, vsctl }),
    // Debian's units stop the database with the switch; by its own control socket the switch ends alone.
    stop: (part) =>
      part === 'database' ? systemctl('stop', ...units) : run('ovs-appctl', '-t', 'ovs-vswitchd', 'exit'),
    start: () => start(),
    wipe: async () => {
      await systemctl('stop', ...units);
      await run('sh', '-c', 'rm -f /etc/openvswitch/conf.db /var/lib/openvswitch/conf.db');
      await start();
    },
    end: giveBack,
  };
});

/** Prints each datagram that comes to this port. */
const listenOn = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', int(sys.argv[1])))
print('listening', flush=True)
while True:
    print(s.recv(2000).decode(), flush=True)
`;

/** A datagram to a whole network, as any guest can send it (RFC 791, RFC 768; without UDP's checksum). */
function datagram(text: string, { from, to, port }: { from: string; to: string; port: number }): Buffer {
  const bytesOf = (address: string) => Buffer.from(address.split('.').map(Number));
  const header = Buffer.alloc(20);
  header.writeUInt16BE(0x4500, 0);
  header.writeUInt16BE(28 + text.length, 2);
  header.writeUInt16BE(0x4011, 8);
  bytesOf(from).copy(header, 12);
  bytesOf(to).copy(header, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at);
  header.writeUInt16BE(0xffff - ((sum & 0xffff) + (sum >> 16)), 10);
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(port, 0);
  udp.writeUInt16BE(port, 2);
  udp.writeUInt16BE(8 + text.length, 4);
  return Buffer.concat([Buffer.from('ffffffffffff0200000000010800', 'hex'), header, udp, Buffer.from(text)]);
}

test('the node takes nothing for itself from a tap, on a bridge or on none', async () => {
  await giveBack();
  await vsctl('add-br', 'vms', '--', 'set', 'bridge', 'vms', 'datapath_type=netdev');
  const ports = new VirtualSwitch('c1', {
    host: openHost(),
    clock: {
      now: () => performance.now(),
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    log: (_level, text) => console.log(text),
  });
  await ports.start({ ports: [], bridges: [] });
  const port = 5_555;
  const heard: string[] = [];
  const listener = await startChild([...within, '/usr/bin/python3', '-c', listenOn, String(port)], {
    diesWithParent: true,
    onLine: (line) => heard.push(line),
  });
  try {
    await expect.poll(() => heard).toEqual(['listening']);
    const own = JSON.parse(await run('ip', '-j', '-4', 'address', 'show', 'scope', 'global')) as {
      addr_info: { local: string }[];
    }[];
    const to = own.flatMap(({ addr_info }) => addr_info)[0]?.local ?? '';
    // Another one of its network: the node would answer it.
    const from = to.replace(/\d+$/, (last) => String(last === '99' ? 98 : 99));
    const place = { bridge: 'vms', vlan: { kind: 'access', tag: 5 } } as const;
    const added = { owner: 'vm1', user: 65534 };
    await ports.addPorts([
      { ...added, tap: 'mega_tap0', place },
      { ...added, tap: 'mega_tap1', place: null },
    ]);
    const tools = describeWithTools({ within, run, vsctl });
    const guests = [await tools.hold('mega_tap0'), await tools.hold('mega_tap1')];
    const say = (text: string) => {
      for (const [index, guest] of guests.entries()) guest.send(datagram(`${text} ${index}`, { from, to, port }));
    };
    // Without the rule it does.
    await run('nft', 'flush', 'ruleset');
    say('before');
    await expect.poll(() => heard.toSorted()).toEqual(['before 0', 'before 1', 'listening']);
    await ports.addPorts([{ ...added, tap: 'mega_tap2', place }]);
    const sent = async () => {
      const links = JSON.parse(await run('ip', '-s', '-j', 'link', 'show')) as {
        ifname: string;
        stats64: { rx: { packets: number } };
      }[];
      return ['mega_tap0', 'mega_tap1'].map((tap) => links.find(({ ifname }) => ifname === tap)?.stats64.rx.packets);
    };
    const before = await sent();
    say('after');
    await expect.poll(sent).toEqual(before.map((count = 0) => count + 1));
    await run('bash', '-c', `echo -n own > /dev/udp/127.0.0.1/${port}`);
    await expect.poll(() => heard).toContain('own');
    expect(heard.filter((text) => text.startsWith('after'))).toEqual([]);
    for (const guest of guests) await guest.letGo();
  } finally {
    await listener.stop();
    await ports.stop();
    await giveBack();
  }
});
