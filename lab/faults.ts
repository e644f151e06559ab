// Faults: what breaks in a real machine room, on one node or on the lab's network. Those of the network are written to
// faults.json, so that they survive power cycles until they are undone.
import { join } from 'node:path';
import { AppError } from '../contract/errors.ts';
import { readFaults, writeFaults, type Faults, type LabPaths } from './layout.ts';
import { withLock } from './lock.ts';
import { applyGateway, applyGroups, connectPort, ensureDnsmasq, setLink } from './network.ts';
import { isOn, signalByName, waitForLeader } from './node.ts';
import type { DhcpMode, LabPlan, NodePlan } from './plan.ts';
import { noTrunkFaults, type TrunkFaults } from './trunk-faults.ts';

export interface LabFaults {
  /** Off: every process dies at once, the disk stays. On: boots, and returns when PID 1 runs (see Lab.ready). */
  power(node: string, state: 'on' | 'off'): Promise<void>;
  /** Cuts or restores the node's cable. */
  link(node: string, state: 'up' | 'down'): Promise<void>;
  /** Stops DHCP, or makes it hand out other addresses. DNS keeps working. Nodes notice when they next ask for an address. */
  dhcp(mode: DhcpMode): Promise<void>;
  /** Silent: the default router no longer answers pings. DHCP, DNS and ARP keep working. */
  gateway(mode: Faults['gateway']): Promise<void>;
  /** The VLANs (0 to 4094, 0 is untagged) that the switch drops on the node's port, instead of those before. */
  dropVlans(node: string, vlans: readonly number[]): Promise<void>;
  /** What else the switch does to frames on the node's port; each kind that is given takes the place of the one before. */
  trunk(node: string, faults: Partial<TrunkFaults>): Promise<void>;
  /** SIGKILL, SIGSTOP or SIGCONT to all processes of that name in the node. @returns how many there were */
  signal(node: string, name: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<number>;
  /** Nodes of different groups no longer reach each other, on any VLAN; nodes in no group reach all. */
  partition(groups: readonly (readonly string[])[]): Promise<void>;
  /** Ends a partition. */
  heal(): Promise<void>;
  /** @throws AppError `refused`, always: nodes share this machine's clock */
  clock(node: string, seconds: number): Promise<never>;
}

/** What faults need from their lab. */
export interface FaultsComponents {
  paths: LabPaths;
  planOf: () => Promise<LabPlan>;
  nodeOf: (node: string) => Promise<{ plan: LabPlan; node: NodePlan }>;
  powerOn: (plan: LabPlan, node: NodePlan) => Promise<void>;
  powerOff: (node: NodePlan) => Promise<void>;
}

/** @throws AppError `invalid` when a node stands in two groups */
export function assertDisjoint(groups: readonly (readonly string[])[]): void {
  const seen = new Set<string>();
  for (const name of groups.flat()) {
    if (seen.has(name)) throw new AppError('invalid', `${name} stands in two groups`);
    seen.add(name);
  }
}

export function makeFaults(components: FaultsComponents): LabFaults {
  const { paths, planOf, nodeOf } = components;
  /** Changes faults.json and then the network, one caller at a time. */
  const change = (edit: (faults: Faults) => void, apply: (faults: Faults) => Promise<void>) =>
    withLock(join(paths.folder, 'faults.lock'), { waitMs: 60_000, what: `faults of lab ${paths.lab}` }, async () => {
      const faults = await readFaults(paths);
      edit(faults);
      await writeFaults(paths, faults);
      await apply(faults);
    });
  const setGroups = async (groups: readonly (readonly string[])[]) => {
    const plan = await planOf();
    await change(
      (faults) => (faults.groups = groups.map((names) => [...names])),
      async (faults) => {
        const plugged: NodePlan[] = [];
        for (const node of plan.nodes) if (await isOn(paths, node.name)) plugged.push(node);
        await applyGroups(paths, plugged, faults);
      },
    );
  };
  const changeTrunk = async (name: string, edit: (faults: Faults) => void) => {
    const { node } = await nodeOf(name);
    await change(edit, async (faults) => {
      if (await isOn(paths, name)) await connectPort(paths, node, faults);
    });
  };
  return {
    async power(name, state) {
      const { plan, node } = await nodeOf(name);
      if (state === 'off') {
        await components.powerOff(node);
        return;
      }
      await components.powerOn(plan, node);
      await waitForLeader(paths, name, 30_000);
    },
    async link(name, state) {
      const { node } = await nodeOf(name);
      await change(
        (faults) => {
          const others = faults.linkDown.filter((each) => each !== name);
          faults.linkDown = state === 'down' ? [...others, name] : others;
        },
        async () => {
          // A node that is off has no cable; plugging it in reads the cable's state.
          if (await isOn(paths, name)) await setLink(paths, node, state);
        },
      );
    },
    async dhcp(mode) {
      const plan = await planOf();
      await change(
        (faults) => (faults.dhcp = mode),
        (faults) => ensureDnsmasq(paths, plan, faults),
      );
    },
    async gateway(mode) {
      await planOf();
      await change(
        (faults) => (faults.gateway = mode),
        (faults) => applyGateway(paths, faults),
      );
    },
    dropVlans: (name, vlans) => changeTrunk(name, (faults) => (faults.dropped[name] = [...vlans])),
    trunk: (name, given) =>
      changeTrunk(name, (faults) => (faults.trunks[name] = { ...noTrunkFaults, ...faults.trunks[name], ...given })),
    async signal(name, program, signal) {
      await nodeOf(name);
      return signalByName(paths, name, program, signal);
    },
    async partition(groups) {
      assertDisjoint(groups);
      for (const name of groups.flat()) await nodeOf(name);
      await setGroups(groups);
    },
    async heal() {
      await setGroups([]);
    },
    async clock(name, seconds) {
      await nodeOf(name);
      throw new AppError(
        'refused',
        `${name}'s clock cannot be moved by ${seconds} s: nodes share this machine's clock, and the kernel's time ` +
          'namespaces do not cover it (time_namespaces(7)); only virtual machines as nodes could',
      );
    },
  };
}
