// DHCP servers of other nodes on the same VLAN: guests there take the answer that comes first. Asked for when a server starts, and never in the way of it.
import { z } from 'zod';
import { maxDhcpServers } from '../../contract/limits.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { isOfVersionBefore } from '../mesh/requests.ts';
import type { DhcpServer } from './node-dhcp.ts';

const kind = 'dhcp-on';
const askMs = 3_000;

const Ask = z.object({ vlan: z.number().int().min(1).max(4_094) });
const Answer = z.object({
  servers: z
    .array(z.object({ id: z.number().int().min(0), address: z.string().max(64), namespace: z.string().max(255) }))
    .max(maxDhcpServers),
});

type OthersMesh = Pick<Mesh, 'nodeId' | 'memberIds' | 'nameOf' | 'request' | 'serve'>;

export class OtherServers {
  private readonly mesh: OthersMesh;

  constructor(mesh: OthersMesh, own: () => readonly DhcpServer[]) {
    this.mesh = mesh;
    mesh.serve(kind, (body) => {
      const { vlan } = Ask.parse(body);
      const here = own().filter(({ record }) => record.vlan === vlan);
      return Promise.resolve({
        servers: here.map(({ record: { id, namespace, settings } }) => ({ id, namespace, address: settings.address })),
      });
    });
  }

  /** What a person should know who starts one on this VLAN. */
  async warnings(vlan: number, signal: AbortSignal): Promise<string[]> {
    const { mesh } = this;
    const others = mesh.memberIds().filter((id) => id !== mesh.nodeId);
    if (others.length === 0) return [];
    const results = await mesh.request(others, kind, { vlan }, { timeoutMs: askMs, signal });
    const silent: string[] = [];
    const found: string[] = [];
    for (const [id, result] of results) {
      const answer = result.ok ? Answer.safeParse(result.body).data : undefined;
      if (!answer && !isOfVersionBefore(result)) silent.push(mesh.nameOf(id));
      for (const server of answer?.servers ?? [])
        found.push(
          `${mesh.nameOf(id)} serves DHCP on VLAN ${vlan} too, at ${server.address}: guests take the answer that comes first. \`mesh send ${mesh.nameOf(id)} ${inNamespace(server.namespace, `dnsmasq kill ${server.id}`)}\` ends that one`,
        );
    }
    if (silent.length > 0)
      found.push(`${describeRange(silent)} did not say whether DHCP runs on VLAN ${vlan} there too`);
    return found.sort();
  }
}
