// For tests: the VMs of a host in memory. It keeps records and holds, applies the table of states, and refuses what a host refuses; nothing runs. `onCall` lets
// a test delay or break each call.
import { AppError } from '../../contract/errors.ts';
import { describeQos, readQos, type Qos } from '../../core/net/qos.ts';
import type { BondSpec } from '../../core/vms/bond-spec.ts';
import { parseNetSpec } from '../../core/vms/net-spec.ts';
import type { VmNet, VmRecord } from '../../core/vms/record.ts';
import { describeRefusal, outcomeOf } from '../../core/vms/states.ts';
import type { ActionResult, LocalVms, VmActionArguments } from './local-vms.ts';
import type { SaveNames, SaveOptions, SaveStatus } from './saving.ts';
import type {
  CallOptions,
  HoldRequest,
  Launched,
  LaunchRequest,
  PlannedVm,
  Survey,
  SurveyRequest,
  VmHost,
} from './vm-host.ts';

export type MemoryCall = 'survey' | 'hold' | 'release' | 'launch' | 'launch one';

export interface MemoryVmsOptions {
  readonly name: string;
  readonly cpus?: number;
  readonly memoryMb?: number;
  readonly vmLimit?: number;
  /** Paths that are here. */
  readonly files?: ReadonlySet<string>;
  /** Bytes of paths that other nodes have. */
  readonly elsewhere?: ReadonlyMap<string, number>;
  readonly cpuModels?: readonly string[];
  /** What slows its VMs down; nothing unless given. */
  readonly warning?: string;
  readonly wallNow?: () => number;
  /** Number of a VLAN that `vm net` names. */
  readonly resolve?: (text: string, namespace: string) => Promise<{ vlan: number; alias: string }>;
}

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

export class MemoryVms implements VmHost, LocalVms {
  readonly name: string;
  readonly holds = new Map<string, HoldRequest>();
  onCall: (call: MemoryCall, what: string) => Promise<void> | void = () => undefined;
  private readonly options: MemoryVmsOptions;
  private readonly records = new Map<number, VmRecord>();
  private readonly listeners = new Set<(changed: readonly VmRecord[], gone: readonly number[]) => void>();
  private readonly launchOf = new Map<number, string>();
  private nextId = 0;
  private nextTap = 0;

  constructor(options: MemoryVmsOptions) {
    this.name = options.name;
    this.options = options;
  }

  async survey({ namespace, configs }: SurveyRequest): Promise<Survey> {
    await this.onCall('survey', '');
    const vms = [...this.records.values()];
    const holds = [...this.holds.values()];
    const own = vms.filter((vm) => vm.namespace === namespace);
    const held = holds.filter((hold) => hold.namespace === namespace).flatMap((hold) => hold.vms);
    const here = holds.flatMap((hold) => hold.here);
    const missing = new Map<string, number>();
    const issues = configs.flatMap((config, at) => {
      const texts: string[] = [];
      for (const path of [config.kernel, config.initrd, config.cdrom, ...config.disks.map((disk) => disk.path)]) {
        if (path === '' || this.options.files?.has(path)) continue;
        const bytes = this.options.elsewhere?.get(path);
        if (bytes === undefined) texts.push(`no node has ${path}`);
        else missing.set(path, bytes);
      }
      const models = this.options.cpuModels;
      if (models && config.cpu !== 'host' && !models.includes(config.cpu)) {
        texts.push(`invalid QEMU CPU: \`${config.cpu}\`, see help: host, ${models.join(', ')}`);
      }
      return texts.slice(0, 1).map((text) => ({ config: at, text }));
    });
    return {
      host: {
        name: this.name,
        cpus: this.options.cpus ?? 4,
        memoryMb: this.options.memoryMb ?? 8192,
        committedCpus: sum([...vms.map((vm) => vm.config.vcpus), ...here.map((vm) => vm.vcpus)]),
        committedMemoryMb: sum([...vms.map((vm) => vm.config.memory), ...here.map((vm) => vm.memoryMb)]),
        committedNets: sum([...vms.map((vm) => vm.nets.length), ...here.map((vm) => vm.nets)]),
        vmLimit: this.options.vmLimit ?? -1,
        vms: vms.map((vm) => ({ name: vm.name, namespace: vm.namespace, coschedule: vm.config.coschedule })),
      },
      taken: {
        names: [...own, ...held].map((vm) => vm.name),
        uuids: [...vms, ...holds.flatMap((hold) => hold.vms)].map((vm) => vm.uuid),
        macs: [
          ...vms.flatMap((vm) => vm.nets.map((net) => net.mac)),
          ...holds.flatMap((hold) => hold.vms.flatMap((vm) => vm.macs)),
        ],
      },
      missing: [...missing].map(([name, bytes]) => ({ name, bytes })),
      issues,
      warning: this.options.warning ?? '',
    };
  }

