// The VMs of this node, as the rest of meshd uses them: what a launch asks of a host (VmHost), and what commands do to VMs that exist (LocalVms).
// Owns who is let in; the parts have their files: records (vm-book), the pipeline (launching), actions, NICs (nets), media, adoption.
import type { Duplex } from 'node:stream';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxVmsPerNode, maxVmWords } from '../../contract/limits.ts';
import { findTextIssue } from '../../core/vms/result.ts';
import { findField } from '../../core/vms/config-fields.ts';
import { findBondIssue, type BondSpec } from '../../core/vms/bond-spec.ts';
import { findDiskConflict } from '../../core/vms/disk-spec.ts';
import type { VmConfig } from '../../core/vms/config.ts';
import { findNameIssue } from '../../core/vms/names.ts';
import type { Qos } from '../../core/net/qos.ts';
import type { PlacementHost } from '../../core/vms/placement.ts';
import { qemuArgs } from '../../core/vms/qemu-args.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { Hypervisor, HypervisorFacts } from '../../host/qemu/hypervisor.ts';
import type { DiskUser } from '../files/disks.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { VlanUsers } from '../vlans/users.ts';
import type { Vlans } from '../vlans/vlans.ts';
import { act, type ActionParts } from './actions.ts';
import { adoptVms } from './adoption.ts';
import { Holds } from './holds.ts';
import { surveyFiles, type VmFiles } from './images.ts';
import { launchVms, type Admission, type LaunchingParts, type Limits } from './launching.ts';
import type { ActionResult, LocalVms, VmActionArguments } from './local-vms.ts';
import { addDisk, changeCdrom, removeDisk } from './media.ts';
import {
  addNet,
  assertMay,
  bondNets,
  connectNet,
  disconnectNet,
  unbondNets,
  Replugging,
  vlanUsers,
  type NetParts,
} from './nets.ts';
import { isCommitted, portsOf, Slots, Turns } from './parts.ts';
import { PortRemovals } from './ports.ts';
import { Reshaping, shapeNet } from './shaping.ts';
import { RunningVms } from './running-vms.ts';
import { Saves, type SaveNames, type SaveOptions, type SaveStatus } from './saving.ts';
import { assertLives } from './starting.ts';
import { parseJson, type StoredVm, type VmStore } from './vm-store.ts';
import type { Switch } from './switch.ts';
import { VmBook } from './vm-book.ts';
import type { CallOptions, HoldRequest, Launched, LaunchRequest, Survey, SurveyRequest, VmHost } from './vm-host.ts';

export interface NodeVmsOptions {
  /** Name of this node. */
  readonly host: string;
  /** Of this boot of the machine. */
  readonly bootId: string;
}

export interface NodeVmsComponents {
  readonly store: VmStore;
  readonly hypervisor: Hypervisor;
  readonly ports: Switch;
  readonly files: VmFiles;
  readonly vlans: Pick<Vlans, 'resolve'>;
  /** What the machine has. */
  readonly limits: () => Promise<Limits>;
  /** As VmParts has it. */
  readonly hugepages?: () => string;
  readonly clock: Clock;
  readonly randomByte: () => number;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/** What VMs take of a node; minimega's columns of `host`. */
export interface Commitment {
  readonly vms: number;
  readonly cpus: number;
  readonly memoryMb: number;
  readonly nets: number;
}

const bridgesName = 'bridges.json';

type Parts = ActionParts & LaunchingParts & NetParts;

export class NodeVms implements VmHost, LocalVms {
  readonly name: string;
  readonly users: VlanUsers;
  private readonly options: NodeVmsOptions;
  private readonly components: NodeVmsComponents;
  private readonly book: VmBook;
  private readonly parts: Parts;
  private readonly holds: Holds;
  private readonly saving: Saves;
  private readonly stopping = new AbortController();
  /** Which launch made a VM: it may hold what it has made. */
  private readonly launches = new Map<number, string>();
  private readonly launchListeners = new Set<() => void>();
  private unfollow: (() => void) | null = null;
  private bridges = '';

