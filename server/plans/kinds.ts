// Every kind of plan that the console serves.
import { bridgePlan, removeBridgePlan } from './bridge/bridge-plans.ts';
import { attachPlan } from './minimega/attach.ts';
import { addNodesPlan } from './nodes/add-nodes.ts';
import { deployPlan } from './nodes/deploy.ts';
import { passwordlessRootPlan } from './nodes/passwordless-root.ts';
import { removeNodePlan } from './nodes/remove-node.ts';
import { replaceNodePlan } from './nodes/replace-node.ts';
import { rotateKeyPlan } from './nodes/rotate-key.ts';
import type { ServedKind } from './plan-kind.ts';
import { launchPlan } from './vms/launch-plan.ts';

export const servedKinds: readonly ServedKind[] = [
  addNodesPlan,
  deployPlan,
  attachPlan,
  bridgePlan,
  removeBridgePlan,
  rotateKeyPlan,
  replaceNodePlan,
  removeNodePlan,
  passwordlessRootPlan,
  launchPlan,
];
