// Broadcast (docs/benchmarks.md, B2): 256 bytes from one daemon to all others and back, by `mesh send all echo …` on its
// command socket. The last answer comes after the last receiver had it, so the time is an upper bound of B2's.
import { whenAllSee } from './cluster.ts';
import type { MembershipOptions } from './join.ts';
import { startMeshds } from './meshds.ts';
import { openClient, runLine } from './meshd-view.ts';
import type { Report } from './report.ts';
import { median } from './report.ts';

const payload = 'x'.repeat(256);
const warmUps = 20;
const messagesPerRound = 100;

export async function benchBroadcast(report: Report, options: MembershipOptions): Promise<void> {
  const { agents, degree, rounds, signal } = options;
  report.heading(`Broadcast: ${payload.length} bytes from one of ${agents} daemons to all others, and their answers`);
  const cluster = await startMeshds({ size: agents, degree });
  try {
    const all = Array.from({ length: agents }, (_, node) => node);
    await whenAllSee(cluster, all, { isReached: (members) => members.size === agents, timeoutMs: 60_000 });
    const client = await openClient(cluster.socketOf(0));
    const send = async () => {
      const startedAtMs = performance.now();
      const entries = await runLine(client, `mesh send all echo ${payload}`, 10_000);
      const tookMs = performance.now() - startedAtMs;
      const good = entries.filter((entry) => entry.Error === '' && entry.Response.includes(payload)).length;
      if (good !== agents - 1)
        throw new Error(`${good} of ${agents - 1} daemons answered: ${JSON.stringify(entries[0])}`);
      return tookMs;
    };
    try {
      for (let index = 0; index < warmUps; index++) await send();
      const medians: number[] = [];
      const worst: number[] = [];
      const rates: number[] = [];
      for (let round = 0; round < rounds; round++) {
        signal.throwIfAborted();
        const times: number[] = [];
        for (let index = 0; index < messagesPerRound; index++) times.push(await send());
        medians.push(median(times));
        worst.push(times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? NaN);
        rates.push((messagesPerRound * (agents - 1)) / (times.reduce((sum, time) => sum + time, 0) / 1000));
      }
      report.figure('broadcast', 'sent until the last answer', { unit: 'ms', samples: medians });
      report.figure('broadcast-p99', 'the same, 99th percentile', { unit: 'ms', samples: worst });
      report.figure('broadcast-rate', 'deliveries with answer, one message at a time', {
        unit: 'per s',
        samples: rates,
      });
    } finally {
      client.close();
    }
  } finally {
    await cluster.stop();
  }
}