  private constructor(book: VmBook, options: NodeVmsOptions, components: NodeVmsComponents) {
    this.name = options.host;
    this.options = options;
    this.components = components;
    this.book = book;
    this.holds = new Holds(components.clock);
    const { log, ports } = components;
    this.parts = {
      ...components,
      host: options.host,
      book,
      running: new RunningVms({ book, log }),
      turns: new Turns(),
      slots: new Slots(),
      stopping: this.stopping.signal,
      removals: new PortRemovals(ports),
      admission: (request, limits) => this.admission(request, limits),
      onAdded: (id, launch) => void this.launches.set(id, launch),
      findRestartRefusal: (id) => this.findRestartRefusal(id),
    };
    this.saving = new Saves(this.parts);
    this.users = vlanUsers(this.parts);
    book.onChange((_changed, gone) => {
      for (const id of gone) this.launches.delete(id);
    });
  }

  /** Reads the records; VMs are untouched until `start`. */
  static async open(options: NodeVmsOptions, components: NodeVmsComponents): Promise<NodeVms> {
    return new NodeVms(await VmBook.open(options.host, components), options, components);
  }

  /** Takes over what runs. The ports of VMs in records are what the switch is to have. */
  async start(): Promise<void> {
    const { ports, hypervisor, store, log } = this.components;
    const text = await store.read(bridgesName);
    const bridges = text === null ? null : parseJson(text);
    const kept = this.book.records().flatMap((record) => portsOf(record, hypervisor));
    await ports
      .start({ ports: kept, bridges: Array.isArray(bridges) ? bridges.filter((name) => typeof name === 'string') : [] })
      .catch((error: unknown) => log.warn(`vms: the virtual switch is not there: ${describeError(error)}`));
    this.bridges = text ?? '';
    const replugging = new Replugging(this.parts);
    const reshaping = new Reshaping(this.parts);
    const onChange = () => {
      this.keepBridges();
      replugging.look();
      reshaping.look();
    };
    const ends = [ports.onChange(onChange), ports.onAddress((tap) => this.takeAddress(tap))];
    this.unfollow = () => {
      for (const end of ends) end();
    };
    this.keepBridges();
    await adoptVms({ ...this.parts, bootId: this.options.bootId });
  }

  /** Lets go of all VMs, which run on. Launches that are under way give up what is not started yet. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.unfollow?.();
    await this.parts.turns.idle();
    this.parts.running.close();
    await this.book.flush();
    await this.components.ports.stop();
  }

  // ---- what commands use

  get(id: number): VmRecord | undefined {
    return this.book.get(id)?.record;
  }

  list(namespace: string | null): readonly VmRecord[] {
    const records = this.book.records();
    return namespace === null ? records : records.filter((record) => record.namespace === namespace);
  }

  /** `listener` is called when a launch on this node is over, before its asker gets the answer. */
  onLaunched(listener: () => void): () => void {
    this.launchListeners.add(listener);
    return () => this.launchListeners.delete(listener);
  }

  onChange(listener: (changed: readonly VmRecord[], gone: readonly number[]) => void): () => void {
    return this.book.onChange(listener);
  }

  act(
    ids: readonly number[],
    wanted: VmActionArguments,
    options: { readonly signal: AbortSignal; readonly target: 'named' | 'all' },
  ): Promise<readonly ActionResult[]> {
    // It would wait for the end of a save.
    if (wanted.action === 'kill') for (const id of ids) this.saving.cancel(id);
    return act(ids, wanted, options, this.parts);
  }

  async tag(id: number, tags: Readonly<Record<string, string | null>>): Promise<void> {
    const record = assertMay(id, 'tag', this.parts);
    const next = new Map(Object.entries(record.config.tags));
    for (const [key, value] of Object.entries(tags)) {
      const issue = key === '' ? 'a tag needs a key' : (findTextIssue(key) ?? findTextIssue(value ?? ''));
      if (issue !== null) throw new AppError('invalid', issue);
      if (value === null) next.delete(key);
      else next.set(key, value);
    }
    if (next.size > maxVmWords) throw new AppError('refused', `tags: at most ${maxVmWords}`);
    await this.book.updateRecord(id, (before) => ({
      ...before,
      config: { ...before.config, tags: Object.fromEntries(next) },
    }));
  }

