// What about a node's bridge needs a person now, each with what to do: the red banner, the attention list, `bridge show`. An
// alarm is for a state that no healthy transaction passes through. It counts once a second look has found it as well.
import { isWithin, type BridgeFacts } from '../observe/facts.ts';
import { findTrouble, mendOf } from '../observe/transaction-mark.ts';
import type { TransactionTrouble } from '../observe/transaction-mark.ts';

/** All that this look found, confirmed or not. */
export function findAlarms(facts: BridgeFacts): string[] {
  const { transaction } = facts;
  const trouble = transaction === null ? null : findTrouble(transaction);
  if (transaction !== null && trouble !== null)
    return [`${describeTrouble(transaction, trouble)}: ${mendOf(transaction, trouble)}`];
  // A transaction writes files and rows before it says that it is over.
  if (transaction !== null || !facts.isSettled) return [];
  return [
    ...facts.ovs.bridges.flatMap(({ name, transientPorts }) =>
      transientPorts.map(
        (port) =>
          `${port} in ${name} still has the mark of a trial: the next start of Open vSwitch takes it out. ` +
          `ovs-vsctl remove port ${port} other_config transient`,
      ),
    ),
    ...facts.drift.map((drift) => `${drift}: ${mendDrift(facts, drift)}`),
  ];
}

/** Those that a second look confirmed. */
export function alarmsOf(facts: BridgeFacts): string[] {
  return findAlarms(facts).filter((alarm) => !facts.unconfirmed.includes(alarm));
}

/** The newer of two looks, with only the alarms that both found. */
export function confirmLook(first: BridgeFacts, second: BridgeFacts): BridgeFacts {
  const known = new Set(findAlarms(first));
  return { ...second, unconfirmed: findAlarms(second).filter((alarm) => !known.has(alarm)) };
}

/** Looks again where the first look found an alarm, or was taken while a transaction began or ended. */
export async function lookTwice(look: () => Promise<BridgeFacts>, pause: () => Promise<void>): Promise<BridgeFacts> {
  let facts = await look();
  for (let again = 0; again < 2 && !facts.isSettled && facts.transaction === null; again += 1) {
    await pause();
    facts = await look();
  }
  if (findAlarms(facts).length === 0) return facts;
  await pause();
  return confirmLook(facts, await look());
}

/** A plan for a file that a program rewrites at boot is blocked until that is switched off. */
function mendDrift({ regenerated }: BridgeFacts, drift: string): string {
  const by = regenerated.find(({ path, isAtBoot }) => isAtBoot && isWithin(drift.split(' ')[0] ?? '', path));
  return by === undefined
    ? 'the bridge plan repairs it'
    : `${by.program} writes it again at boot. ${by.mend}; then the bridge plan repairs it`;
}

function describeTrouble(
  { id, holder, state }: NonNullable<BridgeFacts['transaction']>,
  trouble: TransactionTrouble,
): string {
  const what = `transaction ${id} of ${holder || 'someone'} (${state})`;
  switch (trouble) {
    case 'abandoned':
      return `${what} was cut short, and nothing works at it`;
    case 'no-timer':
      return `${what} has no timer in PID 1, which would take it back`;
    case 'past-cap':
      return `${what} is past the time that it can be on trial (its cap)`;
    case 'hangs':
      return `${what} has taken longer than all its time limits together`;
    case 'rollback-failed':
      return `${what} could not go back. At its own console`;
    case 'left-over':
      return `transaction ${id} is over, and its timer is left over`;
  }
}
