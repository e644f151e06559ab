'use client';
// What is odd about a VLAN, beside its name: shape and word where something is wrong, a quiet word otherwise. And whether DHCP runs on it.
import type { ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { StateMark } from '../ui/StateMark.tsx';
import type { MapVlan } from './vlan-view.ts';
import { flagLooks, flagsOf } from './vlan-words.ts';

export function FlagMarks({ vlan }: { vlan: MapVlan }): ReactElement | null {
  const flags = flagsOf(vlan);
  const cluster = useCluster()?.Id ?? '';
  const servers = useFleetPart(({ view }) => {
    let count = 0;
    for (const { Cluster, Vlan } of rowsOf(view, fleetKeys.dhcp).values())
      if (Vlan === vlan.vlan && Cluster === cluster) count += 1;
    return count;
  });
  if (flags.length === 0 && servers === 0) return null;
  return (
    <span className="inline-flex items-center gap-2 font-sans text-xs whitespace-nowrap">
      {flags.map((flag) => {
        const { word, state, meaning } = flagLooks[flag];
        return state === null ? (
          <span key={flag} title={meaning} className="text-fg-3">
            {word}
          </span>
        ) : (
          <span key={flag} title={meaning}>
            <StateMark state={state} className="gap-1">
              {word}
            </StateMark>
          </span>
        );
      })}
      {servers === 1 ? (
        <span title="A node serves DHCP on it" className="text-fg-3">
          DHCP
        </span>
      ) : null}
      {servers > 1 ? (
        <span title={`${servers} nodes serve DHCP on it: guests take the answer that comes first`}>
          <StateMark state="warn" className="gap-1">
            {servers} DHCP
          </StateMark>
        </span>
      ) : null}
    </span>
  );
}
