// What members ask each other about VLANs, and its bounds. SPEC section V.
import { z } from 'zod';
import { NodeId } from '../../contract/roster.ts';
import { isNamespaceName } from '../../core/namespaces.ts';
import { isAlias, maxVlan, minVlan } from '../../core/vlans/names.ts';
import { maxRanges, type RangeRow, type VlanRow } from '../../core/vlans/table.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { knownRows } from '../tables/known-rows.ts';
import type { SharingMesh } from '../tables/sharing.ts';

export type VlansMesh = SharingMesh & Pick<Mesh, 'nameOf'>;

/** Rows in one message: a row for each number, and as many forced ones. */
export const maxRowsSent = 2 * maxVlan;
/** Nodes of a roster. */
const maxNodes = 4_096;
/** Interfaces of one node's VMs on the numbers asked for. */
const maxUsers = 10_000;

const Vlan = z.number().int().min(minVlan).max(maxVlan);
/** Far above what edits reach; below it, adding one still counts. */
const Counter = z.number().int().min(1).max(1e12);
const Name = { namespace: z.string().refine(isNamespaceName), alias: z.string().refine(isAlias) };
const AliasName = z.object(Name);
/** A raw number is of no namespace. */
const Holder = z.union([AliasName, z.object({ namespace: z.literal(''), alias: z.literal('') })]);

export const Row: z.ZodType<VlanRow> = Holder.and(
  z.object({
    vlan: Vlan,
    state: z.enum(['held', 'released']),
    pinned: z.boolean(),
    forced: z.boolean(),
    counter: Counter,
    node: NodeId,
  }),
);

export const RangeRowShape: z.ZodType<RangeRow> = z.object({
  namespace: Name.namespace,
  range: z
    .object({
      min: Vlan,
      max: z
        .number()
        .int()
        .min(2)
        .max(maxVlan + 2),
    })
    .nullable(),
  counter: Counter,
  node: NodeId,
});

export const Rows = z.object({ rows: knownRows(Row, maxRowsSent), ranges: knownRows(RangeRowShape, maxRanges) });

/** Where a row that is left out would be a number that is given away twice: all of them count, or none. */
export const AllRows = z.object({
  rows: z.array(Row).max(maxRowsSent),
  ranges: z.array(RangeRowShape).max(maxRanges),
});

const Hash = z.string().max(32);
const Ids = z.array(NodeId).max(maxNodes);

/** Notice: rows that were written. */
export const rowsKind = 'vlans';

export const syncKind = 'vlans-sync';

/** Of the namespace and the default one, as the asking node has them: one that was set just now counts for this number. A version before sends none. */
const AskedRanges = knownRows(RangeRowShape, 2).default([]);

/** The owner of an alias decides on its number; of `vlan` when a person asked for it. */
export const aliasKind = 'vlans-alias';
export const AliasAsk = z.object({
  ...{ name: AliasName, vlan: Vlan.nullable(), pinned: z.boolean(), force: z.boolean() },
  ranges: AskedRanges,
});
export type AliasAsk = z.infer<typeof AliasAsk>;
export const AliasAnswer = Rows.extend({ notes: z.array(z.string().max(1_000)).max(16) });

/** The owner of a number gives it away; null: any that it owns in the range of the namespace. */
export const numberKind = 'vlans-number';
export const NumberAsk = z.object({
  ...{ name: Holder, vlan: Vlan.nullable(), pinned: z.boolean() },
  ranges: AskedRanges,
});
export type NumberAsk = z.infer<typeof NumberAsk>;

/** The owner of numbers releases them. */
export const releaseKind = 'vlans-release';
export const ReleaseAsk = z.object({ held: z.array(z.object({ vlan: Vlan, name: Holder })).max(maxRowsSent) });
export type ReleaseAsk = z.infer<typeof ReleaseAsk>;

/** A node gains numbers, or wants to give released ones away again. */
export const confirmKind = 'vlans-confirm';
export const ConfirmAsk = z.object({
  version: z.number().int().nonnegative(),
  hash: Hash,
  rows: knownRows(Row, maxRowsSent),
  missing: Ids,
});
export type ConfirmAsk = z.infer<typeof ConfirmAsk>;
export const ConfirmAnswer = AllRows.extend({
  /** Of the roster in force there; nothing is confirmed unless it is the asker's. */
  version: z.number().int().nonnegative(),
  used: z.array(Vlan).max(maxVlan),
  never: Ids,
});

export type ConfirmAnswer = z.infer<typeof ConfirmAnswer>;

/** Which VMs of a member use these numbers. */
export const usersKind = 'vlans-users';
export const UsersAsk = z.object({ vlans: z.array(Vlan).max(maxVlan) });
export const User = z.object({
  vm: z.string().max(253),
  namespace: z.string().max(64),
  vlan: Vlan,
  /** A version before does not say it. */
  alias: z.string().max(200).optional(),
});
export const UsersAnswer = z.object({ users: z.array(User).max(maxUsers) });

/** Moves the VMs of a member from some numbers of an alias to another. */
export const moveKind = 'vlans-move';
export const MoveAsk = z.object({ name: AliasName, from: z.array(Vlan).max(maxVlan), to: Vlan });
export const MoveAnswer = z.object({ moved: z.array(User).max(maxUsers) });
