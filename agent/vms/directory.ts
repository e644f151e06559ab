// Which VMs every node has, on every node: so that the VMs of a node that does not answer can be named, and their names stay taken. SPEC H.
//
//   a node's VMs change → notice `vm-list` {node, version, vms} to all members, once a second at most; a launch is over → at once
//   members appear, and every -msa with one of them: `vm-versions` {hash} → what each list's version is → `vm-lists` {nodes} → lists
//
// Owns lists of names and networks. States are the rows' business: they change too often for all nodes.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { describeError } from '../../contract/errors.ts';
import {
  maxVmListBytes,
  maxVmListTagBytes,
  maxVmNetworks,
  maxVmsPerNode,
  maxVmTextCharacters,
} from '../../contract/limits.ts';
import { NodeId, type Roster } from '../../contract/roster.ts';
import { defaultConfig } from '../../core/vms/config.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { Log } from '../log.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { LocalVms } from './local-vms.ts';
import type { NodeVms } from './node-vms.ts';
import { Name, VmId } from './shapes.ts';
import { parseJson, type VmStore } from './vm-store.ts';

const listKind = 'vm-list';
const versionsKind = 'vm-versions';
const listsKind = 'vm-lists';
const askMs = 5_000;
/** A launch changes a list many times. */
const tellMs = 1_000;
/** Changes of the mesh within this time are one: a split heals for many nodes at once. */
const settleMs = 200;
/** What others have is written down for the time after a restart, and comes again from the mesh. */
const saveMs = 10_000;
const saveName = 'others.json';
/** Nodes of a roster. */
const maxNodes = 4_096;
/** Bytes of one answer with lists: what does not fit is asked for again. */
const answerBytes = 2 * 1024 * 1024;

const Short = z.string().max(300);
const DirectoryVm = z.object({
  id: VmId,
  name: Name,
  namespace: z.string().max(64),
  uuid: Short,
  vcpus: z.number().int().min(0).max(1e6),
  memory: z.number().int().min(0).max(1e9),
  launchedAtMs: z.number().min(0).max(8.64e15),
  tags: z.record(Short, z.string().max(maxVmTextCharacters)),
  nets: z
    .array(z.object({ alias: Short, vlan: z.number().int().min(-1).max(4_094), bridge: Short, mac: Short }))
    .max(maxVmNetworks),
});
export type DirectoryVm = z.infer<typeof DirectoryVm>;

/** Counts on from the clock, so that it grows over restarts. */
const Version = z.number().int().min(0).max(1e15);
const VmList = z.object({ node: NodeId, version: Version, vms: z.array(DirectoryVm).max(maxVmsPerNode) });
type VmList = z.infer<typeof VmList>;

const VersionsAsk = z.object({ hash: z.string().max(64) });
/** null: the same as the asker's. */
const VersionsAnswer = z.object({
  versions: z
    .array(z.object({ node: NodeId, version: Version }))
    .max(maxNodes)
    .nullable(),
});
const ListsAsk = z.object({ nodes: z.array(NodeId).max(maxNodes) });
/** A list of a shape that is not known is left out. */
const ListsAnswer = z.object({ lists: z.array(z.unknown()).max(maxNodes) });

export type DirectoryMesh = Pick<
  Mesh,
  'nodeId' | 'memberIds' | 'nameOf' | 'request' | 'serve' | 'notify' | 'onNotice' | 'on' | 'off'
>;

export interface DirectoryComponents {
  readonly mesh: DirectoryMesh;
  readonly roster: { readonly roster: Roster };
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: VmStore;
  readonly local: Pick<LocalVms, 'list' | 'onChange'> & Pick<NodeVms, 'onLaunched'>;
  readonly log: Pick<Log, 'warn'>;
}

/** A member that is not in the mesh. */
export interface LostNode {
  readonly id: string;
  readonly name: string;
  /** Another one when its list may be another. */
  readonly version: number;
}

