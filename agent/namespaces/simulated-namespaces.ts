// For tests: the namespaces of many nodes over the simulated mesh, with disks that survive a crash, splits, and contents that can be stuck. Only
// disks, network and contents are simulated.
import { AppError } from '../../contract/errors.ts';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import type { VirtualClock } from '../mesh/virtual-clock.ts';
import { MemoryTextStore } from '../tables/memory-table-store.ts';
import type { ClusterContent } from './content.ts';
import { Namespaces } from './namespaces.ts';

const idle = { signal: new AbortController().signal };

export class SimulatedNamespaces {
  readonly sim: Simulation;
  readonly clock: VirtualClock;
  readonly disks: MemoryTextStore[] = [];
  readonly warnings: string[] = [];
  /** By node: namespaces that have something there, with why it cannot be ended; empty: it can. They outlive meshd. */
  readonly contents: Map<string, string>[] = [];
  /** What the cluster has of namespaces. */
  clusterContent: ClusterContent = { end: () => Promise.resolve() };
  private readonly random: () => number;
  private readonly running: (Namespaces | undefined)[] = [];

  private constructor(sim: Simulation, components: { clock: VirtualClock; random: () => number }) {
    this.sim = sim;
    this.clock = components.clock;
    this.random = components.random;
  }

  static async create(options: { size: number; degree?: number }, clock: VirtualClock, seed = 1) {
    const random = seededRandom(seed);
    const sim = await Simulation.create({ size: options.size, degree: options.degree ?? 3 }, { clock, random });
    const nodes = new SimulatedNamespaces(sim, { clock, random });
    for (let index = 0; index < options.size; index += 1) await nodes.start(index);
    if ((await clock.advanceUntil(() => sim.isSettled(), 30_000)) === null) throw new Error('the mesh did not settle');
    return nodes;
  }

  at(index: number): Namespaces {
    const namespaces = this.running[index];
    if (!namespaces) throw new Error(`node ${index} does not run`);
    return namespaces;
  }

  runs(): number[] {
    return this.running.flatMap((namespaces, index) => (namespaces ? [index] : []));
  }

  /** `knows`: false for a meshd without namespaces. */
  async start(index: number, knows = true): Promise<void> {
    const mesh = await this.sim.start(index);
    if (!knows) return;
    const roster = this.sim.stores[index];
    if (!roster) throw new Error('a started node has a roster');
    const namespaces = await Namespaces.open(
      { checkMs: 10_000 },
      {
        mesh,
        roster,
        clock: this.clock,
        random: this.random,
        store: (this.disks[index] ??= new MemoryTextStore()),
        log: { warn: (text) => void this.warnings.push(`${index}: ${text}`) },
        clusterContent: { end: (name, options) => this.clusterContent.end(name, options) },
      },
    );
    const contents = (this.contents[index] ??= new Map());
    namespaces.register({
      end: (name) => {
        const why = contents.get(name);
        if (why === '') contents.delete(name);
        return Promise.resolve(why === undefined || why === '' ? [] : [why]);
      },
    });
    namespaces.start();
    this.running[index] = namespaces;
  }

  /** kill -9; what was written is on the disk. */
  kill(index: number): void {
    void this.running[index]?.stop();
    this.running[index] = undefined;
    this.sim.kill(index);
  }

  async stopAll(): Promise<void> {
    for (const index of this.runs()) this.kill(index);
    await this.sim.stopAll();
  }

  /** Runs a wish while the clock moves; what it gives, or its error. */
  async run<Value>(wish: Promise<Value>, maxMs = 70_000): Promise<Value | AppError> {
    let outcome: { value: Value | AppError } | null = null;
    wish.then(
      (value) => (outcome = { value }),
      (error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        outcome = { value: error };
      },
    );
    if ((await this.clock.advanceUntil(() => outcome !== null, maxMs, 20)) === null) throw new Error('no answer');
    // It was set by the callbacks above, which the compiler does not see.
    return (outcome as unknown as { value: Value | AppError }).value;
  }

  /** Names of the nodes: `node1` has the index 0. */
  members(...indexes: number[]) {
    return indexes.map((index) => this.sim.node(index));
  }

  clear(index: number, name: string | null) {
    return this.run(this.at(index).clear(name, idle));
  }

  /** All nodes that run have the same table. */
  async agreed(maxMs = 120_000): Promise<void> {
    const isAgreed = () => new Set(this.runs().map((index) => this.text(index))).size <= 1;
    if ((await this.clock.advanceUntil(isAgreed, maxMs, 200)) !== null) return;
    throw new Error(
      `tables differ:\n${this.runs()
        .map((index) => `${index}: ${this.text(index)}`)
        .join('\n')}`,
    );
  }

  /** Namespaces with their hosts as one node shows them. */
  text(index: number): string {
    const namespaces = this.at(index);
    return namespaces
      .names()
      .slice(1)
      .map((name) => `${name}=${namespaces.hosts(name).join(',')}/${namespaces.load(name)}`)
      .join(' ');
  }
}
