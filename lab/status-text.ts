// The lab's status as a table for people.
import type { LabStatus } from './lab.ts';

export function describeStatus(status: LabStatus): string {
  const rows = [
    ['NODE', 'POWER', 'SYSTEM', 'SSHD', 'OVS', 'ADDRESSES', 'FAULTS'],
    ...status.nodes.map((node) => [
      node.name,
      node.power,
      node.system || '-',
      node.sshd ? 'yes' : 'no',
      node.openVswitch ? 'yes' : 'no',
      node.addresses.join(' ') || '-',
      node.faults.join(', '),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const dhcp = status.dhcp === 'on' ? '' : `, DHCP ${status.dhcp}`;
  return [`lab ${status.name}: ${status.subnet}, login ${status.login}${dhcp}`, ...table].join('\n');
}