export class VmDirectory {
  private readonly checkMs: number;
  private readonly components: DirectoryComponents;
  /** By node, this one included. */
  private readonly lists = new Map<string, VmList>();
  private readonly listeners = new Set<() => void>();
  private members = new Set<string>();
  private told = '';
  private toldAt = Number.NEGATIVE_INFINITY;
  private readonly timers = new Map<'tell' | 'settle' | 'check' | 'save', Timer>();
  private readonly ends: (() => void)[] = [];
  private isStopped = false;

  private constructor(checkMs: number, components: DirectoryComponents) {
    this.checkMs = checkMs;
    this.components = components;
    const { mesh } = components;
    mesh.onNotice(listKind, (body, from) => {
      const list = VmList.safeParse(body);
      if (list.success && list.data.node === from.nodeId) this.take([list.data]);
    });
    mesh.serve(versionsKind, (body) => {
      const { hash } = VersionsAsk.parse(body);
      const versions =
        hash === this.hash() ? null : [...this.lists.values()].map(({ node, version }) => ({ node, version }));
      return Promise.resolve({ versions });
    });
    mesh.serve(listsKind, (body) => Promise.resolve({ lists: this.fitting(ListsAsk.parse(body).nodes) }));
  }

  /** `checkMs`: how often this node compares what it knows with another one. */
  static async open(checkMs: number, components: DirectoryComponents): Promise<VmDirectory> {
    const directory = new VmDirectory(checkMs, components);
    const text = await components.store.read(saveName);
    const saved = z
      .array(z.unknown())
      .max(maxNodes)
      .safeParse(text === null ? [] : parseJson(text));
    const lists = (saved.success ? saved.data : []).flatMap((list) => VmList.safeParse(list).data ?? []);
    for (const list of lists) if (list.node !== components.mesh.nodeId) directory.lists.set(list.node, list);
    directory.updateOwn();
    return directory;
  }

