// For tests: probes of many nodes over the simulated mesh, with machines in memory on one network in memory. Only machines and networks are simulated.
import { createId } from '../identity/certificates.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { MemoryNetwork } from '../../host/ovs/memory-network.ts';
import type { SwitchHost } from '../../host/ovs/switch-host.ts';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import type { VirtualClock } from '../mesh/virtual-clock.ts';
import { NodeProbe } from './node-probe.ts';
import { Prober } from './prober.ts';

export interface SimulatedProbesOptions {
  readonly size: number;
  /** Whether the node with this index has an uplink; all do unless given. */
  readonly hasUplink?: (index: number) => boolean;
  /** Whether the meshd with this index knows probes; all do unless given. */
  readonly knows?: (index: number) => boolean;
  /** Something between a node's part and its switch. */
  readonly wrap?: (host: SwitchHost, index: number) => Pick<SwitchHost, 'openProbe'>;
}

export class SimulatedProbes {
  readonly sim: Simulation;
  readonly clock: VirtualClock;
  readonly network = new MemoryNetwork();
  readonly machines: MemoryMachine[] = [];
  readonly log: string[] = [];
  /** `<node id> <VLAN>` of VMs. */
  readonly vms = new Set<string>();
  private readonly probers: Prober[] = [];
  private readonly nodes: (NodeProbe | undefined)[] = [];

  private constructor(sim: Simulation, clock: VirtualClock) {
    this.sim = sim;
    this.clock = clock;
  }

  static async create(options: SimulatedProbesOptions, clock: VirtualClock): Promise<SimulatedProbes> {
    const sim = await Simulation.create({ size: options.size, degree: 3 }, { clock, random: seededRandom(1) });
    const probes = new SimulatedProbes(sim, clock);
    for (let index = 0; index < options.size; index += 1) await probes.start(index, options);
    if ((await clock.advanceUntil(() => sim.isSettled(), 30_000)) === null) throw new Error('the mesh did not settle');
    return probes;
  }

  private async start(index: number, { hasUplink, knows, wrap }: SimulatedProbesOptions): Promise<void> {
    const mesh = await this.sim.start(index);
    const machine = (this.machines[index] = new MemoryMachine());
    if (hasUplink?.(index) ?? true) machine.plug(this.network, this.nameOf(index));
    if (!(knows?.(index) ?? true)) return;
    const { clock } = this;
    const host = wrap?.(machine.host(), index) ?? machine.host();
    this.nodes[index] = new NodeProbe({ mesh, host, clock, log: { warn: (text) => void this.log.push(text) } });
    this.probers[index] = new Prober({
      mesh,
      clock,
      rosterIds: () => this.sim.initial.roster.nodes.map(({ id }) => id),
      newRun: () => createId().slice(0, 16),
      hasVmsOn: (nodeId, vlans) => vlans.some((vlan) => this.vms.has(`${nodeId} ${vlan}`)),
    });
  }

  nameOf(index: number): string {
    return this.sim.node(index).name;
  }

  proberOf(index: number): Prober {
    const prober = this.probers[index];
    if (!prober) throw new Error(`node ${index} knows no probes`);
    return prober;
  }

  /** `vlans probe` on the node with this index. */
  run(
    index: number,
    vlans: readonly number[],
    { nodes, signal = new AbortController().signal }: { nodes?: readonly number[]; signal?: AbortSignal } = {},
  ): ReturnType<Prober['run']> {
    const prober = this.proberOf(index);
    const chosen = nodes ?? this.sim.initial.roster.nodes.map((_, at) => at);
    return prober.run(
      {
        nodes: chosen.map((at) => ({ id: this.sim.node(at).id, name: this.nameOf(at) })),
        vlans: vlans.map((vlan) => ({ vlan, alias: '' })),
      },
      signal,
    );
  }

  /** Waits for it while the clock moves. */
  async settle<T>(running: Promise<T>, maxMs = 60_000): Promise<T> {
    let isOver = false;
    const over = () => void (isOver = true);
    running.then(over, over);
    if ((await this.clock.advanceUntil(() => isOver, maxMs, 10)) === null) throw new Error('no end');
    return running;
  }

  /** Indexes of machines on which something of a probe is left. */
  left(): number[] {
    return this.machines.flatMap(({ isProbed }, index) => (isProbed ? [index] : []));
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) node?.stop();
    await this.sim.stopAll();
  }
}
