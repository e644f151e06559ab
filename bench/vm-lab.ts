// A lab of two nodes whose meshds are one mesh, for benches of VMs.
import type { CommandClient } from '../contract/command-client.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd } from '../lab/cluster.ts';
import { openLab, type Lab } from '../lab/lab.ts';
import { runLine } from './meshd-view.ts';
import { buildTree } from './meshds.ts';

export const [node, other] = ['node1', 'node2'] as const;
export const daemonSocket = '/run/meshd/meshd';
const stepMs = 600_000;

/** Needs root. The lab is gone when this settles. */
export async function withVmLab(name: string, use: (lab: Lab) => Promise<void>): Promise<void> {
  await buildTree();
  const lab = openLab({ name, progress: () => undefined });
  await lab.down();
  try {
    const results = await lab.up({ nodes: 2 });
    const failed = results.filter((result) => result.error !== null);
    if (failed.length > 0) throw new Error(failed.map((each) => `${each.name}: ${each.error ?? ''}`).join('; '));
    await placeRootKeys(lab, node, [other]);
    await installTree(lab, node);
    await startMeshd(lab, node, ['-degree', '1', '-context', 'vms', '-nostdin']);
    await runMeshd(lab, node, ['deploy', 'launch', other], { timeoutMs: stepMs });
    await use(lab);
  } finally {
    await lab.down();
  }
}

/** Runs one line. @throws Error with what it answers when that is an error */
export async function ask(client: CommandClient, line: string): Promise<unknown> {
  const entries = await runLine(client, line, stepMs);
  const failed = entries.find((entry) => entry.Error !== '');
  if (failed) throw new Error(`${line}: ${failed.Error}`);
  return entries;
}
