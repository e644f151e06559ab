// 50 members, and chance: aliases are asked for, added and cleared, VMs come and go, the mesh splits and heals, nodes are killed
// and started, the roster changes. No number ever has two aliases, and every alias that was split is reported everywhere.
// VLAN_SEED=<seed> plays one run again, VLAN_ACTS=<count> a longer one.
import { expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import type { AliasName } from '../../core/vlans/names.ts';
import { admitNode, revokeNode } from '../../core/mesh/roster.ts';
import { seededRandom, simulatedNode } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedVlans } from './simulated-vlans.ts';

const size = 46;
const mostMembers = 50;
const namespaces = ['minimega', 'exp1', 'exp2'];
/** A fair share of each node is six: numbers run out on one side, and are given away again. */
const range = { min: 101, max: 401 };

/** About 0.2 s each. */
const acts = Number(process.env['VLAN_ACTS'] ?? 20);
const seed = Number(process.env['VLAN_SEED'] ?? Math.floor(Math.random() * 1e9));

test(`V3 V4 V8 V9 V10 no number ever has two aliases, and every split alias is reported on every node (VLAN_SEED=${seed})`, async () => {
  const play = await Play.create(seed);
  try {
    await play.begin();
    for (let act = 0; act < acts; act += 1) await play.act();
    await play.heal();
    play.assertReported();
  } catch (cause) {
    throw new Error(`VLAN_SEED=${seed}: ${play.lastActs()}`, { cause });
  } finally {
    await play.nodes.stopAll();
  }
  // Chance reached what it is here for.
  expect(play.given, `VLAN_SEED=${seed}`).toBeGreaterThan(10);
  expect(play.splitsSeen, `VLAN_SEED=${seed}`).toBeGreaterThan(0);
}, 90_000);

class Play {
  readonly nodes: SimulatedVlans;
  given = 0;
  splitsSeen = 0;
  private readonly clock: VirtualClock;
  private readonly random: () => number;
  private readonly acts: string[] = [];
  private readonly revoked = new Set<number>();
  private members = size;
  private vmNumber = 0;
  private bug: unknown = null;

  private constructor(nodes: SimulatedVlans, clock: VirtualClock, random: () => number) {
    this.nodes = nodes;
    this.clock = clock;
    this.random = random;
  }

  static async create(start: number): Promise<Play> {
    const clock = new VirtualClock();
    const nodes = await SimulatedVlans.create({ size, range }, clock, start);
    const play = new Play(nodes, clock, seededRandom(start));
    await nodes.startAll();
    await nodes.settled();
    await clock.advance(3_000);
    return play;
  }

  lastActs(): string {
    return this.acts.slice(-30).join(' | ');
  }

  /** Two sides decide on the same aliases, whatever chance does later. */
  async begin(): Promise<void> {
    this.nodes.sim.split((index) => index % 2);
    await this.clock.advance(6_000);
    for (let at = 0; at < 10; at += 1) this.launch(at, { namespace: 'minimega', alias: `both${at >> 1}` });
    await this.clock.advance(2_000);
    this.assertIsolated();
  }

  async act(): Promise<void> {
    const dice = this.random();
    if (dice < 0.45) this.wishes(1 + this.below(12));
    else if (dice < 0.53) this.clearSome();
    else if (dice < 0.6) this.killVms();
    else if (dice < 0.7) this.split();
    else if (dice < 0.76) {
      this.acts.push('heal');
      this.nodes.sim.split(null);
    } else if (dice < 0.86) this.killNode();
    else if (dice < 0.94) await this.startNode();
    else if (dice < 0.98) await this.admit();
    else this.revoke();
    this.wishes(2);
    await this.clock.advance(this.random() < 0.3 ? 6_000 : 200 + this.random() * 1_500, 100);
    this.assertIsolated();
  }

  /** Everything runs and reaches everything, and what was asked for has been answered. */
  async heal(): Promise<void> {
    this.acts.push('end');
    this.nodes.sim.split(null);
    for (let index = 0; index < this.members; index += 1) {
      if (!this.revoked.has(index) && this.nodes.sim.meshes[index] === null) await this.nodes.start(index);
    }
    await this.clock.advance(20_000);
    const left = () => this.nodes.knowing().filter((index) => !this.revoked.has(index));
    const texts = () => new Set(left().map((index) => this.nodes.tableText(index)));
    const isSame = () =>
      texts().size === 1 &&
      this.nodes.vms.every(
        (vms, index) => this.revoked.has(index) || vms.every((vm) => this.isHeld(left()[0] ?? 0, vm)),
      );
    const tookMs = await this.clock.advanceUntil(isSame, 120_000, 500);
    if (tookMs === null)
      throw new Error(`after the heal ${texts().size} tables differ, or a VM's number is not in them`);
    this.assertIsolated();
  }

  /** Every node names every alias whose VMs are on more than one number, and no number has two aliases. */
  assertReported(): void {
    const numbers = new Map<string, Set<number>>();
    for (const { name, vlan } of this.vms()) {
      if (name.alias === '') continue;
      const key = `${name.namespace}//${name.alias}`;
      numbers.set(key, (numbers.get(key) ?? new Set()).add(vlan));
    }
    for (const index of this.nodes.knowing()) {
      if (this.revoked.has(index)) continue;
      const { table } = this.nodes.at(index).state;
      const reported = new Map(table.splits().map(({ namespace, alias, vlans }) => [`${namespace}//${alias}`, vlans]));
      for (const [alias, vlans] of numbers) {
        if (vlans.size < 2) continue;
        expect(reported.get(alias), `node ${index}: ${alias}`).toEqual(expect.arrayContaining([...vlans]));
      }
      expect(table.clashes(), `node ${index}`).toEqual([]);
      this.splitsSeen = Math.max(this.splitsSeen, reported.size);
    }
  }

