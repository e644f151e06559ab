// The uplinks that were chosen for single nodes, by node, as the form and its planner keep them. Pure.
import type { FormValues } from '../wizard/wizard-state.ts';

type Uplinks = Readonly<Record<string, string>>;

/** Those of the form; what is not a NIC's name is left out. */
export function uplinksOf({ uplinks }: FormValues): Uplinks {
  const entries = typeof uplinks === 'object' && uplinks !== null ? Object.entries(uplinks) : [];
  return Object.fromEntries(entries.flatMap(([node, nic]) => (typeof nic === 'string' ? [[node, nic]] : [])));
}

/** After one node's NIC was chosen; `auto` takes its entry out. */
export function withUplink(uplinks: Uplinks, node: string, nic: string): Uplinks {
  const { [node]: _, ...others } = uplinks;
  return nic === 'auto' ? others : { ...others, [node]: nic };
}
