// What an undo of a run turns back, and what must be known before: asked by the console's page and by the shell.
import type { RunView, Step } from '../../contract/plans.ts';
import { describeRange } from '../ranges/describe-range.ts';
import { hasActed } from './schedule.ts';
import { shellWord } from './step.ts';

/** Steps that undo would turn back, and those that it must leave as they are. */
export function undoable(view: Pick<RunView, 'plan' | 'steps' | 'begun'>): { can: Step[]; cannot: Step[] } {
  const begun = new Set(view.begun);
  const acted = new Set(
    view.steps
      .filter(({ key, state }) => state === 'undo-failed' || hasActed(state, begun.has(key)))
      .map(({ key }) => key),
  );
  const steps = view.plan.steps.filter(({ key }) => acted.has(key));
  return { can: steps.filter(({ undo }) => undo !== null), cannot: steps.filter(({ undo }) => undo === null) };
}

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
