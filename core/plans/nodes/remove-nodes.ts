// The plan that takes nodes out permanently: some of a cluster, or all of it, its head last. Works for nodes that are off.
import { z } from 'zod';
import type { Step } from '../../../contract/plans.ts';
import { describeRange } from '../../ranges/describe-range.ts';
import type { ActionCall } from '../actions.ts';
import { describeCommand } from '../command-text.ts';
import { removeNodeKind } from '../kinds.ts';
import { makePlan, shellWord, stepKey } from '../step.ts';
import type { PlanContext, StepTexts } from '../step.ts';
import { type nodeActions, nodeStep } from './actions.ts';
import type { NodeTarget } from '../targets.ts';

export const RemoveNodesForm = z.object({
  /** A node range. */
  nodes: z.string().min(1).max(200_000),
  /** The same, typed again. */
  confirm: z.string().max(200_000),
});
export type RemoveNodesForm = z.infer<typeof RemoveNodesForm>;

export interface LeavingNode {
  readonly target: NodeTarget;
  readonly cluster: LeftCluster | null;
  /** Why it is not reached; empty when it is. */
  readonly error: string;
  /** Names of the VMs that run on it; empty when it is not reached. */
  readonly vms: readonly string[];
}

/** A cluster that nodes leave: one object for all of its nodes. */
export interface LeftCluster {
  readonly context: string;
  /** Null when the console knows none. */
  readonly head: { readonly target: NodeTarget; readonly isReachable: boolean } | null;
  /** All of its nodes that the console knows leave. */
  readonly isWhole: boolean;
}

export interface RemoveNodesFacts {
  readonly nodes: readonly LeavingNode[];
  /** Console keys that may lie on them, each as `type key`. */
  readonly publicKeys: readonly string[];
}

export function planRemoveNodes(form: RemoveNodesForm, facts: RemoveNodesFacts, context: PlanContext) {
  const names = describeRange(facts.nodes.map(({ target }) => target.name));
  const ending = [...new Set(facts.nodes.flatMap(({ cluster }) => (cluster?.isWhole ? [cluster] : [])))];
  const lastOf = new Map(ending.map((cluster) => [cluster, lastNodeOf(cluster, facts.nodes)]));
  const last = new Set(lastOf.values());
  const steps = [
    ...facts.nodes.filter((node) => !last.has(node)).flatMap((node) => stepsOf(node, facts)),
    ...[...last].flatMap((node) => stepsOf(node, facts, othersOf(node, facts.nodes))),
  ];
  return makePlan(removeNodeKind.kind, context, {
    title: [`Remove ${names}`, ...ending.map((cluster) => `the cluster ${cluster.context}`)].join(' and '),
    steps,
    command: describeCommand(removeNodeKind.commands[0], form),
    warnings: findWarnings(facts.nodes, ending),
  });
}

/** The head; where the console does not know it, the node that comes last. */
function lastNodeOf(cluster: LeftCluster, nodes: readonly LeavingNode[]): LeavingNode {
  const members = nodes.filter((node) => node.cluster === cluster);
  const last = members.find(({ target }) => target.name === cluster.head?.target.name) ?? members.at(-1);
  if (!last) throw new Error('a cluster that no node leaves');
  return last;
}

/** The other nodes of its cluster, by name. */
function othersOf(node: LeavingNode, nodes: readonly LeavingNode[]): string[] {
  return nodes.filter((other) => other !== node && other.cluster === node.cluster).map(({ target }) => target.name);
}

