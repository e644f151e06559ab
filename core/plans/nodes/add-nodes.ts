// The plan that brings machines in: host keys pinned, a console key for root, a login proved with it, a look at the machine,
// packages, and passwords switched off where asked.
import { z } from 'zod';
import type { Plan, Step } from '../../../contract/plans.ts';
import { describeRange } from '../../ranges/describe-range.ts';
import { describeCommand } from '../command-text.ts';
import { addNodesKind } from '../kinds.ts';
import { nodeStep, type ReplacedHost } from './actions.ts';
import { nodePackages } from './preflight.ts';
import { sshdFile } from './host-scripts.ts';
import { keyName, passwordName } from '../secret-names.ts';
import { makePlan, shellWord, stepKey } from '../step.ts';
import type { PlanContext } from '../step.ts';
import { adviseOnNames, LoginBy, splitItems, SshPort, UserName } from '../targets.ts';
import type { NodeTarget } from '../targets.ts';

export const AddNodesForm = z.object({
  /** A node range, a pasted list of names, addresses and name=address, or a CIDR block. */
  nodes: z.string().max(200_000),
  user: UserName.default('root'),
  port: SshPort,
  login: LoginBy,
  /** Installs missing packages with apt. */
  install: z.boolean().default(false),
  /** Has sshd let root in by key where it forbids root altogether. */
  allowRootKey: z.boolean().default(false),
  /** Offers, per node, to switch password login off once the key is proved. */
  disablePasswords: z.boolean().default(false),
});
export type AddNodesForm = z.infer<typeof AddNodesForm>;

/** What was seen of one node before the plan. */
export interface NodeSighting {
  readonly name: string;
  readonly address: string;
  /** Keys that it showed, as `ssh-ed25519 AAAA…`, with their fingerprints; empty when it did not answer. */
  readonly keys: readonly { readonly line: string; readonly type: string; readonly fingerprint: string }[];
  /** `changed`: another key is pinned. */
  readonly pin: 'pinned' | 'unknown' | 'changed';
  /** Fingerprints that are pinned. */
  readonly pinned: readonly string[];
  /** Root logs in with the console's key already. */
  readonly isKeyProved: boolean;
  /** The console's key that it has, and keeps. Null: it gets the console's newest. */
  readonly ownKey: ConsoleKey | null;
  /** Why it was not reached; empty when it was. */
  readonly error: string;
}

/** A key pair of the console, as far as a plan may know it. */
export interface ConsoleKey {
  readonly keyId: string;
  /** One line of authorized_keys. */
  readonly publicKey: string;
}

/** The key beside the sightings is the newest: for machines that have none yet. */
export interface AddNodesFacts extends ConsoleKey {
  readonly sightings: readonly NodeSighting[];
}

const minuteMs = 60_000;

export function planAddNodes(form: AddNodesForm, facts: AddNodesFacts, context: PlanContext) {
  const names = facts.sightings.map((sighting) => sighting.name);
  const steps = facts.sightings.flatMap((sighting) => nodeSteps(sighting, form, facts, names));
  const newcomers = facts.sightings.filter((sighting) => !sighting.isKeyProved);
  return makePlan(addNodesKind.kind, context, {
    title: `Add ${describeRange(names)}`,
    steps,
    command: commandOf(form),
    secrets: newcomers.map(({ name }) => loginSecret(form, name)),
    warnings: findWarnings(facts.sightings),
  });
}

/** What logs in there the first time. */
export function loginSecret(form: Pick<AddNodesForm, 'user' | 'login'>, node: string): Plan['secrets'][number] {
  const { user } = form;
  return form.login === 'key'
    ? { name: keyName({ user, name: node }), label: `Private key of ${user} on ${node}`, node }
    : { name: passwordName({ user, name: node }), label: `Password of ${user} on ${node}`, node };
}

