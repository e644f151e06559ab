// The plan that makes a cluster: the head's own key and pins, meshd on the head, and `deploy launch` there for the rest. The
// same plan upgrades, and finds nothing to do the second time.
import { z } from 'zod';
import type { Step } from '../../../contract/plans.ts';
import { describeRange } from '../../ranges/describe-range.ts';
import { describeCommand } from '../command-text.ts';
import { deployKind } from '../kinds.ts';
import { nodeStep } from './actions.ts';
import { makePlan, shellWord, stepKey } from '../step.ts';
import type { PlanContext } from '../step.ts';
import type { NodeTarget } from '../targets.ts';

export const DeployForm = z.object({
  head: z.string().min(1).max(253),
  /** A node range; with or without the head. */
  nodes: z.string().max(200_000),
  context: z
    .string()
    .regex(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, dots, hyphens or underscores')
    .default('meshd'),
  degree: z.coerce.number().int().min(1).max(1023).default(3),
  port: z.coerce.number().int().min(1).max(65_535).default(9000),
});
export type DeployForm = z.infer<typeof DeployForm>;

export interface DeployNodeSighting {
  readonly target: NodeTarget;
  /** Other names and addresses that the head may dial it by. */
  readonly addresses: readonly string[];
  /** Program that runs there: `none`, `same`, `other`; `unknown` when it was not reached. */
  readonly program: 'none' | 'same' | 'other' | 'unknown';
  readonly hasRuntime: boolean;
  readonly isRunning: boolean;
  /** It has the identity of a node or a CA: it is in a cluster, whatever became of its program. */
  readonly hasIdentity: boolean;
  /** The console has it in a cluster. */
  readonly isRegistered: boolean;
  /** Checks that failed when it was last looked at. */
  readonly failures?: readonly string[];
  /** Why it was not reached or cannot run meshd; empty when it can. */
  readonly error: string;
}

export interface DeployFacts {
  readonly head: DeployNodeSighting;
  readonly others: readonly DeployNodeSighting[];
  readonly version: string;
  readonly programHash: string;
  /** Bytes that travel to a node that has nothing. */
  readonly sendBytes: number;
}

const minuteMs = 60_000;

export function planDeploy(form: DeployForm, facts: DeployFacts, context: PlanContext) {
  const { head, others } = facts;
  const names = [head.target.name, ...others.map(({ target }) => target.name)];
  const nodes = describeRange(others.map(({ target }) => target.name));
  const steps = [...headSteps(form, facts), ...others.flatMap((other) => nodeSteps(other, form, facts))];
  const warnings = [head, ...others].flatMap(({ error, failures = [] }) => [
    ...(error === '' ? [] : [error]),
    ...failures,
  ]);
  return makePlan(deployKind.kind, context, {
    title: others.length === 0 ? `Deploy on ${head.target.name}` : `Deploy ${nodes} from ${head.target.name}`,
    steps,
    command: describeCommand(deployKind.commands[0], form),
    warnings: [...warnings, ...adviseOnDegree(form.degree, names.length)],
  });
}

/** What a degree means for so many nodes; empty when there is nothing to say. */
export function adviseOnDegree(degree: number, nodes: number): string[] {
  if (nodes <= 2) return [];
  if (degree >= nodes) return [`Degree ${degree} with ${nodes} nodes: each node holds a link to every other.`];
  if (degree === 1) return [`Degree 1: the mesh is a tree at best, and the loss of one node splits it. 3 is advised.`];
  if (degree === 2 && nodes > 4) return [`Degree 2: the loss of two nodes can split ${nodes} nodes. 3 is advised.`];
  if (degree > 8)
    return [
      `Degree ${degree}: each node holds ${degree} links or more, and each message travels over all. 3 is advised.`,
    ];
  return [];
}

/** Nothing of meshd was there: only then does its undo take away what the run brought, and not a node of a cluster. */
function isNew({ program, hasIdentity }: DeployNodeSighting): boolean {
  return program === 'none' && !hasIdentity;
}

function headSteps(form: DeployForm, facts: DeployFacts): Step[] {
  const { head, others, programHash } = facts;
  const node = head.target.name;
  const target = head.target;
  const isUpToDate = head.program === 'same' && head.isRunning;
  const keySteps =
    others.length === 0
      ? []
      : [
          nodeStep({
            action: 'ensureHeadKey',
            node,
            title: 'Make the head’s own key pair',
            why: 'The guide’s deploy launch logs in from the head. The private key is made there and never leaves it.',
            preview: [
              { kind: 'command', text: "ssh-keygen -t ed25519 -N '' -f /root/.ssh/id_ed25519   # unless it is there" },
            ],
            args: { target },
          }),
          nodeStep({
            action: 'ensureHeadPins',
            node,
            title: 'Write the pinned host keys to the head',
            why: 'The head checks the same host keys as the console does.',
            preview: [
              {
                kind: 'note',
                text: `/root/.ssh/known_hosts: the keys of ${describeRange(others.map((other) => other.target.name))}`,
              },
            ],
            args: { target, nodes: others.map((other) => ({ target: other.target, addresses: other.addresses })) },
          }),
        ];
  return [
    ...keySteps,
    nodeStep({
      action: 'ensureTree',
      node,
      title: 'Copy meshd to the head',
      why: 'The runtime and the program, each under its hash; what is there already is not sent again.',
      preview: [
        {
          kind: 'note',
          text: head.hasRuntime
            ? `program ${programHash}`
            : `runtime and program ${programHash}, ${Math.ceil(facts.sendBytes / 1e6)} MB`,
        },
      ],
      isDone: head.program === 'same' && head.hasRuntime,
      args: { target, programHash },
      deadlineMs: 8 * minuteMs,
    }),
    nodeStep({
      action: 'ensureHeadService',
      node,
      needs: [stepKey('ensureTree', node)],
      title: head.program === 'other' ? 'Upgrade meshd on the head' : 'Start meshd on the head',
      why:
        head.program === 'other'
          ? 'Unless the new program says hello in 15 s, its previous one runs again.'
          : 'As a systemd service: it comes back after a crash and a reboot.',
      preview: [
        {
          kind: 'command',
          text: `systemctl enable --now meshd   # meshd -context=${form.context} -degree=${form.degree} -port=${form.port}`,
        },
      ],
      isDone: isUpToDate,
      args: { target, context: form.context, degree: form.degree, port: form.port },
      undo: isNew(head) ? { action: 'removeMeshd', args: { target } } : null,
      deadlineMs: 3 * minuteMs,
    }),
    nodeStep({
      action: 'registerCluster',
      node,
      needs: [stepKey('ensureHeadService', node)],
      title: 'Attach the console to the cluster',
      why: 'From then on the mesh is on the screen as it forms.',
      args: { target, context: form.context },
      preview: [{ kind: 'command', text: `ssh root@${target.address} meshd -relay` }],
      undo: head.isRegistered && !isNew(head) ? null : { action: 'unregisterCluster', args: { target } },
    }),
  ];
}

function nodeSteps(other: DeployNodeSighting, form: DeployForm, facts: DeployFacts): Step[] {
  const head = facts.head.target;
  const node = other.target.name;
  return [
    nodeStep({
      action: 'ensureHeadAccess',
      node,
      needs: [stepKey('ensureHeadKey', head.name)],
      title: 'Let the head log in',
      why: 'Installs the public half of the head’s key for root.',
      preview: [
        {
          kind: 'diff',
          text: `--- /root/.ssh/authorized_keys\n+++ /root/.ssh/authorized_keys\n+<public key of ${head.name}>`,
        },
      ],
      args: { target: other.target, keyFrom: stepKey('ensureHeadKey', head.name) },
      undo: {
        action: 'removeHeadAccess',
        args: { target: other.target, keyFrom: stepKey('ensureHeadKey', head.name) },
      },
    }),
    nodeStep({
      action: 'ensureMeshd',
      node,
      needs: [
        stepKey('ensureHeadAccess', node),
        stepKey('ensureHeadPins', head.name),
        stepKey('registerCluster', head.name),
      ],
      title: other.program === 'other' ? 'Upgrade meshd' : 'Deploy meshd',
      why:
        other.program === 'other'
          ? 'In waves behind one canary; a program that says no hello makes way for its predecessor.'
          : 'The head copies meshd, gives it its identity, starts it and waits until it is in the mesh.',
      preview: [
        {
          kind: 'command',
          text: `meshd -e deploy launch ${shellWord(node)}   # on ${head.name}, together with the others`,
        },
      ],
      isDone: other.program === 'same' && other.isRunning,
      args: { target: other.target, head, port: form.port, context: form.context },
      undo: isNew(other) ? { action: 'removeMeshd', args: { target: other.target } } : null,
      // Upgrades wait for their wave.
      deadlineMs: 15 * minuteMs,
    }),
  ];
}
