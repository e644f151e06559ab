// The virtual switch on a real node: its Open vSwitch as Debian's units run it, restarted, wiped and altered by hand.
import { afterAll, beforeAll, expect } from 'vitest';
import { LinuxHost } from '../host/ovs/linux-host.ts';
import { describeWithTools } from '../host/ovs/private-ovs.ts';
import { describeSwitch, type SwitchMachine } from '../host/ovs/switch-compliance.ts';
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

async function start(): Promise<void> {
  // Tests restart it more often than systemd's limit allows.
  await systemctl('reset-failed', ...units).catch(() => '');
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
    host: () => new LinuxHost({ runFolder, within, log: (_level, text) => console.log(text) }),
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