  save(id: number, names: SaveNames, options: SaveOptions): Promise<void> {
    return this.saving.save(id, names, options);
  }

  saves(namespace: string): Promise<readonly SaveStatus[]> {
    return this.saving.list(namespace);
  }

  addNet(id: number, spec: string, options: { readonly signal: AbortSignal }): Promise<void> {
    return this.parts.turns.run(id, () => addNet(id, spec, options, this.parts), options.signal);
  }

  connectNet(
    id: number,
    index: number,
    vlan: string,
    bridge: string,
    options: { readonly signal: AbortSignal },
  ): Promise<void> {
    const run = () => connectNet(id, { index, vlan, bridge }, options, this.parts);
    return this.parts.turns.run(id, run, options.signal);
  }

  disconnectNet(id: number, index: number, options: { readonly signal: AbortSignal }): Promise<void> {
    return this.parts.turns.run(id, () => disconnectNet(id, index, this.parts), options.signal);
  }

  shapeNet(id: number, index: number, change: (before: Qos) => Qos): Promise<void> {
    return this.parts.turns.run(id, () => shapeNet(id, index, change, this.parts));
  }

  bondNets(id: number, bond: BondSpec, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    return this.parts.turns.run(id, () => bondNets(id, bond, this.parts), signal);
  }

  unbondNets(id: number, name: string | null, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    return this.parts.turns.run(id, () => unbondNets(id, name, this.parts), signal);
  }

  addDisk(id: number, path: string, version: '1.1' | '2.0'): Promise<void> {
    return this.parts.turns.run(id, () => addDisk(id, { path, version }, this.parts));
  }

  removeDisk(id: number, disk: number | null): Promise<void> {
    return this.parts.turns.run(id, () => removeDisk(id, disk, this.parts));
  }

  changeCdrom(id: number, path: string | null, options: { readonly force: boolean }): Promise<void> {
    return this.parts.turns.run(id, () => changeCdrom(id, path, options, this.parts));
  }

  async screenshot(id: number, maxSide: number | null): Promise<Buffer> {
    assertMay(id, 'screenshot', this.parts);
    return assertLives(this.parts.running.get(id), id).screenshot(maxSide);
  }

  /** @throws AppError `refused` without a QEMU, and what it says */
  async openScreen(id: number): Promise<Duplex> {
    return assertLives(this.parts.running.get(id), id).openScreen();
  }

  async openSerial(id: number, port: number): Promise<Duplex> {
    return assertLives(this.parts.running.get(id), id).openSerial(port);
  }

  async qmp(id: number, command: string): Promise<string> {
    assertMay(id, 'qmp', this.parts);
    const parsed = parseQmp(command);
    return assertLives(this.parts.running.get(id), id).qmp(parsed);
  }

  /** Whether a VM of this node needs this file: as it is, also for its next start. */
  isInUse(path: string): boolean {
    return this.book.all().some(({ images, record }) => images.includes(path) || record.config.cdrom === path);
  }

  /** VMs of this node that need this file, as `isInUse` means it. */
  usersOf(path: string): readonly DiskUser[] {
    return this.book
      .all()
      .filter(({ images, record }) => images.includes(path) || record.config.cdrom === path)
      .map(({ record: { name, namespace, config } }) => ({
        name,
        namespace,
        isWriter: !config.snapshot && config.disks.some((disk) => disk.path === path),
      }));
  }

  commitment(): Commitment {
    const taking = this.book.all().filter(takesRoom);
    return {
      vms: this.book.size,
      cpus: sum(taking.map(({ record }) => record.config.vcpus)),
      memoryMb: sum(taking.map(({ record }) => record.config.memory)),
      nets: sum(taking.map(({ record }) => record.nets.length)),
    };
  }

  // ---- what a launch asks

