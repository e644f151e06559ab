// A probe of 20 VLANs between 10 nodes of a lab (docs/benchmarks.md): from the line to the answer, which is checked. Without a fault, and with a port
// that loses a VLAN, which is tested twice.
import { ProbeResult } from '../contract/probe.ts';
import { openLab } from '../lab/lab.ts';
import { startProbedCluster } from '../lab/probed-cluster.ts';
import { openClient, runLine } from './meshd-view.ts';
import { buildTree } from './meshds.ts';
import type { Report } from './report.ts';

const labName = 'bench-probe';
const nodes = 10;
const line = 'vlans probe 100-119';
const lineMs = 120_000;
const goalMs = 5_000;

export async function benchProbe(
  report: Report,
  { rounds, signal }: { rounds: number; signal: AbortSignal },
): Promise<void> {
  report.heading(`A probe of 20 VLANs between ${nodes} nodes of a lab`);
  if (process.getuid?.() !== 0) {
    report.missing('probe', 'a lab needs root');
    return;
  }
  await buildTree();
  const lab = openLab({ name: labName, progress: () => undefined });
  try {
    await startProbedCluster(lab, nodes);
    const client = await openClient(await lab.livePath('node1', '/run/meshd/meshd'));
    const measure = async (causes: number): Promise<number> => {
      const begun = performance.now();
      const [entry] = await runLine(client, line, lineMs);
      const tookMs = performance.now() - begun;
      if (entry?.Error !== '') throw new Error(`${line}: ${entry?.Error ?? 'no answer'}`);
      const result = ProbeResult.parse(entry.Data);
      const able = result.nodes.filter(({ state }) => state === 'ok').length;
      if (able !== nodes || result.causes.length !== causes)
        throw new Error(`${able} nodes took part, and ${result.causes.length} causes were found in place of ${causes}`);
      return tookMs;
    };
    try {
      for (const { id, label, dropped, causes } of [
        { id: 'probe', label: 'without a fault', dropped: [], causes: 0 },
        { id: 'probe-fault', label: 'with a port that does not pass one VLAN', dropped: [110], causes: 1 },
      ]) {
        await lab.fault.dropVlans('node3', dropped);
        const samples: number[] = [];
        for (let round = 0; round < rounds; round += 1) {
          signal.throwIfAborted();
          samples.push(await measure(causes));
        }
        report.figure(id, `\`vlans probe\`, ${label}`, { unit: 'ms', samples, goal: { at: 'most', value: goalMs } });
      }
    } finally {
      client.close();
    }
  } finally {
    await lab.down();
  }
}
