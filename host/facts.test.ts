import { describe, expect, test } from 'vitest';
import { observeMachine, parseMemory, parseTraffic } from './facts.ts';

// Recorded with `cat /proc/net/dev` and `cat /proc/meminfo` on Debian 12 (Linux 6.1), shortened.
const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9000    100    0    0    0     0          0         0     9000    100    0    0    0     0       0          0
  eth0: 1500     10    0    0    0     0          0         0      700      9    0    0    0     0       0          0
  eth1:500 10 0 0 0 0 0 0 300 9 0 0 0 0 0 0
`;
const meminfo = `MemTotal:       24683756 kB
MemFree:        20000000 kB
MemAvailable:   23000000 kB
Buffers:          100000 kB
Cached:          3000000 kB
SwapCached:            0 kB
`;

describe('host facts', () => {
  test('traffic is summed over all interfaces but loopback', () => {
    expect(parseTraffic(netDev)).toEqual({ rxBytes: 2000, txBytes: 1000 });
  });

  test('memory in MiB; buffers and cache do not count as used', () => {
    expect(parseMemory(meminfo)).toEqual({ totalMb: 24105, usedMb: 1546 });
  });

  test('this machine has processors, memory and an uptime', async () => {
    const first = await observeMachine(null, 1000);
    expect(first.facts.CPUs).toBeGreaterThan(0);
    expect(first.facts.MemTotal).toBeGreaterThan(first.facts.MemUsed);
    expect(first.facts.Load).toMatch(/^\d+\.\d\d \d+\.\d\d \d+\.\d\d$/);
    expect(first.facts.Uptime).toBeGreaterThan(1e9);
    const second = await observeMachine(first.traffic, 2000);
    expect(second.facts.RxBps).toBeGreaterThanOrEqual(0);
  });
});
