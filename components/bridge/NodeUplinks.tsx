// In the form: the NIC of single nodes, for those that were chosen and for those that blocked the last plan, so that a node
// whose own choice does not do gets another without a plan to look at.
import type { ReactElement } from 'react';
import { uplinkChoices } from './bridge-view.ts';
import { NicChoice } from './NicChoice.tsx';

export interface NodeUplinksProps {
  /** By node. */
  readonly uplinks: Readonly<Record<string, string>>;
  /** Detail of the planner's refusal; null when it refused nothing. */
  readonly refusal: Readonly<Record<string, unknown>> | null;
  readonly onUplink: (node: string, nic: string) => void;
}

export function NodeUplinks({ uplinks, refusal, onUplink }: NodeUplinksProps): ReactElement | null {
  const choices = uplinkChoices(uplinks, refusal);
  if (choices.length === 0) return null;
  return (
    <fieldset className="flex max-h-80 flex-col gap-2 overflow-y-auto rounded-md border px-4 py-3">
      <legend className="px-1 text-sm font-medium">Uplink of single nodes</legend>
      {choices.map(({ node, nics }) => (
        <NicChoice key={node} node={node} nics={nics} chosen={uplinks[node] ?? 'auto'} uplink="" onUplink={onUplink} />
      ))}
    </fieldset>
  );
}