  start(): void {
    const { mesh, local } = this.components;
    const onChange = () => {
      this.later('settle', settleMs * (0.5 + this.components.random()), () => this.membersChanged());
    };
    const onRoster = () => this.forgetOthers();
    mesh.on('change', onChange);
    mesh.on('roster', onRoster);
    this.ends.push(
      () => mesh.off('change', onChange),
      () => mesh.off('roster', onRoster),
      local.onChange(() => {
        const waitMs = this.toldAt + tellMs - this.components.clock.now();
        this.later('tell', Math.max(0, waitMs), () => this.updateOwn());
      }),
      // If the node dies now, the one who launched these VMs finds them as LOST.
      local.onLaunched(() => this.updateOwn()),
    );
    this.scheduleCheck();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const end of this.ends.splice(0)) end();
    const isUnsaved = this.timers.has('save');
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
    if (isUnsaved) await this.save();
  }

  /** VMs of a node as it said last; empty for one that said nothing. */
  of(node: string): readonly DirectoryVm[] {
    return this.lists.get(node)?.vms ?? [];
  }

  /** VMs of a namespace on all nodes, this one included, as each node said last: also those of nodes that do not answer. */
  listed(namespace: string): { name: string; host: string; uuid: string; macs: string[] }[] {
    const { mesh } = this.components;
    return [...this.lists.values()].flatMap((list) =>
      list.vms
        .filter((vm) => vm.namespace === namespace)
        .map(({ name, uuid, nets }) => ({
          name,
          host: mesh.nameOf(list.node),
          uuid,
          macs: nets.map(({ mac }) => mac),
        })),
    );
  }

  /** The host that has the VM with this UUID, in this namespace, as it said last; null where none said so. */
  holderOf(namespace: string, uuid: string): string | null {
    for (const { node, vms } of this.lists.values()) {
      if (vms.some((vm) => vm.uuid === uuid && vm.namespace === namespace)) return this.components.mesh.nameOf(node);
    }
    return null;
  }

  /** NICs of all nodes' VMs, as each node said last. */
  networks(): { nodeId: string; namespace: string; vlan: number }[] {
    return [...this.lists.values()].flatMap(({ node, vms }) =>
      vms.flatMap(({ namespace, nets }) => nets.map(({ vlan }) => ({ nodeId: node, namespace, vlan }))),
    );
  }

  isMember(node: string): boolean {
    return this.components.roster.roster.nodes.some(({ id, state }) => id === node && state === 'member');
  }

  /** Members that are not in the mesh now, and had VMs when they said something last. */
  lostNodes(): LostNode[] {
    const { mesh, roster } = this.components;
    const inMesh = new Set(mesh.memberIds());
    return roster.roster.nodes.flatMap(({ id, name, state }) => {
      const list = this.lists.get(id);
      const isLost = state === 'member' && !inMesh.has(id) && id !== mesh.nodeId && list && list.vms.length > 0;
      return isLost ? [{ id, name, version: list.version }] : [];
    });
  }

  /** The VMs of such a node: their state is LOST, and what is not told to all is not known. */
  recordsOf({ id, name }: Pick<LostNode, 'id' | 'name'>): VmRecord[] {
    return this.of(id).map((vm) => lostRecord(vm, name));
  }

  /** VMs of a namespace that are lost; null: of all. */
  lost(namespace: string | null): VmRecord[] {
    const records = this.lostNodes().flatMap((node) => this.recordsOf(node));
    return namespace === null ? records : records.filter((record) => record.namespace === namespace);
  }

  /** `listener` is called after the list of some node has changed. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  // ---- own

  /** What all are to know of this node's VMs, if it has changed. */
  private updateOwn(): void {
    const { mesh, local, clock } = this.components;
    const vms = listOf(local.list(null));
    const text = JSON.stringify(vms);
    if (text === this.told) return;
    this.told = text;
    this.toldAt = clock.now();
    this.announce({ node: mesh.nodeId, version: this.nextVersion(), vms });
  }

  private nextVersion(): number {
    const { mesh, clock } = this.components;
    return Math.max(clock.wallNow(), (this.lists.get(mesh.nodeId)?.version ?? 0) + 1);
  }

  private announce(list: VmList): void {
    const { mesh } = this.components;
    this.lists.set(list.node, list);
    mesh.notify(mesh.memberIds(), listKind, list);
    this.tell();
  }

  // ---- others

  private take(lists: readonly VmList[]): void {
    const { mesh } = this.components;
    let isNew = false;
    for (const list of lists) {
      const known = this.lists.get(list.node);
      if (known && known.version >= list.version) continue;
      if (list.node === mesh.nodeId) {
        // Of an earlier life, when the clock was ahead.
        if (known) this.announce({ ...known, version: list.version + 1 });
        continue;
      }
      if (!this.isMember(list.node)) continue;
      this.lists.set(list.node, list);
      isNew = true;
    }
    if (!isNew) return;
    this.later('save', saveMs, () => void this.save());
    this.tell();
  }

  private membersChanged(): void {
    const { mesh } = this.components;
    const before = this.members;
    this.members = new Set(mesh.memberIds());
    const came = [...this.members].filter((id) => !before.has(id) && id !== mesh.nodeId);
    // A split that heals: one of the other side has what all of them have.
    if (came.length > 0) this.compareWithOneOf(came);
  }

  private scheduleCheck(): void {
    const { mesh, random } = this.components;
    this.later('check', this.checkMs * (0.75 + random() / 2), () => {
      this.compareWithOneOf(mesh.memberIds().filter((id) => id !== mesh.nodeId));
      this.scheduleCheck();
    });
  }

  private compareWithOneOf(ids: readonly string[]): void {
    const id = ids[Math.floor(this.components.random() * ids.length)];
    if (id !== undefined) void this.compare(id);
  }

  /** Takes from another member what is newer there. It does the same with us at its own time. */
  private async compare(id: string): Promise<void> {
    const { mesh } = this.components;
    const ask = async (kind: string, body: unknown): Promise<unknown> => {
      const result = (await mesh.request([id], kind, body, { timeoutMs: askMs })).get(id);
      return result?.ok === true ? result.body : null;
    };
    // A member of the version before has no VMs.
    const answer = VersionsAnswer.safeParse(await ask(versionsKind, { hash: this.hash() }));
    const newer = (answer.data?.versions ?? []).filter(
      ({ node, version }) => (this.lists.get(node)?.version ?? -1) < version,
    );
    for (let nodes = newer.map(({ node }) => node); nodes.length > 0 && !this.isStopped;) {
      const lists = ListsAnswer.safeParse(await ask(listsKind, { nodes })).data?.lists ?? [];
      if (lists.length === 0) return;
      this.take(lists.flatMap((list) => VmList.safeParse(list).data ?? []));
      nodes = nodes.slice(lists.length);
    }
  }

  /** As many of these lists as one answer holds, in their order; at least one. */
  private fitting(nodes: readonly string[]): (VmList | null)[] {
    const fitting: (VmList | null)[] = [];
    let bytes = 0;
    for (const node of nodes) {
      const list = this.lists.get(node) ?? null;
      bytes += JSON.stringify(list).length;
      if (bytes > answerBytes && fitting.length > 0) break;
      fitting.push(list);
    }
    return fitting;
  }

  private forgetOthers(): void {
    const { mesh } = this.components;
    let isLess = false;
    for (const node of this.lists.keys()) {
      if (node !== mesh.nodeId && !this.isMember(node)) isLess = this.lists.delete(node) || isLess;
    }
    if (!isLess) return;
    this.later('save', saveMs, () => void this.save());
    this.tell();
  }

  private hash(): string {
    const versions = [...this.lists.values()].map(({ node, version }) => `${node} ${version}`).sort();
    return createHash('sha256').update(versions.join('\n')).digest('hex').slice(0, 32);
  }

  private async save(): Promise<void> {
    const { mesh, store, log } = this.components;
    const others = [...this.lists.values()].filter(({ node }) => node !== mesh.nodeId);
    await store.write(saveName, JSON.stringify(others)).catch((error: unknown) => {
      log.warn(`vms: what other nodes have is not saved: ${describeError(error)}`);
    });
  }

  /** Once, however often it is asked for meanwhile. */
  private later(what: 'tell' | 'settle' | 'check' | 'save', delayMs: number, run: () => void): void {
    if (this.isStopped || this.timers.has(what)) return;
    const timer = this.components.clock.after(delayMs, () => {
      this.timers.delete(what);
      run();
    });
    this.timers.set(what, timer);
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

/** What all nodes keep of these VMs, as many as fit. */
function listOf(records: readonly VmRecord[]): DirectoryVm[] {
  const listed: DirectoryVm[] = [];
  let bytes = 0;
  for (const record of records) {
    const { id, name, namespace, uuid, launchedAtMs, config } = record;
    const nets = record.nets.map(({ alias, vlan, bridge, mac }) => ({ alias, vlan, bridge, mac }));
    const tags: Record<string, string> = {};
    let tagBytes = 0;
    for (const [key, value] of Object.entries(config.tags)) {
      tagBytes += key.length + value.length;
      if (tagBytes > maxVmListTagBytes) break;
      tags[key] = value;
    }
    const { vcpus, memory } = config;
    const vm = { id, name, namespace, uuid, vcpus, memory, launchedAtMs, tags, nets };
    bytes += JSON.stringify(vm).length;
    if (bytes > maxVmListBytes || listed.length >= maxVmsPerNode) break;
    listed.push(vm);
  }
  return listed;
}

function lostRecord(vm: DirectoryVm, host: string): VmRecord {
  const { id, name, namespace, uuid, launchedAtMs, vcpus, memory, tags } = vm;
  return {
    ...{ id, name, namespace, host, uuid, launchedAtMs },
    config: { ...defaultConfig, uuid, vcpus, memory, tags },
    state: 'LOST',
    reason: `${host} does not answer`,
    pid: 0,
    nets: vm.nets.map((net) => ({ ...net, tap: '', driver: '', qinq: false, ip4: '', ip6: '', qos: '', raw: '' })),
    hotplug: [],
    accelerator: null,
  };
}
