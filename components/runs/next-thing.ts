// The one next thing to do about a run, in words and as an action: a run never ends in a page without a way on.
import type { RunView } from '../../contract/plans.ts';
import { isUndoBegun } from '../../core/plans/run-state.ts';
import { isKeyName } from '../../core/plans/secret-names.ts';
import { undoable } from '../../core/plans/undoable.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { runKindOf } from './run-kinds.tsx';
import { lanesOf, type LaneStep, missingSecrets } from './run-view.ts';
import type { Standings } from './standing.ts';

export type NextThing =
  | { readonly do: 'wait'; readonly text: string }
  | { readonly do: 'secrets'; readonly text: string }
  | { readonly do: 'answer'; readonly text: string; readonly asks: readonly LaneStep[] }
  | { readonly do: 'retry'; readonly text: string; readonly nodes: readonly string[] }
  | { readonly do: 'undo'; readonly text: string }
  | { readonly do: 'go'; readonly text: string; readonly ways: readonly Way[] }
  | { readonly do: 'nothing'; readonly text: string };

/** What to do next; `nodes` is a range. The first one is the best. */
export interface Way {
  readonly to: 'install' | 'deploy' | 'bridge' | 'launch' | 'mesh';
  readonly nodes: string;
}

/** `standings`: null while it is not known how far the nodes are. */
export function nextThing(view: RunView, standings: Standings | null): NextThing {
  const lanes = lanesOf(view);
  const failed = lanes.filter((lane) => lane.state === 'failed');
  const failedNodes = failed.map(({ node }) => node).filter((node) => node !== '');
  switch (view.state) {
    case 'running':
      return failed.length > 0
        ? { do: 'wait', text: `${describeLanes(failedNodes)} failed; the other nodes continue.` }
        : { do: 'wait', text: 'Nothing to do. The run continues, also when this page is closed.' };
    case 'asking': {
      const asks = lanes.flatMap(({ steps }) => steps.filter(({ view: step }) => step.state === 'asking'));
      return { do: 'answer', text: asks.length > 1 ? `${asks.length} steps ask` : 'A step asks', asks };
    }
    case 'needs-secret': {
      const names = missingSecrets(view).map(({ node, label }) => (node === '' ? label : node));
      const isKey = missingSecrets(view).some(({ name }) => isKeyName(name));
      return {
        do: 'secrets',
        text: `Give the ${isKey ? 'private key' : 'password'} for ${describeRange(names)}: it was in memory only.`,
      };
    }
    case 'failed':
      if (isUndoBegun(view.steps))
        return { do: 'undo', text: `${firstError(failed)} Fix that, then undo what is left.` };
      return { do: 'retry', text: `${firstError(failed)} Fix that, then retry what failed.`, nodes: failedNodes };
    case 'cancelled':
      if (isUndoBegun(view.steps))
        return { do: 'undo', text: 'Its undo was cancelled: the rest stays until it is undone.' };
      return undoable(view).can.length > 0
        ? { do: 'undo', text: 'What was done stays until it is undone. Retry continues where it stopped.' }
        : { do: 'retry', text: 'Nothing was changed. Retry starts again where it stopped.', nodes: view.nodes };
    case 'undone':
      return { do: 'nothing', text: 'Everything that could be undone is as it was before.' };
    case 'done': {
      const { undoLater } = runKindOf(view.kind);
      return undoLater === undefined ? wayOn(view, standings) : { do: 'undo', text: undoLater };
    }
  }
}

function wayOn(view: RunView, standings: Standings | null): NextThing {
  const { brought, done = 'Done.', bringsBridge = false, findsMissing = false } = runKindOf(view.kind);
  if (brought === undefined) return { do: 'nothing', text: done };
  if (standings === null) return { do: 'nothing', text: brought };
  const toDeploy = describeRange(view.nodes.filter((node) => !standings(node).isInMesh));
  const toBridge = bringsBridge ? '' : describeRange(view.nodes.filter((node) => !standings(node).hasBridge));
  const lacking = findsMissing ? view.nodes.filter((node) => standings(node).missing.length > 0) : [];
  const toInstall = describeRange(lacking);
  const ways: Way[] = [
    ...(toInstall === '' ? [] : [{ to: 'install' as const, nodes: toInstall }]),
    ...(toDeploy === '' ? [] : [{ to: 'deploy' as const, nodes: toDeploy }]),
    ...(toBridge === '' ? [] : [{ to: 'bridge' as const, nodes: toBridge }]),
    ...(toDeploy === '' && toBridge === '' ? [{ to: 'launch' as const, nodes: describeRange(view.nodes) }] : []),
    ...(toDeploy === '' ? [{ to: 'mesh' as const, nodes: describeRange(view.nodes) }] : []),
  ];
  const missing = [...new Set(lacking.flatMap((node) => standings(node).missing))];
  const lack = toInstall === '' ? '' : ` Missing on ${toInstall}: ${missing.join(', ')}.`;
  return { do: 'go', text: `${brought}${lack} ${describeWay(toDeploy, toBridge)}`, ways };
}

function describeWay(toDeploy: string, toBridge: string): string {
  if (toDeploy === '' && toBridge === '')
    return 'All of them are in the mesh, each with its bridge: VMs can run on them.';
  if (toDeploy === '') return `Next: put the NICs of ${toBridge} into the bridge, so that VMs meet across nodes.`;
  if (toBridge === '') return `Next: deploy meshd to ${toDeploy}.`;
  return `Next: deploy meshd to ${toDeploy}, and put the NICs of ${toBridge} into the bridge, so that VMs meet across nodes; either may come first.`;
}

function describeLanes(nodes: readonly string[]): string {
  return nodes.length === 0 ? 'A step of the console' : describeRange(nodes);
}

function firstError(lanes: ReturnType<typeof lanesOf>): string {
  const lane = lanes.find(({ current }) => (current?.view.error ?? '') !== '');
  if (!lane?.current) return 'It failed.';
  const error = lane.current.view.error.replace(/[.\s]*$/, '.');
  // Errors of a node mostly name it themselves.
  return lane.node === '' || error.startsWith(`${lane.node}: `) ? error : `${lane.node}: ${error}`;
}
