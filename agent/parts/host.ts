// What this machine is: the `host` commands, and its row of the kind `hosts`.
import { describeError } from '../../contract/errors.ts';
import type { HostFacts } from '../../contract/cluster-kinds.ts';
import { maxVmsPerNode } from '../../contract/limits.ts';
import type { TrafficSample } from '../../host/facts.ts';
import type { Machine } from '../../host/machine.ts';
import { createHostHandlers } from '../commands/host.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import { hostSource } from '../rows/host-rows.ts';
import type { Commitment } from '../vms/node-vms.ts';
import type { Part } from './part.ts';

export function createHostPart(
  self: { readonly nodeId: string; readonly version: string },
  { machine, clock, log, commitment }: { machine: Machine; clock: Clock; log: Log; commitment: () => Commitment },
): Part {
  let traffic: TrafficSample | null = null;
  const observe = async (): Promise<HostFacts> => {
    const now = clock.now();
    const observed = await machine.observe(traffic, now);
    // Rates over less than a second are noise: keep the older sample until it is one old.
    if (traffic === null || now - traffic.atMs >= 1000) traffic = observed.traffic;
    const { vms, cpus, memoryMb, nets } = commitment();
    const committed = { VMs: vms, CPUCommit: cpus, MemCommit: memoryMb, NetworkCommit: nets };
    return { Name: machine.name, ...observed.facts, ...committed, AndroidVMs: 0, Limit: maxVmsPerNode };
  };
  const onError = (error: unknown) => {
    log.warn(`the facts of this host are not readable: ${describeError(error)}`);
  };
  return {
    handlers: createHostHandlers(observe),
    kinds: [hostSource(self, { clock, observe, onError })],
    stop: () => undefined,
  };
}
