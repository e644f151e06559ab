// 999 members with VMs in one process, for the bench of a watcher (vms-scale.ts): real meshes over TLS on 127.0.0.1, with rows of VMs and taps as a meshd
// offers them. The VMs are records alone. The first member is a real meshd, whose identity this writes.
//   node bench/vm-members.ts <folder> <members> <VMs of each> <first port> <degree>
//   out: ready <port>            its identity is in <folder>/base
//   out: settled                 each sees all, that meshd included, and has nothing left to do
//   in:  change <a second> <s>   states change, evenly spread; Reason is then the moment, in ms of the monotonic clock
//   out: changed <n>
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeIdentity } from '../agent/identity/identity.ts';
import { createSystemClock } from '../agent/mesh/clock.ts';
import { Mesh } from '../agent/mesh/mesh.ts';
import { seededRandom } from '../agent/mesh/simulation.ts';
import { TlsCluster } from '../agent/mesh/tls-for-tests.ts';
import { ClusterRows } from '../agent/rows/cluster-rows.ts';
import { RowExchange } from '../agent/rows/exchange.ts';
import { tapSource, vmSource } from '../agent/rows/vm-rows.ts';
import type { LocalVms } from '../agent/vms/local-vms.ts';
import { taps, vms } from '../contract/cluster-kinds.ts';
import { defaultConfig } from '../core/vms/config.ts';
import type { VmRecord } from '../core/vms/record.ts';

const [folder = '', ...numbers] = process.argv.slice(2);
const [size = 0, vmsOfEach = 0, firstPort = 0, degree = 0] = numbers.map(Number);
const clock = createSystemClock();
const random = seededRandom(size);
const say = (line: string) => process.stdout.write(`${line}\n`);
const lookEveryMs = 100;
/** Part of a second that this process may be busy before it counts as settled: its heartbeats alone take some. */
const atRest = 0.5;

/** What a node's VMs are to their rows: records, and word of changes. */
class RecordedVms implements Pick<LocalVms, 'list' | 'onChange'> {
  private readonly records: VmRecord[];
  private readonly listeners = new Set<Parameters<LocalVms['onChange']>[0]>();

  constructor(host: string, number: number) {
    this.records = Array.from({ length: vmsOfEach }, (_, id) => recordOf(host, number, id));
  }

  list(): readonly VmRecord[] {
    return this.records;
  }

  get(id: number): VmRecord | undefined {
    return this.records[id];
  }

  onChange(listener: Parameters<LocalVms['onChange']>[0]): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** One pauses, or runs on. */
  change(id: number): void {
    const before = this.records[id];
    if (!before) return;
    const state = before.state === 'RUNNING' ? 'PAUSED' : 'RUNNING';
    const after: VmRecord = { ...before, state, reason: String(Number(process.hrtime.bigint()) / 1e6) };
    this.records[id] = after;
    for (const listener of this.listeners) listener([after], []);
  }
}

function recordOf(host: string, number: number, id: number): VmRecord {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const mac = `00:00:${hex(number >> 8, 2)}:${hex(number & 255, 2)}:00:${hex(id, 2)}`;
  const net = {
    ...{ alias: 'experiment', vlan: 100 + (id % 500), bridge: 'mega_bridge', tap: `mega_tap${id}`, mac },
    ...{
      driver: 'virtio-net-pci',
      qinq: false,
      ip4: `10.0.${id}.${number & 255}`,
      ip6: '',
      qos: '',
      raw: 'experiment',
    },
  };
  return {
    ...{ id, name: `vm-${number}-${id}`, namespace: 'minimega', host, config: defaultConfig, state: 'RUNNING' },
    ...{ uuid: `00000000-0000-4000-8000-${hex(number, 6)}${hex(id, 6)}`, reason: '', launchedAtMs: 1_764_500_000_000 },
    ...{ pid: 1_000 + id, nets: [net], hotplug: [], accelerator: 'tcg' },
  };
}

/** Lists of all members' VMs, as the directory of one has them (agent/vms/directory.ts): it would be a thousand times the same here. */
class SharedDirectory {
  private readonly lists: { node: string; version: number; vms: unknown[] }[] = [];