/** Steps by which one machine gets the console's key: also of a machine that takes another's place. */
export function nodeSteps(
  sighting: NodeSighting,
  form: Omit<AddNodesForm, 'nodes' | 'login'>,
  newest: ConsoleKey,
  names: readonly string[],
  /** What the console knows of the machine that it replaces; null: it replaces none. */
  was: z.input<typeof ReplacedHost> | null = null,
): Step[] {
  const { name: node, address } = sighting;
  const target: NodeTarget = { name: node, address, port: form.port, user: form.user };
  const asRoot = { ...target, user: 'root' };
  const isKnown = sighting.isKeyProved;
  const others = names.filter((name) => name !== node).slice(0, 64);
  const { publicKey, keyId } = sighting.ownKey ?? newest;
  const keyword = publicKey.split(' ').slice(0, 2).join(' ');
  const steps: Step[] = [
    nodeStep({
      action: 'pinHostKey',
      node,
      title: was ? 'Pin its new host key in place of the old one' : 'Pin its host key',
      why: 'The console speaks to this machine only as long as it shows this key: compare it with the machine itself.',
      preview:
        sighting.keys.length === 0
          ? [{ kind: 'note', text: sighting.error || 'it showed no key' }]
          : sighting.keys.map(({ type, fingerprint }) => ({ kind: 'note', text: `${type} ${fingerprint}` })),
      isDone: sighting.pin === 'pinned',
      args: { target, keys: sighting.keys.map(({ line }) => line), replacesPins: was !== null },
      undo: was
        ? { action: 'restoreHost', args: { target, was } }
        : isKnown
          ? null
          : { action: 'forgetHost', args: { target } },
      deadlineMs: 30_000,
    }),
    nodeStep({
      action: 'ensureKey',
      node,
      needs: [stepKey('pinHostKey', node)],
      title: "Install the console's key for root",
      why: 'From then on the console logs in with its key, and needs no password.',
      preview: [
        { kind: 'diff', text: `--- /root/.ssh/authorized_keys\n+++ /root/.ssh/authorized_keys\n+${publicKey}` },
        { kind: 'command', text: 'chmod 700 /root/.ssh; chmod 600 /root/.ssh/authorized_keys' },
      ],
      isDone: isKnown,
      args: { target, publicKey },
      undo: { action: 'removeKey', args: { target, publicKey: keyword } },
    }),
  ];
  if (form.allowRootKey) {
    steps.push(
      nodeStep({
        action: 'ensureRootKeyLogin',
        node,
        needs: [stepKey('ensureKey', node)],
        title: 'Let root log in by key',
        why: 'Where sshd forbids root altogether the key would be of no use.',
        preview: [{ kind: 'diff', text: `--- /dev/null\n+++ ${sshdFile}\n+PermitRootLogin prohibit-password` }],
        isDone: isKnown,
        args: { target },
        undo: { action: 'removeSshdFile', args: { target: asRoot } },
      }),
    );
  }
  steps.push(
    nodeStep({
      action: 'proveKeyLogin',
      node,
      needs: [stepKey(form.allowRootKey ? 'ensureRootKeyLogin' : 'ensureKey', node)],
      title: 'Log in with the key',
      why: 'A new login, by key alone, shows that it works before anything relies on it.',
      preview: [{ kind: 'command', text: `ssh -p ${form.port} root@${shellWord(address)} true` }],
      isDone: isKnown,
      args: { target, keyId },
      undo: null,
      deadlineMs: 30_000,
    }),
    nodeStep({
      action: 'observePreflight',
      node,
      needs: [stepKey('proveKeyLogin', node)],
      title: 'Look at the machine',
      why: 'Shows what is missing before a deploy meets it. It changes nothing.',
      preview: [{ kind: 'note', text: 'CPU and KVM, Open vSwitch, QEMU, disk, memory, clock, names, NIC, mesh port' }],
      args: { target: asRoot, names: others },
    }),
  );
  if (form.install) {
    steps.push(
      nodeStep({
        action: 'ensurePackages',
        node,
        needs: [stepKey('observePreflight', node)],
        title: 'Install what is missing',
        why: 'A node needs Open vSwitch for its bridge and QEMU for its VMs.',
        preview: [{ kind: 'command', text: `apt-get install --no-install-recommends ${nodePackages.join(' ')}` }],
        args: { target: asRoot, packages: [...nodePackages], names: others },
        deadlineMs: 15 * minuteMs,
      }),
    );
  }
  if (form.disablePasswords)
    steps.push(passwordOffStep(asRoot, stepKey(form.install ? 'ensurePackages' : 'observePreflight', node)));
  return steps;
}

function passwordOffStep(target: NodeTarget, needs: string): Step {
  const { name: node } = target;
  return nodeStep({
    action: 'ensurePasswordLoginOff',
    node,
    needs: [needs],
    title: 'Switch password login off',
    why: 'Passwords can be guessed; keys cannot. The run logs in by key a second time before the change, and again after it: if that fails, passwords come back.',
    preview: [
      {
        kind: 'diff',
        text: `--- /dev/null\n+++ ${sshdFile}\n+PasswordAuthentication no\n+KbdInteractiveAuthentication no\n+PermitRootLogin prohibit-password`,
      },
    ],
    args: { target },
    undo: { action: 'removeSshdFile', args: { target } },
    ask: {
      question: `Switch password login off on ${node}? Users without a key there can no longer log in.`,
      default: false,
      deadlineMs: 30 * minuteMs,
    },
    deadlineMs: 90_000,
  });
}

/** Worst first. */
function findWarnings(sightings: readonly NodeSighting[]): string[] {
  const warnings: string[] = [];
  for (const sighting of sightings.filter((each) => each.pin === 'changed')) {
    warnings.push(
      `The host key of ${sighting.name} has changed: pinned is ${sighting.pinned.join(', ')}, it shows ` +
        `${sighting.keys.map(({ type, fingerprint }) => `${type} ${fingerprint}`).join(', ')}. Nothing is done there. If it was ` +
        `reinstalled, replace it: meshdeck nodes replace ${sighting.name}`,
    );
  }
  const byKey = new Map<string, string[]>();
  for (const sighting of sightings) {
    for (const { fingerprint } of sighting.keys) {
      byKey.set(fingerprint, [...(byKey.get(fingerprint) ?? []), sighting.name]);
    }
  }
  const told = new Set<string>();
  for (const nodes of byKey.values()) {
    const text = nodes.join(', ');
    if (nodes.length < 2 || told.has(text)) continue;
    told.add(text);
    warnings.push(
      `${text} show the same host key: they are clones of one image, and each can pass for the other. On each of them: ` +
        'rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh',
    );
  }
  for (const sighting of sightings.filter((each) => each.error !== '')) warnings.push(sighting.error);
  const advice = adviseOnNames(sightings.map(({ name }) => name));
  if (advice !== null) warnings.push(advice);
  return warnings;
}

/** Characters; Linux takes 128 KiB as one argument (MAX_ARG_STRLEN). */
const maxArgument = 100_000;

function commandOf(form: AddNodesForm): string {
  const nodes = splitItems(form.nodes).join(',');
  if (nodes.length > maxArgument) return '# too many nodes for one command: add them in several runs';
  return describeCommand(addNodesKind.commands[0], { ...form, nodes });
}
