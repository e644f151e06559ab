import { expect, test } from 'vitest';
import { observeVm, parseCpuMs, parseResidentMb } from './vm-usage.ts';

test('the time of a process whose name looks like fields', () => {
  const stat = '4711 (qemu (web) 1 2) S 1 4711 4711 0 -1 4194560 9 8 7 6 250 50 0 0 20 0 4 0 100 1 2 3';
  expect(parseCpuMs(stat)).toBe(3_000);
});

test('the memory of a process', () => {
  expect(parseResidentMb('Name:\tqemu\nVmPeak:\t  900000 kB\nVmRSS:\t  524288 kB\nThreads:\t4\n')).toBe(512);
  expect(parseResidentMb('Name:\tkthreadd\n')).toBe(0);
});

test.runIf(process.platform === 'linux')('this process, and one that is not there', async () => {
  const usage = await observeVm({ pid: process.pid, taps: ['no-such-tap'] });
  expect(usage).toMatchObject({ rxBytes: 0, txBytes: 0 });
  expect(usage?.cpuMs).toBeGreaterThan(0);
  expect(usage?.memoryMb).toBeGreaterThan(10);
  expect(await observeVm({ pid: 2 ** 30, taps: [] })).toBeNull();
});
