// What needs the reader, worst first: nodes that are out, VMs that failed or wait for something, a console that is not attached, VLANs whose
// numbers are not as they should be, runs that wait or failed. Pure.
import type { FleetVlan, FleetVm } from '../../contract/fleet.ts';
import type { RunSummary } from '../../contract/plans.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { safeText } from '../../core/safe-text.ts';
import { formatAgo, listOf } from '../../lib/format.ts';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import type { State } from '../ui/StateMark.tsx';
import type { Attention } from './attention-item.ts';
import { attentionOfNodes } from './attention-nodes.ts';

/** Failed runs older than this were seen, or no longer matter. */
const oldRunMs = 24 * 3600 * 1000;
/** More VMs than these are a number. */
const shownVms = 50;

export interface AttentionParts {
  /** Nodes that run no meshd yet. */
  readonly added: readonly MeshNode[];
  /** Names of nodes that the console is attached to, and that their mesh does not have. */
  readonly unmet?: readonly string[];
  readonly runs: readonly RunSummary[];
  /** Those of the cluster. */
  readonly vms: readonly FleetVm[];
  readonly vlans: readonly FleetVlan[];
  readonly now: number;
}

const order: readonly State[] = ['bad', 'warn', 'lost', 'busy', 'ok'];

export function attentionOf(mesh: MeshView, { added, unmet = [], runs, vms, vlans, now }: AttentionParts): Attention[] {
  return [
    ...ofCluster(mesh.cluster, unmet, now),
    ...attentionOfNodes(mesh.nodes, added, now),
    ...ofVms(vms),
    ...ofVlans(vlans),
    ...ofRuns(runs, now),
  ].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}

function ofCluster(cluster: MeshView['cluster'], unmet: readonly string[], now: number): Attention[] {
  const items: Attention[] = [];
  if (cluster !== null && cluster.State !== 'live') {
    items.push({
      key: 'cluster',
      state: cluster.State === 'lost' ? 'bad' : 'busy',
      names: '',
      text: cluster.State === 'lost' ? 'No node answers the console' : 'The console is attaching to another node',
      detail: `${cluster.Reason === '' ? '' : `${cluster.Reason}. `}What is shown is as of ${formatAgo(cluster.AsOf, now)}.`,
      href: '/nodes',
      action: 'Nodes',
    });
  }
  if (cluster !== null && cluster.State === 'live' && cluster.Reason !== '') {
    items.push({
      key: 'trouble',
      state: 'warn',
      names: '',
      text: 'Some of what is shown is old',
      detail: cluster.Reason,
      href: '/nodes',
      action: 'Nodes',
    });
  }
  if (unmet.length > 0) {
    items.push({
      key: 'unmet',
      state: 'warn',
      names: describeRange(unmet),
      text: `${unmet.length === 1 ? 'is' : 'are'} not in the mesh`,
      // minimega's own rules of meeting, in the order in which they are worth checking.
      detail:
        'Does minimega run there, with this -context and -port, and -degree above 0 on one side? Do UDP broadcasts and TCP port 9000 pass between them, and does ' +
        'each name resolve on the others? `mesh dial <name>` joins two by hand.',
      href: '/terminal',
      action: 'Terminal',
    });
  }
  return items;
}

/** Lost VMs are the loss of their node, which stands there already. */
const vmTroubles = [
  { state: 'ERROR', tone: 'bad', text: 'failed', plural: 'failed', filter: 'state=ERROR' },
  { state: 'PAUSED', tone: 'warn', text: 'stands still', plural: 'stand still', filter: 'state=PAUSED' },
] as const;

function ofVms(vms: readonly FleetVm[]): Attention[] {
  return vmTroubles.flatMap(({ state, tone, text, plural, filter }) => {
    const those = vms.filter((vm) => vm.State === state && (state === 'ERROR' || vm.Reason !== ''));
    if (those.length === 0) return [];
    const reasons = [...new Set(those.map(({ Reason: reason }) => reason).filter((reason) => reason !== ''))];
    const names = those.map(({ Name: name }) => name);
    const item: Attention = {
      key: `vms ${state}`,
      state: tone,
      names: those.length > shownVms ? `${those.length} VMs` : describeRange(names),
      text: those.length === 1 ? text : plural,
      detail: safeText(listOf(reasons, 2)),
      href: `/vms?q=${encodeURIComponent(filter)}`,
      action: 'Look',
    };
    return [item];
  });
}

/** One line for all that clash, one for all that are split. */
function ofVlans(vlans: readonly FleetVlan[]): Attention[] {
  const clashing = [...new Set(vlans.flatMap(({ Vlan, Clash }) => (Clash ? [String(Vlan)] : [])))];
  const split = [...new Set(vlans.flatMap(({ Alias, Split }) => (Split ? [Alias] : [])))];
  const shown = { names: '', action: 'Look' };
  return [
    ...(clashing.length === 0
      ? []
      : [
          {
            ...shown,
            key: 'vlan-clash',
            state: 'bad' as const,
            text: `VLAN ${listOf(clashing)} ${clashing.length === 1 ? 'has' : 'have'} several names`,
            detail: 'VMs that should be apart share a network.',
            href: '/vlans?q=clash',
          },
        ]),
    ...(split.length === 0
      ? []
      : [
          {
            ...shown,
            key: 'vlan-split',
            state: 'warn' as const,
            text: `VLAN ${listOf(split)} ${split.length === 1 ? 'has' : 'have'} several numbers`,
            detail: 'VMs that should meet are on networks that do not. Joining them moves VMs to one number.',
            href: '/vlans?q=split',
          },
        ]),
  ];
}

function ofRuns(runs: readonly RunSummary[], now: number): Attention[] {
  return runs.flatMap((run): Attention[] => {
    const words = wordsOfRun(run, now);
    if (words === null) return [];
    return [
      {
        key: run.id,
        ...words,
        names: '',
        detail: `${run.title}, started by ${run.startedBy} ${formatAgo(run.startedAt, now)}`,
        href: `/runs/${encodeURIComponent(run.id)}`,
        action: 'Open the run',
      },
    ];
  });
}

function wordsOfRun(run: RunSummary, now: number): { state: State; text: string } | null {
  switch (run.state) {
    case 'asking':
      return { state: 'warn', text: 'A run asks you something' };
    case 'needs-secret':
      return { state: 'warn', text: 'A run waits for a password' };
    case 'failed':
      return now - (run.endedAt ?? run.startedAt) > oldRunMs ? null : { state: 'bad', text: 'A run failed' };
    case 'running':
    case 'done':
    case 'cancelled':
    case 'undone':
      return null;
  }
}
