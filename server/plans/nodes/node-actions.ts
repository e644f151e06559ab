// Everything that plans about nodes can do.
import { nodeActions } from '../../../core/plans/nodes/actions.ts';
import { actionTable } from '../action.ts';
import { headExecutors } from './head-actions.ts';
import { keyExecutors } from './key-actions.ts';
import { machineExecutors } from './machine-actions.ts';
import { memberExecutors } from './member-actions.ts';

export const nodeActionTable = actionTable(nodeActions, {
  ...keyExecutors,
  ...machineExecutors,
  ...headExecutors,
  ...memberExecutors,
});
