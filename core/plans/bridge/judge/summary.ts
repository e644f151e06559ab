// What pages, the node table and health say of a node's bridge: a few words from the facts. The console keeps them for nodes
// without meshd; meshd sends them with its host facts.
import type { BridgeSummary } from '../../../../contract/bridge.ts';
import { alarmsOf } from './alarms.ts';
import type { BridgeFacts } from '../observe/facts.ts';
import { isOver } from '../observe/transaction-mark.ts';
import { describeOwner } from './words.ts';
import { uplinksOf } from './uplink.ts';

export function summariseBridge(facts: BridgeFacts): BridgeSummary {
  const { committed } = facts;
  const withUplink = facts.ovs.bridges.filter((bridge) => uplinksOf(facts, bridge).length > 0);
  const bridge =
    facts.ovs.bridges.find(({ name }) => name === committed?.bridge) ?? withUplink[0] ?? facts.ovs.bridges[0] ?? null;
  const uplink = bridge === null ? null : (uplinksOf(facts, bridge)[0] ?? null);
  const doubts = facts.rebootDoubts ?? [];
  return {
    bridge: bridge?.name ?? '',
    uplink: uplink?.name ?? '',
    owner: uplink === null ? '' : describeOwner(uplink),
    persistence: bridge === null ? '' : committed?.bridge === bridge.name ? committed.method : 'not by Meshdeck',
    reboot:
      bridge === null
        ? ''
        : facts.rebootDoubts === null
          ? 'not known'
          : doubts.length === 0
            ? 'safe'
            : doubts.join('; '),
    transaction: describeTransaction(facts),
    alarms: alarmsOf(facts),
  };
}

function describeTransaction({ transaction }: BridgeFacts): string {
  if (transaction === null || isOver(transaction)) return '';
  return `${transaction.id} of ${transaction.holder || 'someone'}: ${transaction.state}`;
}
