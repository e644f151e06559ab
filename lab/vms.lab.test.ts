// VMs on VLANs over four bridged nodes: who meets whom, what a transfer brings, and what VMs notice of meshd's end and of a power cut. One lab
// for all: the tests build on each other from top to bottom.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PcapReader } from '../core/capture/pcap.ts';
import { summarise } from '../core/capture/summary.ts';
import { placeTransaction } from '../host/bridge/node-transaction.ts';
import { describeLabTransaction, waitForState } from './bridge.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd, treeOnNode } from './cluster.ts';
import { runInGuest, type GuestAnswer } from './guest-shell.ts';
import { ensureGuest } from './guest.ts';
import { openLab } from './lab.ts';
import { defaultCache } from './layout.ts';

const lab = openLab({ name: 'vms' });
const nodes = ['node1', 'node2', 'node3', 'node4'];
const [head = '', ...others] = nodes;
const flags = ['-degree', '2', '-context', 'vms', '-nostdin'];
const inDemo = (...words: string[]) => runMeshd(lab, head, ['namespace', 'demo', ...words]);

/** VMs by name: VLAN, node, and address; those of one VLAN share a network. */
const vms = {
  a1: { vlan: '100', node: 'node1', address: '10.1.0.1' },
  a2: { vlan: '100', node: 'node2', address: '10.1.0.2' },
  a3: { vlan: '100', node: 'node3', address: '10.1.0.3' },
  b1: { vlan: '200', node: 'node1', address: '10.1.0.11' },
  b4: { vlan: '200', node: 'node4', address: '10.1.0.14' },
} as const;
type Name = keyof typeof vms;
const names = Object.keys(vms) as Name[];

const Tables = z.array(z.object({ Header: z.array(z.string()), Tabular: z.array(z.array(z.string())).nullable() }));

async function infoOf(name: string): Promise<Record<string, string>> {
  const { stdout } = await inDemo('.json', 'true', 'vm', 'info');
  const rows = Tables.parse(JSON.parse(stdout)).flatMap(({ Header, Tabular }) =>
    (Tabular ?? []).map((cells) => Object.fromEntries(Header.map((column, at) => [column, cells[at] ?? '']))),
  );
  const row = rows.find((each) => each['name'] === name);
  if (row === undefined) throw new Error(`no VM ${name}, but ${rows.map((each) => each['name']).join()}`);
  return row;
}

/** Five guests without KVM share two processors with other labs: seconds there may be minutes here. */
async function typeOn(node: string, name: string, command: string, timeoutMs = 300_000): Promise<GuestAnswer> {
  const { id } = await infoOf(name);
  return runInGuest(await lab.livePath(node, `/var/lib/meshd/instances/${id}/serial0`), command, timeoutMs);
}

const typeIn = (name: Name, command: string, timeoutMs?: number) => typeOn(vms[name].node, name, command, timeoutMs);

/** Those among the others that answer `name`. */
async function reachableFrom(name: Name): Promise<string[]> {
  const found: string[] = [];
  for (const other of names.filter((each) => each !== name)) {
    const { code } = await typeIn(name, `ping -c 3 -W 5 ${vms[other].address}`);
    if (code === 0) found.push(other);
  }
  return found;
}

