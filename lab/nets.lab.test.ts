// Networks of VMs beside their NICs, on one node: DHCP on a VLAN, a rate, and a mirror, each as its guests see it. The tests build on each other.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { installTree, runMeshd, startMeshd } from './cluster.ts';
import { runInGuest } from './guest-shell.ts';
import { ensureGuest } from './guest.ts';
import { openLab } from './lab.ts';
import { defaultCache } from './layout.ts';

const lab = openLab({ name: 'nets' });
const node = 'node1';
const vlans = { a1: 'lan', a2: 'lan', b1: 'dmz' } as const;
type Name = keyof typeof vlans;
const names = Object.keys(vlans) as Name[];
/** Guests without KVM share two processors with other labs. */
const guestMs = 120_000;

const meshd = (...words: string[]) => runMeshd(lab, node, words);
const Tables = z.array(z.object({ Header: z.array(z.string()), Tabular: z.array(z.array(z.string())).nullable() }));

async function rowsOf(...words: string[]): Promise<Record<string, string>[]> {
  const { stdout } = await meshd('.json', 'true', ...words);
  return Tables.parse(JSON.parse(stdout)).flatMap(({ Header, Tabular }) =>
    (Tabular ?? []).map((cells) => Object.fromEntries(Header.map((column, at) => [column, cells[at] ?? '']))),
  );
}

async function typeIn(name: Name, command: string): Promise<string> {
  const row = (await rowsOf('vm', 'info')).find((each) => each['name'] === name);
  const path = await lab.livePath(node, `/var/lib/meshd/instances/${row?.['id'] ?? ''}/serial0`);
  return (await runInGuest(path, command, guestMs)).output;
}

const addressOf = async (name: Name) => /inet addr:(\S+)/.exec(await typeIn(name, 'ifconfig eth0'))?.[1] ?? '';

beforeAll(async () => {
  await lab.down();
  const guest = await ensureGuest(defaultCache, () => undefined);
  const results = await lab.up({ nodes: 1 });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await installTree(lab, node);
  await startMeshd(lab, node, ['-degree', '1', '-context', 'nets', '-nostdin']);
  const files = '/var/lib/meshd/files';
  await lab.copyIn(node, guest.kernel, join(files, 'vmlinuz'));
  await lab.copyIn(node, guest.initramfs, join(files, 'initramfs.gz'));
});
afterAll(() => lab.down());

test('guests on the VLAN of a DHCP server get leases, and those on another one none', async () => {
  await meshd('dnsmasq', 'serve', 'lan', '10.7.0.1/24', '10.7.0.10', '10.7.0.99', 'domain=lab');
  for (const name of names) {
    const settings = [
      'kernel=vmlinuz',
      'initrd=initramfs.gz',
      'memory=128',
      'serial-ports=1',
      `networks=${vlans[name]}`,
    ];
    const append = `append=console=ttyS0 quiet hostname=${name}`;
    await meshd('vm', 'launch', 'kvm', name, 'with', ...settings, append);
  }
  await meshd('vm', 'start', 'all');
  await expect.poll(() => addressOf('a1'), { timeout: guestMs }).toMatch(/^10\.7\.0\.\d+$/);
  await expect.poll(() => addressOf('a2'), { timeout: guestMs }).toMatch(/^10\.7\.0\.\d+$/);
  expect(await addressOf('b1')).toBe('');
  const leases = await rowsOf('dnsmasq', 'leases');
  expect(leases.map(({ vm, hostname }) => `${vm ?? ''} ${hostname ?? ''}`).sort()).toEqual(['a1 a1', 'a2 a2']);
  expect(leases.find(({ vm }) => vm === 'a1')?.['ip']).toBe(await addressOf('a1'));
  // By its name, from the server's own DNS; and the node's own addresses are not there.
  expect(await typeIn('a1', 'ping -c 1 -W 10 a2.lab')).toContain('1 packets received');
  expect((await lab.exec(node, ['ip', '-o', 'address'])).stdout).not.toContain('10.7.0.1');
});

