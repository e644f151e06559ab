// Finding nodes by what people type: part of a name or an address, or a range such as node[2-10].
import { parseRange } from '../../core/ranges/parse-range.ts';
import type { MeshNode } from './mesh-view.ts';

/** Those that fit, in their order; all when nothing is typed. */
export function searchNodes(nodes: readonly MeshNode[], text: string): readonly MeshNode[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return nodes;
  if (/[[,]/.test(wanted)) {
    const range = parseRange(wanted);
    if (!range.ok) return [];
    const names = new Set(range.names);
    return nodes.filter((node) => names.has(node.name.toLowerCase()));
  }
  return nodes.filter(
    (node) =>
      node.name.toLowerCase().includes(wanted) ||
      node.facts.Addresses.some((address) => address.toLowerCase().includes(wanted)),
  );
}
