// Plans for nodes that the console knows: put a reinstalled machine in its place, give all a new console key.
import { z } from 'zod';
import { describeRange } from '../../ranges/describe-range.ts';
import { describeCommand } from '../command-text.ts';
import { passwordlessRootKind, replaceNodeKind, rotateKeyKind } from '../kinds.ts';
import { nodeStep, type ReplacedHost } from './actions.ts';
import { loginSecret, nodeSteps } from './add-nodes.ts';
import type { ConsoleKey, NodeSighting } from './add-nodes.ts';
import { passwordlessFile, passwordlessLines } from './host-scripts.ts';
import { makePlan, stepKey } from '../step.ts';
import type { PlanContext } from '../step.ts';
import { LoginBy, SshPort, UserName } from '../targets.ts';
import type { NodeTarget } from '../targets.ts';

const NodeName = z.string().min(1).max(253);

export const ReplaceNodeForm = z.object({
  node: NodeName,
  /** The node's name, typed again. */
  confirm: NodeName,
  user: UserName.default('root'),
  port: SshPort,
  login: LoginBy,
});
export type ReplaceNodeForm = z.infer<typeof ReplaceNodeForm>;

export const RotateKeyForm = z.object({
  /** A node range; empty for all nodes that the console knows. */
  nodes: z.string().max(200_000).default(''),
});
export type RotateKeyForm = z.infer<typeof RotateKeyForm>;

/** A reinstalled machine under its old name: the old and the new fingerprint are in the plan's warnings. */
export function planReplaceNode(
  form: ReplaceNodeForm,
  facts: ConsoleKey & {
    readonly sighting: NodeSighting;
    readonly was: z.input<typeof ReplacedHost>;
  },
  context: PlanContext,
) {
  const { sighting } = facts;
  const node = sighting.name;
  const options = { user: form.user, port: form.port, install: false, allowRootKey: false, disablePasswords: false };
  return makePlan(replaceNodeKind.kind, context, {
    title: `Replace ${node}`,
    steps: nodeSteps(sighting, options, facts, [node], facts.was),
    command: describeCommand(replaceNodeKind.commands[0], { ...form, node }),
    secrets: [loginSecret(form, node)],
    warnings: [
      `${node} was ${sighting.pinned.join(', ') || 'not pinned'}, and shows ` +
        `${sighting.keys.map(({ type, fingerprint }) => `${type} ${fingerprint}`).join(', ') || `nothing (${sighting.error})`}: ` +
        'continue only if you know that it was reinstalled.',
    ],
  });
}

export interface RotateKeyFacts {
  /** Each with the key that lets the console in now, as `type key`. */
  readonly nodes: readonly { readonly target: NodeTarget; readonly oldPublicKey: string }[];
}

/**
 * Each node gets the new key, proves it, and only then loses the old one. The run makes the key: a plan that nobody starts
 * leaves none behind, which would be taken for the newest.
 */
export function planRotateKey(form: RotateKeyForm, facts: RotateKeyFacts, context: PlanContext) {
  const keyId = `console-${context.id}`;
  const makeKey = nodeStep({
    action: 'ensureConsoleKey',
    node: '',
    title: 'Make a new key pair',
    why: 'Its private half stays in the console, encrypted.',
    args: { keyId },
  });
  const nodeSteps = facts.nodes.flatMap(({ target, oldPublicKey }) => {
    const node = target.name;
    return [
      nodeStep({
        verb: 'ensureKey',
        action: 'ensureStoredKey',
        node,
        needs: [makeKey.key],
        title: 'Install the new key',
        why: 'Beside the old one, which still works.',
        preview: [{ kind: 'note', text: 'a line is added to /root/.ssh/authorized_keys' }],
        args: { target, keyId },
      }),
      nodeStep({
        action: 'proveKeyLogin',
        node,
        needs: [stepKey('ensureKey', node)],
        title: 'Log in with it',
        why: 'A new login, by the new key alone.',
        args: { target, keyId },
        deadlineMs: 30_000,
      }),
      nodeStep({
        action: 'removeOldKey',
        node,
        needs: [stepKey('proveKeyLogin', node)],
        title: 'Revoke the old key',
        why: 'A copy of it then no longer lets anyone in.',
        preview: [
          { kind: 'diff', text: `--- /root/.ssh/authorized_keys\n+++ /root/.ssh/authorized_keys\n-${oldPublicKey}` },
        ],
        args: { target, publicKey: oldPublicKey },
      }),
    ];
  });
  const names = describeRange(facts.nodes.map(({ target }) => target.name));
  return makePlan(rotateKeyKind.kind, context, {
    title: `New console key for ${names}`,
    steps: [makeKey, ...nodeSteps],
    command: describeCommand(rotateKeyKind.commands[0], { nodes: form.nodes.trim() || names }),
  });
}

/** What the user has to type, so that nobody does it by mistake. */
export const passwordlessConfirmation = 'anyone may log in';

export const PasswordlessForm = z.object({
  /** A node range. */
  nodes: z.string().min(1).max(200_000),
  confirm: z.literal(passwordlessConfirmation),
});
export type PasswordlessForm = z.infer<typeof PasswordlessForm>;

/** The guide's other way, for clusters that are not accessible to the public. */
export function planPasswordlessRoot(
  form: PasswordlessForm,
  facts: { targets: readonly NodeTarget[] },
  context: PlanContext,
) {
  const steps = facts.targets.flatMap((target) => {
    const node = target.name;
    return [
      nodeStep({
        action: 'removeRootPassword',
        node,
        title: 'Take root’s password away',
        why: 'What it was is kept in a file that root alone reads, for the undo.',
        preview: [
          { kind: 'command', text: "sed -i 's/nullok_secure/nullok/' /etc/pam.d/common-auth" },
          { kind: 'command', text: 'passwd -d root' },
        ],
        args: { target },
        undo: { action: 'restoreRootPassword', args: { target } },
      }),
      nodeStep({
        action: 'ensureSshdLines',
        node,
        needs: [stepKey('removeRootPassword', node)],
        title: 'Have sshd accept an empty password of root',
        why: 'As the guide says, in a separate file.',
        preview: [
          {
            kind: 'diff',
            text: [`--- /dev/null`, `+++ ${passwordlessFile}`, ...passwordlessLines.map((line) => `+${line}`)].join(
              '\n',
            ),
          },
        ],
        args: { target, file: passwordlessFile, lines: [...passwordlessLines] },
        undo: { action: 'ensureSshdLines', args: { target, file: passwordlessFile, lines: [] } },
      }),
    ];
  });
  const names = describeRange(facts.targets.map(({ name }) => name));
  return makePlan(passwordlessRootKind.kind, context, {
    title: `Root without a password on ${names}`,
    steps,
    command: describeCommand(passwordlessRootKind.commands[0], form),
    warnings: [
      `Anyone who reaches port 22 of ${names} is root there, without any password: only for a cluster behind a front-end node that ` +
        'nobody else reaches. The undo of this run takes it back. Keys do the same without the danger.',
    ],
  });
}