  add(node: string, records: readonly VmRecord[]): void {
    const listed = records.map(({ id, name, namespace, uuid, config, launchedAtMs, nets }) => ({
      ...{ id, name, namespace, uuid, vcpus: config.vcpus, memory: config.memory, launchedAtMs, tags: config.tags },
      nets: nets.map(({ alias, vlan, bridge, mac }) => ({ alias, vlan, bridge, mac })),
    }));
    this.lists.push({ node, version: 1, vms: listed });
  }

  serve(mesh: Mesh): void {
    mesh.serve('vm-versions', () =>
      Promise.resolve({ versions: this.lists.map(({ node, version }) => ({ node, version })) }),
    );
    mesh.serve('vm-lists', (body) => {
      const { nodes } = body as { nodes: string[] };
      const wanted = new Set(nodes.slice(0, 300));
      return Promise.resolve({ lists: this.lists.filter(({ node }) => wanted.has(node)) });
    });
  }
}

async function start(): Promise<RecordedVms[]> {
  const cluster = await TlsCluster.create(join(folder, 'ca'), { size, firstPort });
  const [first] = cluster.members;
  if (!first) throw new Error('there is a first member');
  const nodes = cluster.members.map(({ node }) => node);
  const roster = {
    cluster: cluster.authority.cluster,
    context: 'secretcontext',
    head: first.node.id,
    version: 1,
    nodes,
  };
  await writeIdentity(join(folder, 'base', 'state', 'identity'), {
    ...first.identity,
    roster: cluster.authority.sign(roster),
  });
  say(`ready ${first.node.port}`);
  const directory = new SharedDirectory();
  const all: RecordedVms[] = [];
  for (let index = 1; index < size; index += 1) {
    const mesh = await cluster.start(index, degree);
    const local = new RecordedVms(nodes[index]?.name ?? '', index);
    const ports = {
      state: () => ({ bridges: [], ports: [], hostTaps: [], mirrors: [], faults: [] }),
      onChange: () => () => undefined,
    };
    const sources = [vmSource(mesh.nodeId, local), tapSource(mesh.nodeId, { local, ports })];
    const exchange = new RowExchange(mesh.nodeId, { mesh, clock, rows: new ClusterRows([vms, taps]), sources });
    mesh.on('change', () => exchange.membersChanged());
    directory.add(mesh.nodeId, local.list());
    directory.serve(mesh);
    all.push(local);
  }
  // Without the first, which is a real meshd.
  const unsettled = new Set(cluster.meshes.filter((mesh) => mesh instanceof Mesh));
  while (unsettled.size > 0) {
    await sleep(lookEveryMs);
    for (const mesh of unsettled) {
      // To ask a mesh for its size costs a search, so each look ends at the first one that lacks members.
      if (mesh.status().size < size) break;
      unsettled.delete(mesh);
    }
  }
  // What joining has left to do would be measured as the watcher's.
  for (let before = performance.eventLoopUtilization(); ;) {
    await sleep(lookEveryMs * 10);
    const now = performance.eventLoopUtilization();
    if (performance.eventLoopUtilization(now, before).utilization < atRest) break;
    before = now;
  }
  say('settled');
  return all;
}

async function change(all: readonly RecordedVms[], perSecond: number, seconds: number): Promise<number> {
  const count = perSecond * seconds;
  const begun = performance.now();
  for (let done = 0; done < count; done += 1) {
    const dueMs = begun + (done / perSecond) * 1_000;
    await sleep(Math.max(0, dueMs - performance.now()));
    all[Math.floor(random() * all.length)]?.change(Math.floor(random() * vmsOfEach));
  }
  return count;
}

const started = start();
started.catch((error: unknown) => {
  say(`failed ${String(error)}`);
  process.exit(1);
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [, perSecond = '', seconds = ''] = line.split(' ');
    void started
      .then((all) => change(all, Number(perSecond), Number(seconds)))
      .then((count) => say(`changed ${count}`));
  })
  .on('close', () => process.exit(0));
