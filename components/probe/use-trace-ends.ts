'use client';
// The two VMs between which a path is traced: as typed, as they are, and the line that traces it. They are in the URL.
import { useMemo, useState } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { checkEnd, traceLine, vmChoices, vmNamespaces } from './trace-choice.ts';

export interface TraceEnd {
  readonly typed: string;
  /** What is wrong with it; empty: nothing. */
  readonly error: string;
  /** Of the VM that is named; empty while none is. */
  readonly node: string;
  /** Choices for a text; asked when the reader types, not with each change of the fleet. */
  readonly find: (text: string) => readonly FleetVm[];
}

export interface TraceEnds {
  /** Of the cluster. */
  readonly vms: readonly FleetVm[];
  readonly namespace: string;
  /** Empty: there is nothing to choose. */
  readonly namespaces: readonly string[];
  readonly from: TraceEnd;
  readonly to: TraceEnd;
  /** Empty until two VMs are chosen. */
  readonly line: string;
  readonly setNamespace: (namespace: string) => void;
  readonly change: (next: { readonly from?: string; readonly to?: string }) => void;
}

export function useTraceEnds(cluster: string): TraceEnds {
  const rows = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const nodes = useFleetPart(({ view }) => rowsOf(view, fleetKeys.nodes));
  const vms = useMemo(() => [...rows.values()].filter(({ Cluster }) => Cluster === cluster), [rows, cluster]);
  const known = useMemo(() => vmNamespaces(vms), [vms]);
  const { get, set } = useUrlState();
  const [typed, setTyped] = useState(() => ({ from: get('from'), to: get('to') }));
  const usual = usualNamespace(known);
  const namespace = get('namespace') || usual;
  const ends = { namespace, from: typed.from.trim(), to: typed.to.trim() };
  const isSame = ends.from !== '' && ends.from === ends.to;
  const endOf = (side: 'from' | 'to') => {
    const { vm, error } = checkEnd(vms, { namespace, name: ends[side] });
    const other = side === 'from' ? ends.to : ends.from;
    return {
      ...{ vm, error, typed: typed[side] },
      node: vm === null ? '' : ([...nodes.values()].find(({ Id }) => Id === vm.Node)?.Name ?? ''),
      find: (text: string) => vmChoices(vms, { namespace, typed: text, other }),
    };
  };
  const [from, to] = [endOf('from'), endOf('to')];
  return {
    ...{ vms, namespace, from },
    namespaces: known.length < 2 && namespace === usual ? [] : [...new Set([...known, namespace])],
    to: isSame ? { ...to, error: 'A path has two ends: choose another VM.' } : to,
    line: from.vm !== null && to.vm !== null && !isSame ? traceLine(ends) : '',
    setNamespace: (next) => {
      setTyped({ from: '', to: '' });
      set({ namespace: next, from: null, to: null });
    },
    change: (next) => {
      setTyped({ ...typed, ...next });
      set(next);
    },
  };
}

const usualNamespace = ([first, ...others]: readonly string[]): string =>
  first === undefined || others.includes(defaultNamespace) ? defaultNamespace : first;
