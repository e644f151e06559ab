// What the node's script does, phase by phase: one list for plan, progress and journal. The script says `phase <id>` at the
// beginning of each, in this order; a test holds the two together.
import type { PlannedTransaction } from './step-args.ts';
import { phaseIds, type PhaseId } from './transaction.ts';
import { describeSeconds } from '../judge/words.ts';

export interface Phase {
  readonly id: PhaseId;
  readonly text: string;
}

/** Those that this transaction goes through, in words. */
export function describePhases(transaction: PlannedTransaction): Phase[] {
  return phaseIds.flatMap((id) => {
    const text = describePhase(id, transaction);
    return text === '' ? [] : [{ id, text }];
  });
}

/** Empty where this transaction has no such phase. */
export function describePhase(id: PhaseId, transaction: PlannedTransaction): string {
  const { kind, bridge, uplink, owner, dhcp, datapath, times, files, enable, disable, addresses, leave, checks } =
    transaction;
  const [from, to] = kind === 'remove' ? [bridge, uplink] : [uplink, bridge];
  switch (id) {
    case 'check':
      return `check that addresses, files and Open vSwitch are as planned; a difference ends it here`;
    case 'snapshot':
      return `keep what is there: addresses, routes, rules, files, rows of Open vSwitch`;
    case 'way-back':
      return `write the rollback, and switch on the boot guard, which runs it at the next start of the machine`;
    case 'next-boot':
      return 'ask the owner of each file what the next boot would do with it; a doubt ends it here';
    case 'rehearse':
      return kind === 'ensure' ? `make ${bridge} without ${uplink}, to see that Open vSwitch does it` : '';
    case 'arm':
      return `arm the rollback in PID 1: it runs in ${describeSeconds(times.window)}, unless the change is kept`;
    case 'park':
      return kind === 'persist' ? '' : describePark(owner, from);
    case 'move':
      return kind === 'persist' ? '' : describeMove();
    case 'watch':
      return kind === 'persist'
        ? 'wait for the console to get through'
        : `wait ${describeSeconds(times.settle)}, then check each second: ${checks.join(', ')}; wait to be seen from outside`;
    case 'write':
      return describeWrite();
    case 'hand-over':
      return kind === 'persist' || dhcp === 'none'
        ? ''
        : `ask the DHCP server for the same lease on ${to}; another address is not taken`;
  }

  function describeMove(): string {
    const uplinkMove = kind === 'ensure' ? `put ${uplink} into ${bridge}` : `take ${uplink} out of ${bridge}`;
    const shutOut =
      datapath !== 'netdev'
        ? ''
        : kind === 'ensure'
          ? `, and shut the kernel’s own stack out of ${uplink}`
          : `, and let the kernel’s own stack hear ${uplink}`;
    const left = leave.length === 0 ? '' : `. ${leave.join(', ')} is left to the program that manages it`;
    return (
      `${uplinkMove}; take all addresses off ${from}, and put ${addresses.join(', ') || 'none'} on ${to} with neighbours, routes and rules, ` +
      `as one batch${shutOut}: in between, well under a second, the node has no address${left}`
    );
  }

  function describeWrite(): string {
    const parts = [
      ...files.map(({ path, content }) => `${content === null ? 'remove' : 'write'} ${path}`),
      ...enable.map((unit) => `enable ${unit}`),
      ...disable.map((unit) => `disable ${unit}`),
    ];
    return `once it is kept: ${parts.join(', ') || 'nothing to write'}; then remove the rollback`;
  }
}

function describePark(owner: PlannedTransaction['owner'], from: string): string {
  switch (owner) {
    case 'networkmanager':
      return `hold NetworkManager off ${from} until the change is decided`;
    case 'networkd':
      return `hold systemd-networkd off ${from} until the change is decided`;
    case 'ifupdown':
    case 'ifupdown2':
    case 'ifcfg':
    case 'none':
      return `stop the DHCP client of ${from}, where there is one, without ending it; the kernel takes no router advertisements there`;
  }
}
