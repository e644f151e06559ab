// What a launch can do: lines of the command language on the node that the console is attached to. VMs are found by UUIDs that the plan knows before they
// are there, so that nothing of others is touched, whatever became of an answer.
import { z } from 'zod';
import type { StepActions } from '../actions.ts';
import { stepsOf } from '../step.ts';

/** VMs of one step: a step is what fails, is retried and is undone. */
export const maxStepVms = 50;

const InCluster = z.object({
  /** Id of the cluster; empty for the only one. */
  cluster: z.string(),
  namespace: z.string(),
});

const Hosts = InCluster.extend({
  /** A node range. */
  hosts: z.string(),
  /** The plan found no such namespace. */
  isNew: z.boolean(),
});

const Vlan = InCluster.extend({
  alias: z.string(),
  /** Null: any free number. */
  vlan: z.number().int().nullable(),
});

/** VMs on one node. */
const StepVms = InCluster.extend({
  node: z.string(),
  /** A range. */
  names: z.string(),
  /** What their UUIDs are made from. */
  uuids: z.string(),
});
export type StepVms = z.infer<typeof StepVms>;

export const VmResult = z.object({ name: z.string(), error: z.string() });

const VmsDone = z.object({ vms: z.array(VmResult).optional() });
const Nothing = z.object({});

export const launchActions = {
  ensureHosts: { args: Hosts, result: z.object({ made: z.boolean().optional(), added: z.string().optional() }) },
  removeHosts: { args: Hosts, result: Nothing },
  ensureVlan: { args: Vlan, result: z.object({ vlan: z.number().optional() }) },
  releaseVlan: { args: Vlan, result: Nothing },
  fetchImages: {
    args: z.object({
      cluster: z.string(),
      node: z.string(),
      files: z.array(z.object({ name: z.string(), bytes: z.number() })),
    }),
    result: Nothing,
  },
  launchVms: {
    args: StepVms.extend({
      settings: z.array(z.string()),
      /** As people read them: `lan (101)`. */
      networks: z.array(z.string()),
    }),
    result: VmsDone,
  },
  startVms: { args: StepVms, result: VmsDone },
  killVms: { args: StepVms, result: Nothing },
  flushVms: { args: StepVms, result: Nothing },
} satisfies StepActions;

export const launchStep = stepsOf(launchActions);