test('a DHCP server outlives its meshd, and is started again when it dies', async () => {
  const [before] = await rowsOf('dnsmasq');
  expect(await lab.fault.signal(node, 'meshd', 'SIGKILL')).toBe(1);
  await startMeshd(lab, node, ['-degree', '1', '-context', 'nets', '-nostdin']);
  await expect.poll(async () => (await rowsOf('dnsmasq', 'info'))[0]?.['state']).toBe('running');
  expect((await rowsOf('dnsmasq'))[0]).toEqual(before);
  await lab.exec(node, ['kill', '-9', before?.['pid'] ?? '']);
  await expect.poll(async () => (await rowsOf('dnsmasq'))[0]?.['pid'], { timeout: 30_000 }).not.toBe(before?.['pid']);
  await expect.poll(async () => (await rowsOf('dnsmasq', 'info'))[0]?.['state']).toBe('running');
  // The guest renews what it had.
  expect(await typeIn('a1', 'udhcpc -n -q -i eth0 -s /etc/dhcp.sh')).toContain(`lease of ${await addressOf('a1')} `);
});

test('a rate holds for what goes to a guest, and is gone when it is cleared', async () => {
  const bytes = 200_000;
  /** Seconds from the first byte to the last, by the receiver's clock. */
  const transfer = async (): Promise<number> => {
    const address = await addressOf('a2');
    const receiver =
      'nc -l -p 7000 | { head -c 1 >/dev/null; read a x </proc/uptime; wc -c; read b x </proc/uptime; echo $a $b; }';
    const received = typeIn('a2', receiver);
    await typeIn('a1', `sleep 2; head -c ${bytes} /dev/zero | nc ${address} 7000`);
    const [count, begin, end] = (await received).trim().split(/\s+/).map(Number);
    expect(count).toBeGreaterThan(bytes - 70_000);
    return (end ?? 0) - (begin ?? 0);
  };
  const free = await transfer();
  await meshd('qos', 'add', 'a2', '0', 'rate', '128', 'kbit');
  expect((await rowsOf('vm', 'info')).find(({ name }) => name === 'a2')?.['qos']).toBe('[rate 128kbit]');
  const limited = await transfer();
  console.log(`200 kB without a rate in ${free} s, with 128 kbit in ${limited} s`);
  // Without one it takes a fraction of a second; with it, twelve.
  expect(limited / Math.max(free, 0.5)).toBeGreaterThan(3);
  await meshd('clear', 'qos', 'a2', '0');
  expect(limited / Math.max(await transfer(), 0.5)).toBeGreaterThan(3);
});

test('loss and delay are refused with the reason where the kernel has no netem', async () => {
  const answer = await meshd('qos', 'add', 'a2', '0', 'loss', '5').then(
    () => 'done',
    (error: unknown) => String(error),
  );
  expect(answer).toMatch(/^done$|has no sch_netem/);
  await meshd('clear', 'qos', 'a2');
});

test('a mirror brings a guest on another VLAN what a NIC sends and receives, and nothing after its end', async () => {
  const count = async () => Number(await typeIn('b1', 'cat /sys/class/net/eth0/statistics/rx_packets'));
  const ping = async () => typeIn('a1', `ping -c 5 ${await addressOf('a2')}`);
  // As tcpdump does: the NIC takes what is not for it, too.
  await typeIn('b1', 'ifconfig eth0 promisc');
  const begin = await count();
  await ping();
  const without = (await count()) - begin;
  await meshd('tap', 'mirror', 'a1', '0', 'b1', '0');
  const mirrored = await count();
  await ping();
  expect((await count()) - mirrored).toBeGreaterThanOrEqual(without + 10);
  await meshd('clear', 'tap', 'mirror', 'b1', '0');
  const end = await count();
  await ping();
  expect((await count()) - end).toBeLessThan(10);
});

test('clearing ends all of it', async () => {
  await meshd('dnsmasq', 'kill', 'all');
  const look =
    'ip netns list; pgrep -x dnsmasq; ls /var/lib/meshd/dhcp; ovs-vsctl --no-headings --columns=name list Mirror';
  await expect.poll(async () => (await lab.exec(node, ['sh', '-c', `${look}; true`])).stdout.trim()).toBe('');
});
