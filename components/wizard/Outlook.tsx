// The right side of a wizard before there is a plan: which nodes, and what will be done on each, in order.
import type { ReactElement, ReactNode } from 'react';
import { Panel } from '../ui/Panel.tsx';

export interface OutlookProps {
  /** `4 nodes`; empty: none named yet. */
  readonly count: string;
  /** Names, as a range. */
  readonly nodes: string;
  /** Per node, in order. */
  readonly does: readonly string[];
  readonly children?: ReactNode;
}

export function Outlook({ count, nodes, does, children }: OutlookProps): ReactElement {
  return (
    <Panel title="What will happen">
      <div className="flex flex-col gap-3">
        {count === '' ? (
          <p className="text-fg-2">Name the nodes, and this says what will be done on them.</p>
        ) : (
          <p>
            On {count}: <span className="font-mono text-sm break-words">{nodes}</span>
          </p>
        )}
        <ol className="flex list-decimal flex-col gap-1 pl-5 text-fg-2">
          {does.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ol>
        {children}
        <p className="text-sm text-fg-3">
          First the nodes are only looked at; a plan shows every command before anything runs.
        </p>
      </div>
    </Panel>
  );
}
