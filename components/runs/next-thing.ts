// The one next thing to do about a run, in words and as an action: a run never ends in a page without a way on.
import type { RunView } from '../../contract/plans.ts';
import { isKeyName } from '../../core/plans/secret-names.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { isUndoBegun, lanesOf, type LaneStep, missingSecrets, undoable } from './run-view.ts';

export type NextThing =
  | { readonly do: 'wait'; readonly text: string }
  | { readonly do: 'secrets'; readonly text: string }
  | { readonly do: 'answer'; readonly text: string; readonly asks: readonly LaneStep[] }
  | { readonly do: 'retry'; readonly text: string; readonly nodes: readonly string[] }
  | { readonly do: 'undo'; readonly text: string }
  | { readonly do: 'deploy'; readonly text: string; readonly nodes: string }
  | { readonly do: 'mesh'; readonly text: string }
  | { readonly do: 'nothing'; readonly text: string };

export function nextThing(view: RunView): NextThing {
  const lanes = lanesOf(view);
  const failed = lanes.filter((lane) => lane.state === 'failed');
  const failedNodes = failed.map(({ node }) => node).filter((node) => node !== '');
  switch (view.state) {
    case 'running':
      return failed.length > 0
        ? { do: 'wait', text: `${describeLanes(failedNodes)} failed; the other nodes go on.` }
        : { do: 'wait', text: 'Nothing to do: it goes on by itself, also when this page is closed.' };
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
      if (isUndoBegun(view)) return { do: 'undo', text: `${firstError(failed)} Mend that, then undo what is left.` };
      return { do: 'retry', text: `${firstError(failed)} Mend that, then retry what failed.`, nodes: failedNodes };
    case 'cancelled':
      if (isUndoBegun(view)) return { do: 'undo', text: 'Its undo was cancelled: the rest stays until it is undone.' };
      return undoable(view).can.length > 0
        ? { do: 'undo', text: 'What was done stays until it is undone. Retry goes on where it stopped.' }
        : { do: 'retry', text: 'Nothing was changed. Retry starts again where it stopped.', nodes: view.nodes };
    case 'undone':
      return { do: 'nothing', text: 'Everything that could be undone is as it was before.' };
    case 'done':
      if (view.kind === 'add-nodes') {
        return {
          do: 'deploy',
          text: "The nodes take the console's key. Next: put their NICs into the bridge, so that VMs meet across nodes, or deploy meshd first.",
          nodes: describeRange(view.nodes),
        };
      }
      if (view.kind === 'bridge') {
        return {
          do: 'deploy',
          text: 'Each node was seen from outside, and its bridge comes back at boot. Next: deploy meshd to them.',
          nodes: describeRange(view.nodes),
        };
      }
      if (view.kind === 'passwordless-root') {
        return { do: 'undo', text: 'Root needs no password there now. The undo gives back what was before.' };
      }
      return view.kind === 'deploy'
        ? { do: 'mesh', text: 'meshd runs on all of them.' }
        : { do: 'nothing', text: 'Done.' };
  }
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
