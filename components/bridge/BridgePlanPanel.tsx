'use client';
// Beside the plan: per node the NIC that goes into the bridge (the one that the console came in on is marked), who owns it, what
// it looks like before and after, how long it is away, who has to see it, and how it comes back.
import { Download } from 'lucide-react';
import { useState, type ReactElement } from 'react';
import type { Plan } from '../../contract/plans.ts';
import { renderRunbook } from '../../core/plans/bridge/plan/runbook.ts';
import { rescueCommand } from '../../core/plans/bridge/plan/transaction.ts';
import { saveFile } from '../topology/save-file.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { Select } from '../ui/Select.tsx';
import { BeforeAfter } from './BeforeAfter.tsx';
import { type BridgeNode, bridgeNodes } from './bridge-view.ts';
import { NicChoice } from './NicChoice.tsx';

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
          <NicChoice
            node={node.node}
            nics={node.args.nics}
            chosen={uplinks[node.node] ?? 'auto'}
            uplink={node.args.transaction.uplink}
            onUplink={onUplink}
          />
        ) : null}
        <BridgeFacts node={node} />
        {node.args.transaction.kind === 'persist' ? null : <Rescue />}
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

/** Read before the start: afterwards this page may be out of reach. */
function Rescue(): ReactElement {
  return (
    <section className="flex flex-col gap-2 rounded-md border px-4 py-3 text-sm" aria-labelledby="rescue">
      <h3 id="rescue" className="font-medium">
        Note this before it begins
      </h3>
      <p>Should a node stay away all the same, type this as root at its own console (screen, BMC, hypervisor):</p>
      <CommandLine command={rescueCommand} />
      <p>
        The run continues without this page. Find it again at <span className="font-mono">{location.origin}</span> under
        Runs, or from a shell:
      </p>
      <CommandLine command={`meshdeck --console ${location.origin} runs`} />
    </section>
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