  async survey(request: SurveyRequest, { signal }: CallOptions): Promise<Survey> {
    const facts = await this.components.hypervisor.facts().catch((error: unknown) => describeError(error));
    const missing = new Map<string, number>();
    const issues: { config: number; text: string }[] = [];
    for (const [index, config] of request.configs.entries()) {
      const issue = typeof facts === 'string' ? facts : this.findConfigIssue(config, facts);
      const files = issue === null ? await surveyFiles(config, this.components.files, { signal }) : null;
      for (const { name, bytes } of files?.missing ?? []) missing.set(name, bytes);
      const text = issue ?? files?.issue ?? null;
      if (text !== null) issues.push({ config: index, text });
    }
    const taken = this.taken(request.namespace, null);
    return {
      host: await this.placementHost(),
      taken: { names: [...taken.names], uuids: [...taken.uuids], macs: [...taken.macs] },
      missing: [...missing].map(([name, bytes]) => ({ name, bytes })),
      issues,
      warning: typeof facts === 'string' ? '' : facts.warning,
    };
  }

  async hold(request: HoldRequest): Promise<void> {
    const isOthers = ({ id }: VmRecord) => this.launches.get(id) !== request.launch;
    const taken = this.taken(request.namespace, request.launch, isOthers);
    const own = new Set(this.list(request.namespace).flatMap((record) => (isOthers(record) ? [] : [record.name])));
    const problems: Record<string, string> = {};
    for (const vm of request.vms) {
      const text = findConflict(vm, taken);
      if (text !== null) problems[vm.name] = text;
    }
    const { memoryMb } = await this.components.limits();
    let room = memoryMb - this.committedMb(request.launch);
    let count = this.book.size;
    for (const vm of request.here) {
      if (own.has(vm.name)) continue;
      const text = describeLack(vm.memoryMb, { host: this.name, room, memoryMb, count });
      if (text !== null) problems[vm.name] ??= text;
      room -= vm.memoryMb;
      count += 1;
    }
    const [first] = Object.values(problems);
    if (first !== undefined) throw new AppError('conflict', first, { detail: { vms: problems } });
    this.holds.set(request);
  }

  release(launch: string): Promise<void> {
    this.holds.release(launch);
    return Promise.resolve();
  }

  launch(
    request: LaunchRequest,
    options: CallOptions & { readonly onProgress?: (done: number, text: string) => void },
  ): Promise<readonly Launched[]> {
    return this.holds.during(request.launch, async () => {
      const launched = await launchVms(request, options, this.parts);
      for (const listener of [...this.launchListeners]) listener();
      return launched;
    });
  }

  // ---- who is let in

  private async placementHost(): Promise<PlacementHost> {
    const { cpus, memoryMb } = await this.components.limits();
    const commitment = this.commitment();
    const held = this.held(null);
    return {
      name: this.name,
      cpus,
      memoryMb,
      committedCpus: commitment.cpus + sum(held.map(({ vcpus }) => vcpus)),
      committedMemoryMb: commitment.memoryMb + sum(held.map((vm) => vm.memoryMb)),
      committedNets: commitment.nets + sum(held.map(({ nets }) => nets)),
      vmLimit: maxVmsPerNode,
      vms: this.book
        .records()
        .map(({ name, namespace, config }) => ({ name, namespace, coschedule: config.coschedule })),
    };
  }

  /** What other launches will run here, and have not begun to. */
  private held(launch: string | null): HoldRequest['here'][number][] {
    const there = new Set(this.book.records().map(({ namespace, name }) => `${namespace}//${name}`));
    return this.holds
      .others(launch)
      .flatMap(({ namespace, here }) => here.filter(({ name }) => !there.has(`${namespace}//${name}`)));
  }

  private committedMb(launch: string | null): number {
    return this.commitment().memoryMb + sum(this.held(launch).map(({ memoryMb }) => memoryMb));
  }

