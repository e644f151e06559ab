// DHCP servers of this node, and what they gave out, as rows of the kinds `dhcp` and `leases`.
import { dhcp, leases, type DhcpRow, type LeaseRow } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import { maxLeaseRows, maxRangeNameLength } from '../../contract/limits.ts';
import type { Kind, RowData } from '../../contract/kinds.ts';
import type { DhcpServer, NodeDhcp } from '../dhcp/node-dhcp.ts';
import type { RowSource } from './source.ts';

const cut = (text: string) => (text.length > maxRangeNameLength ? `${text.slice(0, maxRangeNameLength - 1)}…` : text);

export function dhcpRow(node: string, { record, state, reason }: DhcpServer): DhcpRow {
  const { address, low, high, gateway, dns, domain, leaseSeconds } = record.settings;
  return {
    Node: node,
    Id: record.id,
    Namespace: record.namespace,
    Vlan: record.vlan,
    Alias: cut(record.alias),
    Bridge: record.bridge,
    Tap: record.tap,
    Address: address,
    Low: low,
    High: high,
    Gateway: gateway,
    Dns: [...dns],
    Domain: cut(domain),
    LeaseSeconds: leaseSeconds,
    State: state,
    Reason: reason,
  };
}

export function leaseRows(node: string, servers: readonly DhcpServer[]): LeaseRow[] {
  return servers
    .flatMap(({ record, leases: given }) =>
      given.map(({ mac, ip, name, expiresAtMs }) => ({
        Node: node,
        Dhcp: record.id,
        Mac: mac,
        Vlan: record.vlan,
        Ip: ip,
        Name: cut(name),
        Expires: expiresAtMs,
      })),
    )
    .slice(0, maxLeaseRows);
}

type Local = Pick<NodeDhcp, 'list' | 'onChange'>;

export const dhcpSource = (node: string, local: Local): RowSource =>
  listSource(dhcp, local, () => local.list(null).map((server) => dhcpRow(node, server)));

export const leaseSource = (node: string, local: Local): RowSource =>
  listSource(leases, local, () => leaseRows(node, local.list(null)));

/** Rows of a short list that is looked at as a whole. */
function listSource<Row extends RowData>(kind: Kind<Row>, local: Local, rowsNow: () => readonly Row[]): RowSource {
  return {
    kind,
    start: (sink) => {
      let keys = new Set<string>();
      const update = () => {
        const rows = rowsNow();
        const now = new Set(rows.map((row) => keyOf(kind, row)));
        for (const key of keys) if (!now.has(key)) sink.drop(key);
        keys = now;
        for (const row of rows) sink.put(row);
      };
      update();
      return local.onChange(update);
    },
  };
}
