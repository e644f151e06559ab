// The demo on real nodes: bare machines of a lab, brought into one cluster by the plans of the console's own wizards. Owns
// what a person at the wizards would do: type the addresses and the password, and compare each fingerprint with the machine.
import type { Backend } from '../cli/backend.ts';
import { openLocalBackend } from '../cli/local-backend.ts';
import { describeStep } from '../cli/plan-text.ts';
import { AppError } from '../contract/errors.ts';
import type { Plan, PlanKind, RunSummary, StepView } from '../contract/plans.ts';
import { addNodesKind, bridgeKind, deployKind } from '../core/plans/kinds.ts';
import { isStepDone } from '../core/plans/run-state.ts';
import { describeRange } from '../core/ranges/describe-range.ts';
import type { Lab } from '../lab/lab.ts';
import { nodePassword } from '../lab/node.ts';

export interface BareNode {
  readonly name: string;
  readonly address: string;
  /** SHA256 fingerprints of its host keys, in the order in which a plan shows them; read inside the machine. */
  readonly fingerprints: readonly string[];
}

/** Boots a fresh lab. @throws AppError that names each node that is not ready */
export async function bootLab(lab: Lab, nodes: number): Promise<BareNode[]> {
  // A demo starts from nothing each time: leftovers of the last one would hide what this one does.
  await lab.down();
  const results = await lab.up({ nodes });
  const broken = results.filter(({ error }) => error !== null);
  if (broken.length > 0) {
    const text = broken.map(({ name, error }) => `${name}: ${error ?? ''}`).join('\n');
    throw new AppError('failed', `${text}\nThe lab stays up for a look; the same command starts from nothing again.`);
  }
  return Promise.all(
    results.map(async ({ name, address }) => ({ name, address, fingerprints: await readFingerprints(lab, name) })),
  );
}

async function readFingerprints(lab: Lab, node: string): Promise<string[]> {
  const script = 'for type in ed25519 ecdsa rsa; do ssh-keygen -l -f "/etc/ssh/ssh_host_${type}_key.pub"; done';
  const { stdout } = await lab.exec(node, ['sh', '-c', script]);
  return stdout.match(/SHA256:\S+/g) ?? [];
}

/**
 * Add nodes, Deploy, then Bridge: as the wizards do, with their plans, their runs and their journal in the data folder. This
 * only begins the bridge's run. The console that starts over the same folder continues it, and a person who opens the link watches.
 */
export async function makeCluster(
  nodes: readonly BareNode[],
  options: { dataPath: string; say: (text: string) => void },
): Promise<void> {
  const { dataPath, say } = options;
  const complain = (text: string) => console.error(text);
  const log = { debug: () => undefined, info: () => undefined, warn: complain, error: complain };
  const backend = await openLocalBackend(dataPath, log);
  try {
    const names = nodes.map(({ name }) => name);
    const list = nodes.map(({ name, address }) => `${name}=${address}`).join(',');
    const add = await makePlan(backend, addNodesKind.kind, { nodes: list }, say);
    for (const node of nodes) assertOwnKeys(node, add);
    say('host keys compared with those in the machines: all match');
    await run(backend, add, { 'password:root': nodePassword });
    const form = { nodes: describeRange(names), head: names[0], context: 'demo', degree: 3 };
    await run(backend, await makePlan(backend, deployKind.kind, form, say), {});
    // One canary, then the others: each keeps its address and loses no connection.
    const bridge = await makePlan(backend, bridgeKind.kind, { nodes: describeRange(names) }, say);
    await backend.startRun(bridge.id, {});
    say('started, node by node; the console continues it: see Runs');
  } finally {
    await backend.close();
  }
}

async function makePlan(
  backend: Backend,
  kind: PlanKind,
  form: Record<string, unknown>,
  say: (text: string) => void,
): Promise<Plan> {
  const plan = await backend.makePlan(kind, form, {});
  say(`${plan.title}: ${plan.steps.length} steps. As a command: ${plan.command}`);
  return plan;
}

/** The network must show the keys that the machine has: we pin only keys that we compared. */
function assertOwnKeys(node: BareNode, plan: Plan): void {
  const step = plan.steps.find(({ node: name, do: { action } }) => name === node.name && action === 'pinHostKey');
  const shown = (step?.preview ?? []).flatMap(({ text }) => text.match(/SHA256:\S+/g) ?? []);
  const isOwn = (fingerprint: string) => node.fingerprints.includes(fingerprint);
  if (shown.length > 0 && shown.every(isOwn)) return;
  throw new AppError(
    'host-key-changed',
    `${node.name} shows ${shown.join(', ') || 'no host key'} at ${node.address}, and has ${node.fingerprints.join(', ')}: ` +
      'another machine answers there',
  );
}

/** Runs a plan to its end; a line for each kind of step that is done on all its nodes. */
async function run(backend: Backend, plan: Plan, secrets: Record<string, string>): Promise<void> {
  const { id } = await backend.startRun(plan.id, secrets);
  const story = new Story(plan);
  const over = Promise.withResolvers<RunSummary>();
  const attend = (summary: RunSummary) => {
    // A run that waits for a secret waits for a person, and nobody is here.
    if (summary.state !== 'running') over.resolve(summary);
  };
  const { view, stop } = await backend.follow(id, (event) => {
    if (event.event === 'step') story.tell(event.step);
    else if (event.event === 'run') attend(event.summary);
  });
  try {
    for (const step of view.steps) story.tell(step);
    attend(view);
    const { state, missingSecrets } = await over.promise;
    if (state === 'done') return;
    const missing = missingSecrets.length > 0 ? ` (${missingSecrets.join(', ')})` : '';
    throw new AppError('failed', `${plan.title}: ${state}${missing}`);
  } finally {
    stop();
  }
}

class Story {
  /** Nodes by the title of their step: all of them, and those where it is done. */
  private readonly chapters = new Map<string, { readonly nodes: string[]; readonly done: Set<string> }>();
  private readonly plan: Plan;

  constructor(plan: Plan) {
    this.plan = plan;
    for (const { title, node } of plan.steps) {
      const chapter = this.chapters.get(title);
      if (chapter) chapter.nodes.push(node);
      else this.chapters.set(title, { nodes: [node], done: new Set() });
    }
  }

  tell(view: StepView): void {
    if (view.error !== '') console.log(`          ${describeStep(view) ?? view.error}`);
    if (!isStepDone(view.state)) return;
    const step = this.plan.steps.find(({ key }) => key === view.key);
    const chapter = step && this.chapters.get(step.title);
    if (!chapter || chapter.done.has(step.node)) return;
    chapter.done.add(step.node);
    if (chapter.done.size === chapter.nodes.length) {
      console.log(`          ${describeRange(chapter.nodes).padEnd(10)}  ${step.title}`);
    }
  }
}
