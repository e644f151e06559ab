// The bridge of a node: what carries its VLANs, who configures it, and whether it comes back at boot.
import type { ReactElement } from 'react';
import type { RememberedBridge } from '../../contract/bridge.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { Notice } from '../ui/Notice.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { bridgeOf } from './bridge-facts.ts';
import { Fact, FactList } from './facts.tsx';
import type { MeshNode } from './mesh-view.ts';

export interface BridgeFactListProps {
  readonly node: MeshNode;
  /** The server's clock: the age of what was seen is counted against it. */
  readonly now: number;
  /** What the console saw last: it stands in while the node's meshd has not told. */
  readonly seen: RememberedBridge | null;
}

export function BridgeFactList({ node, now, seen }: BridgeFactListProps): ReactElement {
  const bridge = bridgeOf(node, seen);
  const seenAt = node.bridge === null ? (seen?.at ?? null) : null;
  if (bridge === null) {
    return (
      <p className="text-fg-3">
        {node.added
          ? 'Not looked at yet: making a bridge plan looks, and changes nothing.'
          : node.facts.State === 'member'
            ? 'Not known yet: its meshd has not reported it.'
            : 'Not known: a node reports its bridge only while it is in the mesh.'}
      </p>
    );
  }
  return (
    <div className="flex flex-col gap-3">
      {bridge.alarms.map((alarm) => (
        <Notice key={alarm} state="bad">
          <span className="break-words">{alarm}</span>
        </Notice>
      ))}
      {bridge.name === '' ? (
        <p className="text-fg-2">No bridge yet: its VMs would meet no other node&rsquo;s.</p>
      ) : (
        <FactList>
          <Fact name="Bridge" isMono>
            {bridge.name}
          </Fact>
          <Fact name="Uplink" isMono>
            {bridge.uplink === '' ? <span className="font-sans text-warn">none</span> : bridge.uplink}
          </Fact>
          <Fact name="Owner">{bridge.owner === '' ? '–' : bridge.owner}</Fact>
          <Fact name="At boot by">{bridge.persistence === '' ? '–' : bridge.persistence}</Fact>
          <Fact name="Next boot">
            <StateMark state={bridge.state}>{bridge.isRebootSafe ? 'keeps the bridge' : bridge.reboot}</StateMark>
          </Fact>
        </FactList>
      )}
      {seenAt === null ? null : (
        <p className="text-sm text-fg-3" title={formatInstant(seenAt)}>
          As the console saw it {formatAgo(seenAt, now)}.
        </p>
      )}
    </div>
  );
}
