// What the console knows of a minimega cluster, put together from many answers, and the rows that it makes. A node that answers nothing keeps
// what it said last; the VMs of one that has left the mesh are LOST. Pure.
//
// minimega has no roster: a node that was seen and is gone is absent for as long as the console runs.
import type {
  HostRow,
  LinkRow,
  NamespaceKindRow,
  NodeRow,
  TapRow,
  VlanKindRow,
  VmRow,
} from '../../../contract/cluster-kinds.ts';
import type { RowData } from '../../../contract/kinds.ts';
import { maxRangeNameLength, maxVmReasonCharacters, maxVmRowItems } from '../../../contract/limits.ts';
import { defaultNamespace } from '../../../core/namespaces.ts';
import { readVlan, type HostStats, type Vm } from './answers.ts';
import { fileRows } from './files.ts';

export interface Picture {
  readonly mesh: string;
  readonly self: string;
  /** Each member with its neighbours, as `mesh list` has them. */
  neighbours: ReadonlyMap<string, readonly string[]>;
  /** Every name that was a member. */
  readonly seen: Set<string>;
  readonly degrees: Map<string, number | null>;
  readonly versions: Map<string, string>;
  readonly hosts: Map<string, HostStats>;
  /** By namespace, then by host. */
  readonly vms: Map<string, Map<string, readonly Vm[]>>;
  /** Since when hosts with VMs are not among those that answer, though they are members; `namespace host`. */
  readonly missingSince: Map<string, number>;
  /** Tables of `namespace` and of each one's `vlans`. */
  namespaces: readonly Record<string, string>[];
  readonly vlans: Map<string, readonly Record<string, string>[]>;
  blacklist: readonly string[];
  readonly loads: Map<string, string>;
  /** Tables of `file list` and `file status`, by host. */
  readonly files: Map<string, readonly Record<string, string>[]>;
  readonly transfers: Map<string, readonly Record<string, string>[]>;
}

export function emptyPicture(mesh: string, self: string, seen: Set<string>): Picture {
  return {
    mesh,
    self,
    seen,
    neighbours: new Map([[self, []]]),
    degrees: new Map(),
    versions: new Map(),
    hosts: new Map(),
    vms: new Map(),
    missingSince: new Map(),
    namespaces: [],
    vlans: new Map(),
    blacklist: [],
    loads: new Map(),
    files: new Map(),
    transfers: new Map(),
  };
}

/** Ids are unique among all clusters of a console; minimega has only names. */
export const nodeId = (mesh: string, name: string) => clip(`${mesh}.${name}`);

/** All rows, by name of the kind. */
export function rowsOfPicture(picture: Picture): Record<string, RowData[]> {
  const vms = vmRows(picture);
  return {
    nodes: nodeRows(picture),
    links: linkRows(picture),
    hosts: hostRows(picture),
    // `bridge`, which would tell, makes a bridge that is missing.
    bridges: [],
    vlans: vlanRows(picture),
    files: fileRows(picture, (host) => nodeId(picture.mesh, host)),
    vms: vms.map(({ row }) => row),
    taps: vms.flatMap(({ row, vm }) => tapRows(picture, row, vm)),
    // Of minimega's dnsmasq only what was typed is known, and no leases.
    dhcp: [],
    leases: [],
    namespaces: namespaceRows(picture),
  };
}

function nodeRows(picture: Picture): NodeRow[] {
  return [...new Set([...picture.seen, ...picture.neighbours.keys()])].map((name) => {
    const isMember = picture.neighbours.has(name);
    return {
      Id: nodeId(picture.mesh, name),
      Name: clip(name),
      Addresses: [],
      State: isMember ? 'member' : 'absent',
      Head: false,
      Degree: isMember ? (picture.degrees.get(name) ?? null) : null,
    };
  });
}

function linkRows({ mesh, neighbours }: Picture): LinkRow[] {
  const rows = new Map<string, LinkRow>();
  for (const [name, peers] of neighbours) {
    for (const peer of peers) {
      const [a = '', b = ''] = [nodeId(mesh, name), nodeId(mesh, peer)].sort();
      if (a === b || !neighbours.has(peer)) continue;
      const isMutual = neighbours.get(peer)?.includes(name) ?? false;
      rows.set(`${a} ${b}`, { A: a, B: b, State: isMutual ? 'up' : 'half' });
    }
  }
  return [...rows.values()];
}

function hostRows(picture: Picture): HostRow[] {
  return [...picture.hosts]
    .filter(([name]) => picture.neighbours.has(name))
    .map(([name, stats]) => ({
      ...stats,
      Name: clip(stats.Name),
      Load: clip(stats.Load),
      Node: nodeId(picture.mesh, name),
      Version: clip(picture.versions.get(name) ?? ''),
    }));
}

const stateNames: Readonly<Record<number, VmRow['State']>> = {
  1: 'BUILDING',
  2: 'RUNNING',
  4: 'PAUSED',
  8: 'QUIT',
  16: 'ERROR',
};

