// The undo of a kept bridge: a removal, planned when it is undone, from what is there then.
import type { BridgePlanFacts, BridgeSighting, PlanPersistence } from './inputs.ts';
import type { BridgeFacts } from '../observe/facts.ts';
import { hidingIds, removalOf } from './plan.ts';
import type { BridgeStepArgs, BridgeUndoArgs } from './step-args.ts';
import type { BridgeFinding } from '../judge/finding.ts';

/**
 * `args` is null when there is nothing of ours to take away: no bridge, or one that was never kept. With `blocks` nothing may
 * be done. `own` is the id of this undo's transaction: what was begun is watched to its end, whatever has come meanwhile.
 */
export function planUndo(
  sighting: BridgeSighting & { readonly facts: BridgeFacts },
  { bridge, times }: BridgeUndoArgs,
  { own, all, persist }: { readonly own: string; readonly all: BridgePlanFacts; readonly persist: PlanPersistence },
): { readonly args: BridgeStepArgs | null; readonly blocks: readonly BridgeFinding[] } {
  const { args, findings } = removalOf(sighting, { bridge, hold: false, times }, all, persist);
  const { facts } = sighting;
  if (facts.transaction?.id === own) return { args, blocks: [] };
  const blocks = findings.filter(({ level }) => level === 'block');
  const isThere = facts.committed?.bridge === bridge && facts.ovs.bridges.some(({ name }) => name === bridge);
  return { args, blocks: isThere ? blocks : blocks.filter(({ id }) => hidingIds.has(id)) };
}
