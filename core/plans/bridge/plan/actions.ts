// What bridge plans can do on a node: the arguments and the result of each action. server/plans/bridge does them.
import type { StepActions } from '../../actions.ts';
import { stepsOf } from '../../step.ts';
import { BridgeResult, BridgeStepArgs, BridgeUndoArgs, RebootProof, RebootProofArgs } from './step-args.ts';

export const bridgeActions = {
  ensureBridge: { args: BridgeStepArgs, result: BridgeResult },
  /** A bridge that works is made to come back at boot. */
  persistBridge: { args: BridgeStepArgs, result: BridgeResult },
  /** In its own plan, or as the undo of a kept bridge, which is planned from what is there by then. */
  removeBridge: { args: BridgeStepArgs.or(BridgeUndoArgs), result: BridgeResult },
  proveByReboot: { args: RebootProofArgs, result: RebootProof },
} satisfies StepActions;

export const bridgeStep = stepsOf(bridgeActions);
