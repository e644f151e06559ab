// For tests: the `vm` commands of several nodes over VMs in memory, with the real launcher and the real handlers.
import { randomUUID } from 'node:crypto';
import type { ConfigSurroundings } from '../../core/vms/config-fields.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { MemoryStore } from '../../host/images/memory-image-store.ts';
import type { Handlers } from '../commands/handler.ts';
import type { Peers } from '../commands/peers.ts';
import { createVmHandlers } from '../commands/vm.ts';
import type { Clock } from '../mesh/clock.ts';
import { VmConfigs } from './configs.ts';
import { Launcher, type LaunchVlans } from './launcher.ts';
import { LaunchQueue } from './launch-queue.ts';
import type { MemoryVms } from './memory-vms.ts';
import { NamespaceSaves } from './namespace-saves.ts';

export interface TestVmsOptions {
  /** Index of the node in `nodes`. */
  readonly index: number;
  readonly surroundings: ConfigSurroundings;
}

export interface TestVmsComponents {
  readonly nodes: readonly MemoryVms[];
  readonly hosts: (namespace: string) => readonly string[];
  /** VMs that are lost; none unless given. */
  readonly lost?: (namespace: string) => readonly VmRecord[];
  readonly peers: Peers;
  readonly vlans: LaunchVlans;
  readonly clock: Clock;
  readonly resolvePath: (name: string) => Promise<string>;
}

export function createTestVmHandlers(
  { index, surroundings }: TestVmsOptions,
  { nodes, hosts, lost = () => [], peers, vlans, clock, resolvePath }: TestVmsComponents,
): Handlers {
  const own = nodes[index];
  if (!own) throw new Error(`no node with the index ${index}`);
  const launcher = new Launcher({
    namespaces: { hosts, load: () => 'cpucommit' },
    host: (name) => {
      const host = nodes.find((one) => one.name === name);
      if (!host) throw new Error(`no node ${name}`);
      return host;
    },
    listed: () => [],
    vlans,
    journal: { begin: () => () => undefined },
    clock,
    randomByte: () => Math.floor(Math.random() * 256),
    newUuid: () => randomUUID(),
  });
  const queue = new LaunchQueue({
    launcher,
    hosts,
    names: (namespace) => nodes.flatMap((node) => node.list(namespace)).map(({ name }) => name),
  });
  const saves = new NamespaceSaves({
    ...{ hosts, lost, listed: () => [] },
    store: new MemoryStore({ now: () => 0 }),
    now: () => clock.now(),
    runOn: (host, line, options) => peers.send([host], line, options),
  });
  return createVmHandlers({
    vms: own,
    queue,
    saves,
    observeVm: () => Promise.resolve(null),
    launcher,
    configs: new VmConfigs(),
    hosts,
    lost,
    peers,
    meshTimeoutMs: () => 10_000,
    surroundings: () => surroundings,
    resolvePath,
    wallNow: () => Date.now(),
  });
}