/** `before`: of a node that is its cluster's last, those that go before it. */
function stepsOf(
  { target, cluster, error, vms }: LeavingNode,
  facts: RemoveNodesFacts,
  before?: readonly string[],
): Step[] {
  const node = target.name;
  const head = cluster?.head ?? null;
  const steps: Step[] = [];
  const add = (parts: ActionCall<typeof nodeActions> & Omit<StepTexts, 'node' | 'needs'>) => {
    const needs =
      steps.length > 0 ? steps.slice(-1).map(({ key }) => key) : before?.map((name) => stepKey('forgetHost', name));
    steps.push(nodeStep({ ...parts, node, needs: needs ?? [] }));
  };
  if (vms.length > 0) {
    add({
      action: 'endVms',
      title: vms.length === 1 ? 'End its VM' : `End its ${vms.length} VMs`,
      why: `${listed(vms)} on this node: while one runs, the node stays in the cluster.`,
      preview: [{ kind: 'command', text: `kill …   # QEMU of ${listed(vms)}` }],
      args: { target },
    });
  }
  if (before && cluster) {
    add({
      action: 'unregisterCluster',
      title: `Forget the cluster ${cluster.context}`,
      why: 'Once its other nodes are gone: the console attaches to it no more.',
      args: { target },
    });
  } else if (cluster && !cluster.isWhole && head) {
    add({
      action: 'revokeMember',
      title: 'Revoke it in the mesh',
      why: 'The mesh refuses its certificate from then on, from any machine.',
      preview: [{ kind: 'command', text: `meshd -e mesh revoke ${shellWord(node)}   # on ${head.target.name}` }],
      args: { head: head.target, name: node },
    });
  }
  if (error === '') {
    add({
      action: 'removeMeshd',
      title: 'Stop meshd and delete its files',
      why: 'The service, /opt/meshd and /var/lib/meshd go, with the node’s identity and the disks of its VMs.',
      preview: [
        { kind: 'command', text: 'systemctl disable --now meshd' },
        { kind: 'command', text: 'rm -rf /etc/systemd/system/meshd.service /opt/meshd /var/lib/meshd /run/meshd' },
      ],
      args: { target },
    });
    add({
      action: 'removeKeys',
      title: 'Take our keys away',
      why: 'The last thing done there: afterwards the console cannot log in.',
      preview: facts.publicKeys.map((key) => ({
        kind: 'diff' as const,
        text: `--- /root/.ssh/authorized_keys\n+++ /root/.ssh/authorized_keys\n-${key}`,
      })),
      // A head that also leaves may be permanently dead: the others do not wait for it.
      args: {
        target,
        head: head && (head.isReachable || !cluster?.isWhole) ? head.target : null,
        publicKeys: [...facts.publicKeys],
      },
    });
  }
  add({
    action: 'forgetHost',
    title: 'Forget it',
    why: 'Its host key and address leave the console.',
    args: { target },
  });
  return steps;
}

function findWarnings(nodes: readonly LeavingNode[], ending: readonly LeftCluster[]): string[] {
  const warnings = ending.map(
    ({ context, head }) =>
      `The cluster ${context} ends${head ? `, and its CA goes with ${head.target.name}` : ''}: then no node can be deployed to it or ` +
      'revoked. Members that the console does not know, or does not reach, keep running.',
  );
  for (const { target, vms } of nodes) {
    if (vms.length === 0) continue;
    const subject = vms.length === 1 ? 'A VM runs' : `${vms.length} VMs run`;
    warnings.push(
      `${subject} on ${target.name}: ${listed(vms)}. This ends them, and what they wrote to their disks is lost.`,
    );
  }
  const silent = nodes.filter(({ error }) => error !== '');
  const [first] = silent;
  if (first) {
    const names = describeRange(silent.map(({ target }) => target.name));
    const isOne = silent.length === 1;
    warnings.push(
      `${names} ${isOne ? 'is' : 'are'} not reached (${first.error}): ${isOne ? 'it is' : 'they are'} forgotten, and /opt/meshd, ` +
        '/var/lib/meshd and the keys in /root/.ssh/authorized_keys stay on the disk. VMs that run there run on.',
    );
  }
  for (const { context, head, isWhole } of new Set(nodes.flatMap(({ cluster }) => cluster ?? []))) {
    if (!head || head.isReachable) continue;
    const { name } = head.target;
    warnings.push(
      isWhole
        ? `${name} is not reached: its key stays in /root/.ssh/authorized_keys of the others.`
        : `${name}, the head of ${context}, is not reached: nothing can be revoked, and this run will fail there. If it is lost for ` +
            'good, bring its CA to another member first, or remove all nodes of the cluster.',
    );
  }
  return warnings;
}

const namesAtMost = 10;
function listed(names: readonly string[]): string {
  const shown = names.slice(0, namesAtMost).join(', ');
  return names.length > namesAtMost ? `${shown} and ${names.length - namesAtMost} more` : shown;
}
