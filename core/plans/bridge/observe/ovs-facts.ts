// Open vSwitch's database as `ovs-vsctl --format=json list <table>` prints it (ovs-vsctl(8); value notation of RFC 7047, 5.1).
import { z } from 'zod';
import type { BridgeFacts, OvsBridgeFacts } from './facts.ts';
import { cleanText, type Observed } from './observed.ts';

const tableSchema = z.object({ headings: z.array(z.string()), data: z.array(z.array(z.unknown())).max(20_000) });

type Row = ReadonlyMap<string, unknown>;

function readTable(json: string): Row[] {
  if (json.trim() === '') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return [];
  }
  const table = tableSchema.safeParse(parsed);
  if (!table.success) return [];
  return table.data.data.map(
    (cells) => new Map(table.data.headings.map((heading, column) => [heading, cells[column]] as const)),
  );
}

/** A set's members, or the one member that stands for itself; UUIDs as their text. */
function members(cell: unknown): string[] {
  if (!Array.isArray(cell)) return typeof cell === 'string' || typeof cell === 'number' ? [String(cell)] : [];
  const [kind, content] = cell as readonly unknown[];
  if (kind === 'set' && Array.isArray(content)) return content.flatMap(members);
  return kind === 'uuid' && typeof content === 'string' ? [content] : [];
}

const text = (cell: unknown) => cleanText(members(cell)[0] ?? '');

function mapOf(cell: unknown): Record<string, string> {
  const [kind, pairs] = Array.isArray(cell) ? (cell as readonly unknown[]) : [];
  if (kind !== 'map' || !Array.isArray(pairs)) return {};
  const entries = pairs.flatMap((pair) => {
    const [key, value] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
    return typeof key === 'string' ? [[cleanText(key), text(value)] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** Interfaces that Open vSwitch made itself: bridges' own ports among them. */
export function internalPorts(observed: Observed): Set<string> {
  const rows = readTable(observed.text('ovs_interfaces'));
  return new Set(rows.filter((row) => text(row.get('type')) === 'internal').map((row) => text(row.get('name'))));
}

export function readOvs(observed: Observed): BridgeFacts['ovs'] {
  const byId = (table: string) =>
    new Map(readTable(observed.text(table)).map((row) => [text(row.get('_uuid')), row] as const));
  const ports = byId('ovs_ports');
  const interfaces = byId('ovs_interfaces');
  const bridges = readTable(observed.text('ovs_bridges')).map((row): OvsBridgeFacts => {
    const name = text(row.get('name'));
    const own = members(row.get('ports')).flatMap((id) => ports.get(id) ?? []);
    const others = own.filter((port) => text(port.get('name')) !== name);
    const otherConfig = mapOf(row.get('other_config'));
    return {
      name,
      ports: others.map((port) => text(port.get('name'))),
      datapathType: text(row.get('datapath_type')),
      failMode: text(row.get('fail_mode')),
      hwaddr: otherConfig.hwaddr ?? '',
      externalIds: mapOf(row.get('external_ids')),
      transientPorts: others
        .filter((port) => mapOf(port.get('other_config')).transient === 'true')
        .map((port) => text(port.get('name'))),
      errors: own.flatMap((port) =>
        members(port.get('interfaces')).flatMap((id) => {
          const error = text(interfaces.get(id)?.get('error'));
          return error === '' ? [] : [`${text(port.get('name'))}: ${error}`];
        }),
      ),
    };
  });
  return {
    version: /(\d+\.\d+\.\d+)/.exec(observed.one('ovs_version'))?.[1] ?? '',
    isDatabaseUp: observed.one('ovs_database') === 'yes',
    isSwitchUp: observed.one('ovs_switch') === 'yes',
    hasKernelModule: observed.one('ovs_module') === 'yes',
    bridges,
  };
}
