// A machine in memory, for simulated nodes: real meshds on one machine of any system, each over a host that does not exist.
// Its figures depend on its number and the time alone.
import type { Machine } from './machine.ts';

const loopback = '127.0.0.1';
/** One wave of load; pages show that figures move without anyone doing anything. */
const waveMs = 90_000;
const mbPerCpu = 4_096;

/** `number` makes machines differ: node3 has other figures than node4. */
export function createMemoryMachine({ name, number }: { name: string; number: number }): Machine {
  const cpus = [8, 16, 32, 64][number % 4] ?? 8;
  const memoryMb = cpus * mbPerCpu;
  let bootedAtMs: number | null = null;
  /** Between 0 and 1, each machine at its own place of the wave. */
  const activity = (atMs: number) => (1 + Math.sin((2 * Math.PI * atMs) / waveMs + number)) / 2;
  return {
    name,
    // Its neighbours are on this machine, and nobody else has any business with it.
    listenAddress: loopback,
    addresses: () => [loopback],
    networks: () => [],
    observeVm({ pid, taps }) {
      const atMs = performance.now();
      const turn = (2 * Math.PI) / waveMs;
      /** What has come together by now of something that comes and goes with the wave, `each` of it a millisecond on the average. */
      const total = (each: number) => each * (atMs - (0.8 * Math.cos(turn * atMs + pid)) / turn);
      return Promise.resolve({
        cpuMs: total(0.5),
        guestMs: total(0.4),
        virtualMb: 1_024,
        sharedMb: 24,
        memoryMb: Math.round(128 + 32 * Math.sin(turn * atMs + pid)),
        rxBytes: taps.length * total(40),
        txBytes: taps.length * total(12),
      });
    },
    observe(previous, nowMs) {
      bootedAtMs ??= nowMs;
      const [one, five, fifteen] = [0, 5, 15].map((minutes) => activity(nowMs - minutes * 1_000) * cpus * 0.6);
      const load = [one, five, fifteen].map((value = 0) => value.toFixed(2)).join(' ');
      const rateMb = Number((activity(nowMs) * 40).toFixed(2));
      return Promise.resolve({
        facts: {
          CPUs: cpus,
          Load: load,
          MemTotal: memoryMb,
          MemUsed: Math.round(memoryMb * (0.2 + 0.3 * activity(nowMs))),
          RxBps: previous ? rateMb : 0,
          TxBps: previous ? Number((rateMb / 3).toFixed(2)) : 0,
          Uptime: Math.round((nowMs - bootedAtMs) * 1e6),
        },
        traffic: { rxBytes: 0, txBytes: 0, atMs: nowMs },
      });
    },
  };
}
