// The plan that moves NICs into a bridge, and the one that takes the bridge away again: one transaction per node, in waves.
// Whether a node may be touched is judge/verdict.ts, what its step shows is node-step.ts.
import type { Plan, Step } from '../../../../contract/plans.ts';
import { describeRange } from '../../../ranges/describe-range.ts';
import { bridgeStep } from './actions.ts';
import { describeCommand } from '../../command-text.ts';
import { bridgeKind, removeBridgeKind } from '../../kinds.ts';
import { makePlan } from '../../step.ts';
import type { PlanContext } from '../../step.ts';
import type { BridgeFacts, NicFacts } from '../observe/facts.ts';
import type { BridgeForm, BridgePlanFacts, BridgeSighting, PlanPersistence, RemoveBridgeForm } from './inputs.ts';
import { argsOf, bridgeStepOf, nicChoicesOf, previewOf, transactionOf } from './node-step.ts';
import type { JudgedNode } from './node-step.ts';
import { rebootProofStepOf } from './reboot-proof.ts';
import type { BlockedNode, BridgeStepArgs } from './step-args.ts';
import { deadlineOf } from './times.ts';
import { judgeBridge } from '../judge/verdict.ts';
import { uplinksOf } from '../judge/uplink.ts';
import type { BridgeFinding } from '../judge/finding.ts';
import { planWaves } from './waves.ts';

export type BridgePlanResult =
  | { readonly ok: true; readonly plan: Plan }
  | {
      readonly ok: false;
      readonly field: string;
      readonly message: string;
      readonly blocked: readonly BlockedNode[];
    };

/** NICs into the bridge. A node that is blocked or silent blocks the plan: nothing was changed yet anywhere. */
export function planBridge(
  form: BridgeForm,
  facts: BridgePlanFacts,
  context: PlanContext,
  persist: PlanPersistence,
): BridgePlanResult {
  const names = new Set(facts.nodes.map(({ target }) => target.name));
  const stray = Object.keys(form.uplinks).find((name) => !names.has(name));
  if (stray !== undefined)
    return { ok: false, field: `uplinks.${stray}`, message: `${stray} is not among the nodes`, blocked: [] };
  const looked: JudgedNode[] = [];
  const blocked: BlockedNode[] = [];
  for (const sighting of facts.nodes) {
    const { target, facts: seen } = sighting;
    if (seen === null) {
      blocked.push({ node: target.name, findings: [silent(sighting)], nics: [] });
      continue;
    }
    const verdict = judgeBridge(seen, { ...form, uplink: form.uplinks[target.name] ?? form.uplink });
    looked.push({ sighting: { ...sighting, facts: seen }, verdict });
  }
  const made = looked.map((each) => ({ ...each, ...bridgeStepOf(each, form, facts, persist) }));
  for (const { sighting, verdict, findings } of made) {
    const blocks = findings.filter(({ level }) => level === 'block');
    const choice = { bridge: form.bridge, uplink: verdict.uplink };
    if (blocks.length > 0)
      blocked.push({ node: sighting.target.name, findings: blocks, nics: nicChoicesOf(sighting.facts, choice) });
  }
  if (blocked.length > 0) return refuse(blocked, facts.nodes);
  const range = describeRange(names);
  const isRight = made.every(({ verdict }) => verdict.presence === 'right');
  const atWork = made.filter(({ step }) => step !== null && !step.isDone);
  const canary = form.rebootCanary ? ([...atWork, ...made].find(isExpendable) ?? null) : null;
  if (form.rebootCanary && canary === null) {
    const message = 'each of these is the head or the console’s own machine, and neither is restarted: leave it out';
    return { ok: false, field: 'rebootCanary', message, blocked: [] };
  }
  const isNothing = isRight && canary === null;
  const said = isNothing ? ': all is right already' : isRight ? ': proven by a restart' : '';
  const steps = made.flatMap((each) => {
    if (!each.step) return [];
    return each === canary ? [each.step, rebootProofStepOf(each.step, each.sighting.facts)] : [each.step];
  });
  const first = canary && !atWork.includes(canary) ? [canary] : [];
  return {
    ok: true,
    plan: makePlan(bridgeKind.kind, context, {
      title: `${form.bridge} on ${range}${said}`,
      steps: isNothing ? [] : steps,
      waves: wavesOf(
        [...first, ...atWork].map(({ sighting }) => sighting),
        form.atOnce,
      ),
      onFailure: 'stop',
      command: describeCommand(bridgeKind.commands[0], form),
      warnings: [
        ...findMtuDifferences(
          made.map(({ sighting, verdict }) => ({ node: sighting.target.name, nic: verdict.uplink })),
        ),
        ...mergeFindings(made.map(({ sighting, findings }) => ({ node: sighting.target.name, findings }))),
      ],
    }),
  };
}

