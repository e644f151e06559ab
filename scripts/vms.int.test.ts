// The `vm` commands of three real meshds over their command sockets and their mesh; QEMU, Open vSwitch and the machines are in memory.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startDaemon, type Daemon } from '../agent/daemon.ts';
import { makeIdentities, type LocalNodes } from '../bench/identities.ts';
import { CommandClient } from '../contract/command-client.ts';
import type { ResponseEntry } from '../contract/command-socket.ts';
import { parseFlags } from '../core/flags.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { kernel } from '../host/images/made-images.ts';
import { createMemoryMachine } from '../host/memory-machine.ts';

const firstPort = 17_560;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let identities: LocalNodes;
const daemons: (Daemon | undefined)[] = [];

beforeAll(async () => {
  identities = await makeIdentities(3, firstPort, { nameOf: (index) => `node${index + 1}` });
  // Each has its files elsewhere; only node2 has the kernel.
  for (const { base } of identities.nodes) await mkdir(join(base, 'images'));
  await writeFile(join(identities.nodes[1]?.base ?? '', 'images', 'vmlinuz'), kernel());
  for (const index of [0, 1, 2]) await start(index);
  await vi.waitFor(async () => expect(await said('mesh list all')).toEqual(['node1: node[1-3]']), { timeout: 60_000 });
});
afterAll(async () => {
  for (const daemon of daemons) await daemon?.stop();
  await identities.remove();
});

async function start(index: number): Promise<void> {
  const node = identities.nodes[index];
  if (!node) throw new Error(`no node ${index}`);
  const { base, port, name } = node;
  const words = ['-base', base, '-port', String(port), '-context', 'bench', '-degree', '2', '-nostdin'];
  const parsed = parseFlags([...words, '-filepath', join(base, 'images')]);
  if (!parsed.ok) throw new Error(parsed.message);
  daemons[index] = await startDaemon(
    { flags: { ...parsed.flags, base }, programPath: '/nowhere/meshd' },
    {
      log: { ...log, fatal: () => undefined },
      machine: createMemoryMachine({ name, number: 0 }),
      onQuit: () => undefined,
    },
  );
}

async function run(line: string, index = 0): Promise<ResponseEntry[]> {
  const transport = socketTransport(await connectSocket(daemons[index]?.socketPath ?? ''));
  const client = new CommandClient({ canCancel: true }, { transport });
  const entries: ResponseEntry[] = [];
  try {
    for await (const { Resp } of client.command(line, {})) entries.push(...(Resp ?? []));
    return entries;
  } finally {
    client.close();
  }
}

/** Each entry as `host: error or text or rows`, by host. */
async function said(line: string, index = 0): Promise<string[]> {
  const entries = await run(line, index);
  return entries
    .map(({ Host, Error: error, Response, Tabular }) => {
      const rows = Tabular?.map((row) => row.join(' ')).join('; ') ?? '';
      return `${Host}: ${[error, Response, rows].filter((text) => text !== '').join(' | ')}`;
    })
    .sort();
}

test('a launch plans over the mesh, fetches what hosts lack, and its VMs run on both', async () => {
  for (const line of ['vm config memory 64', 'vm config kernel vmlinuz', 'vm config net lan dmz']) {
    expect(await said(`namespace exp ${line}`)).toEqual(['node1: ']);
  }
  const dryRun = await said('namespace exp vm launch kvm a[1-4] dry-run');
  expect(dryRun).toEqual(
    [
      'node1: a1 node2; a2 node3; a3 node2; a4 node3',
      'node1: a kernel without an initrd or a disk: the guest stops, unless its kernel has an initrd inside',
      'node1: dmz; lan',
      `node1: vmlinuz node3 ${kernel().length}`,
    ].sort(),
  );
  expect(await said('namespace exp vlans')).toEqual(['node1: ']);

  expect(await said('namespace exp vm launch kvm a[1-4]')).toEqual([
    'node1: a kernel without an initrd or a disk: the guest stops, unless its kernel has an initrd inside\nnode3: fetched vmlinuz',
  ]);
  expect(await said('namespace exp vm start all')).toEqual(['node2: ', 'node3: ']);
  expect(await said('namespace exp .columns name,state vm info')).toEqual([
    'node2: a1 RUNNING; a3 RUNNING',
    'node3: a2 RUNNING; a4 RUNNING',
  ]);
  const [row] = (await run('namespace exp .columns vlan,kernel .filter name=a2 vm info')).flatMap(
    ({ Tabular }) => Tabular ?? [],
  );
  expect(row?.[0]).toMatch(/^\[lan \(\d+\), dmz \(\d+\)\]$/);
  expect(row?.[1]).toBe(join(identities.nodes[2]?.base ?? '', 'images', 'vmlinuz'));
});

