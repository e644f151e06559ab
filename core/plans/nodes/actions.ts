// What plans about nodes can do on a machine, and in what the console knows of it: the arguments and the result of each action.
// server/plans/nodes does them.
import { z } from 'zod';
import { Finding } from '../../../contract/known-nodes.ts';
import type { StepActions } from '../actions.ts';
import { stepsOf } from '../step.ts';
import { NodeTarget } from '../targets.ts';
import { passwordlessFile, sshdFile } from './host-scripts.ts';

const Target = z.object({ target: NodeTarget });
const nothing = z.object({});
const PublicKey = z.object({ publicKey: z.string() });

/** What the console knew of a machine before another took its place. */
export const ReplacedHost = z.object({
  addresses: z.array(z.string()).readonly(),
  port: z.number(),
  user: z.string(),
  needsSudo: z.boolean(),
  keyId: z.string().nullable(),
  pins: z.array(z.string()).readonly(),
});

/** Host keys and login keys: pinning, installing, proving, switching passwords off, and undoing each of these. */
export const keyActions = {
  pinHostKey: { args: Target.extend({ keys: z.array(z.string()), replacesPins: z.boolean() }), result: nothing },
  ensureKey: { args: Target.extend(PublicKey.shape), result: nothing },
  /** For a rotation: a key pair with this id, made once. */
  ensureConsoleKey: { args: z.object({ keyId: z.string() }), result: PublicKey },
  /** The public half of a console key. */
  ensureStoredKey: { args: Target.extend({ keyId: z.string() }), result: nothing },
  removeKey: { args: Target.extend(PublicKey.shape), result: nothing },
  /** Removes all console keys, and the head's, from a node that leaves. */
  removeKeys: {
    args: Target.extend({ head: NodeTarget.nullable(), publicKeys: z.array(z.string()) }),
    result: nothing,
  },
  /** After a rotation: removes the old key; the record names the new one already. */
  removeOldKey: { args: Target.extend(PublicKey.shape), result: nothing },
  ensureRootKeyLogin: { args: Target, result: nothing },
  /** Result: the name that the machine calls itself. */
  proveKeyLogin: { args: Target.extend({ keyId: z.string() }), result: z.object({ name: z.string() }) },
  ensurePasswordLoginOff: { args: Target, result: nothing },
  ensureSshdLines: {
    args: Target.extend({ file: z.literal([sshdFile, passwordlessFile]), lines: z.array(z.string()) }),
    result: nothing,
  },
  removeRootPassword: { args: Target, result: nothing },
  restoreRootPassword: { args: Target, result: nothing },
  removeSshdFile: { args: Target, result: nothing },
  /** Undoes pinHostKey for a machine that was replaced: restores its record. */
  restoreHost: { args: Target.extend({ was: ReplacedHost }), result: nothing },
  /** Undoes pinHostKey: the console forgets the machine. */
  forgetHost: { args: Target, result: nothing },
} satisfies StepActions;

export const defaultMeshPort = 9000;

/** What a look at a machine shows. */
const Look = z.object({ facts: z.record(z.string(), z.unknown()), findings: z.array(Finding) });

export const machineActions = {
  observePreflight: {
    args: Target.extend({ names: z.array(z.string()), meshPort: z.number().default(defaultMeshPort) }),
    result: Look,
  },
  /** Result: what the machine looks like afterwards. */
  ensurePackages: {
    args: Target.extend({
      packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/)),
      names: z.array(z.string()).default([]),
    }),
    result: Look,
  },
} satisfies StepActions;

/** The head node: its own key and pins, the program tree, meshd as its service, and the console attached to it. */
export const headActions = {
  ensureHeadKey: { args: Target, result: PublicKey },
  ensureHeadPins: {
    args: Target.extend({ nodes: z.array(Target.extend({ addresses: z.array(z.string()).readonly() })) }),
    result: nothing,
  },
  ensureTree: { args: Target.extend({ programHash: z.string() }), result: nothing },
  ensureHeadService: {
    args: Target.extend({ context: z.string(), degree: z.number(), port: z.number() }),
    result: nothing,
  },
  registerCluster: { args: Target.extend({ context: z.string() }), result: z.object({ cluster: z.string() }) },
  unregisterCluster: { args: Target, result: nothing },
} satisfies StepActions;

/** Key of the step that made the head's key. */
const Access = Target.extend({ keyFrom: z.string() });

/** The other nodes: letting the head in, deploying through it, and taking meshd away. */
export const memberActions = {
  ensureHeadAccess: { args: Access, result: nothing },
  removeHeadAccess: { args: Access, result: nothing },
  ensureMeshd: {
    args: Target.extend({ head: NodeTarget, port: z.number(), context: z.string() }),
    result: z.object({ seconds: z.number(), step: z.string() }),
  },
  removeMeshd: { args: Target, result: nothing },
  /** Ends the VMs that run on a node that leaves. */
  endVms: { args: Target, result: nothing },
  /** Shuts a node out of the mesh permanently. Does nothing when the node is not a member. */
  revokeMember: { args: z.object({ head: NodeTarget, name: z.string() }), result: nothing },
} satisfies StepActions;

export const nodeActions = { ...keyActions, ...machineActions, ...headActions, ...memberActions };

export const nodeStep = stepsOf(nodeActions);
