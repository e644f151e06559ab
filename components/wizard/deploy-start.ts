// What the deploy form starts with: the nodes that a link names, and the cluster that stands. New nodes join that cluster
// unless one says otherwise; made the head, the first of them would start another.
import { describeRange } from '../../core/ranges/describe-range.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import type { FormValues } from './wizard-state.ts';

/** Of the cluster that a deploy continues with. */
export interface Standing {
  readonly head: string;
  readonly context: string;
  readonly degree: number | null;
}

/** Null when there is no cluster, or its head is not known. */
export function standingOf(mesh: MeshView): Standing | null {
  const head = mesh.nodes.find((node) => node.facts.Head);
  if (mesh.cluster === null || !head) return null;
  return { head: head.name, context: mesh.cluster.Context, degree: head.facts.Degree };
}

/** `nodes` and `head` as the URL has them. */
export function startOfDeploy({ nodes, head }: { nodes: string; head: string }, standing: Standing | null): FormValues {
  const named = parseRange(nodes);
  const names = named.ok ? named.names : [];
  const leader = head !== '' ? head : (standing?.head ?? names[0] ?? '');
  const context = standing?.context ?? '';
  return {
    head: leader,
    nodes: describeRange(names.filter((name) => name !== leader)),
    context: context === '' ? 'meshd' : context,
    degree: String(standing?.degree ?? 3),
    port: '9000',
  };
}