test('names stay taken across the namespace, and a clone has no MAC address of its model', async () => {
  expect(await said('namespace exp vm launch kvm a4')).toEqual(['node1: vm already exists with name `a4`']);
  expect(await said('namespace exp clear vm config')).toEqual(['node1: ']);
  expect(await said('namespace exp vm config clone a2')).toEqual(['node1: ']);
  expect(await said('namespace exp vm config net')).toEqual(['node1: [lan dmz]']);
  expect(await said('namespace exp vm config kernel')).toEqual([
    `node1: ${join(identities.nodes[0]?.base ?? '', 'images', 'vmlinuz')}`,
  ]);
});

test('actions reach the host that has the VM, and say so when none has it', async () => {
  expect(await said('namespace exp vm tag a2 role db')).toEqual(['node3: ']);
  expect(await said('namespace exp vm tag all role')).toEqual(['node2: a1 ; a3 ', 'node3: a2 db; a4 ']);
  expect(await said('namespace exp vm net connect a2 0 other')).toEqual(['node3: ']);
  expect(await said('namespace exp vm stop nope')).toEqual(['node1: vm not found: nope']);
  const [shot] = await run('namespace exp vm screenshot a1');
  expect(
    Buffer.from(shot?.Data as string, 'base64')
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG');
  expect(await said(`namespace exp vm qmp a1 '{"execute":"query-status"}'`)).toEqual([
    expect.stringContaining('"running":true') as string,
  ]);
});

test('a member does not make another node launch', async () => {
  const line = 'mesh send node2 vm launch kvm x';
  expect(await said(line)).toEqual([expect.stringContaining('cannot run `vm launch kvm x` via meshage') as string]);
});

test('VMs of a node that left are LOST, keep their names, and come back as they were', async () => {
  await daemons[2]?.stop();
  await vi.waitFor(
    async () =>
      expect(await said('namespace exp .columns name,state,reason vm info')).toEqual([
        'node2: a1 RUNNING ; a3 RUNNING ',
        'node3: a2 LOST node3 does not answer; a4 LOST node3 does not answer',
      ]),
    { timeout: 60_000 },
  );
  const [refusal] = await run('namespace exp vm launch kvm a2');
  expect(refusal?.Error).toBe('vm already exists with name `a2` on node3, which does not answer');
  const [launched] = await run('namespace exp vm launch kvm b');
  expect(launched?.Error).toBe('');
  expect(launched?.Response).toContain('node3 gets no VM');
  await start(2);
  await vi.waitFor(
    async () => expect((await said('namespace exp .columns name,state vm info'))[1]).toMatch(/^node3: a2 \w+; a4 \w+$/),
    { timeout: 60_000 },
  );
  expect((await said('namespace exp .columns name,state vm info'))[1]).not.toContain('LOST');
});

test('kill and flush leave nothing', async () => {
  expect(await said('namespace exp vm kill all')).toEqual(['node2: ', 'node3: ']);
  expect(await said('namespace exp vm flush')).toEqual(['node2: ', 'node3: ']);
  expect(await said('namespace exp vm info summary')).toEqual(['node2: ', 'node3: ']);
});
