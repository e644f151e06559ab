// Whose VMs the undo of a run cuts off, where it takes bridges away: asked by the console's page and by the shell.
import type { Step } from '../../../../contract/plans.ts';
import { describeRange } from '../../../ranges/describe-range.ts';
import { shellWord } from '../../step.ts';

/** Whose VMs an undo cuts off. */
export interface BridgeUndo {
  readonly bridge: string;
  /** A node range. */
  readonly nodes: string;
  /** Makes the plan that names what is on each bridge, and takes it away. */
  readonly command: string;
}

/** Of an undo that takes bridges away; null for others. A run has one bridge, by name. */
export function bridgeUndoOf(can: readonly Step[]): BridgeUndo | null {
  const ways = can.filter(({ undo }) => undo?.action === 'removeBridge');
  const bridge = ways[0]?.undo?.args['bridge'];
  if (typeof bridge !== 'string') return null;
  const nodes = describeRange(ways.map(({ node }) => node));
  const name = shellWord(bridge);
  return { bridge, nodes, command: `meshdeck bridge --undo ${shellWord(nodes)} --bridge ${name} --confirm ${name}` };
}