beforeAll(async () => {
  await lab.down();
  const guest = await ensureGuest(defaultCache, () => undefined);
  const results = await lab.up({ nodes: nodes.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await Promise.all(
    nodes.map(async (node) => {
      const { transaction, nonce } = await describeLabTransaction(lab, node);
      const tx = await placeTransaction(lab.runner(node), transaction);
      await tx.begin();
      await waitForState(tx, 'inside-ok');
      await tx.keep(nonce);
    }),
  );
  await placeRootKeys(lab, head, others);
  await installTree(lab, head);
  await startMeshd(lab, head, flags);
  await runMeshd(lab, head, ['deploy', 'launch', 'node[2-4]'], { timeoutMs: 120_000 });
  const files = '/var/lib/meshd/files';
  await lab.copyIn(head, guest.kernel, join(files, 'vmlinuz'));
  await lab.copyIn(head, guest.initramfs, join(files, 'initramfs.gz'));
  await inDemo('ns', 'add-hosts', 'node[1-4]');
});
afterAll(() => lab.down());

test('VMs are launched on the nodes that they ask for, with images that only the head had', async () => {
  for (const [field, value] of [
    ['kernel', 'vmlinuz'],
    ['initrd', 'initramfs.gz'],
    ['memory', '192'],
    ['serial-ports', '1'],
  ] as const) {
    await inDemo('vm', 'config', field, value);
  }
  for (const name of names) {
    const { vlan, node, address } = vms[name];
    await inDemo('vm', 'config', 'net', `${vlan},virtio-net-pci`);
    await inDemo('vm', 'config', 'schedule', node);
    await inDemo('vm', 'config', 'append', 'console=ttyS0', 'quiet', `ip=${address}/24`, `hostname=${name}`);
    await inDemo('vm', 'launch', 'kvm', name);
  }
  await inDemo('vm', 'start', 'all');
  for (const name of names) {
    expect(await infoOf(name)).toMatchObject({ state: 'RUNNING', vlan: `[${vms[name].vlan}]` });
    expect((await typeIn(name, 'hostname')).output).toBe(`${name}\n`);
  }
});

test('they reach those on their VLAN, on whatever node, and nobody else', async () => {
  expect(await reachableFrom('a1')).toEqual(['a2', 'a3']);
  expect(await reachableFrom('a3')).toEqual(['a1', 'a2']);
  expect(await reachableFrom('b1')).toEqual(['b4']);
  expect(await reachableFrom('b4')).toEqual(['b1']);
});

test('a capture of one interface holds its pings and no one else’s; one of the bridge has both VLANs', async () => {
  const flows = ['capture', 'netflow'];
  for (const words of [
    ['mode', 'ascii'],
    ['timeout', '1'],
    ['bridge', 'mega_bridge', 'flows.txt'],
  ])
    await runMeshd(lab, head, [...flows, ...words]);
  await inDemo('capture', 'pcap', 'vm', 'a1', '0', 'a1.pcap', 'filter=icmp');
  await runMeshd(lab, head, ['capture', 'pcap', 'bridge', 'mega_bridge', 'bridge.pcap', 'filter=icmp']);
  expect((await typeIn('a1', 'ping -c 3 -W 5 10.1.0.2')).code).toBe(0);
  expect((await typeIn('b1', 'ping -c 3 -W 5 10.1.0.14')).code).toBe(0);
  await inDemo('capture', 'pcap', 'delete', 'vm', 'a1');
  await runMeshd(lab, head, ['capture', 'pcap', 'delete', 'bridge', 'all']);
  const read = async (file: string) => readFile(await lab.livePath(head, join('/var/lib/meshd/files', file)));
  const packetsOf = async (file: string) =>
    new PcapReader().push(await read(file)).packets.map(({ data }) => summarise(data));
  const own = await packetsOf('a1.pcap');
  expect(own.map(({ source, destination }) => [source, destination].sort().join())).toEqual(
    Array.from({ length: 6 }, () => '10.1.0.1,10.1.0.2'),
  );
  const all = await packetsOf('bridge.pcap');
  expect(all.map(({ vlans }) => vlans.join()).sort()).toEqual([
    ...Array<string>(6).fill('100'),
    ...Array<string>(6).fill('200'),
  ]);
  await expect.poll(async () => (await read('flows.txt')).toString()).toContain('10.1.0.1:');
  await runMeshd(lab, head, ['clear', 'capture']);
  const { stdout } = await lab.exec(head, ['ovs-vsctl', '--columns=external_ids', 'list', 'Mirror']);
  expect(stdout).toBe('');
});

test('frames that a guest tags itself reach no other VLAN', async () => {
  for (const name of ['a1', 'b4'] as const) {
    const vlan = name === 'a1' ? '200' : '100';
    const { output, code } = await typeIn(name, `vconfig add eth0 ${vlan} && ifconfig eth0.${vlan} 10.2.0.1 up`);
    expect(code, output).toBe(0);
  }
  await typeIn('a2', 'ifconfig eth0:1 10.2.0.2');
  await typeIn('b1', 'ifconfig eth0:1 10.2.0.3');
  for (const address of ['10.2.0.2', '10.2.0.3'])
    expect((await typeIn('a1', `ping -c 2 -W 2 -I eth0.200 ${address}`)).code).not.toBe(0);
});

test('50 MB over TCP between two nodes arrive as they were', async () => {
  const make = 'head -c 50000000 /dev/urandom >/tmp/sent && sha256sum </tmp/sent';
  await typeIn('a1', 'mount -t tmpfs -o size=60m none /tmp');
  await typeIn('a2', 'mount -t tmpfs -o size=60m none /tmp');
  const sent = await typeIn('a1', make);
  expect(sent.code, sent.output).toBe(0);
  const listening = typeIn('a2', 'nc -l -p 7000 | sha256sum', 600_000);
  await typeIn('a1', 'sleep 1; nc 10.1.0.2 7000 </tmp/sent', 600_000);
  expect((await listening).output).toBe(sent.output);
});

describe('while VMs ping', () => {
  /** Pings for as long as `act` takes; the numbers of pings that had no answer. */
  async function lostWhile(act: () => Promise<void>): Promise<number[]> {
    await typeIn('a1', 'ping -i 0.2 -W 5 10.1.0.3 >/tmp/ping 2>&1 & echo $! >/tmp/pid');
    await act();
    const { output } = await typeIn('a1', 'kill -INT $(cat /tmp/pid); sleep 6; cat /tmp/ping');
    const answered = [...output.matchAll(/seq=(\d+)/g)].map(([, seq]) => Number(seq));
    expect(answered.length).toBeGreaterThan(0);
    const last = Math.max(...answered);
    return Array.from({ length: last + 1 }, (_, seq) => seq).filter((seq) => !answered.includes(seq));
  }

  const same = (row: Record<string, string>) =>
    ['id', 'name', 'state', 'uuid', 'pid', 'tap', 'mac', 'vlan'].map((key) => row[key]);
  async function expectAllKept(act: () => Promise<void>): Promise<void> {
    const before = await Promise.all(names.map(infoOf));
    expect(await lostWhile(act)).toEqual([]);
    await expect
      .poll(async () => (await Promise.all(names.map(infoOf))).map(same), { timeout: 60_000 })
      .toEqual(before.map(same));
  }

  /** On the head, with the same content and another hash. Returns its folder below the tree. */
  async function placeOtherProgram(): Promise<string> {
    const script = `
      set -e; cd ${treeOnNode}
      echo '// another build' | cat current/meshd.mjs - >other.mjs
      hash=$(sha256sum <other.mjs | cut -c 1-16)
      mkdir program/$hash; mv other.mjs program/$hash/meshd.mjs; cp -P current/runtime program/$hash/
      ln -sfn program/$hash current; readlink current`;
    return (await lab.exec(head, ['sh', '-c', script])).stdout.trim();
  }

  test('meshd is killed on every node in turn: none is lost, and all VMs are adopted as they were', () =>
    expectAllKept(async () => {
      for (const node of nodes) {
        await lab.fault.signal(node, 'meshd', 'SIGKILL');
        // Deploy made a service of the others'; this one was started by hand.
        if (node === head) await startMeshd(lab, head, flags);
        await expect
          .poll(async () => (await runMeshd(lab, node, ['version'])).stdout, { timeout: 60_000 })
          .not.toBe('');
      }
    }));

  test('a deploy brings another program to all nodes: likewise', () =>
    expectAllKept(async () => {
      const program = await placeOtherProgram();
      await lab.fault.signal(head, 'meshd', 'SIGKILL');
      await startMeshd(lab, head, flags);
      await runMeshd(lab, head, ['deploy', 'launch', 'node[2-4]'], { timeoutMs: 120_000 });
      for (const node of nodes)
        expect((await lab.exec(node, ['readlink', join(treeOnNode, 'current')])).stdout).toBe(`${program}\n`);
    }));
});

test('a power cut: LOST meanwhile, QUIT with its reason afterwards, and it starts again', async () => {
  await lab.fault.power('node4', 'off');
  await expect.poll(async () => (await infoOf('b4'))['state'], { timeout: 60_000 }).toBe('LOST');
  await lab.fault.power('node4', 'on');
  await lab.ready('node4');
  await expect.poll(async () => (await infoOf('b4'))['state'], { timeout: 60_000 }).toBe('QUIT');
  expect((await infoOf('b4'))['reason']).not.toBe('');
  await inDemo('vm', 'start', 'b4');
  await expect.poll(() => reachableFrom('b1'), { timeout: 60_000 }).toEqual(['b4']);
});

test('a saved VM continues the same boot, on its node and on another one that fetches what was saved', async () => {
  const launch = async (name: string, node: string) => {
    await inDemo('vm', 'config', 'schedule', node);
    await inDemo('vm', 'launch', 'kvm', name);
    await inDemo('vm', 'start', name);
  };
  await inDemo('clear', 'vm', 'config');
  await runMeshd(lab, 'node1', ['disk', 'create', 'qcow2', 'notes.qcow2', '1M']);
  for (const [field, value] of [
    ['kernel', 'vmlinuz'],
    ['initrd', 'initramfs.gz'],
    ['memory', '128'],
    ['serial-ports', '1'],
    ['disks', 'notes.qcow2'],
  ] as const)
    await inDemo('vm', 'config', field, value);
  await inDemo('vm', 'config', 'append', 'console=ttyS0', 'quiet', 'hostname=saved');
  await launch('before', 'node1');
  // Only its memory has the first three, and only its disk the last.
  const look = `
    cat /proc/sys/kernel/random/boot_id /run/note; echo "$word"
    echo 3 >/proc/sys/vm/drop_caches; head -c 8 /dev/vda`;
  const command = look.trim().replaceAll(/\s*\n\s*/g, '; ');
  await typeOn('node1', 'before', 'word=kept; echo noted >/run/note; echo written >/dev/vda; sync');
  const { output: before } = await typeOn('node1', 'before', command);
  expect(before).toMatch(/^[0-9a-f-]{36}\nnoted\nkept\nwritten\n$/);
  await inDemo('vm', 'save', 'before', 'evening');
  await inDemo('vm', 'config', 'clone', 'before');
  await inDemo('vm', 'kill', 'before');
  await inDemo('vm', 'config', 'state', 'saved/evening.state');
  await inDemo('vm', 'config', 'disks', 'saved/evening.hdd');
  for (const node of ['node1', 'node2']) {
    const name = `on-${node}`;
    await launch(name, node);
    expect(await typeOn(node, name, command)).toEqual({ output: before, code: 0 });
    // Its clock runs, and it takes what is typed.
    expect((await typeOn(node, name, `word=${node}; echo $word; sleep 1; cut -d. -f1 /proc/uptime`)).output).toMatch(
      new RegExp(`^${node}\\n\\d+\\n$`),
    );
  }
});
