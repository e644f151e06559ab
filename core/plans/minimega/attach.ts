// The plan that attaches the console to a minimega cluster that runs already. Nothing is changed on its nodes.
import { z } from 'zod';
import { describeRange } from '../../ranges/describe-range.ts';
import { describeCommand } from '../command-text.ts';
import { attachKind } from '../kinds.ts';
import { makePlan } from '../step.ts';
import type { PlanContext } from '../step.ts';
import type { NodeTarget } from '../targets.ts';
import { attachStep } from './actions.ts';

export const AttachForm = z.object({
  /** A node range of machines that the console logs in to. */
  nodes: z.string().min(1).max(200_000),
  /** minimega's -base. */
  base: z
    .string()
    .max(80, 'a path of a socket has at most 107 bytes')
    .regex(/^\/[\w./-]*$/, 'an absolute path, such as /tmp/minimega')
    .default('/tmp/minimega'),
  /** minimega's -context; empty: whichever the nodes have. */
  context: z
    .string()
    .max(64)
    .regex(/^[^:\s]*$/, 'without colons and spaces')
    .default(''),
});
export type AttachForm = z.infer<typeof AttachForm>;

/** What a look at one machine's minimega showed. */
export interface MinimegaSighting {
  readonly target: NodeTarget;
  /** Why none answers; empty when one does. */
  readonly error: string;
  /** Its name for itself. */
  readonly name: string;
  readonly version: string;
  readonly context: string;
  /** Members of its mesh. */
  readonly members: readonly string[];
  /** Seconds; 0: it waits for ever for a node that does not answer. */
  readonly timeoutSeconds: number;
}

export interface AttachFacts {
  readonly nodes: readonly MinimegaSighting[];
  /** The id that the cluster has, or would get. */
  readonly cluster: string;
  readonly isNew: boolean;
}

/** At least one node answers, and all that do have one context. */
export function planAttach(form: AttachForm, { nodes, cluster, isNew }: AttachFacts, context: PlanContext) {
  const answering = nodes.filter(({ error }) => error === '');
  const of = answering[0]?.context ?? '';
  const names = describeRange(answering.map(({ target }) => target.name));
  return makePlan(attachKind.kind, context, {
    title: `Attach to the minimega cluster ${of} through ${names}`,
    steps: answering.map(({ target, version }) =>
      attachStep({
        action: 'attachNode',
        node: target.name,
        title: isNew ? 'Attach to its minimega' : 'Another way to the cluster',
        why: `${version || 'minimega'} answers at ${form.base}/minimega. The console connects to it through sshd; nothing is installed or changed there.`,
        preview: [{ kind: 'note', text: `ssh ${target.name}: ${form.base}/minimega` }],
        args: { target, base: form.base, context: of, cluster },
        undo: { action: 'detachNode', args: { target } },
        deadlineMs: 60_000,
      }),
    ),
    command: describeCommand(attachKind.commands[0], form),
    warnings: warningsOf(nodes, answering),
  });
}

function warningsOf(nodes: readonly MinimegaSighting[], answering: readonly MinimegaSighting[]): string[] {
  const warnings = [
    'Everybody who may use minimega’s socket, or reaches port 9000 of a node, is root on all its nodes: minimega asks nobody who they are. The roles of ' +
      'this console hold for its own users only.',
  ];
  if (answering.some(({ timeoutSeconds }) => timeoutSeconds === 0)) {
    warnings.push(
      '`mesh timeout` has no limit there, so one node that hangs would hold up all mesh commands: the console sets it to 60 seconds on the node that it is ' +
        'attached to, and changes nothing else.',
    );
  }
  for (const { target, error } of nodes) {
    if (error !== '') warnings.push(`${target.name} is left out: ${error}.`);
  }
  for (const { target, name, members } of answering) {
    if (name !== target.name) {
      warnings.push(
        `${target.name} calls itself ${name}: rename it here or there, or the console does not know that they are one machine.`,
      );
    }
    if (members.length === 1 && answering.length > 1) {
      warnings.push(`${target.name} is alone in its mesh: ${lonely}`);
    }
  }
  const first = answering[0];
  const unmet = answering.filter(({ name }) => first && !first.members.includes(name));
  if (unmet.length > 0 && first) {
    warnings.push(
      `${describeRange(unmet.map(({ target }) => target.name))} ${unmet.length === 1 ? 'is' : 'are'} not in the mesh of ${first.target.name}: ${lonely}`,
    );
  }
  return warnings;
}

/** minimega's own rules of meeting, in the order in which they are worth checking. */
const lonely =
  'nodes of minimega find each other by UDP broadcasts in one network segment (port 9000, UDP and TCP open), only a node with a -degree above 0 looks for others ' +
  '(the packaged service has 0), all need one -context and -port, and each name must resolve on all others. `mesh dial <name>` joins two by hand.';
