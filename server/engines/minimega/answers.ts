// Reads what minimega answers: machine-readable Data where it is there, otherwise the columns by name. Never the text for people. Columns and
// fields that are not known are left alone, and one that is missing is empty: minimega's versions differ. Pure.
import * as z from 'zod';
import type { ResponseEntry } from '../../../contract/command-socket.ts';

/** The rows of a table, each by column. */
export function recordsOf(entry: ResponseEntry | undefined): Record<string, string>[] {
  const header = entry?.Header ?? [];
  return (entry?.Tabular ?? []).map((row) => Object.fromEntries(header.map((name, at) => [name, row[at] ?? ''])));
}

export function columnOf(entry: ResponseEntry | undefined, name: string): string[] {
  return recordsOf(entry).map((record) => record[name] ?? '');
}

/** Those without an error. */
export const goodOf = (entries: readonly ResponseEntry[]) => entries.filter(({ Error: error }) => error === '');

export interface MeshFacts {
  readonly degree: number | null;
  readonly context: string;
  readonly port: string;
}

/** `mesh status` of one host. */
export function readMeshStatus(entry: ResponseEntry | undefined): MeshFacts {
  const [record = {}] = recordsOf(entry);
  return { degree: countOf(record['degree']), context: record['context'] ?? '', port: record['port'] ?? '' };
}

/** `mesh list`: each node with its neighbours. `node1\n |--node2\n |--node3\nnode2\n…` */
export function readMeshList(entry: ResponseEntry | undefined): Map<string, string[]> {
  const neighbours = new Map<string, string[]>();
  let of: string[] = [];
  for (const line of (entry?.Response ?? '').split('\n')) {
    const [, peer] = /^ \|--(.+)$/.exec(line) ?? [];
    if (peer !== undefined) of.push(peer);
    else if (line.trim() !== '') neighbours.set(line.trim(), (of = []));
  }
  return neighbours;
}

const finite = z.number().catch(0);

const HostStats = z.object({
  Name: z.string(),
  CPUs: finite,
  Load: z.string().catch(''),
  MemTotal: finite,
  MemUsed: finite,
  RxBps: finite,
  TxBps: finite,
  VMs: finite,
  AndroidVMs: finite,
  Limit: finite,
  CPUCommit: finite,
  MemCommit: finite,
  NetworkCommit: finite,
  Uptime: finite,
});
export type HostStats = z.infer<typeof HostStats>;

/** `host`; null for an answer that says nothing about one. */
export function readHost(entry: ResponseEntry): HostStats | null {
  const data = HostStats.safeParse(entry.Data);
  if (data.success) return data.data;
  const [record] = recordsOf(entry);
  if (record === undefined) return null;
  const number = (name: string) => Number(record[name] ?? 0) || 0;
  return {
    Name: entry.Host,
    CPUs: number('cpus'),
    Load: record['load'] ?? '',
    MemTotal: number('memtotal'),
    MemUsed: number('memused'),
    RxBps: number('rx'),
    TxBps: number('tx'),
    VMs: number('vms'),
    AndroidVMs: number('androidvms'),
    Limit: number('vmlimit'),
    CPUCommit: number('cpucommit'),
    MemCommit: number('memcommit'),
    NetworkCommit: number('netcommit'),
    Uptime: nanosecondsOf(record['uptime'] ?? ''),
  };
}

/** minimega takes who asks for an address, from 0.0.0.0, as one who has it. */
const Address = z
  .string()
  .catch('')
  .transform((text) => (text === '0.0.0.0' || text === '::' ? '' : text));

const Nic = z.object({
  Alias: z.string().catch(''),
  VLAN: z.number().catch(-1),
  Bridge: z.string().catch(''),
  Tap: z.string().catch(''),
  MAC: z.string().catch(''),
  IP4: Address,
  IP6: Address,
  /** Data has it not; the column `qos` has. */
  Qos: z.string().catch(''),
});

