// The machine that meshd runs on, as far as meshd asks about it. Two adapters: this Linux machine, and one in memory
// (memory-machine.ts) for simulated nodes. Nothing here changes a machine.
import { hostname, networkInterfaces } from 'node:os';
import { observeMachine, type MachineFacts, type TrafficSample } from './facts.ts';
import { observeVm, type VmUsage } from './vm-usage.ts';

export interface Machine {
  /** Short hostname: the name of the node. */
  readonly name: string;
  /** Address that the mesh listens on; null for all. */
  readonly listenAddress: string | null;
  /** Addresses at which other nodes can dial it, the preferred first. */
  addresses(): string[];
  /** IPv4 networks that it is in: `192.0.2.7/24`, by interface. */
  networks(): { readonly name: string; readonly cidr: string }[];
  /** What it is doing. Rates are since `previous`, 0 without one. */
  observe(previous: TrafficSample | null, nowMs: number): Promise<{ facts: MachineFacts; traffic: TrafficSample }>;
  /** What a VM's process takes of it, and what passes the VM's taps; null without such a process. */
  observeVm(vm: { readonly pid: number; readonly taps: readonly string[] }): Promise<VmUsage | null>;
}

export function linuxMachine(): Machine {
  return {
    name: hostname().split('.')[0] ?? '',
    listenAddress: null,
    addresses: observeAddresses,
    networks: () =>
      Object.entries(networkInterfaces()).flatMap(([name, list]) =>
        (list ?? []).flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [{ name, cidr }] : [])),
      ),
    observe: observeMachine,
    observeVm,
  };
}

/** IPv4 first, then IPv6, without loopback and link-local; 127.0.0.1 when the machine has nothing else. */
function observeAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const usable = all.filter(({ internal, address }) => !internal && !/^(169\.254\.|fe80:)/i.test(address));
  const sorted = [...usable].sort((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'));
  return sorted.length > 0 ? sorted.map(({ address }) => address) : ['127.0.0.1'];
}
