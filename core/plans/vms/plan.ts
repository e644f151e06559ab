// A launch as a plan: the namespace and its VLANs first, then node by node, in waves: images, VMs, their start. Pure: it decides from what the cluster said.
import { describeRange } from '../../ranges/describe-range.ts';
import { planWaves } from '../bridge/plan/waves.ts';
import { describeCommand } from '../command-text.ts';
import { launchKind } from '../kinds.ts';
import { makePlan, type PlanContext, type PlanResult } from '../step.ts';
import { namesOf, type LaunchForm } from './form.ts';
import type { LaunchFacts } from './launch-facts.ts';
import { findIssue } from './launch-issues.ts';
import { hostSteps, isVlanNumber, nodeSteps, vlanSteps } from './launch-steps.ts';
import { placeLaunch } from './place.ts';

export function planLaunch(form: LaunchForm, facts: LaunchFacts, context: PlanContext): PlanResult {
  const issue = findIssue(form, facts);
  if (issue !== null) return { ok: false, ...issue };
  const usable = facts.hosts.filter((host) => host.issue === '');
  const names = namesOf(form.names);
  const size = { vcpus: form.vcpus, memoryMb: form.memory, nets: form.networks.length };
  const placed = placeLaunch(usable, names, { size, rule: form.place });
  if (placed.issue !== '') return { ok: false, field: 'nodes', message: placed.issue };
  const nodes = [...placed.byNode.keys()];
  const before = [...hostSteps(form, facts, nodes), ...vlanSteps(form, facts)];
  const needs = before.map(({ key }) => key);
  const steps = nodes.flatMap((node) => nodeSteps(form, facts, { node, needs, placed, plan: context.id }));
  const plan = makePlan(launchKind.kind, context, {
    title: `Launch ${describeRange(names)} in ${form.namespace}`,
    steps: [...before, ...steps],
    waves: planWaves(
      nodes.map((name) => ({ name, isHead: false, isConsole: false })),
      form.atOnce,
    ),
    onFailure: form.keepGoing ? 'skip-node' : 'stop',
    command: describeCommand(launchKind.commands[0], form),
    warnings: warningsOf(form, facts, nodes),
  });
  return { ok: true, plan };
}

function warningsOf(form: LaunchForm, facts: LaunchFacts, nodes: readonly string[]): string[] {
  const { hosts, silent, holders, unbridged } = facts;
  const used = hosts.filter(({ name }) => nodes.includes(name));
  const slow = grouped(used.map(({ name, warning }) => [name, warning]));
  const left = grouped([
    ...silent.map(({ name, why }) => [name, why] as const),
    ...hosts.map(({ name, issue }) => [name, issue] as const),
  ]);
  const shared = [...new Set(form.networks)].flatMap((vlan) => {
    const holder = isVlanNumber(vlan) ? (holders.get(Number(vlan)) ?? '') : '';
    return holder === '' ? [] : [`VLAN ${vlan} is ${holder}: these VMs join the network of its VMs.`];
  });
  const alone = form.networks.length === 0 ? [] : nodes.filter((name) => unbridged.has(name));
  return [
    ...(alone.length === 0 ? [] : [describeAlone(alone)]),
    ...slow.map(([text, names]) => `${names}: ${text}`),
    ...shared,
    ...(form.writesImage
      ? [`The VM writes to ${form.disks.join(', ')} itself, and an undo does not take that back.`]
      : []),
    ...left.map(([text, names]) => `${names} gets no VM: ${text}`),
  ];
}

/** What VMs miss on nodes without an uplink. */
function describeAlone(nodes: readonly string[]): string {
  const its = nodes.length === 1 ? 'its NIC is' : 'their NICs are';
  const names = describeRange(nodes);
  return `${names}: ${its} in no bridge, so VMs there do not meet those of other nodes. Bridge ${names}, before the launch or after it.`;
}

/** Each text once, with the nodes that it is true of; none for empty texts. */
function grouped(texts: readonly (readonly [name: string, text: string])[]): [text: string, names: string][] {
  const byText = new Map<string, string[]>();
  for (const [name, text] of texts) if (text !== '') byText.set(text, [...(byText.get(text) ?? []), name]);
  return [...byText].map(([text, names]) => [text, describeRange(names)]);
}
