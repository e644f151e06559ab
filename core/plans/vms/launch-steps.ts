// The steps of a launch: the namespace, its VLANs, and node by node images, VMs and their start.
import type { Step } from '../../../contract/plans.ts';
import { describeRange } from '../../ranges/describe-range.ts';
import { isVlan } from '../../vlans/names.ts';
import { shellCommand } from '../step.ts';
import { launchStep, maxStepVms } from './actions.ts';
import { describeBytes } from './bytes.ts';
import type { LaunchForm } from './form.ts';
import type { LaunchFacts, SurveyedHost } from './launch-facts.ts';
import type { Placed } from './place.ts';
import { launchLine, lineOf, minimegaLaunchLines, settingsOf } from './settings.ts';

/** Until a node has copied its images, launched or started the VMs of a step. */
const copyMs = 2 * 3600_000;
const launchMs = 20 * 60_000;
const startMs = 5 * 60_000;

export function hostSteps(form: LaunchForm, { namespace, engine }: LaunchFacts, nodes: readonly string[]): Step[] {
  const missing = nodes.filter((node) => !namespace?.hosts.includes(node));
  if (missing.length === 0) return [];
  const hosts = describeRange(missing);
  const isNew = namespace === null;
  const args = { cluster: form.cluster, namespace: form.namespace, hosts, isNew };
  return [
    launchStep({
      action: 'ensureHosts',
      node: '',
      title: isNew ? `Make the namespace ${form.namespace}` : `Add ${hosts} to the namespace ${form.namespace}`,
      why: isNew ? 'Its VMs and VLAN aliases are its own, on all nodes.' : 'Only its hosts run its VMs.',
      preview: commandsOf(engine, lineOf('namespace', form.namespace, 'ns', 'add-hosts', hosts)),
      args,
      undo: { action: 'removeHosts', args },
    }),
  ];
}

/** Aliases that are new. A number as it is needs no step. */
export function vlanSteps(form: LaunchForm, { aliases, namespace, engine }: LaunchFacts): Step[] {
  const fresh = [...new Set(form.networks)].filter((vlan) => !isVlanNumber(vlan) && !aliases.has(vlan));
  return fresh.map((alias, at) => {
    const vlan = form.vlans[alias] ?? null;
    const before = fresh[at - 1];
    const args = { cluster: form.cluster, namespace: form.namespace, alias, vlan };
    const words = ['namespace', form.namespace, 'vlans', 'add', alias, ...(vlan === null ? [] : [String(vlan)])];
    return launchStep({
      verb: `ensureVlan ${alias}`,
      action: 'ensureVlan',
      node: '',
      // One after the other: numbers come in the order of the NICs.
      needs: before !== undefined ? [`ensureVlan ${before}`] : namespace === null ? ['ensureHosts'] : [],
      title: vlan === null ? `Make the VLAN ${alias}` : `Make the VLAN ${alias}, number ${vlan}`,
      why:
        vlan === null
          ? 'The cluster gives it a number that no other alias has.'
          : 'You chose its number, such as one that your switches know.',
      // minimega gives an alias its number when a VM first names it.
      preview: engine === 'minimega' && vlan === null ? [] : commandsOf(engine, lineOf(...words)),
      args,
      undo: { action: 'releaseVlan', args },
    });
  });
}

export interface NodeWork {
  readonly node: string;
  /** Keys of the steps before all nodes. */
  readonly needs: readonly string[];
  readonly placed: Placed;
  /** Id of the plan: UUIDs are made from it. */
  readonly plan: string;
}

export function nodeSteps(form: LaunchForm, facts: LaunchFacts, { node, needs, placed, plan }: NodeWork): Step[] {
  const { cluster, namespace } = form;
  const names = placed.byNode.get(node) ?? [];
  const files = facts.hosts.find(({ name }) => name === node)?.missing ?? [];
  const settings = settingsOf(form);
  const networks = form.networks.map((vlan) => describeNetwork(vlan, form, facts));
  const steps: Step[] = [];
  if (files.length > 0) steps.push(copyStep(cluster, node, { files, needs }));
  let last = steps[0]?.key;
  const chunks = chunksOf(names, maxStepVms);
  chunks.forEach((chunk, at) => {
    const vms = describeRange(chunk);
    const part = chunks.length === 1 ? '' : ` ${at + 1}`;
    const args = { cluster, namespace, node, names: vms, uuids: plan };
    const launch = launchStep({
      verb: `launchVms${part}`,
      action: 'launchVms',
      node,
      needs: last === undefined ? needs : [last],
      title: `Launch ${vms}`,
      why: chunk.length === 1 ? 'It is made, paused.' : `${chunk.length} VMs are made, paused.`,
      preview: commandsOf(facts.engine, ...launchLines(facts, { namespace, names: vms, settings, node })),
      args: { ...args, settings, networks },
      deadlineMs: launchMs,
      undo: { action: 'flushVms', args },
    });
    steps.push(launch);
    last = launch.key;
    if (form.paused) return;
    const start = launchStep({
      verb: `startVms${part}`,
      action: 'startVms',
      node,
      needs: [launch.key],
      title: `Start ${vms}`,
      why: 'They boot.',
      preview: commandsOf(facts.engine, lineOf('namespace', namespace, 'vm', 'start', vms)),
      args,
      deadlineMs: startMs,
      undo: { action: 'killVms', args },
    });
    steps.push(start);
    last = start.key;
  });
  return steps;
}

function launchLines({ engine }: LaunchFacts, launch: Parameters<typeof minimegaLaunchLines>[0]): string[] {
  return engine === 'minimega' ? minimegaLaunchLines(launch) : [launchLine(launch)];
}

function commandsOf(engine: LaunchFacts['engine'], ...lines: readonly string[]): Step['preview'] {
  return lines.map((line) => ({ kind: 'command', text: shellCommand(engine, line) }));
}

function copyStep(
  cluster: string,
  node: string,
  { files, needs }: Pick<NodeWork, 'needs'> & { readonly files: SurveyedHost['missing'] },
): Step {
  const names = files.map(({ name }) => name).join(', ');
  return launchStep({
    action: 'fetchImages',
    node,
    needs,
    title: `Copy ${names}`,
    why: `${node} lacks ${files.length === 1 ? 'it' : 'them'}. The copy comes from nodes that have it, and is checked.`,
    preview: files.map(({ name, bytes }) => ({ kind: 'note', text: `${name}, ${describeBytes(bytes)}` })),
    args: { cluster, node, files: [...files] },
    deadlineMs: copyMs,
    // Others may use the copy by then.
    undo: null,
  });
}

/** `lan (101)`, `lan (new)`, `100`. */
function describeNetwork(vlan: string, form: LaunchForm, { aliases }: LaunchFacts): string {
  if (isVlanNumber(vlan)) return vlan;
  return `${vlan} (${aliases.get(vlan) ?? form.vlans[vlan] ?? 'new'})`;
}

/** A VLAN by its number, and not by an alias. */
export const isVlanNumber = (vlan: string) => /^\d+$/.test(vlan) && isVlan(Number(vlan));

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}
