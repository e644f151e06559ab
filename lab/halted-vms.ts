// VMs whose guest halts at its first instruction, for benches and drills: they take the time and the memory of QEMU alone, and no processor.
import { z } from 'zod';
import type { Lab } from './lab.ts';

/** On a node. Of a folder that users of VMs may pass. */
const firmwarePath = '/opt/halt.bin';
/** 64 KiB of `hlt`; the processor begins 16 bytes before the end, and comes back to the first of them. */
const writeFirmware = `
set -e
fill() { head -c "$1" /dev/zero | tr '\\0' '\\364'; }
{ fill 65520; printf '\\364\\353\\375'; fill 13; } >${firmwarePath}
chmod 644 ${firmwarePath}`;

export const haltedMemoryMb = 32;

/** Lines for meshd's shell after which `vm launch` makes such VMs on this node, with a NIC each unless `vlan` is null. */
export async function prepareHaltedVms(
  lab: Lab,
  node: string,
  { vlan, append = [] }: { vlan: number | null; append?: readonly string[] },
): Promise<string[]> {
  await lab.exec(node, ['sh', '-c', writeFirmware]);
  return [
    `vm config schedule ${node}`,
    `vm config memory ${haltedMemoryMb}`,
    ...(vlan === null ? [] : [`vm config net ${vlan}`]),
    `vm config qemu-append -bios ${firmwarePath} ${append.join(' ')}`,
  ];
}

const Tables = z.array(
  z.object({ Header: z.array(z.string()).nullish(), Tabular: z.array(z.array(z.string())).nullish() }),
);

/** Rows of `vm info`, by column, from the entries of its answer. */
export function vmRows(entries: unknown): Record<string, string>[] {
  return Tables.parse(entries).flatMap(({ Header, Tabular }) =>
    (Tabular ?? []).map((cells) => Object.fromEntries((Header ?? []).map((column, at) => [column, cells[at] ?? '']))),
  );
}
