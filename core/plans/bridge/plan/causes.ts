// Why a change of the bridge was most likely not kept: a guess from the evidence, shown as a guess, with the evidence beside it.
import type { PlannedTransaction } from './step-args.ts';
import type { InsideCheck, TransactionStatus } from './transaction.ts';

export interface WitnessEvidence {
  readonly name: string;
  readonly isSeen: boolean;
  /** Its last try met another host key there. */
  readonly isStranger: boolean;
  /** What the last try said; empty before the first. */
  readonly lastError: string;
}

export interface BridgeEvidence {
  readonly transaction: PlannedTransaction;
  /** The node's last report; null when it sent none. */
  readonly status: TransactionStatus | null;
  readonly console: WitnessEvidence;
  readonly peers: readonly WitnessEvidence[];
}

export interface BridgeCause {
  readonly cause: string;
  readonly evidence: string;
  readonly mend: string;
}

/** Likeliest first; empty when somebody rolled it back, or no evidence points anywhere. */
export function guessCauses(evidence: BridgeEvidence): BridgeCause[] {
  const { transaction, status, console, peers } = evidence;
  const causes: BridgeCause[] = [];
  const add = (cause: string, because: string, mend: string) => causes.push({ cause, evidence: because, mend });
  const failed = (name: InsideCheck) => status?.checks.find((check) => check.name === name && !check.isOk) ?? null;
  const { uplink, bridge } = transaction;
  const seenBy = peers.filter(({ isSeen }) => isSeen).map(({ name }) => name);
  const strangers = [console, ...peers].filter(({ isStranger }) => isStranger);

  if (strangers.length > 0)
    add(
      'another machine answers at its address',
      `${strangers.map(({ name }) => name).join(', ')} met another host key there`,
      `look for the second machine: arping -D -I ${bridge} <address>`,
    );
  const carrier = failed('carrier');
  if (carrier)
    add(
      `the switch took the port of ${uplink} down, as BPDU guard or a limit of MAC addresses does, or its cable is loose`,
      carrier.text,
      'show the port’s state on the switch (err-disabled?); allow several MAC addresses there, and no BPDU guard',
    );
  const ovs = failed('ovs');
  if (ovs) add('Open vSwitch does not carry the NIC', ovs.text, `ovs-vsctl show; journalctl -u ovs-vswitchd`);
  const missing = failed('addresses') ?? failed('routes');
  if (missing)
    add(
      'something else took addresses or routes away: a second program configures the NIC',
      missing.text,
      `end what configures ${uplink} there (NetworkManager, a DHCP client, cloud-init), then plan again`,
    );
  const gateway = failed('gateway');
  if (gateway && !carrier) {
    if (seenBy.length > 0 || console.isSeen)
      add(
        'its gateway does not answer it, although others in the network see it: the gateway keeps the old port or filters its MAC address',
        `${gateway.text}; seen by ${[...(console.isSeen ? ['the console'] : []), ...seenBy].join(', ')}`,
        'look at the gateway’s ARP table and at port security on the switch',
      );
    else
      add(
        'the switch lets nothing of it through: BPDU guard or a limit of MAC addresses on its port, or spanning tree that still listens',
        gateway.text,
        transaction.times.window < 60
          ? 'give it a window of 120 s or more (--window), for spanning tree; allow several MAC addresses on the port'
          : 'allow several MAC addresses on its switch port, and set it to portfast',
      );
  }
  const dhcp = status?.dhcp ?? '';
  if (dhcp.startsWith('other:'))
    add(
      `the DHCP server offers another address (${dhcp.slice('other:'.length)})`,
      `offer: ${dhcp}`,
      `reserve its address for ${transaction.mac} in the DHCP server, then plan again`,
    );
  else if (dhcp === 'silent')
    add(
      'no DHCP server answers it',
      `hand-over: ${dhcp}`,
      'look at the DHCP server and at relays on its way (DHCP snooping on the switch)',
    );
  if (!console.isSeen && seenBy.length > 0)
    add(
      'routing: nodes beside it see it, the console does not',
      `seen by ${seenBy.join(', ')}; console: ${console.lastError || 'no try'}`,
      'compare its default route and policy rules before and after, and firewalls between it and the console',
    );
  if (console.isSeen && peers.length > 0 && seenBy.length === 0)
    add(
      'no other node could see it: its neighbours are cut off from it, or could not be asked',
      peers.map(({ name, lastError }) => `${name}: ${lastError || 'not asked in time'}`).join('; '),
      'look whether they reach it at all: ssh-keyscan <address>, on each of them',
    );
  const dns = failed('dns');
  if (dns && causes.length === 0) add('its name servers do not answer it', dns.text, 'look at /etc/resolv.conf there');
  if (causes.length === 0 && status === null && !console.isSeen && seenBy.length === 0)
    add(
      'it has not answered since the change: it rolls back on its own, or is off',
      console.lastError || 'no answer to any connection',
      'wait for its window to end, then look at it; if it stays silent, use its own console or BMC',
    );
  return causes;
}

/** Facts in which two nodes differ. */
export function compareTraits(
  good: Readonly<Record<string, string>>,
  bad: Readonly<Record<string, string>>,
): { fact: string; good: string; bad: string }[] {
  return [...new Set([...Object.keys(good), ...Object.keys(bad)])]
    .map((fact) => ({ fact, good: good[fact] ?? '', bad: bad[fact] ?? '' }))
    .filter((each) => each.good !== each.bad);
}
