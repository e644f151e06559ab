// DHCP servers of this node: the `dnsmasq` commands, and rows of the kinds `dhcp` and `leases`. They end with their namespace.
import { join } from 'node:path';
import type { DhcpHost } from '../../host/dhcp/dhcp-host.ts';
import { createDnsmasqHandlers, type DnsmasqComponents } from '../commands/dnsmasq.ts';
import { NodeDhcp, type NodeDhcpComponents } from '../dhcp/node-dhcp.ts';
import { OtherServers } from '../dhcp/others.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { NamespaceContent } from '../namespaces/content.ts';
import { dhcpSource, leaseSource } from '../rows/dhcp-rows.ts';
import type { Vlans } from '../vlans/vlans.ts';
import { VmFolder } from '../vms/vm-store.ts';
import type { Part } from './part.ts';

export interface DhcpPart extends Part {
  readonly dhcp: NodeDhcp;
  readonly content: NamespaceContent;
}

/** Servers that a meshd before this one started are taken over meanwhile: nobody waits for them. */
export async function createDhcpPart(
  stateFolder: string,
  components: Omit<NodeDhcpComponents, 'store'> &
    Pick<DnsmasqComponents, 'hostTaps' | 'listed'> & {
      readonly mesh: Mesh;
      readonly vlans: Vlans;
      readonly host: DhcpHost;
    },
): Promise<DhcpPart> {
  const { mesh, vlans } = components;
  const dhcp = await NodeDhcp.open({ ...components, store: new VmFolder(join(stateFolder, 'dhcp')) });
  vlans.useBy(dhcp.users);
  const others = new OtherServers(mesh, () => dhcp.list(null));
  const started = dhcp.start();
  return {
    dhcp,
    handlers: createDnsmasqHandlers({ ...components, nodeId: mesh.nodeId, dhcp, others }),
    kinds: [dhcpSource(mesh.nodeId, dhcp), leaseSource(mesh.nodeId, dhcp)],
    content: {
      end: (namespace) => dhcp.killAll(namespace),
    },
    stop: async () => {
      await started;
      await dhcp.stop();
    },
  };
}