/** Where nothing is found to take away, only these block: they hide whether something is there. */
export const hidingIds: ReadonlySet<string> = new Set(['ovs-down', 'transaction', 'transaction-stuck']);

/** Removes the bridge permanently, with the same safety. */
export function planRemoveBridge(
  form: RemoveBridgeForm,
  facts: BridgePlanFacts,
  context: PlanContext,
  persist: PlanPersistence,
): BridgePlanResult {
  if (form.confirm !== form.bridge)
    return { ok: false, field: 'confirm', message: `type ${form.bridge} to confirm`, blocked: [] };
  const blocked: BlockedNode[] = [];
  const steps: Step[] = [];
  const atWork: BridgeSighting[] = [];
  const warnings: { node: string; findings: readonly BridgeFinding[] }[] = [];
  for (const sighting of facts.nodes) {
    const { target, facts: seen } = sighting;
    if (seen === null) {
      blocked.push({ node: target.name, findings: [silent(sighting)], nics: [] });
      continue;
    }
    const { args, findings } = removalOf({ ...sighting, facts: seen }, form, facts, persist);
    const isThere = seen.ovs.bridges.some(({ name }) => name === form.bridge);
    const blocks = findings.filter(({ id, level }) => level === 'block' && (isThere || hidingIds.has(id)));
    if (!isThere && blocks.length === 0) continue;
    if (args === null || blocks.length > 0) {
      blocked.push({ node: target.name, findings: blocks, nics: [] });
      continue;
    }
    warnings.push({ node: target.name, findings });
    atWork.push(sighting);
    steps.push(
      bridgeStep({
        action: 'removeBridge',
        node: target.name,
        title: `Take ${form.bridge} away`,
        why: `${args.transaction.uplink} gets its addresses back, as before the bridge. The rollback is armed first, as when the bridge was made.`,
        preview: previewOf(args, seen),
        args,
        undo: null,
        deadlineMs: deadlineOf(args.transaction.times),
      }),
    );
  }
  if (blocked.length > 0) return refuse(blocked, facts.nodes);
  const range = describeRange(facts.nodes.map(({ target }) => target.name));
  return {
    ok: true,
    plan: makePlan(removeBridgeKind.kind, context, {
      title:
        steps.length === 0
          ? `${form.bridge} on ${range}: nothing to take away`
          : `Take ${form.bridge} away from ${range}`,
      steps,
      waves: wavesOf(atWork, form.atOnce),
      onFailure: 'stop',
      command: describeCommand(removeBridgeKind.commands[0], form),
      warnings: mergeFindings(warnings),
    }),
  };
}

/**
 * A removal, planned from what is there: for its own plan, and for the undo of a kept bridge. `args` is null when there is
 * nothing to take away or it cannot be done; `findings` says why.
 */
