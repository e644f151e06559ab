'use client';
// Where the VMs that one is typing would go, as far as the nodes' rows tell; the planner asks the nodes themselves.
import { useDeferredValue, useMemo } from 'react';
import { placeLaunch, type LaunchHost, type Placed } from '../../core/plans/vms/place.ts';
import { placeRules } from '../../core/plans/vms/rules.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { hostsOf, placesOf, takenNames, type ClusterRows } from './cluster-facts.ts';
import { namesIn } from './count-names.ts';
import type { LaunchValues } from './launch-values.ts';

export interface LivePlacement {
  /** All members, in natural order. */
  readonly places: readonly LaunchHost[];
  /** Names of those that may run the VMs. */
  readonly chosen: ReadonlySet<string>;
  readonly names: readonly string[];
  /** MB of each VM; null while that is not typed right. */
  readonly memoryMb: number | null;
  /** Null while names or sizes are not right. */
  readonly placed: Placed | null;
  /** Names that the namespace has already, as one text; empty: none. */
  readonly taken: string;
}

export function usePlacement(form: LaunchValues, rows: ClusterRows): LivePlacement {
  // 5,000 names on 1,000 nodes take a moment: what is typed is shown first.
  const { namespace, names: text, nodes, memory, vcpus, networks, place } = useDeferredValue(form);
  const places = useMemo(() => placesOf(rows), [rows]);
  const names = useMemo(() => namesIn(text), [text]);
  const chosen = useMemo(() => {
    const range = parseRange(nodes.trim());
    return new Set(nodes.trim() === '' ? hostsOf(rows, namespace.trim()) : range.ok ? range.names : []);
  }, [rows, namespace, nodes]);
  const taken = useMemo(() => {
    const known = takenNames(rows, namespace.trim());
    return describeRange(names.filter((name) => known.has(name)));
  }, [rows, namespace, names]);
  const memoryMb = wholeOf(memory);
  const cpus = wholeOf(vcpus);
  const placed = useMemo(() => {
    const rule = placeRules.find((each) => each === place);
    if (names.length === 0 || memoryMb === null || cpus === null || rule === undefined) return null;
    const size = { vcpus: cpus, memoryMb, nets: networks.length };
    return placeLaunch(
      places.filter(({ name }) => chosen.has(name)),
      names,
      { size, rule },
    );
  }, [places, chosen, names, memoryMb, cpus, networks.length, place]);
  return { places, chosen, names, memoryMb, placed, taken };
}

function wholeOf(text: string): number | null {
  return /^[1-9]\d{0,8}$/.test(text.trim()) ? Number(text) : null;
}