  private taken(namespace: string, launch: string | null, counts: (record: VmRecord) => boolean = () => true) {
    const records = this.book.records().filter(counts);
    const holds = this.holds.others(launch);
    const own = records.filter((record) => record.namespace === namespace);
    const held = holds.filter((hold) => hold.namespace === namespace).flatMap(({ vms }) => vms);
    return {
      names: new Set([...own, ...held].map(({ name }) => name)),
      uuids: new Set([...own, ...held].map(({ uuid }) => uuid)),
      macs: new Set([
        ...records.flatMap(({ nets }) => nets.map(({ mac }) => mac)),
        ...holds.flatMap(({ vms }) => vms.flatMap(({ macs }) => macs)),
      ]),
    };
  }

  /** Looks at the VMs of this node once for all those of a launch, which may be as many. */
  private admission({ launch, namespace }: LaunchRequest, { memoryMb }: Limits): Admission {
    const taken = this.taken(namespace, launch);
    let room = memoryMb - this.committedMb(launch);
    let count = this.book.size;
    // The disks of VMs that are launched now are known later.
    const diskIssues = new Map<string, string | null>();
    const findDiskIssue = ({ disks, snapshot }: VmConfig) => {
      const key = JSON.stringify([snapshot, ...disks.map(({ path }) => path)]);
      const known = diskIssues.get(key);
      const issue = known === undefined ? this.findDiskIssue({ disks, snapshot }, null) : known;
      diskIssues.set(key, issue);
      return issue;
    };
    return ({ config, name, uuid, vlans }) => {
      const macs = config.networks.map(({ mac }) => mac);
      const refusal =
        findNameIssue(name) ??
        (uuid === '' || macs.includes('') || vlans.length !== macs.length
          ? `the plan of ${name} is not complete: every VM has a UUID, and every NIC a MAC address and a VLAN`
          : null) ??
        findConflict({ name, uuid, macs }, taken) ??
        describeLack(config.memory, { host: this.name, room, memoryMb, count }) ??
        this.findConfigIssue(config, null) ??
        findDiskIssue(config);
      if (refusal !== null) return refusal;
      taken.names.add(name);
      taken.uuids.add(uuid);
      for (const mac of macs) taken.macs.add(mac);
      room -= config.memory;
      count += 1;
      return null;
    };
  }

  private async findRestartRefusal(id: number): Promise<string | null> {
    const record = this.book.get(id)?.record;
    if (!record) return null;
    const { memoryMb } = await this.components.limits();
    const room = memoryMb - this.committedMb(null);
    return (
      describeLack(record.config.memory, { host: this.name, room, memoryMb, count: 0 }) ??
      this.findDiskIssue(record.config, id)
    );
  }

  /** VMs that have ended count: their overlays are worth nothing over an image that changed. */
  private findDiskIssue({ disks, snapshot }: Pick<VmConfig, 'disks' | 'snapshot'>, self: number | null): string | null {
    if (disks.length === 0) return null;
    const mine = new Set(disks.map(({ path }) => path));
    const others = this.book
      .all()
      .filter(({ record, images }) => record.id !== self && images.some((path) => mine.has(path)))
      .map(({ record, images }) => ({
        snapshot: record.config.snapshot,
        // Backing files of its disks are read alone.
        disks: record.config.disks,
        reads: images.filter((path) => !record.config.disks.some((disk) => disk.path === path)),
      }));
    const readers = others.map(({ reads }) => ({
      snapshot: true,
      disks: reads.map((path) => ({ path, interface: null, cache: null })),
    }));
    return findDiskConflict([...others, ...readers, { disks, snapshot }]);
  }

