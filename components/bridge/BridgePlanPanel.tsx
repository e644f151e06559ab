'use client';
// Beside the plan: per node the NIC that goes into the bridge (the one that the console came in on is marked), who owns it, what
// it looks like before and after, how long it is away, who has to see it, and how it comes back.
import { Download } from 'lucide-react';
import { useState, type ReactElement } from 'react';
import type { Plan } from '../../contract/plans.ts';
import { renderRunbook } from '../../core/plans/bridge/runbook.ts';
import { saveFile } from '../topology/save-file.ts';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { Select } from '../ui/Select.tsx';
import { BeforeAfter } from './BeforeAfter.tsx';
import { type BridgeNode, bridgeNodes } from './bridge-view.ts';

export interface BridgePlanPanelProps {
  readonly plan: Plan;
  /** NIC chosen for a node; absent where a NIC is not to be chosen. */
  readonly onUplink?: (node: string, nic: string) => void;
  readonly uplinks: Readonly<Record<string, string>>;
}

export function BridgePlanPanel({ plan, onUplink, uplinks }: BridgePlanPanelProps): ReactElement {
  const nodes = bridgeNodes(plan);
  const [shown, setShown] = useState(nodes[0]?.node ?? '');
  const node = nodes.find((each) => each.node === shown) ?? nodes[0];
  if (!node) {
    return (
      <Notice state="ok" title="All is right already">
        Bridge, uplink and addresses are as wanted on each node, and come back at boot. There is nothing to run.
      </Notice>
    );
  }
  return (
    <Panel
      title="Before and after"
      actions={
        <>
          {nodes.length > 1 ? (
            <Select
              isMono
              aria-label="Node that is shown"
              value={node.node}
              onValueChange={setShown}
              options={nodes.map((each) => ({ value: each.node, label: each.node }))}
              className="max-w-40"
            />
          ) : null}
          <Button
            size="sm"
            variant="ghost"
            icon={<Download aria-hidden="true" className="size-4" />}
            onClick={() => {
              saveFile(`runbook-${node.args.transaction.bridge}.sh`, 'text/x-shellscript', renderRunbook(plan));
            }}
          >
            Runbook
          </Button>
        </>
      }
    >
      <div className="flex min-w-0 flex-col gap-4">
        <BeforeAfter uplink={node.args.transaction.uplink} before={node.args.before} after={node.args.after} />
        {onUplink && node.args.nics.length > 0 ? (
          <NicChoice node={node} chosen={uplinks[node.node] ?? 'auto'} onUplink={onUplink} />
        ) : null}
        <BridgeFacts node={node} />
        {plan.waves.length > 1 ? (
          <p className="text-sm text-fg-2">
            One after the other, stopping at the first failure:{' '}
            {plan.waves.map((wave, at) => (
              <span key={wave.join()}>
                {at > 0 ? ', then ' : ''}
                <span className="font-mono">{wave.join(' ')}</span>
              </span>
            ))}
            .
          </p>
        ) : null}
      </div>
    </Panel>
  );
}

function NicChoice({
  node,
  chosen,
  onUplink,
}: {
  node: BridgeNode;
  chosen: string;
  onUplink: (node: string, nic: string) => void;
}): ReactElement {
  const { nics } = node.args;
  return (
    <label className="flex flex-wrap items-center gap-2 text-sm text-fg-2">
      Uplink of <span className="font-mono">{node.node}</span>
      <Select
        isMono
        aria-label={`Uplink of ${node.node}`}
        value={chosen}
        onValueChange={(nic) => {
          onUplink(node.node, nic);
        }}
        options={[
          { value: 'auto', label: 'auto', hint: 'The NIC that the console came in on' },
          ...nics.map((nic) => ({
            value: nic.name,
            label: nic.name,
            hint: [
              nic.address === '' ? 'no address' : nic.address,
              nic.owner,
              nic.kind === 'ethernet' ? '' : nic.kind,
              nic.hasCarrier ? '' : 'no carrier',
              nic.isIngress ? 'the console came in here' : '',
            ]
              .filter((part) => part !== '')
              .join(' · '),
          })),
        ]}
        className="max-w-56"
      />
      {nics.some((nic) => nic.isIngress && nic.name === node.args.transaction.uplink) ? (
        <Badge>the console came in here</Badge>
      ) : null}
    </label>
  );
}

const methodWords = {
  ifupdown: '/etc/network/interfaces, both stanzas',
  commands: 'commands, and a unit at boot',
  networkd: 'systemd-networkd files',
} as const;

function BridgeFacts({ node }: { node: BridgeNode }): ReactElement {
  const { args } = node;
  const { transaction } = args;
  const rows: readonly (readonly [string, string])[] = [
    ['Owner of the NIC', args.ownerText],
    ['Comes back at boot by', methodWords[transaction.method]],
    ['Datapath', transaction.datapath === 'netdev' ? 'userspace (no kernel module): slower' : 'kernel'],
    ['Away for', args.outage],
    ['Kept when', args.witnessText],
    ['If not', args.rollback],
    ...(args.madeBy === '' ? [] : [['Bridge there now', `made by ${args.madeBy}`] as const]),
    ...(args.taps.length === 0 ? [] : [['VMs and ports on it', args.taps.join(', ')] as const]),
  ];
  return (
    <dl className="grid gap-x-4 gap-y-1.5 text-sm sm:grid-cols-[9rem_1fr]">
      {rows
        .filter(([, text]) => text !== '')
        .map(([name, text]) => (
          <div key={name} className="contents">
            <dt className="text-fg-3">{name}</dt>
            <dd className="min-w-0 break-words max-sm:mb-1">{text}</dd>
          </div>
        ))}
    </dl>
  );
}
