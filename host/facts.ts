// Observes a Linux host: processors, load, memory, traffic, uptime. Reads /proc only, so it costs no process.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { HostFacts } from '../contract/cluster-kinds.ts';

/** The part of HostFacts that the host itself knows; VM counts come from the part that runs VMs. */
export type MachineFacts = Pick<HostFacts, 'CPUs' | 'Load' | 'MemTotal' | 'MemUsed' | 'RxBps' | 'TxBps' | 'Uptime'>;

/** Bytes received and sent by all interfaces but loopback since boot, with the time they were read (ms). */
export interface TrafficSample {
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly atMs: number;
}

/** Sums /proc/net/dev (proc(5)): per interface, field 1 is bytes received and field 9 bytes sent. */
export function parseTraffic(procNetDev: string): { rxBytes: number; txBytes: number } {
  let rxBytes = 0;
  let txBytes = 0;
  for (const line of procNetDev.split('\n')) {
    const [name, counters] = line.split(':');
    if (counters === undefined || name === undefined || name.trim() === 'lo') continue;
    const fields = counters.trim().split(/\s+/).map(Number);
    rxBytes += fields[0] ?? 0;
    txBytes += fields[8] ?? 0;
  }
  return { rxBytes, txBytes };
}

/** MiB in total and in use; used as minimega counts it: total - free - buffers - cached (facts of `host`). */
export function parseMemory(procMeminfo: string): { totalMb: number; usedMb: number } {
  const kb = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(procMeminfo)?.[1] ?? 0);
  const total = kb('MemTotal');
  const used = total - kb('MemFree') - kb('Buffers') - kb('Cached');
  return { totalMb: Math.floor(total / 1024), usedMb: Math.floor(used / 1024) };
}

/** Observes this host. Rates are since `previous`, 0 at the first call. */
export async function observeMachine(
  previous: TrafficSample | null,
  nowMs: number,
): Promise<{ facts: MachineFacts; traffic: TrafficSample }> {
  const [loadavg, meminfo, netdev, uptime, cpuinfo] = await Promise.all(
    ['loadavg', 'meminfo', 'net/dev', 'uptime', 'cpuinfo'].map((file) => readFile(`/proc/${file}`, 'utf8')),
  );
  const text = z.tuple([z.string(), z.string(), z.string(), z.string(), z.string()]);
  const [load, memory, network, up, cpus] = text.parse([loadavg, meminfo, netdev, uptime, cpuinfo]);
  const traffic = { ...parseTraffic(network), atMs: nowMs };
  const seconds = previous ? Math.max(0.001, (nowMs - previous.atMs) / 1000) : 0;
  // MiB per second with two decimals: finer would make every watcher's delta carry noise.
  const rate = (now: number, before: number) =>
    seconds === 0 ? 0 : Number((Math.max(0, now - before) / seconds / 1024 / 1024).toFixed(2));
  const { totalMb, usedMb } = parseMemory(memory);
  return {
    facts: {
      CPUs: (cpus.match(/^processor\s*:/gm) ?? []).length || 1,
      Load: load.split(' ').slice(0, 3).join(' '),
      MemTotal: totalMb,
      MemUsed: usedMb,
      RxBps: previous ? rate(traffic.rxBytes, previous.rxBytes) : 0,
      TxBps: previous ? rate(traffic.txBytes, previous.txBytes) : 0,
      Uptime: Math.round(Number(up.split(' ')[0] ?? 0) * 1e9),
    },
    traffic,
  };
}
