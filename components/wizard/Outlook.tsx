// The right side of a wizard before there is a plan: which nodes, and what will be done on each, in order.
import type { ReactElement, ReactNode } from 'react';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { Panel } from '../ui/Panel.tsx';

export interface OutlookProps {
  readonly names: readonly string[];
  /** Shown when the list is empty. */
  readonly otherwise?: string;
  /** Per node, in order. */
  readonly does: readonly string[];
  readonly children?: ReactNode;
}

/** Names that a reader still takes in; a range of 1,000 odd names would fill the page. */
const maxNames = 200;

export function Outlook(props: OutlookProps): ReactElement {
  const { names, otherwise = 'Name the nodes, and this says what will be done on them.', does, children } = props;
  const more = names.length - maxNames;
  return (
    <Panel title="What will happen">
      <div className="flex flex-col gap-3">
        {names.length === 0 ? (
          <p className="text-fg-2">{otherwise}</p>
        ) : (
          <p>
            On {names.length === 1 ? '1 node' : `${names.length} nodes`}:{' '}
            <span className="font-mono text-sm break-words">
              {describeRange(names.slice(0, maxNames))}
              {more > 0 ? ` and ${more} more` : ''}
            </span>
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
