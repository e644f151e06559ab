// Which NIC of one node goes into the bridge, with what is known of each.
import type { ReactElement } from 'react';
import type { BridgeNicChoice } from '../../core/plans/bridge/plan/step-args.ts';
import { Badge } from '../ui/Badge.tsx';
import { Select } from '../ui/Select.tsx';

export interface NicChoiceProps {
  readonly node: string;
  readonly nics: readonly BridgeNicChoice[];
  /** A NIC's name, or `auto`. */
  readonly chosen: string;
  /** The one that is planned now; empty while there is no plan. */
  readonly uplink: string;
  readonly onUplink: (node: string, nic: string) => void;
}

export function NicChoice({ node, nics, chosen, uplink, onUplink }: NicChoiceProps): ReactElement {
  // One that was chosen before this node was looked at, or that is not there.
  const isUnknown = chosen !== 'auto' && !nics.some(({ name }) => name === chosen);
  return (
    <label className="flex flex-wrap items-center gap-2 text-sm text-fg-2">
      Uplink of <span className="font-mono">{node}</span>
      <Select
        isMono
        aria-label={`Uplink of ${node}`}
        value={chosen}
        onValueChange={(nic) => {
          onUplink(node, nic);
        }}
        options={[
          { value: 'auto', label: 'auto', hint: 'The NIC that the console came in on' },
          ...(isUnknown ? [{ value: chosen, label: chosen }] : []),
          ...nics.map((nic) => ({ value: nic.name, label: nic.name, hint: describeChoice(nic) })),
        ]}
        className="max-w-56"
      />
      {nics.some((nic) => nic.isIngress && nic.name === uplink) ? <Badge>the console came in here</Badge> : null}
    </label>
  );
}

function describeChoice(nic: BridgeNicChoice): string {
  return [
    nic.address === '' ? 'no address' : nic.address,
    nic.owner,
    nic.kind === 'ethernet' ? '' : nic.kind,
    nic.hasCarrier ? '' : 'no carrier',
    nic.isIngress ? 'the console came in here' : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