  /** Why no QEMU of this node runs the configuration; null when one may. `facts`: null when its models are not looked at. */
  private findConfigIssue(config: VmConfig, facts: HypervisorFacts | null): string | null {
    const wrongBond = findBondIssue(config.bonds, config.networks);
    if (wrongBond !== null) return wrongBond;
    if (facts) {
      const { catalogue } = facts;
      const surroundings = { catalogue, filesPath: this.components.files.store.root };
      for (const [name, value] of [
        ['cpu', config.cpu],
        ['machine', config.machine],
      ] as const) {
        const parsed = findField(name)?.parse([value], surroundings, config);
        if (parsed && !parsed.ok) return parsed.message;
      }
      const driver = config.networks.find((net) => !catalogue.netDrivers.includes(net.driver))?.driver;
      if (driver !== undefined)
        return `the QEMU of ${this.name} has no network driver \`${driver}\`: ${catalogue.netDrivers.join(', ')}`;
    }
    const args = qemuArgs({
      id: 0,
      name: 'vm',
      uuid: '00000000-0000-4000-8000-000000000000',
      config,
      folder: this.components.hypervisor.folderOf(99_999_999),
      disks: config.disks.map((disk) => ({ ...disk, format: 'raw' })),
      nics: config.networks.map(({ driver }) => ({
        tap: 'mega_tap0',
        mac: '02:00:00:00:00:01',
        driver,
        hasOffload: true,
      })),
      accelerator: facts?.accelerator ?? 'tcg',
    });
    return args.ok ? null : args.message;
  }

  /** A guest said an address of its NIC. */
  private takeAddress(tap: string): void {
    const record = this.book.onTap(tap);
    if (!record) return;
    const { ports } = this.components;
    this.book.note(record.id, (before) => ({
      ...before,
      nets: before.nets.map((net) => {
        const { ip4, ip6 } = net.tap === tap ? ports.addressesOf(tap, net.mac) : net;
        return net.ip4 === ip4 && net.ip6 === ip6 ? net : { ...net, ip4, ip6 };
      }),
    }));
  }

  /** Bridges that this node made: a wiped database gets them again. */
  private keepBridges(): void {
    const { ports, store, log } = this.components;
    const ours = ports.state().bridges.filter(({ isOurs }) => isOurs);
    // A database that is away has none; that says nothing.
    if (ours.length === 0 && ports.state().faults.length > 0) return;
    const text = JSON.stringify(ours.map(({ name }) => name).sort());
    if (text === this.bridges || (text === '[]' && this.bridges === '')) return;
    this.bridges = text;
    store.write(bridgesName, text).catch((error: unknown) => {
      this.bridges = '';
      log.warn(`vms: the names of bridges are not saved: ${describeError(error)}`);
    });
  }
}

const takesRoom = ({ record, doing }: StoredVm) => isCommitted(record) || doing === 'starting';

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

function findConflict(
  { name, uuid, macs }: { readonly name: string; readonly uuid: string; readonly macs: readonly string[] },
  taken: {
    readonly names: ReadonlySet<string>;
    readonly uuids: ReadonlySet<string>;
    readonly macs: ReadonlySet<string>;
  },
): string | null {
  if (taken.names.has(name)) return `vm already exists with name \`${name}\``;
  if (taken.uuids.has(uuid)) return `vm already exists with UUID \`${uuid}\``;
  const mac = macs.find((each, at) => taken.macs.has(each) || macs.indexOf(each) !== at);
  return mac === undefined ? null : `MAC address ${mac} of ${name} is taken: give it another, or none`;
}

function describeLack(
  wantedMb: number,
  { host, room, memoryMb, count }: { host: string; room: number; memoryMb: number; count: number },
): string | null {
  if (count >= maxVmsPerNode) return `${host} has ${count} VMs, and takes no more: flush some`;
  if (wantedMb <= room) return null;
  return `${host} has ${Math.max(0, room)} MB of its ${memoryMb} MB left, and this takes ${wantedMb} MB`;
}

/** minimega takes JSON of any kind here; QEMU takes a command. @throws AppError `invalid` */
function parseQmp(text: string): { execute: string; arguments?: Readonly<Record<string, unknown>> } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid', `invalid JSON: ${describeError(cause)}`, { cause });
  }
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(json) || typeof json['execute'] !== 'string')
    throw new AppError('invalid', 'a command of QMP is `{"execute": "…", "arguments": {…}}`');
  const { execute, arguments: args } = json;
  if (args === undefined) return { execute };
  if (!isObject(args)) throw new AppError('invalid', '`arguments` of a command of QMP is an object');
  return { execute, arguments: args };
}
