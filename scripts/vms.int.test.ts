// VMs of two real meshds, with a hypervisor in memory: launched over the mesh, seen by a watcher on the other node, lost and found again.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startDaemon, type Daemon } from '../agent/daemon.ts';
import type { Mesh } from '../agent/mesh/mesh.ts';
import { launchOf, plan } from '../agent/vms/simulated-vms.ts';
import { makeIdentities, type LocalNodes } from '../bench/identities.ts';
import { hosts, taps, vms, type HostRow, type TapRow, type VmRow } from '../contract/cluster-kinds.ts';
import { CommandClient } from '../contract/command-client.ts';
import { WatchMessage } from '../contract/watch-messages.ts';
import { parseFlags } from '../core/flags.ts';
import { changedRows } from '../core/rows.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { createMemoryMachine } from '../host/memory-machine.ts';
import { MemoryMachine } from '../host/ovs/memory-host.ts';
import { createMemoryHypervisor } from '../host/qemu/memory-hypervisor.ts';

const firstPort = 17_480;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let identities: LocalNodes;
const daemons: (Daemon | undefined)[] = [];
const meshes: Mesh[] = [];
const hypervisor = createMemoryHypervisor();
const network = new MemoryMachine();
let vmRows: ReadonlyMap<string, VmRow> = new Map();
let tapRows: ReadonlyMap<string, TapRow> = new Map();
let hostRows: ReadonlyMap<string, HostRow> = new Map();
let watcher: CommandClient;

beforeAll(async () => {
  identities = await makeIdentities(2, firstPort);
  await start(0);
  await start(1);
  watcher = new CommandClient({ canCancel: true }, { transport: socketTransport(await connectSocket(socketOf(0))) });
  // It ends with the client.
  follow().catch(() => undefined);
  await vi.waitFor(() => expect(meshes[0]?.status().size).toBe(2), { timeout: 60_000 });
});
afterAll(async () => {
  watcher.close();
  for (const daemon of daemons) await daemon?.stop();
  await identities.remove();
});

const socketOf = (index: number) => daemons[index]?.socketPath ?? '';

async function start(index: number): Promise<void> {
  const node = identities.nodes[index];
  if (!node) throw new Error(`no node ${index}`);
  const { base, port, name } = node;
  const parsed = parseFlags(['-base', base, '-port', String(port), '-context', 'bench', '-degree', '1', '-nostdin']);
  if (!parsed.ok) throw new Error(parsed.message);
  daemons[index] = await startDaemon(
    { flags: { ...parsed.flags, base }, programPath: '/nowhere/meshd' },
    {
      log: { ...log, fatal: () => undefined },
      machine: createMemoryMachine({ name, number: port }),
      ...(index === 1 ? { hypervisor, switchHost: network.host() } : {}),
      onQuit: () => undefined,
      parts: (mesh) => {
        meshes[index] = mesh;
        return [];
      },
    },
  );
}

async function follow(): Promise<void> {
  for await (const { Watch, Kinds } of watcher.watch({ Kinds: ['vms', 'taps', 'hosts'] }, WatchMessage)) {
    const none = { put: [], gone: [] };
    if (Watch === 'begin') [vmRows, tapRows, hostRows] = [new Map(), new Map(), new Map()];
    vmRows = changedRows(vms, vmRows, Kinds['vms'] ?? none);
    tapRows = changedRows(taps, tapRows, Kinds['taps'] ?? none);
    hostRows = changedRows(hosts, hostRows, Kinds['hosts'] ?? none);
  }
}

const shown = () => [...vmRows.values()].map(({ Name, State }) => `${Name} ${State}`);

test('a launch on another node shows there, on its host, and to a watcher; VMs of a node that ends are LOST, and come back as found', async () => {
  const other = identities.nodes[1];
  const mesh = meshes[0];
  if (!other || !mesh) throw new Error('two nodes were started');
  const request = { part: 0, ...launchOf([plan('web', { memory: 64 }, [101]), plan('db', { memory: 32 })]) };
  const answer = (await mesh.request([other.id], 'vm-launch', request, { timeoutMs: 60_000 })).get(other.id);
  expect(answer).toMatchObject({ ok: true, body: { launched: [{ error: '' }, { error: '' }] } });
  await expect.poll(shown).toEqual(['web BUILDING', 'db BUILDING']);
  await expect
    .poll(() => [...tapRows.values()])
    .toMatchObject([
      { Node: other.id, Name: 'mega_tap0', Vm: 0, Vlan: 101, Bridge: 'mega_bridge', Connected: true, Fault: '' },
    ]);
  await expect
    .poll(() => hostRows.get(other.id))
    .toMatchObject({ VMs: 2, CPUCommit: 2, MemCommit: 96, NetworkCommit: 1 });
  // The switch repairs what somebody removes.
  network.deletePort('mega_tap0');
  await expect.poll(() => network.host().view().ports.has('mega_tap0')).toBe(true);

  hypervisor.crash();
  await daemons[1]?.stop();
  await expect.poll(shown).toEqual(['web LOST', 'db LOST']);
  expect(hypervisor.processes()).toEqual([0, 1]);
  await start(1);
  // Processes in memory are of another boot than the machine's.
  await expect.poll(shown).toEqual(['web QUIT', 'db QUIT']);
  expect([...vmRows.values()].map(({ Reason }) => Reason)).toEqual([
    'the node was restarted while it ran: vm start starts it again on its disks',
    'the node was restarted while it ran: vm start starts it again on its disks',
  ]);
});
