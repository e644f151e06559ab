// One node of the double: what a minimega holds in memory.
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { defaultOutputFlags, type OutputFlags } from '../../core/render.ts';
import { minimegaInfoColumns } from '../../core/vms/info.ts';

export interface DoubleVm {
  readonly id: number;
  readonly name: string;
  readonly namespace: string;
  readonly uuid: string;
  readonly memory: number;
  readonly vcpus: number;
  readonly serialPorts: number;
  /** `vm config` at its launch. */
  readonly config: ReadonlyMap<string, readonly string[]>;
  state: number;
  readonly launched: string;
  readonly tags: Map<string, string>;
  readonly nets: {
    alias: string;
    vlan: number;
    bridge: string;
    readonly tap: string;
    readonly mac: string;
    ip4: string;
  }[];
}

export interface DoubleNamespace {
  readonly hosts: Set<string>;
  readonly vlans: Map<string, number>;
  range: string;
  load: string;
}

export interface DoubleNode {
  readonly name: string;
  isAlive: boolean;
  isSilent: boolean;
  degree: number;
  /** Seconds; 0: unlimited. */
  meshTimeout: number;
  /** The active namespace, for all users of the daemon. */
  active: string;
  flags: OutputFlags;
  readonly namespaces: Map<string, DoubleNamespace>;
  readonly configs: Map<string, Map<string, string[]>>;
  /** `vm config save`, by `namespace//name`. */
  readonly saved: Map<string, Map<string, string[]>>;
  readonly vms: DoubleVm[];
  readonly files: { name: string; size: number }[];
  readonly bridges: Set<string>;
  nextId: number;
}

/** What a line is run with. */
export interface DoubleCall {
  readonly node: DoubleNode;
  readonly namespace: string;
  /** Another node sent it: no further fan-out. */
  readonly isSent: boolean;
}

/** What commands need of the cluster. */
export interface DoubleCluster {
  readonly context: string;
  readonly nodes: ReadonlyMap<string, DoubleNode>;
  /** Members as a node sees them. */
  members(): DoubleNode[];
  /** Makes the namespace on this node unless it is there, as any mention does. */
  mention(node: DoubleNode, namespace: string): void;
  /** Runs it on the hosts of the namespace, as broadcast commands are. */
  onHosts(call: DoubleCall, act: (node: DoubleNode) => ResponseEntry | null): Promise<ResponseEntry[]>;
  addConsoles(host: string, vm: DoubleVm): Promise<void>;
  /** PNG of its screen. */
  pictureOf(vm: DoubleVm, maxSide: number | null): Buffer | null;
}

export function newNode(name: string, all: readonly string[]): DoubleNode {
  return {
    name,
    isAlive: true,
    isSilent: false,
    degree: Math.min(2, all.length - 1),
    meshTimeout: 0,
    active: defaultNamespace,
    flags: defaultOutputFlags,
    namespaces: new Map([
      [defaultNamespace, { hosts: new Set([name]), vlans: new Map(), range: '101-4096', load: 'cpucommit' }],
    ]),
    configs: new Map(),
    saved: new Map(),
    vms: [],
    files: [
      { name: 'initrd.gz', size: 1_240_665 },
      { name: 'web.qcow2', size: 196_616 },
      { name: 'linux/vmlinuz', size: 8_247_232 },
    ],
    bridges: new Set(),
    nextId: 0,
  };
}

const stateNames: Readonly<Record<number, string>> = {
  1: 'BUILDING',
  2: 'RUNNING',
  4: 'PAUSED',
  8: 'QUIT',
  16: 'ERROR',
};

const list = (items: readonly string[]) => `[${items.filter((item) => item !== '').join(', ')}]`;

/** A row of `vm info`, with all columns of it. */
export function infoRow(vm: DoubleVm): string[] {
  const valueOf = (field: string) => (vm.config.get(field) ?? []).join(' ');
  const cells: Readonly<Record<string, string>> = {
    id: String(vm.id),
    name: vm.name,
    state: stateNames[vm.state] ?? '',
    uptime: '1m2.5s',
    type: 'kvm',
    uuid: vm.uuid,
    cc_active: 'false',
    pid: String(1_000 + vm.id),
    vlan: list(vm.nets.map(({ alias, vlan }) => vlanText(alias, vlan))),
    bridge: list(vm.nets.map(({ bridge }) => bridge)),
    tap: list(vm.nets.map(({ tap }) => tap)),
    mac: list(vm.nets.map(({ mac }) => mac)),
    ip: list(vm.nets.map(({ ip4 }) => ip4)),
    ...{ ip6: '[]', qos: '[]', qinq: '[]', bond: '[]' },
    disks: valueOf('disks'),
    snapshot: vm.config.get('snapshot')?.[0] ?? 'true',
    ...{ initrd: valueOf('initrd'), kernel: valueOf('kernel'), cdrom: valueOf('cdrom') },
    append: list(vm.config.get('append') ?? []),
    ...{ 'virtio-ports': valueOf('virtio-ports'), 'usb-use-xhci': 'true', 'tpm-socket': '' },
    'bidirectional-copy-paste': 'false',
    memory: String(vm.memory),
    vcpus: String(vm.vcpus),
    'serial-ports': String(vm.serialPorts),
    vnc_port: '35555',
    tags: JSON.stringify(Object.fromEntries(vm.tags)),
  };
  return minimegaInfoColumns.map((column) => cells[column] ?? 'N/A');
}

export function vlanText(alias: string, vlan: number): string {
  if (vlan < 0) return 'disconnected';
  return alias === '' ? String(vlan) : `${alias} (${vlan})`;
}

/** An element of `vm info`'s Data. */
export function infoData(host: string, vm: DoubleVm): Record<string, unknown> {
  return {
    UUID: vm.uuid,
    VCPUs: vm.vcpus,
    Memory: vm.memory,
    SerialPorts: vm.serialPorts,
    Networks: vm.nets.map(({ alias, vlan, bridge, tap, mac, ip4 }) => ({
      ...{ Alias: alias, VLAN: vlan, Bridge: bridge, Tap: tap, MAC: mac, Driver: 'e1000', IP4: ip4, IP6: '' },
      ...{ QinQ: false, RxRate: 0, TxRate: 0, Raw: alias },
    })),
    Tags: Object.fromEntries(vm.tags),
    ID: vm.id,
    Name: vm.name,
    Namespace: vm.namespace,
    Host: host,
    State: vm.state,
    LaunchTime: vm.launched,
    Type: 1,
    Pid: 1_000 + vm.id,
    VNCPort: 35_555,
  };
}

/** The namespace of a call, on the node that runs it. */
export function namespaceOf({ node, namespace }: DoubleCall): DoubleNamespace {
  const found = node.namespaces.get(namespace);
  if (found) return found;
  const made = { hosts: new Set([node.name]), vlans: new Map<string, number>(), range: '', load: 'cpucommit' };
  node.namespaces.set(namespace, made);
  return made;
}

/** A number, or an alias, which gets one. */
export function resolveVlan({ vlans }: DoubleNamespace, word: string): [alias: string, vlan: number] {
  if (/^\d+$/.test(word)) return ['', Number(word)];
  const known = vlans.get(word);
  if (known !== undefined) return [word, known];
  const next = Math.max(100, ...vlans.values()) + 1;
  vlans.set(word, next);
  return [word, next];
}

export function namesOf(range: string): string[] {
  const parsed = parseRange(range);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.names;
}