const Vm = z.object({
  ID: z.int().min(0),
  Name: z.string(),
  Host: z.string().catch(''),
  Namespace: z.string().catch(''),
  UUID: z.string().catch(''),
  State: z.number(),
  Type: z.number().catch(0),
  VCPUs: finite,
  Memory: finite,
  SerialPorts: finite,
  LaunchTime: z.string().catch(''),
  Tags: z.record(z.string(), z.string()).catch({}),
  Networks: z.array(Nic).nullable().catch(null),
  VNCPort: finite,
});
export type Vm = z.infer<typeof Vm>;

const states: Readonly<Record<string, number>> = { BUILDING: 1, RUNNING: 2, PAUSED: 4, QUIT: 8, ERROR: 16 };

/** `vm info`, of one host. */
export function readVms(entry: ResponseEntry): Vm[] {
  if (Array.isArray(entry.Data)) {
    const qosOf = new Map(recordsOf(entry).map((record) => [countOf(record['id']), listOf(record['qos'])]));
    return entry.Data.flatMap((each) => {
      const vm = Vm.safeParse(each);
      return vm.success ? [withQos(vm.data, qosOf.get(vm.data.ID) ?? [])] : [];
    });
  }
  return recordsOf(entry).flatMap((record) => {
    const [vlans, bridges, taps] = [listOf(record['vlan']), listOf(record['bridge']), listOf(record['tap'])];
    const [macs, ip4s, ip6s] = [listOf(record['mac']), listOf(record['ip']), listOf(record['ip6'])];
    const vm = Vm.safeParse({
      ID: countOf(record['id']),
      Name: record['name'],
      UUID: record['uuid'],
      State: states[record['state'] ?? ''],
      VCPUs: Number(record['vcpus']),
      Memory: Number(record['memory']),
      SerialPorts: countOf(record['serial-ports']) ?? 0,
      VNCPort: countOf(record['vnc_port']) ?? 0,
      Tags: parsedTags(record['tags']),
      Networks: vlans.map((vlan, at) => ({
        ...readVlan(vlan),
        Bridge: bridges[at],
        Tap: taps[at],
        MAC: macs[at],
        IP4: ip4s[at],
        IP6: ip6s[at],
      })),
    });
    return vm.success ? [withQos(vm.data, listOf(record['qos']))] : [];
  });
}

/** A NIC without limits has no place in the column: which NIC the others are of is known where all have one. */
function withQos(vm: Vm, qos: readonly string[]): Vm {
  const nics = vm.Networks ?? [];
  if (qos.length !== nics.length) return vm;
  return { ...vm, Networks: nics.map((nic, at) => ({ ...nic, Qos: qos[at] ?? '' })) };
}

/** `alias (101)`, `other//alias (101)`, `101` or `disconnected`. */
export function readVlan(cell: string): { Alias: string; VLAN: number } {
  const [, alias = '', number = ''] = /^(?:(.*) \()?(\d+)\)?$/.exec(cell.trim()) ?? [];
  return { Alias: alias, VLAN: countOf(number) ?? -1 };
}

/** `[a, b]`, or `[a b]` where minimega prints it so. */
function listOf(cell = ''): string[] {
  const inner = cell.replace(/^\[/, '').replace(/\]$/, '');
  return inner === '' || inner === 'N/A' ? [] : inner.split(/,\s*/);
}

function parsedTags(cell = ''): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return {};
  }
}

function countOf(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

const units: Readonly<Record<string, number>> = { h: 3_600e9, m: 60e9, s: 1e9, ms: 1e6, µs: 1e3, us: 1e3, ns: 1 };

/** A duration as Go prints it: `1h17m7.28s`. */
export function nanosecondsOf(text: string): number {
  let sum = 0;
  for (const [, value, unit] of text.matchAll(/([\d.]+)(h|ms|m|µs|us|ns|s)/g))
    sum += Number(value) * (units[unit ?? ''] ?? 0);
  return sum;
}
