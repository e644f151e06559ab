import { expect, test } from 'vitest';
import { observeVm, parseCpuMs, parseGuestMs, parseMb, parseResidentMb } from './vm-usage.ts';

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

test('time of the guest and sizes that several rows make are read too', () => {
  const fields = Array.from({ length: 50 }, (_, at) => String(at + 3));
  expect(parseGuestMs(`7 (qemu (a) b) ${fields.join(' ')}`)).toBe(43 * 10);
  expect(parseMb('VmSize:\t 2097152 kB\nRssFile:\t  20480 kB\nRssShmem:\t  1024 kB\n', ['RssFile', 'RssShmem'])).toBe(
    21,
  );
  expect(parseMb('Name:\tkthreadd\n', ['VmSize'])).toBe(0);
});
