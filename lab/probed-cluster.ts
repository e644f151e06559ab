// Four bridged nodes with meshd, and `vlans probe` on one of them: what the lab test, the drill and the bench of probes share.
import { z } from 'zod';
import { ProbeResult } from '../contract/probe.ts';
import { placeTransaction } from '../host/bridge/node-transaction.ts';
import { describeLabTransaction, waitForState } from './bridge.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd } from './cluster.ts';
import type { Lab } from './lab.ts';

const Entries = z.array(
  z.object({ Error: z.string(), Tabular: z.array(z.array(z.string())).nullable(), Data: z.unknown() }),
);

/** Brings up nodes, each with eth0 in mega_bridge, and meshd on all of them. The first is the head. */
export async function startProbedCluster(lab: Lab, count: number): Promise<void> {
  await lab.down();
  const results = await lab.up({ nodes: count });
  const failed = results.filter(({ error }) => error !== null);
  if (failed.length > 0) throw new Error(failed.map(({ name, error }) => `${name}: ${error ?? ''}`).join('; '));
  const [head = '', ...others] = results.map(({ name }) => name);
  await Promise.all(
    [head, ...others].map(async (node) => {
      const { transaction, nonce } = await describeLabTransaction(lab, node);
      const tx = await placeTransaction(lab.runner(node), transaction);
      await tx.begin();
      await waitForState(tx, 'inside-ok');
      await tx.keep(nonce);
    }),
  );
  await placeRootKeys(lab, head, others);
  await installTree(lab, head);
  await startMeshd(lab, head, ['-degree', '2', '-context', 'probe', '-nostdin']);
  await runMeshd(lab, head, ['deploy', 'launch', `node[2-${count}]`], { timeoutMs: 300_000 });
}

export interface Probed {
  readonly result: ProbeResult;
  /** Of the table. */
  readonly rows: readonly (readonly string[])[];
}

/** `vlans probe <words>` on the head. */
export async function runProbe(lab: Lab, words: readonly string[], timeoutMs = 120_000): Promise<Probed> {
  const { stdout } = await runMeshd(lab, 'node1', ['.json', 'true', 'vlans', 'probe', ...words], { timeoutMs });
  const [entry] = Entries.parse(JSON.parse(stdout));
  return { result: ProbeResult.parse(entry?.Data), rows: entry?.Tabular ?? [] };
}

/** What nodes have of a probe on their bridges. */
export async function probeFlows(lab: Lab, node: string): Promise<string[]> {
  const { stdout } = await lab.exec(node, ['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', 'mega_bridge']);
  return stdout.split('\n').filter((line) => line.includes('dl_type=0x88b5'));
}
