// What pages, the node table and health say of a node's bridge: a few words from the facts. The console keeps them for nodes
// without meshd; meshd tells them with its host facts.
import type { BridgeSummary } from '../../../contract/bridge.ts';
import type { BridgeFacts } from './facts.ts';
import { describeOwner, uplinksOf } from './verdict.ts';

const over = new Set(['committed', 'rolled-back']);

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
    alarms: findAlarms(facts),
  };
}

function describeTransaction({ transaction }: BridgeFacts): string {
  if (transaction === null || over.has(transaction.state)) return '';
  return `${transaction.id} of ${transaction.holder || 'someone'}: ${transaction.state}`;
}

function findAlarms(facts: BridgeFacts): string[] {
  const alarms: string[] = [];
  const { transaction } = facts;
  const undo = transaction === null ? '' : `sh /var/lib/meshd/bridge/${transaction.id}/tx undo`;
  if (transaction !== null && !over.has(transaction.state)) {
    const what = `transaction ${transaction.id} of ${transaction.holder || 'someone'} (${transaction.state})`;
    if (transaction.state === 'rollback-failed') alarms.push(`${what} could not go back: ${undo}, at its own console`);
    else if (!transaction.isArmed) alarms.push(`${what} has no timer in PID 1 any more: ${undo}`);
    else if (transaction.isPastCap) alarms.push(`${what} is past the time that it can be on trial (its cap): ${undo}`);
  } else if (transaction?.isArmed)
    alarms.push(`the timer of transaction ${transaction.id}, which is over, is left over: ${undo}`);
  const isOnTrial = transaction !== null && !over.has(transaction.state);
  if (!isOnTrial)
    for (const { name, transientPorts } of facts.ovs.bridges)
      for (const port of transientPorts)
        alarms.push(
          `${port} in ${name} still has the mark of a trial: the next start of Open vSwitch takes it out. ` +
            `ovs-vsctl remove port ${port} other_config transient`,
        );
  for (const drift of facts.drift) alarms.push(`${drift}: the bridge plan puts it right`);
  return alarms;
}
