// Probes of VLANs: the command `vlans probe`, and this node's part in those of other members.
import { randomBytes } from 'node:crypto';
import type { SwitchHost } from '../../host/ovs/switch-host.ts';
import { createProbeHandlers } from '../commands/vlans-probe.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Namespaces } from '../namespaces/namespaces.ts';
import { NodeProbe } from '../probe/node-probe.ts';
import { aliasOf } from '../probe/order.ts';
import { Prober } from '../probe/prober.ts';
import { Tracer } from '../probe/tracer.ts';
import type { Vlans } from '../vlans/vlans.ts';
import type { VmDirectory } from '../vms/directory.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Part } from './part.ts';

export interface ProbePartComponents {
  readonly mesh: Mesh;
  readonly switchHost: SwitchHost;
  readonly vlans: Vlans;
  readonly namespaces: Namespaces;
  readonly directory: VmDirectory;
  readonly vms: Pick<LocalVms, 'list'>;
  readonly clock: Clock;
  readonly log: Log;
}

export function createProbePart({
  mesh,
  switchHost,
  vlans,
  namespaces,
  directory,
  vms,
  clock,
  log,
}: ProbePartComponents): Part {
  const node = new NodeProbe({ mesh, host: switchHost, clock, log });
  const prober = new Prober({
    mesh,
    clock,
    rosterIds: () => namespaces.members().map(({ id }) => id),
    newRun: () => randomBytes(8).toString('hex'),
    hasVmsOn: (nodeId, numbers) =>
      directory.networks().some((network) => network.nodeId === nodeId && numbers.includes(network.vlan)),
  });
  const { table } = vlans.state;
  const tracer = new Tracer({
    mesh,
    prober,
    clock,
    list: (namespace) => vms.list(namespace),
    host: switchHost,
    nodeOf: (namespace, vm) => {
      const host = directory.listed(namespace).find(({ name }) => name === vm)?.host;
      return namespaces.members().find(({ name }) => name === host) ?? null;
    },
    aliasOf: (vlan, namespace) => aliasOf(table, vlan, namespace),
  });
  return {
    handlers: createProbeHandlers({
      prober,
      tracer,
      surroundings: (namespace) => ({
        namespace,
        table,
        members: namespaces.members(),
        hosts: namespaces.hosts(namespace),
        networks: () => directory.networks(),
      }),
    }),
    kinds: [],
    stop: () => node.stop(),
  };
}
