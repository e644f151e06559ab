// What an undo of a run turns back, and what must be known before: asked by the console's page and by the shell.
import type { RunView, Step } from '../../contract/plans.ts';
import { hasActed } from './schedule.ts';

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