export function removalOf(
  sighting: BridgeSighting & { readonly facts: BridgeFacts },
  form: Pick<RemoveBridgeForm, 'bridge' | 'hold' | 'window' | 'times'>,
  all: BridgePlanFacts,
  persist: PlanPersistence,
): { args: BridgeStepArgs | null; findings: readonly BridgeFinding[] } {
  const { facts } = sighting;
  const choice = { bridge: form.bridge, uplink: 'auto', method: 'auto', datapath: 'auto' } as const;
  const verdict = judgeBridge(facts, choice, 'remove');
  const { findings } = verdict;
  const bridge = facts.ovs.bridges.find(({ name }) => name === form.bridge);
  if (!bridge) return { args: null, findings };
  if (facts.committed?.bridge !== form.bridge) {
    const text = `${form.bridge} was made by ${verdict.madeBy}: what brings it up at boot is not ours to take away`;
    return {
      args: null,
      findings: [
        ...findings,
        {
          id: 'foreign',
          level: 'block',
          field: 'bridge',
          text,
          mend: `ovs-vsctl del-br ${form.bridge}, at the node’s own console`,
        },
      ],
    };
  }
  const uplink = uplinksOf(facts, bridge).find(({ name }) => name === facts.committed?.uplink) ?? verdict.uplink;
  if (uplink === null) return { args: null, findings };
  const persistence = persist(facts, { ...verdict, kind: 'remove', bridge: form.bridge, uplink });
  const taps = [...(facts.taps[form.bridge] ?? [])];
  const others = bridge.ports.filter((port) => port !== uplink.name && !taps.includes(port));
  const radius: BridgeFinding[] =
    taps.length + others.length === 0
      ? []
      : [
          {
            id: 'radius',
            level: 'warn',
            field: '',
            text: `${[...taps, ...others].join(', ')} on ${form.bridge} lose their network${taps.length > 0 ? `: ${taps.length} of them are VMs` : ''}`,
            mend: 'end these VMs first, or move them',
          },
        ];
  const transaction = transactionOf('remove', { facts, verdict, uplink, persistence, form });
  return {
    args: argsOf(sighting, all, { verdict, uplink, transaction, taps: [...taps, ...others], findings }),
    findings: [...findings, ...persistence.findings, ...radius],
  };
}

/** Neither the cluster nor the console depends on it alone. */
function isExpendable({ sighting: { isHead, isConsole } }: Pick<JudgedNode, 'sighting'>): boolean {
  return !isHead && !isConsole;
}

function wavesOf(nodes: readonly BridgeSighting[], cap: number): string[][] {
  return planWaves(
    nodes.map(({ target, isHead, isConsole }) => ({ name: target.name, isHead, isConsole })),
    cap,
  );
}

function silent({ target, error }: BridgeSighting): BridgeFinding {
  return {
    id: 'unreachable',
    level: 'block',
    field: 'nodes',
    text: error || `${target.name} was not reached`,
    mend: 'fix that, or leave it out',
  };
}

function refuse(blocked: readonly BlockedNode[], nodes: readonly BridgeSighting[]): BridgePlanResult {
  const bad = new Set(blocked.map(({ node }) => node));
  const good = nodes.map(({ target }) => target.name).filter((name) => !bad.has(name));
  const merged = mergeFindings(blocked);
  const [first] = blocked.flatMap(({ findings }) => findings);
  return {
    ok: false,
    field:
      blocked.every(({ findings }) => findings.every(({ field }) => field === first?.field)) && first?.field
        ? first.field
        : 'nodes',
    message:
      merged.join('\n') +
      (good.length > 0 && bad.size > 0 ? `\nWithout ${describeRange(bad)}: ${describeRange(good)}` : ''),
    blocked,
  };
}

/** One line for what several nodes share; blocking ones first, then in the order of the verdict. */
function mergeFindings(
  all: readonly { readonly node: string; readonly findings: readonly BridgeFinding[] }[],
): string[] {
  const nodes = new Map<string, string[]>();
  for (const { node, findings } of all) {
    for (const { text, mend } of findings) {
      const line = mend === '' ? text : `${text} — ${mend}`;
      nodes.set(line, [...(nodes.get(line) ?? []), node]);
    }
  }
  return [...nodes].map(([line, names]) => `${describeRange(names)}: ${line}`);
}

function findMtuDifferences(all: readonly { node: string; nic: NicFacts | null }[]): string[] {
  const byMtu = new Map<number, string[]>();
  for (const { node, nic } of all) if (nic) byMtu.set(nic.mtu, [...(byMtu.get(nic.mtu) ?? []), node]);
  if (byMtu.size < 2) return [];
  const parts = [...byMtu].map(([mtu, nodes]) => `${mtu} on ${describeRange(nodes)}`);
  return [
    `Uplinks differ in MTU (${parts.join(', ')}): VMs’ large frames are lost between them. Set one MTU everywhere.`,
  ];
}
