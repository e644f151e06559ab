// Nodes that need the reader: lost, never seen, without meshd, without a link, or with a bridge that left something behind. Pure.
import { describeRange } from '../../core/ranges/describe-range.ts';
import { formatAgo } from '../../lib/format.ts';
import { bridgeOf } from '../fleet/bridge-facts.ts';
import type { MeshNode } from '../fleet/mesh-view.ts';
import type { Attention } from './attention-item.ts';

/** More lost nodes than these are one line. */
const shownLost = 5;

/** Of the mesh: `nodes`; `added` run no meshd yet. */
export function attentionOfNodes(nodes: readonly MeshNode[], added: readonly MeshNode[], now: number): Attention[] {
  return [
    ...lostNodes(nodes, now),
    ...outsideNodes(nodes, added),
    ...lonelyNodes(nodes),
    ...ofBridges([...nodes, ...added]),
  ];
}

function lostNodes(nodes: readonly MeshNode[], now: number): Attention[] {
  const lost = nodes
    .filter((node) => node.facts.State === 'absent' && node.facts.LostAt !== null)
    .sort((a, b) => (b.facts.LostAt ?? 0) - (a.facts.LostAt ?? 0));
  if (lost.length > shownLost) {
    return [
      {
        key: 'lost',
        state: 'bad',
        names: describeRange(lost.map((node) => node.name)),
        text: `${lost.length} nodes lost, the last ${formatAgo(lost[0]?.facts.LostAt ?? now, now)}`,
        detail: '',
        href: '/nodes?state=out',
        action: 'Look',
      },
    ];
  }
  return lost.map((node) => ({
    key: node.id,
    state: 'bad',
    names: node.name,
    text: `lost ${formatAgo(node.facts.LostAt ?? now, now)}`,
    detail: node.facts.Addresses[0] ?? '',
    href: `/mesh?node=${encodeURIComponent(node.name)}`,
    action: 'Look',
  }));
}

/** In the roster and never in the mesh, or not even in the roster. */
function outsideNodes(nodes: readonly MeshNode[], added: readonly MeshNode[]): Attention[] {
  const items: Attention[] = [];
  const never = nodes.filter((node) => node.facts.State === 'absent' && node.facts.LostAt === null);
  if (never.length > 0) {
    const names = describeRange(never.map((node) => node.name));
    items.push({
      key: 'never',
      state: 'lost',
      names,
      text: 'in the roster, not seen in the mesh',
      detail: 'Deploying says what stands in the way.',
      href: `/deploy?nodes=${encodeURIComponent(names)}`,
      action: 'Deploy',
    });
  }
  if (added.length > 0) {
    const names = describeRange(added.map((node) => node.name));
    items.push({
      key: 'added',
      state: 'lost',
      names,
      text: 'added, without meshd yet',
      detail: 'Deploying makes it a member of the mesh; its NIC goes into the bridge before or after that.',
      href: `/deploy?nodes=${encodeURIComponent(names)}`,
      action: 'Deploy',
    });
  }
  return items;
}

function lonelyNodes(nodes: readonly MeshNode[]): Attention[] {
  const names = describeRange(nodes.filter((node) => node.state === 'warn').map((node) => node.name));
  if (names === '') return [];
  return [
    {
      key: 'lonely',
      state: 'warn',
      names,
      text: 'in the mesh without a link',
      detail: '',
      href: `/mesh?q=${encodeURIComponent(names)}`,
      action: 'Look',
    },
  ];
}

function ofBridges(nodes: readonly MeshNode[]): Attention[] {
  return nodes.flatMap((node) =>
    (bridgeOf(node)?.alarms ?? []).map((alarm) => ({
      key: `bridge ${node.id} ${alarm}`,
      state: 'bad' as const,
      names: node.name,
      text: 'something of its bridge was left behind',
      detail: alarm,
      href: `/nodes/${encodeURIComponent(node.name)}`,
      action: 'Look',
    })),
  );
}
