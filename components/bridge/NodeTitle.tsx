// A node and how it is with it, as the title of its panel.
import type { ReactElement } from 'react';
import { StateMark, type State } from '../ui/StateMark.tsx';

export function NodeTitle({ node, word, state }: { node: string; word: string; state: State }): ReactElement {
  return (
    <span className="flex flex-wrap items-baseline gap-x-3">
      <span className="font-mono">{node}</span>
      <StateMark state={state} className="text-sm font-normal">
        {word}
      </StateMark>
    </span>
  );
}