  async hold(request: HoldRequest): Promise<void> {
    await this.onCall('hold', request.launch);
    const others = [...this.holds.values()].filter((hold) => hold.launch !== request.launch);
    // What a launch has made does not keep it from holding on.
    const vms = [...this.records.values()].filter((vm) => this.launchOf.get(vm.id) !== request.launch);
    const issue = request.vms
      .map((vm) => findTaken(request.namespace, vm, { others, vms }))
      .find((text) => text !== null);
    if (issue !== undefined) throw new AppError('conflict', issue);
    this.holds.set(request.launch, request);
  }

  async release(launch: string): Promise<void> {
    await this.onCall('release', launch);
    this.holds.delete(launch);
  }

  async launch(
    request: LaunchRequest,
    { signal, onProgress }: CallOptions & { onProgress?: (done: number, text: string) => void },
  ): Promise<readonly Launched[]> {
    await this.onCall('launch', request.launch);
    let done = 0;
    return Promise.all(
      request.vms.map(async (vm): Promise<Launched> => {
        const launched = await this.launchOne(vm, request, signal);
        done += 1;
        onProgress?.(done, vm.name);
        return launched;
      }),
    );
  }

  private async launchOne(vm: PlannedVm, { launch, namespace }: LaunchRequest, signal: AbortSignal): Promise<Launched> {
    const gone = (error: string): Launched => ({ name: vm.name, vm: null, error, notes: [] });
    const others = [...this.holds.values()].filter((hold) => hold.launch !== launch);
    const macs = vm.config.networks.map((net) => net.mac);
    const there = { others, vms: [...this.records.values()] };
    const issue = findTaken(namespace, { name: vm.name, uuid: vm.uuid, macs }, there);
    if (issue !== null) return gone(issue);
    const record = this.add(vm, namespace);
    this.launchOf.set(record.id, launch);
    try {
      await this.onCall('launch one', vm.name);
      if (signal.aborted) throw new AppError('cancelled', 'cancelled before it was started');
    } catch (error) {
      const text = error instanceof Error ? error.message : 'failed';
      if (signal.aborted) {
        this.remove(record.id);
        return gone(text);
      }
      const config = { ...record.config, tags: { ...record.config.tags, error: text } };
      return {
        name: vm.name,
        vm: this.change(record.id, { state: 'ERROR', reason: text, config }),
        error: text,
        notes: [],
      };
    }
    return { name: vm.name, vm: this.change(record.id, { pid: 1000 + record.id }), error: '', notes: [] };
  }

  private add(vm: PlannedVm, namespace: string): VmRecord {
    const nets = vm.config.networks.map((net, at): VmNet => {
      const { vlan, alias } = vm.vlans[at] ?? { vlan: -1, alias: '' };
      return { ...this.net(net), vlan, alias };
    });
    const record: VmRecord = {
      ...{ id: this.nextId, name: vm.name, namespace, host: this.name, uuid: vm.uuid, config: vm.config },
      ...{ state: 'BUILDING', reason: '', launchedAtMs: this.options.wallNow?.() ?? 0, pid: 0 },
      ...{ nets, hotplug: [], accelerator: 'kvm' },
    };
    this.nextId += 1;
    this.records.set(record.id, record);
    this.tell([record], []);
    return record;
  }

