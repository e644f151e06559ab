// VMs of this node: their rows, what launches of other nodes ask of it, and who has which VM in the cluster. The `vm` commands are handlers over these.
import { join } from 'node:path';
import { vmRatesService } from '../../contract/vm-rates.ts';
import type { Machine } from '../../host/machine.ts';
import type { SwitchHost } from '../../host/ovs/switch-host.ts';
import { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { readProcessIdentity } from '../../host/detached.ts';
import type { Hypervisor } from '../../host/qemu/hypervisor.ts';
import type { HostTuning } from '../../host/tuning.ts';
import type { Files } from '../files/files.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { ClusterRows } from '../rows/cluster-rows.ts';
import { followLostVms, tapSource, vmSource } from '../rows/vm-rows.ts';
import type { Vlans } from '../vlans/vlans.ts';
import { VmDirectory } from '../vms/directory.ts';
import type { Limits } from '../vms/launching.ts';
import { NodeVms } from '../vms/node-vms.ts';
import { Optimizer } from '../vms/optimizer.ts';
import { createRatesService } from '../vms/rates.ts';
import { VmHosts } from '../vms/remote-vm-host.ts';
import { VmFolder } from '../vms/vm-store.ts';
import type { Part } from './part.ts';

export interface VmsPartOptions {
  readonly cluster: string;
  readonly stateFolder: string;
  readonly checkMs: number;
}

export interface VmsPartComponents {
  readonly mesh: Mesh;
  readonly roster: RosterStore;
  readonly machine: Machine;
  readonly hypervisor: Hypervisor;
  readonly tuning: HostTuning;
  readonly switchHost: SwitchHost;
  readonly files: Files;
  readonly vlans: Vlans;
  readonly clock: Clock;
  readonly log: Log;
}

export interface VmsPart extends Part {
  readonly vms: NodeVms;
  readonly hosts: VmHosts;
  readonly directory: VmDirectory;
  readonly ports: VirtualSwitch;
  readonly optimizer: Optimizer;
  /** Keeps the rows of lost VMs, while somebody watches. */
  readonly followLost: (rows: ClusterRows) => () => void;
}

export async function createVmsPart(
  { cluster, stateFolder, checkMs }: VmsPartOptions,
  components: VmsPartComponents,
): Promise<VmsPart> {
  const { mesh, roster, machine, hypervisor, tuning, switchHost, files, vlans, clock, log } = components;
  const store = new VmFolder(join(stateFolder, 'vms'));
  const ports = new VirtualSwitch(cluster, { host: switchHost, clock, log: (level, text) => log[level](text) });
  const optimizer = await Optimizer.open({ tuning, store, log });
  const limits = async (): Promise<Limits> => {
    const { facts } = await machine.observe(null, clock.now());
    return { cpus: facts.CPUs, memoryMb: facts.MemTotal };
  };
  const vms = await NodeVms.open(
    { host: machine.name, bootId: readProcessIdentity(process.pid)?.bootId ?? '' },
    {
      hugepages: () => optimizer.hugepages,
      store,
      hypervisor,
      ports,
      files,
      vlans,
      limits,
      clock,
      randomByte: () => Math.floor(Math.random() * 256),
      log,
    },
  );
  vlans.useBy(vms.users);
  await vms.start();
  const hosts = new VmHosts({ mesh, own: vms, root: files.store.root });
  const directory = await VmDirectory.open(checkMs, {
    mesh,
    roster,
    clock,
    random: Math.random,
    store,
    local: vms,
    log,
  });
  directory.start();
  return {
    vms,
    hosts,
    directory,
    ports,
    optimizer,
    followLost: (rows) => followLostVms(rows, { mesh, directory }),
    handlers: {},
    services: {
      [vmRatesService]: createRatesService({ vms, observeVm: (vm) => machine.observeVm(vm), clock }),
    },
    kinds: [vmSource(mesh.nodeId, vms), tapSource(mesh.nodeId, { local: vms, ports })],
    stop: async () => {
      await directory.stop();
      await vms.stop();
    },
  };
}
