// For tests: the VLANs of many nodes over the simulated mesh, with disks that survive a crash, splits, roster changes, and VMs
// that use numbers. Only disks, network and VMs are simulated.
import { AppError } from '../../contract/errors.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import type { VlanRange } from '../../core/vlans/table.ts';
import { sameAlias, type AliasName } from '../../core/vlans/names.ts';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import type { VirtualClock } from '../mesh/virtual-clock.ts';
import { MemoryTextStore } from '../tables/memory-table-store.ts';
import type { TextStore } from '../tables/table-store.ts';
import type { VlanUsers } from './users.ts';
import { Vlans } from './vlans.ts';

/** An interface of a simulated VM. */
export interface SimulatedVm {
  readonly vm: string;
  readonly name: AliasName;
  vlan: number;
}

export interface SimulatedVlansOptions {
  readonly size: number;
  readonly degree?: number;
  readonly range?: VlanRange;
  readonly checkMs?: number;
  /** Whether the node with this index knows VLANs; all do unless given. */
  readonly knows?: (index: number) => boolean;
}

/** A process that is gone writes nothing more. */
class Life implements TextStore {
  isOver = false;
  private readonly disk: MemoryTextStore;

  constructor(disk: MemoryTextStore) {
    this.disk = disk;
  }

  load(): Promise<string | null> {
    return this.disk.load();
  }

  save(text: string): Promise<void> {
    return this.isOver ? new Promise(() => undefined) : this.disk.save(text);
  }

  setAside(): Promise<void> {
    return this.disk.setAside();
  }
}

export class SimulatedVlans {
  readonly sim: Simulation;
  readonly clock: VirtualClock;
  readonly disks: MemoryTextStore[] = [];
  /** By node; they outlive meshd. */
  readonly vms: SimulatedVm[][] = [];
  readonly warnings: string[] = [];
  private readonly options: SimulatedVlansOptions;
  private readonly random: () => number;
  private readonly running: (Vlans | undefined)[] = [];
  private readonly lives: (Life | undefined)[] = [];

  private constructor(
    sim: Simulation,
    options: SimulatedVlansOptions,
    components: { clock: VirtualClock; random: () => number },
  ) {
    this.sim = sim;
    this.options = options;
    this.clock = components.clock;
    this.random = components.random;
  }

  static async create(options: SimulatedVlansOptions, clock: VirtualClock, seed = 1): Promise<SimulatedVlans> {
    const random = seededRandom(seed);
    const sim = await Simulation.create({ size: options.size, degree: options.degree ?? 3 }, { clock, random });
    return new SimulatedVlans(sim, options, { clock, random });
  }

  at(index: number): Vlans {
    const vlans = this.running[index];
    if (!vlans) throw new Error(`node ${index} runs no VLANs`);
    return vlans;
  }

  /** Whether this is still the process that runs on the node. */
  isSameLife(index: number, vlans: Vlans): boolean {
    return this.running[index] === vlans;
  }

  /** Indexes of the nodes that run and know VLANs. */
  knowing(): number[] {
    return this.running.flatMap((vlans, index) => (vlans ? [index] : []));
  }

  async start(index: number, knows = this.options.knows?.(index) ?? true): Promise<void> {
    const mesh = await this.sim.start(index);
    const roster = this.sim.stores[index];
    if (!knows || !roster) return;
    const disk = (this.disks[index] ??= new MemoryTextStore());
    const store = new Life(disk);
    const log = { warn: (text: string) => void this.warnings.push(`${index}: ${text}`) };
    const vlans = await Vlans.open(
      { range: this.options.range ?? { min: 101, max: 4096 }, checkMs: this.options.checkMs ?? 10_000 },
      { mesh, roster, clock: this.clock, random: this.random, store, log },
    );
    vlans.useBy(this.usersOf(index));
    await vlans.start();
    this.running[index] = vlans;
    this.lives[index] = store;
  }

  async startAll(): Promise<void> {
    for (let index = 0; index < this.options.size; index += 1) await this.start(index);
  }

  /** kill -9: nothing is written after it. */
  kill(index: number): void {
    const life = this.lives[index];
    if (life) life.isOver = true;
    void this.running[index]?.stop();
    this.running[index] = undefined;
    this.sim.kill(index);
  }

  async stopAll(): Promise<void> {
    for (const index of this.knowing()) this.kill(index);
    await this.sim.stopAll();
  }

  /** Runs a wish while the clock moves, as meshd's would; null: it takes more than `maxMs`. */
  async run<Value>(wish: Promise<Value>, maxMs = 20_000): Promise<{ value: Value } | { error: AppError } | null> {
    let outcome: { value: Value } | { error: AppError } | null = null;
    wish.then(
      (value) => (outcome = { value }),
      (error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        outcome = { error };
      },
    );
    await this.clock.advanceUntil(() => outcome !== null, maxMs, 20);
    return outcome;
  }

  resolve(index: number, text: string, namespace = defaultNamespace, signal = new AbortController().signal) {
    return this.at(index).resolve(text, namespace, { signal });
  }

  /** The number, after waiting for it. */
  async number(index: number, text: string, namespace = defaultNamespace): Promise<number> {
    const outcome = await this.run(this.resolve(index, text, namespace));
    if (outcome === null) throw new Error(`node ${index}: ${text} got no answer`);
    if ('error' in outcome) throw outcome.error;
    return outcome.value.vlan;
  }

  async settled(maxMs = 30_000): Promise<void> {
    if ((await this.clock.advanceUntil(() => this.sim.isSettled(), maxMs)) === null)
      throw new Error('the mesh did not settle');
  }

  /** All nodes that run have the same table. */
  async agreed(maxMs = 120_000): Promise<void> {
    const isAgreed = () => new Set(this.knowing().map((index) => this.tableText(index))).size <= 1;
    if ((await this.clock.advanceUntil(isAgreed, maxMs)) !== null) return;
    throw new Error(
      `tables differ:\n${this.knowing()
        .map((index) => `${index}: ${this.tableText(index)}`)
        .join('\n')}`,
    );
  }

  tableText(index: number): string {
    return this.at(index)
      .state.table.heldRows()
      .map(({ vlan, namespace, alias, forced }) => `${vlan}=${namespace}//${alias}${forced ? '!' : ''}`)
      .sort()
      .join(' ');
  }

  private usersOf(index: number): VlanUsers {
    const own = (this.vms[index] ??= []);
    return {
      using: (vlans) =>
        own
          .filter(({ vlan }) => vlans.includes(vlan))
          .map(({ vm, name, vlan }) => ({ vm, namespace: name.namespace, vlan, alias: name.alias })),
      move: ({ name, from, to }) => {
        const moving = own.filter((each) => sameAlias(each.name, name) && from.includes(each.vlan));
        const moved = moving.map(({ vm, vlan }) => ({ vm, namespace: name.namespace, vlan }));
        for (const each of moving) each.vlan = to;
        return Promise.resolve(moved);
      },
    };
  }
}