  private net({ bridge, mac, driver, qinq }: { bridge: string; mac: string; driver: string; qinq: boolean }): VmNet {
    const tap = `mega_tap${this.nextTap}`;
    this.nextTap += 1;
    return { alias: '', vlan: -1, bridge, tap, mac, driver, qinq, ip4: '', ip6: '', qos: '', raw: '' };
  }

  private change(id: number, change: Partial<VmRecord>): VmRecord {
    const changed = { ...this.known(id), ...change };
    this.records.set(id, changed);
    this.tell([changed], []);
    return changed;
  }

  private remove(id: number): void {
    this.records.delete(id);
    this.tell([], [id]);
  }

  private known(id: number): VmRecord {
    const record = this.records.get(id);
    if (!record) throw new AppError('not-found', `vm not found: ${id}`);
    return record;
  }

  private tell(changed: readonly VmRecord[], gone: readonly number[]): void {
    for (const listener of this.listeners) listener(changed, gone);
  }

  list(namespace: string | null): readonly VmRecord[] {
    return [...this.records.values()].filter((vm) => namespace === null || vm.namespace === namespace);
  }

  get(id: number): VmRecord | undefined {
    return this.records.get(id);
  }

  onChange(listener: (changed: readonly VmRecord[], gone: readonly number[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  act(
    ids: readonly number[],
    wanted: VmActionArguments,
    { target }: { readonly signal: AbortSignal; readonly target: 'named' | 'all' },
  ): Promise<readonly ActionResult[]> {
    const results = ids.map((id): ActionResult => {
      const record = this.known(id);
      const vm = { id, name: record.name };
      const outcome = outcomeOf(wanted.action, record.state, target);
      if (outcome.is === 'skip' || outcome.is === 'refuse') {
        return { vm, error: describeRefusal(outcome, record), isSkip: outcome.is === 'skip' };
      }
      // The guest of this double never follows its power button when it is named so.
      if (wanted.action === 'shutdown' && record.name.startsWith('stubborn')) {
        return {
          vm,
          error: `${record.name} did not follow the power button within ${wanted.deadlineMs / 1000} s`,
          isSkip: false,
        };
      }
      if (outcome.is === 'to') {
        const { state } = outcome;
        if (state === 'gone') this.remove(id);
        else this.change(id, { state, reason: '', pid: state === 'QUIT' ? 0 : 1000 + id });
      }
      return { vm, error: '', isSkip: false };
    });
    return Promise.resolve(results);
  }

  tag(id: number, tags: Readonly<Record<string, string | null>>): Promise<void> {
    const { config } = this.known(id);
    const all = Object.entries({ ...config.tags, ...tags }).filter((tag): tag is [string, string] => tag[1] !== null);
    this.change(id, { config: { ...config, tags: Object.fromEntries(all) } });
    return Promise.resolve();
  }

  async addNet(id: number, spec: string): Promise<void> {
    const parsed = parseNetSpec(spec, null);
    if (!parsed.ok) throw new AppError('invalid', parsed.message);
    const { nets, namespace } = this.known(id);
    const place = await this.resolve(parsed.value.vlan, namespace);
    const mac = `02:00:00:00:01:${this.nextTap.toString(16).padStart(2, '0')}`;
    this.change(id, { nets: [...nets, { ...this.net({ ...parsed.value, mac }), ...place }] });
  }

  async connectNet(id: number, index: number, vlan: string, bridge: string): Promise<void> {
    const place = await this.resolve(vlan, this.known(id).namespace);
    this.place(id, index, { ...place, bridge });
  }

  disconnectNet(id: number, index: number): Promise<void> {
    this.place(id, index, { vlan: -1, alias: '', bridge: '' });
    return Promise.resolve();
  }

  private place(id: number, index: number, change: Partial<VmNet>): void {
    this.change(id, { nets: this.known(id).nets.map((net, at) => (at === index ? { ...net, ...change } : net)) });
  }

  private resolve(text: string, namespace: string): Promise<{ vlan: number; alias: string }> {
    return this.options.resolve?.(text, namespace) ?? Promise.resolve({ vlan: 101, alias: text });
  }

  async shapeNet(id: number, index: number, change: (before: Qos) => Qos): Promise<void> {
    await Promise.resolve();
    const { nets } = this.known(id);
    if (!nets[index]) throw new AppError('invalid', `invalid tap index specified: ${index}`);
    this.change(id, {
      nets: nets.map((net, at) => (at === index ? { ...net, qos: describeQos(change(readQos(net.qos))) } : net)),
    });
  }

  bondNets(id: number, bond: BondSpec): Promise<void> {
    const { config } = this.known(id);
    this.change(id, { config: { ...config, bonds: [...config.bonds, bond] } });
    return Promise.resolve();
  }

  unbondNets(id: number, name: string | null): Promise<void> {
    const { config } = this.known(id);
    this.change(id, {
      config: { ...config, bonds: config.bonds.filter((bond) => name !== null && bond.name !== name) },
    });
    return Promise.resolve();
  }

  readonly saved: { id: number; names: SaveNames }[] = [];
  /** Tests delay or break saves with it. */
  onSave: (id: number, options: SaveOptions) => Promise<void> | void = () => undefined;

  async save(id: number, names: SaveNames, options: SaveOptions): Promise<void> {
    this.known(id);
    await this.onSave(id, options);
    this.saved.push({ id, names });
    this.change(id, { state: 'PAUSED' });
  }

  saves(namespace: string): Promise<readonly SaveStatus[]> {
    return Promise.resolve(
      this.saved.flatMap(({ id }) => {
        const { name, namespace: of } = this.known(id);
        return of === namespace ? [{ id, name, namespace, status: 'completed' as const, percent: 100 }] : [];
      }),
    );
  }

  addDisk(id: number, path: string, version: '1.1' | '2.0'): Promise<void> {
    this.assertFile(path);
    const { hotplug } = this.known(id);
    this.change(id, { hotplug: [...hotplug, { id: hotplug.length, path, version }] });
    return Promise.resolve();
  }

  removeDisk(id: number, disk: number | null): Promise<void> {
    this.change(id, { hotplug: this.known(id).hotplug.filter((known) => disk !== null && known.id !== disk) });
    return Promise.resolve();
  }

  changeCdrom(id: number, path: string | null): Promise<void> {
    if (path !== null) this.assertFile(path);
    this.change(id, { config: { ...this.known(id).config, cdrom: path ?? '' } });
    return Promise.resolve();
  }

  private assertFile(path: string): void {
    if (!this.options.files?.has(path)) throw new AppError('not-found', `no node has ${path}`);
  }

  screenshot(): Promise<Buffer> {
    return Promise.resolve(png);
  }

  qmp(id: number): Promise<string> {
    const status = this.known(id).state === 'RUNNING' ? 'running' : 'paused';
    return Promise.resolve(JSON.stringify({ return: { running: status === 'running', status } }));
  }
}

function findTaken(
  namespace: string,
  wanted: { name: string; uuid: string; macs: readonly string[] },
  { vms, others }: { vms: readonly VmRecord[]; others: readonly HoldRequest[] },
): string | null {
  const held = others.filter((hold) => hold.namespace === namespace).flatMap((hold) => hold.vms);
  const names = [...vms.filter((vm) => vm.namespace === namespace), ...held].map((vm) => vm.name);
  if (names.includes(wanted.name)) return `vm already exists with name \`${wanted.name}\``;
  const all = others.flatMap((hold) => hold.vms);
  if ([...vms, ...all].some((vm) => vm.uuid === wanted.uuid)) return `vm already exists with UUID \`${wanted.uuid}\``;
  const macs = new Set([...vms.flatMap((vm) => vm.nets.map((net) => net.mac)), ...all.flatMap((vm) => vm.macs)]);
  const mac = wanted.macs.find((one) => macs.has(one));
  return mac === undefined ? null : `another VM has the MAC address ${mac}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
