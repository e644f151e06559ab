// The `vm` commands of this node: over its own VMs, and with launches over those of all hosts. What VMs, namespaces and VLANs are is other parts' business; they
// are passed in.
import { randomBytes, randomUUID } from 'node:crypto';
import type { ConfigSurroundings } from '../../core/vms/config-fields.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import type { FileStore } from '../../host/images/image-store.ts';
import type { Machine } from '../../host/machine.ts';
import type { Hypervisor } from '../../host/qemu/hypervisor.ts';
import type { Peers } from '../commands/peers.ts';
import { createVmHandlers } from '../commands/vm.ts';
import type { Clock } from '../mesh/clock.ts';
import type { NamespaceContent } from '../namespaces/content.ts';
import type { Vlans } from '../vlans/vlans.ts';
import { VmConfigs } from '../vms/configs.ts';
import type { ListedVm } from '../vms/launch-plan.ts';
import { launchVlans } from '../vms/launch-vlans.ts';
import { Launcher, type LaunchJournal, type LaunchNamespaces } from '../vms/launcher.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import { LaunchQueue } from '../vms/launch-queue.ts';
import { NamespaceSaves } from '../vms/namespace-saves.ts';
import type { VmHost } from '../vms/vm-host.ts';
import type { Part } from './part.ts';

export interface VmCommandsComponents {
  /** Of this node. */
  readonly name: string;
  readonly vms: LocalVms;
  /** Runs a line on this node as one that came over the mesh. */
  readonly runHere: (
    line: string,
    options: { readonly namespace: string; readonly signal: AbortSignal },
  ) => Promise<readonly ResponseEntry[]>;
  readonly store: Pick<FileStore, 'newFile'>;
  readonly observeVm: Machine['observeVm'];
  /** This node or another, by name. Asking one that is not there fails. */
  readonly host: (name: string) => VmHost;
  /** VMs of a namespace on all nodes, as each said last; and those of nodes that are not in the mesh now. */
  readonly listed: (namespace: string) => readonly ListedVm[];
  readonly lost: (namespace: string) => readonly VmRecord[];
  readonly namespaces: LaunchNamespaces;
  readonly journal: LaunchJournal;
  readonly vlans: Vlans;
  readonly hypervisor: Pick<Hypervisor, 'facts'>;
  readonly peers: Peers;
  readonly meshTimeoutMs: () => number;
  /** A file below -filepath, as an absolute path. @throws AppError for anything else */
  readonly resolvePath: (name: string) => Promise<string>;
  readonly clock: Clock;
}

export interface VmCommandsPart extends Part {
  /** What a namespace has here: its VMs, and what was typed for the next ones. */
  readonly content: NamespaceContent;
}

export function createVmCommandsPart(filesPath: string, components: VmCommandsComponents): VmCommandsPart {
  const { namespaces, vlans, hypervisor, clock } = components;
  const configs = new VmConfigs();
  const launcher: Launcher = new Launcher({
    ...components,
    vlans: launchVlans(vlans),
    randomByte: () => randomBytes(1)[0] ?? 0,
    newUuid: () => randomUUID(),
  });
  const { listed, lost, runHere, peers, store } = components;
  const hosts = (namespace: string) => namespaces.hosts(namespace);
  const queue = new LaunchQueue({ launcher, hosts, names: (namespace) => listed(namespace).map(({ name }) => name) });
  const saves = new NamespaceSaves({
    ...{ hosts, listed, lost, store },
    now: () => clock.now(),
    runOn: (host, line, options) =>
      host === components.name ? runHere(line, options) : peers.send([host], line, options),
  });
  vlans.useBy(launcher.vlanUsers);
  let catalogue: ConfigSurroundings['catalogue'] = null;
  // A test boot may take seconds. Until it is over, or where there is no QEMU, names are checked by the hosts of a launch alone.
  hypervisor.facts().then(
    (facts) => (catalogue = facts.catalogue),
    () => undefined,
  );
  return {
    handlers: createVmHandlers({
      ...components,
      configs,
      launcher,
      queue,
      saves,
      hosts,
      surroundings: () => ({ filesPath, catalogue }),
      wallNow: () => clock.wallNow(),
    }),
    kinds: [],
    content: {
      async end(namespace, { signal }) {
        configs.forget(namespace);
        launcher.forget(namespace);
        queue.forget(namespace);
        saves.forget(namespace);
        const all = () => components.vms.list(namespace).map(({ id }) => id);
        // One that has quit is killed already; what could not be killed says so when it is flushed.
        await components.vms.act(all(), { action: 'kill' }, { signal, target: 'all' });
        const results = await components.vms.act(all(), { action: 'flush' }, { signal, target: 'all' });
        return results.flatMap(({ vm, error }) => (error === '' ? [] : [`the VM ${vm.name}: ${error}`]));
      },
    },
    stop: () => undefined,
  };
}
