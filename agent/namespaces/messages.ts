// What members tell and ask each other about namespaces, and its bounds. SPEC section N.
import { z } from 'zod';
import { maxClearedNamespaces, maxNamespaceHosts, maxNamespaceRows, maxNamespaces } from '../../contract/limits.ts';
import { NodeId } from '../../contract/roster.ts';
import type { NamespaceRow, NamespaceRows } from '../../core/namespace-table.ts';
import { defaultNamespace, isNamespaceName } from '../../core/namespaces.ts';
import { loadKinds } from '../../core/vms/placement.ts';
import { knownRows } from '../tables/known-rows.ts';

/** Rows in one message: all there may be. */
export const maxRowsSent = maxNamespaceRows + maxClearedNamespaces;

export const Load = z.enum(loadKinds);
export const Hosts = z.object({ isAllBut: z.boolean(), ids: z.array(NodeId).max(maxNamespaceHosts) });

const Common = {
  /** Each node has its own default namespace. */
  name: z.string().refine((name) => isNamespaceName(name) && name !== defaultNamespace),
  /** Far above what edits reach; below it, adding one still counts. */
  counter: z.number().int().min(1).max(1e12),
  node: NodeId,
};
export const Row: z.ZodType<NamespaceRow> = z.discriminatedUnion('state', [
  z.object({ ...Common, state: z.literal('present'), hosts: Hosts, load: Load, isConfigured: z.boolean() }),
  z.object({ ...Common, state: z.literal('cleared'), clearedAt: z.number().min(-8.64e15).max(8.64e15) }),
]);

export const Rows: z.ZodType<NamespaceRows> = z.object({ rows: knownRows(Row, maxRowsSent) });

/** Notice: rows that were written. */
export const rowsKind = 'namespaces';
export const syncKind = 'namespaces-sync';

/** Ends what a member has in namespaces; the answer says what is left, by namespace. */
export const endKind = 'namespaces-end';
const Name = z.string().refine(isNamespaceName);
export const EndAsk = z.object({ names: z.array(Name).max(maxNamespaceRows + 1) });
export const EndAnswer = z.object({
  left: z
    .record(z.string().max(64), z.array(z.string().max(1_000)).max(100))
    .refine((left) => Object.keys(left).length <= maxNamespaces * 2 + 1),
});