function vmRows(picture: Picture): { row: VmRow; vm: Vm }[] {
  const rows: { row: VmRow; vm: Vm }[] = [];
  for (const [namespace, byHost] of picture.vms) {
    for (const [host, vms] of byHost) {
      const isThere = picture.neighbours.has(host);
      for (const vm of vms)
        rows.push({ vm, row: vmRow(vm, { node: nodeId(picture.mesh, host), host, namespace, isThere }) });
    }
  }
  return rows;
}

function vmRow(
  vm: Vm,
  { node, host, namespace, isThere }: { node: string; host: string; namespace: string; isThere: boolean },
): VmRow {
  const nics = (vm.Networks ?? []).slice(0, maxVmRowItems);
  const told = stateNames[vm.State] ?? 'ERROR';
  const failure = told === 'ERROR' ? (vm.Tags['error'] ?? `minimega calls its state ${vm.State}`) : '';
  return {
    Node: node,
    Id: vm.ID,
    Name: clip(vm.Name),
    Namespace: clip(vm.Namespace || namespace),
    State: isThere ? told : 'LOST',
    Reason: (isThere ? failure : `${host} has left the mesh`).slice(0, maxVmReasonCharacters),
    Uuid: clip(vm.UUID),
    Vcpus: Math.max(0, vm.VCPUs),
    Memory: Math.max(0, vm.Memory),
    Accelerator: '',
    SerialPorts: Math.max(0, Math.trunc(vm.SerialPorts)),
    Launched: Math.max(0, Date.parse(vm.LaunchTime) || 0),
    Vlans: nics.map(({ VLAN }) => vlanOf(VLAN)),
    Aliases: nics.map(({ Alias }) => clip(Alias)),
    Macs: nics.map(({ MAC }) => clip(MAC)),
    Tags: Object.entries(vm.Tags)
      .slice(0, maxVmRowItems)
      .map(([key, value]) => clip(`${key}=${value}`)),
  };
}

function tapRows({ neighbours }: Picture, row: VmRow, vm: Vm): TapRow[] {
  if (row.State === 'LOST' || neighbours.size === 0) return [];
  return (vm.Networks ?? []).flatMap((nic, at) => {
    if (nic.Tap === '') return [];
    const isConnected = nic.VLAN >= 0;
    const runs = row.State === 'RUNNING' || row.State === 'PAUSED' || row.State === 'BUILDING';
    return {
      Node: row.Node,
      Name: clip(nic.Tap),
      Vm: row.Id,
      Nic: at,
      Bridge: isConnected ? clip(nic.Bridge) : '',
      Vlan: vlanOf(nic.VLAN),
      Alias: clip(nic.Alias),
      Mac: clip(nic.MAC),
      Ip4: clip(nic.IP4),
      Ip6: clip(nic.IP6),
      Qos: clip(nic.Qos),
      Carrier: runs,
      Connected: isConnected && runs,
      Fault: '',
    };
  });
}

function vlanRows({ vlans, blacklist }: Picture): VlanKindRow[] {
  const rows: VlanKindRow[] = [];
  const add = (number: number, namespace: string, alias: string) => {
    if (number < 1 || number > 4_094) return;
    rows.push({
      Vlan: number,
      Namespace: namespace,
      Alias: alias,
      Owner: '',
      Pinned: false,
      Split: false,
      Clash: false,
    });
  };
  for (const [namespace, table] of vlans) {
    for (const { alias = '', vlan = '' } of table) add(readVlan(vlan).VLAN, clip(namespace), clip(alias));
  }
  for (const number of blacklist) add(readVlan(number).VLAN, '', '');
  const holders = new Map<number, number>();
  for (const { Vlan } of rows) holders.set(Vlan, (holders.get(Vlan) ?? 0) + 1);
  // Each minimega gives numbers on its own, so two may have given the same one.
  return rows.map((row) => ({ ...row, Clash: (holders.get(row.Vlan) ?? 0) > 1 }));
}

function namespaceRows({ mesh, namespaces, vms, loads, neighbours }: Picture): NamespaceKindRow[] {
  return namespaces.map(({ namespace: name = '', vlans: range = '' }) => {
    const [min, max] = range.split('-').map((text) => Number(text) || 0);
    const byHost = vms.get(name) ?? new Map<string, readonly Vm[]>();
    const isDefault = name === defaultNamespace;
    const isRange = min !== undefined && max !== undefined && min >= 1 && max > min;
    return {
      Name: clip(name),
      AllBut: false,
      // Those that answer for it; `ns hosts` prints a range that leaves some out.
      Hosts: isDefault
        ? []
        : [...byHost.keys()].filter((host) => neighbours.has(host)).map((host) => nodeId(mesh, host)),
      Load: isDefault ? '' : (loads.get(name) ?? 'cpucommit'),
      VlanMin: isRange ? min : null,
      // minimega's range ends before its second number.
      VlanMax: isRange ? Math.min(4_095, max - 1) : null,
      Vms: [...byHost.values()].reduce((sum, each) => sum + each.length, 0),
    };
  });
}

const vlanOf = (number: number) => (number >= -1 && number <= 4_094 ? Math.trunc(number) : -1);

const clip = (text: string) => text.slice(0, maxRangeNameLength);
