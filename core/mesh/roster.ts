// Edits of the roster, as values: each takes a roster and gives the next version or says why not. Signing, storing and
// flooding are elsewhere (agent/identity). Only the head makes edits, so versions form one line.
import type { ErrorCode } from '../../contract/errors.ts';
import { RosterNode, type Roster } from '../../contract/roster.ts';

export type RosterEdit =
  | { readonly ok: true; readonly roster: Roster }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** The first roster of a cluster: its head alone. */
export function firstRoster(cluster: string, context: string, head: RosterNode): Roster {
  return { cluster, context, head: head.id, version: 1, nodes: [head], removals: 0 };
}

/** Adds a node, or gives a known id new name, addresses and key (a second deploy). Refuses a name another member has. */
export function admitNode(roster: Roster, node: RosterNode): RosterEdit {
  const parsed = RosterNode.safeParse(node);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refuse('invalid', `node "${node.name}": ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`);
  }
  const holder = roster.nodes.find((other) => sameName(other.name, node.name) && other.id !== node.id);
  if (holder?.state === 'member') {
    return refuse('conflict', `the name ${node.name} belongs to another node of the cluster; names are unique`);
  }
  const known = roster.nodes.find((other) => other.id === node.id);
  if (known?.state === 'revoked') {
    return refuse('refused', `${known.name} was revoked under this id; remove it, or admit it with a new id and key`);
  }
  // A revoked node keeps its id shut out; its name is free for the machine that replaces it.
  const others = roster.nodes.filter((other) => other.id !== node.id && other !== holder);
  const shutOut = holder ? [{ ...holder, name: retiredName(holder.id) }] : [];
  return next(roster, [...others, ...shutOut, parsed.data]);
}

/** Shuts a node out permanently: its key is refused from then on, and its open links are closed. */
export function revokeNode(roster: Roster, id: string): RosterEdit {
  if (id === roster.head) return refuse('refused', 'the head cannot be revoked: move the CA to another node first');
  return change(roster, id, (node) => ({ ...node, state: 'revoked' }));
}

/** Takes a node out of the roster. Its certificate is then unknown, and refused like a revoked one. */
export function removeNode(roster: Roster, id: string): RosterEdit {
  if (id === roster.head) return refuse('refused', 'the head cannot be removed: move the CA to another node first');
  if (!roster.nodes.some((node) => node.id === id)) return refuse('not-found', `no node ${id} in the roster`);
  return next(
    { ...roster, removals: (roster.removals ?? 0) + 1 },
    roster.nodes.filter((node) => node.id !== id),
  );
}

/** Makes another member the head. */
export function moveHead(roster: Roster, id: string): RosterEdit {
  const node = roster.nodes.find((candidate) => candidate.id === id);
  if (!node) return refuse('not-found', `no node ${id} in the roster`);
  if (node.state !== 'member') return refuse('refused', `${node.name} is revoked`);
  return next({ ...roster, head: id }, roster.nodes);
}

function change(roster: Roster, id: string, edit: (node: RosterNode) => RosterNode): RosterEdit {
  const node = roster.nodes.find((candidate) => candidate.id === id);
  if (!node) return refuse('not-found', `no node ${id} in the roster`);
  const parsed = RosterNode.safeParse(edit(node));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refuse('invalid', `${node.name}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`);
  }
  return next(
    roster,
    roster.nodes.map((candidate) => (candidate.id === id ? parsed.data : candidate)),
  );
}

function next(roster: Roster, nodes: RosterNode[]): RosterEdit {
  if (nodes.length > 4096) return refuse('refused', 'the roster is full: 4,096 nodes');
  return { ok: true, roster: { ...roster, version: roster.version + 1, nodes, removals: roster.removals ?? 0 } };
}

function refuse(code: ErrorCode, message: string): RosterEdit {
  return { ok: false, code, message };
}

/** Host names are case-insensitive (RFC 4343). */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** The name of a revoked node once another node has taken its old name; unique because ids are. */
function retiredName(id: string): string {
  return `revoked-${id.slice(0, 16)}`;
}
