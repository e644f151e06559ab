// What a plan that attaches the console to a minimega does: only the console's own records change.
import { z } from 'zod';
import type { StepActions } from '../actions.ts';
import { stepsOf } from '../step.ts';
import { NodeTarget } from '../targets.ts';

const Target = z.object({ target: NodeTarget });

export const attachActions = {
  /** Asks the node's minimega again, and remembers where its command socket is. `cluster`: the id that the cluster gets or has. */
  attachNode: {
    args: Target.extend({ base: z.string(), context: z.string(), cluster: z.string() }),
    result: z.object({ version: z.string(), size: z.number() }),
  },
  /** Undoes it: the console forgets the way, and with the last one the cluster. minimega itself is left alone. */
  detachNode: { args: Target, result: z.object({}) },
} satisfies StepActions;

export const attachStep = stepsOf(attachActions);