  /** VMs of members, running or not: a VM outlives its meshd. A node that is shut out may send what it likes anyway. */
  private vms() {
    return this.nodes.vms.flatMap((vms, index) => (this.revoked.has(index) ? [] : vms));
  }

  private assertIsolated(): void {
    if (this.bug !== null) throw this.bug as Error;
    const holder = new Map<number, string>();
    for (const { name, vlan, vm } of this.vms()) {
      const key = `${name.namespace}//${name.alias}`;
      const other = holder.get(vlan);
      if (other !== undefined && other !== key)
        throw new Error(`VLAN ${vlan} has VMs of ${other} and, with ${vm}, of ${key}`);
      holder.set(vlan, key);
    }
  }

  private isHeld(index: number, { name, vlan }: { name: { namespace: string; alias: string }; vlan: number }): boolean {
    return this.nodes
      .at(index)
      .state.table.holders(vlan)
      .some((row) => row.namespace === name.namespace && row.alias === name.alias);
  }

  private below(most: number): number {
    return Math.floor(this.random() * most);
  }

  private one<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length)];
  }

  private namespace(): string {
    return this.one(namespaces) ?? '';
  }

  private alias(): string {
    return `lan${this.below(60)}`;
  }

  /** Launches of VMs, some of them on numbers that a person chose, on nodes anywhere. */
  private wishes(count: number): void {
    for (let at = 0; at < count; at += 1) {
      const index = this.one(this.nodes.knowing());
      if (index === undefined) return;
      const name = { namespace: this.namespace(), alias: this.alias() };
      const signal = new AbortController().signal;
      const life = this.nodes.at(index);
      const dice = this.random();
      const vlan = 101 + this.below(300);
      if (dice < 0.15) {
        this.acts.push(`${index} add ${name.namespace}//${name.alias} ${vlan}`);
        this.watch(life.add(name, { vlan, force: false }, { signal }));
      } else if (dice < 0.2) {
        this.acts.push(`${index} use ${vlan}`);
        this.watch(
          life.resolve(String(vlan), name.namespace, { signal }).then(() => {
            this.given += 1;
          }),
        );
      } else {
        this.launch(index, name);
      }
    }
  }

  private launch(index: number, name: AliasName): void {
    this.acts.push(`${index} ${name.namespace}//${name.alias}`);
    const life = this.nodes.at(index);
    const asked = life.resolve(name.alias, name.namespace, { signal: new AbortController().signal });
    this.watch(
      asked.then(({ vlan }) => {
        this.given += 1;
        // A meshd that was killed meanwhile launches nothing.
        if (!this.nodes.isSameLife(index, life)) return;
        this.vmNumber += 1;
        this.nodes.vms[index]?.push({ vm: `vm${this.vmNumber}`, name, vlan });
      }),
    );
  }

  private watch(wish: Promise<unknown>): void {
    wish.catch((error: unknown) => {
      if (!(error instanceof AppError)) this.bug = error;
    });
  }

  private clearSome(): void {
    const index = this.one(this.nodes.knowing());
    if (index === undefined) return;
    const scope = { namespace: this.namespace(), prefix: this.alias() };
    this.acts.push(`${index} clear ${scope.namespace}//${scope.prefix}`);
    this.watch(this.nodes.at(index).clear(scope, { signal: new AbortController().signal }));
  }

  private killVms(): void {
    const name = { namespace: this.namespace(), alias: this.alias() };
    this.acts.push(`kill VMs of ${name.namespace}//${name.alias}`);
    // A node that was admitted and never started has no VMs.
    for (const vms of Object.values(this.nodes.vms)) {
      const left = vms.filter((vm) => vm.name.namespace !== name.namespace || !vm.name.alias.startsWith(name.alias));
      vms.splice(0, vms.length, ...left);
    }
  }

  private split(): void {
    const parts = 2 + this.below(2);
    const groups = Array.from({ length: this.members }, () => this.below(parts));
    this.acts.push(`split in ${parts}`);
    this.nodes.sim.split((index) => groups[index] ?? 0);
  }

  private killNode(): void {
    const index = this.one(this.nodes.knowing().filter((each) => !this.revoked.has(each)));
    if (index === undefined || this.nodes.knowing().length < size / 2) return;
    this.acts.push(`kill ${index}`);
    this.nodes.kill(index);
  }

  private async startNode(): Promise<void> {
    const dead = Array.from({ length: this.members }, (_, index) => index).filter(
      (index) => !this.revoked.has(index) && this.nodes.sim.meshes[index] === null,
    );
    const index = this.one(dead);
    if (index === undefined) return;
    this.acts.push(`start ${index}`);
    await this.nodes.start(index);
  }

  private async admit(): Promise<void> {
    if (this.members >= mostMembers) return;
    const index = this.members;
    this.nodes.sim.edit((roster) => admitNode(roster, simulatedNode(index + 1)));
    this.members += 1;
    this.acts.push(`admit ${index}`);
    // Some are admitted and do not start before the end.
    if (this.random() < 0.7) await this.nodes.start(index);
    else this.nodes.sim.meshes[index] = null;
  }

  private revoke(): void {
    const index = this.one(this.nodes.knowing().filter((each) => each > 0 && !this.revoked.has(each)));
    if (index === undefined || this.revoked.size >= 3) return;
    this.acts.push(`revoke ${index}`);
    const { id } = this.nodes.sim.node(index);
    this.nodes.sim.edit((roster) => revokeNode(roster, id));
    this.revoked.add(index);
  }
}
