// The fleet as a page holds it: what a snapshot and the deltas after it add up to. Owns the rule when a delta fits; the
// server owns numbering. Shared by the browser, by tests and by the bench.
import type {
  FleetBridge,
  FleetCluster,
  FleetDelta,
  FleetEvent,
  FleetHost,
  FleetLink,
  FleetNode,
  FleetSnapshot,
} from '../contract/fleet.ts';
import { allFleetKeys, fleetKeys } from '../contract/fleet-keys.ts';
import { keyOf, type KindKey, type RowsKey } from '../contract/kind-keys.ts';
import type { RowChanges, RowData } from '../contract/kinds.ts';
import { changedRows } from './rows.ts';

/** Immutable: each delta makes a new one, and what it leaves alone stays the same object. */
export interface FleetView {
  readonly revision: number;
  /** The server's clock when this was so, ms since 1970. */
  readonly now: number;
  /** By name of the kind, then by key. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, RowData>>;
  readonly clusters: readonly FleetCluster[];
  /** By node id, as `hosts` and `bridges` are. */
  readonly nodes: ReadonlyMap<string, FleetNode>;
  /** By `linkKey`. */
  readonly links: ReadonlyMap<string, FleetLink>;
  readonly hosts: ReadonlyMap<string, FleetHost>;
  readonly bridges: ReadonlyMap<string, FleetBridge>;
  /** Of the last hour, newest last. */
  readonly events: readonly FleetEvent[];
}

/** What `what changed in the last hour` goes back to, and how many it holds. */
export const eventAgeMs = 3600 * 1000;
export const maxEvents = 500;

export const linkKey = (link: { A: string; B: string }): string => keyOf(fleetKeys.links, link);

/** The rows of a kind in a view. */
export function rowsOf<Row extends RowData>(
  view: Pick<FleetView, 'rows'>,
  kind: RowsKey<Row>,
): ReadonlyMap<string, Row> {
  return (view.rows.get(kind.name) ?? noRows) as ReadonlyMap<string, Row>;
}

const noRows: ReadonlyMap<string, RowData> = new Map();

function viewOf(
  rows: FleetView['rows'],
  parts: Pick<FleetView, 'revision' | 'now' | 'events'>,
  previous?: FleetView,
): FleetView {
  const clusterRows = rowsOf({ rows }, fleetKeys.clusters);
  const isSame = previous !== undefined && rowsOf(previous, fleetKeys.clusters) === clusterRows;
  return {
    ...parts,
    rows,
    clusters: isSame ? previous.clusters : [...clusterRows.values()],
    nodes: rowsOf({ rows }, fleetKeys.nodes),
    links: rowsOf({ rows }, fleetKeys.links),
    hosts: rowsOf({ rows }, fleetKeys.hosts),
    bridges: rowsOf({ rows }, fleetKeys.bridges),
  };
}

function rowsAfter(kinds: readonly KindKey[], rows: FleetView['rows'], changes: RowChanges): FleetView['rows'] {
  const next = new Map(rows);
  for (const kind of kinds) {
    const change = changes[kind.name];
    if (change) next.set(kind.name, changedRows(kind, next.get(kind.name) ?? noRows, change));
  }
  return next;
}

export const emptyFleet: FleetView = viewOf(new Map(), { revision: -1, now: 0, events: [] });

/** `kinds`: those that this side knows; others are left out. */
export function fleetFromSnapshot(snapshot: FleetSnapshot, kinds: readonly KindKey[] = allFleetKeys): FleetView {
  const rows = rowsAfter(kinds, new Map(), snapshot.Kinds);
  return viewOf(rows, { revision: snapshot.Revision, now: snapshot.Now, events: snapshot.Events });
}

/**
 * A view that began with some kinds, when the others have come too. `deltas`: those since it began, which it has followed with
 * its own kinds. `kinds`: the others. Null when it lacks a delta that the others have.
 */
export function joinSnapshot(
  begun: FleetView,
  others: FleetSnapshot,
  { deltas, kinds }: { deltas: readonly FleetDelta[]; kinds: readonly KindKey[] },
): FleetView | null {
  if (begun.revision < others.Revision) return null;
  let rows = rowsAfter(kinds, new Map(), others.Kinds);
  for (const { Revision, Kinds } of deltas)
    if (Revision > others.Revision && Revision <= begun.revision) rows = rowsAfter(kinds, rows, Kinds);
  return viewOf(new Map([...begun.rows, ...rows]), begun, begun);
}

/** `old`: the view has it already. `gap`: one before it is missing, so a new snapshot is needed. */
export function deltaFit(view: FleetView, delta: Pick<FleetDelta, 'From' | 'Revision'>): 'next' | 'old' | 'gap' {
  if (delta.From === view.revision) return 'next';
  return delta.Revision <= view.revision ? 'old' : 'gap';
}

/** The view after a delta that fits; maps that it does not touch stay the same objects. */
export function applyFleetDelta(
  view: FleetView,
  delta: FleetDelta,
  kinds: readonly KindKey[] = allFleetKeys,
): FleetView {
  const events = keepRecent([...view.events, ...delta.Events], delta.Now);
  return viewOf(rowsAfter(kinds, view.rows, delta.Kinds), { revision: delta.Revision, now: delta.Now, events }, view);
}

/** Events that are still worth showing. The same array when all are. */
export function keepRecent(events: readonly FleetEvent[], now: number): readonly FleetEvent[] {
  const from = Math.max(
    events.length - maxEvents,
    events.findIndex((event) => event.At > now - eventAgeMs),
  );
  const isAllOld = events.length > 0 && (events.at(-1)?.At ?? 0) <= now - eventAgeMs;
  if (isAllOld) return [];
  return from > 0 ? events.slice(from) : events;
}
