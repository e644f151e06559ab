// The fleet as the browser sees it: the rows of every cluster that the console knows. A snapshot with a revision comes first,
// deltas follow; a gap asks for a new snapshot. The server numbers for browsers itself.
import * as z from 'zod/mini';
import type { captures, dhcp, files, leases, namespaces, taps, vlans, vms } from './cluster-kinds.ts';
import { bridges, hosts, links, nodes } from './cluster-kinds.ts';
import { clustersKey, fleetKey } from './kind-keys.ts';
import { defineKind, extendKind, TableChanges, type Kind, type RowData, type RowOf } from './kinds.ts';

export const engineNames = ['meshd', 'minimega'] as const;
export type EngineName = (typeof engineNames)[number];

export const clusters = defineKind({
  ...clustersKey,
  bound: 1_000,
  row: z.object({
    Id: z.string(),
    Context: z.string(),
    Engine: z.enum(engineNames),
    /** `live`: attached and watching. `attaching`: looking for a node that answers. `lost`: none answered. */
    State: z.enum(['live', 'attaching', 'lost']),
    /** Name of the node whose command socket the console is attached to; empty while it is not attached. */
    AttachedTo: z.string(),
    /** Round trip to that node, in milliseconds; null while not attached. */
    RoundTripMs: z.nullable(z.number()),
    /** When the console last received news of this cluster, ms since 1970. */
    AsOf: z.number(),
    /** Why it is not live, or what keeps rows of a live one from being current, for people; empty when all is well. */
    Reason: z.string(),
    /** What its engine cannot do, by capability, each with the reason; left out when it can do all. */
    Lacks: z.optional(z.array(z.object({ What: z.string(), Reason: z.string() }))),
  }),
});
export type FleetCluster = RowOf<typeof clusters>;

const told = { Cluster: z.string(), AsOf: z.number() };

/**
 * A kind of clusters as the console has it: which cluster a row is of, and when a node last confirmed it to the console, ms
 * since 1970.
 */
export function fleetKind<Row extends RowData>(kind: Kind<Row>): Kind<Row & { Cluster: string; AsOf: number }> {
  return extendKind(kind, told, fleetKey(kind).key);
}

/** `LostAt`: when it left the mesh, ms since 1970; null while it is a member. A lost node fades with its age. */
export const fleetNodes = extendKind(nodes, { ...told, LostAt: z.nullable(z.number()) });
export type FleetNode = RowOf<typeof fleetNodes>;

/** A link with its age: `Since` is when the console first saw it in this state, ms since 1970. */
export const fleetLinks = extendKind(links, { Cluster: z.string(), Since: z.number() });
export type FleetLink = RowOf<typeof fleetLinks>;

export const fleetHosts = fleetKind(hosts);
export type FleetHost = RowOf<typeof fleetHosts>;
export const fleetBridges = fleetKind(bridges);
export type FleetBridge = RowOf<typeof fleetBridges>;

type Told<K extends Kind> = RowOf<K> & { Cluster: string; AsOf: number };
export type FleetFile = Told<typeof files>;
export type FleetVlan = Told<typeof vlans>;
export type FleetVm = Told<typeof vms>;
export type FleetTap = Told<typeof taps>;
export type FleetDhcp = Told<typeof dhcp>;
export type FleetLease = Told<typeof leases>;
export type FleetCapture = Told<typeof captures>;
export type FleetNamespace = Told<typeof namespaces>;

/** As the browser gets them, for the kinds that clusters tell. */
export function fleetKinds(kinds: readonly Kind[]): readonly Kind[] {
  const own: readonly Kind[] = [clusters, fleetNodes, fleetLinks];
  return [clusters, ...kinds.map((kind) => own.find(({ name }) => name === kind.name) ?? fleetKind(kind))];
}

/** Something that happened, for `what changed in the last hour`. */
export const FleetEvent = z.object({
  At: z.number(),
  Cluster: z.string(),
  Kind: z.enum([
    ...['node-up', 'node-down', 'node-new', 'node-gone', 'link-up', 'link-down', 'attached', 'detached'],
    // What a node reports about its bridge: it has one now, has none, needs a person, or no longer needs one.
    ...['bridge-up', 'bridge-gone', 'bridge-alarm', 'bridge-well'],
    // What happened to VMs without anybody asking for it.
    ...['vm-lost', 'vm-failed', 'vm-paused', 'vm-ended'],
  ] as const),
  /** Node names concerned, in reading order. */
  Nodes: z.array(z.string()),
  /** The VMs of these nodes that it happened to: how many, and the names of the first. */
  Vms: z.optional(z.object({ Count: z.int(), Names: z.array(z.string()) })),
});
export type FleetEvent = z.infer<typeof FleetEvent>;

export const FleetSnapshot = z.object({
  Revision: z.int(),
  /** The server's clock, ms since 1970: pages compute ages from it. */
  Now: z.number(),
  /** Every row there is of the kinds that were chosen. */
  Kinds: TableChanges,
  /** Of the last hour, newest last, 500 at most. */
  Events: z.array(FleetEvent),
});
export type FleetSnapshot = z.infer<typeof FleetSnapshot>;

export const FleetDelta = z.object({
  From: z.int(),
  Revision: z.int(),
  Now: z.number(),
  Kinds: TableChanges,
  Events: z.array(FleetEvent),
});
export type FleetDelta = z.infer<typeof FleetDelta>;
