import { expect, test } from 'vitest';
import { commandTable } from '../../core/commands/table.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { VmUsage } from '../../host/vm-usage.ts';
import { createVmTopHandlers } from './vm-top.ts';

const usage = { cpuMs: 3_200, guestMs: 0, virtualMb: 1522, memoryMb: 204, sharedMb: 23, rxBytes: 0, txBytes: 0 };

async function run(line: string, looks: (VmUsage | null)[], pid = 7, signal = new AbortController().signal) {
  const parsed = parseCommand(commandTable, line);
  if (!parsed.ok || !parsed.command) throw new Error('no command');
  const asked: unknown[] = [];
  const vm = { id: 1, name: 'a1', pid, nets: [{ tap: 'mega_tap3' }, { tap: '' }] } as unknown as VmRecord;
  const handlers = createVmTopHandlers({
    vms: { list: () => [vm] },
    observeVm: (each) => {
      asked.push(each);
      return Promise.resolve(looks.shift() ?? null);
    },
  });
  const call = { command: parsed.command, origin: { via: 'socket' }, host: 'n', namespace: 'x', signal } as const;
  const answer = await handlers['vm top [duration]']?.({ ...call, status: () => undefined });
  const [entry] = answer as { Header: string[]; Tabular: string[][] | null }[];
  return { entry, asked };
}

test('vm top shows what a VM took between two looks', async () => {
  const later = { ...usage, cpuMs: 1_000_000, rxBytes: 5e9 };
  const { entry, asked } = await run('vm top', [usage, later]);
  expect(entry?.Header).toEqual(['name', 'virt', 'res', 'shr', 'cpu', 'vcpu', 'time', 'procs', 'rx', 'tx']);
  const [row = []] = entry?.Tabular ?? [];
  expect([...row.slice(0, 4), row[5], row[6], row[7], row[9]]).toEqual([
    'a1',
    '1522',
    '204',
    '23',
    '0.00',
    '1000s',
    '1',
    '0.00',
  ]);
  expect(Number(row[4])).toBeGreaterThan(0);
  expect(Number(row[8])).toBeGreaterThan(0);
  expect(asked).toEqual([
    { pid: 7, taps: ['mega_tap3'] },
    { pid: 7, taps: ['mega_tap3'] },
  ]);
});

test('a VM without a QEMU, or whose QEMU ends meanwhile, is not shown', async () => {
  expect((await run('vm top', [], 0)).entry?.Tabular).toBeNull();
  expect((await run('vm top', [usage, null])).entry?.Tabular).toBeNull();
});

test('the time is a number of seconds, and ends with a cancel', async () => {
  await expect(run('vm top 1s', [])).rejects.toThrow('strconv.Atoi: parsing "1s": invalid syntax');
  await expect(run('vm top 0', [])).rejects.toThrow('1 to 60 seconds');
  await expect(run('vm top 60', [usage], 7, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
});
