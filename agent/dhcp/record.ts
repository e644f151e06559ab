// What a node writes down about a DHCP server: `dhcp/<id>.json`, before anything of it is made, and removed after all of it.
import { z } from 'zod';
import { maxDhcpExtras } from '../../contract/limits.ts';
import type { DhcpExtras } from '../../core/dhcp/config-text.ts';
import type { DhcpSettings } from '../../core/dhcp/settings.ts';
import type { ProcessIdentity } from '../../host/detached.ts';
import { parseJson } from '../vms/vm-store.ts';

export interface DhcpRecord {
  readonly id: number;
  readonly namespace: string;
  readonly vlan: number;
  /** As shown in its namespace; empty for a number without one. */
  readonly alias: string;
  readonly bridge: string;
  readonly tap: string;
  /** The interface was made for it, and is in its own network. Otherwise it is one that somebody asked for. */
  readonly isOwnTap: boolean;
  readonly settings: DhcpSettings;
  readonly extras: DhcpExtras;
  /** Null while none is known to run. */
  readonly process: ProcessIdentity | null;
}

const Text = z.string().max(255);
const version = 1;
const Stored: z.ZodType<DhcpRecord & { readonly version: 1 }> = z.object({
  version: z.literal(version),
  id: z.number().int().min(0).max(1_000_000),
  namespace: Text,
  vlan: z.number().int().min(1).max(4_094),
  alias: Text,
  bridge: Text,
  tap: Text,
  isOwnTap: z.boolean(),
  settings: z.object({
    ...{ address: Text, low: Text, high: Text, gateway: Text, domain: Text },
    dns: z.array(Text).max(8),
    leaseSeconds: z.number().int().min(1),
  }),
  extras: z.object({
    statics: z.array(z.object({ mac: Text, ip: Text })).max(maxDhcpExtras),
    names: z.array(z.object({ ip: Text, name: Text })).max(maxDhcpExtras),
    upstream: z.array(Text).max(maxDhcpExtras),
    options: z.array(z.string().max(1_024)).max(maxDhcpExtras),
  }),
  process: z
    .object({ pid: z.number().int().min(1), startTicks: z.string().max(32), bootId: z.string().max(64) })
    .nullable(),
});

export const nameOfRecord = (id: number) => `${id}.json`;
export const textOfRecord = (record: DhcpRecord) => JSON.stringify({ version, ...record });

/** Null for what is not the record of this id. */
export function readRecord(text: string, id: number): DhcpRecord | null {
  const parsed = Stored.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.id !== id) return null;
  const { version: _version, ...record } = parsed.data;
  return record;
}
