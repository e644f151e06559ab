// What is odd about a VLAN, beside its name: shape and word where something is wrong, a quiet word otherwise.
import type { ReactElement } from 'react';
import { StateMark } from '../ui/StateMark.tsx';
import type { MapVlan } from './vlan-view.ts';
import { flagLooks, flagsOf } from './vlan-words.ts';

export function FlagMarks({ vlan }: { vlan: MapVlan }): ReactElement | null {
  const flags = flagsOf(vlan);
  if (flags.length === 0) return null;
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
    </span>
  );
}
