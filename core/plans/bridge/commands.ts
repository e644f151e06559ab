// A bridge transaction as the commands that a person would type: for the preview and the runbook. What really runs is the
// node's script, which does the same with a time limit on each.
import { shellWord } from '../step.ts';
import { renameDevice } from './picture.ts';
import type { BridgePicture, PlannedTransaction } from './step-args.ts';

type Sides = { readonly before: BridgePicture; readonly after: BridgePicture };

export function describeCommands(transaction: PlannedTransaction, { before, after }: Sides): string[] {
  switch (transaction.kind) {
    case 'ensure':
      return [createBridge(transaction), ...moveAddresses({ before, after }, transaction), announce(after)].flat();
    case 'remove':
      return [
        `ovs-vsctl --if-exists del-port ${shellWord(transaction.bridge)} ${shellWord(transaction.uplink)}`,
        ...letKernelIn(transaction),
        ...moveAddresses({ before, after }, transaction),
        `ovs-vsctl --if-exists del-br ${shellWord(transaction.bridge)}`,
        ...announce(after),
      ];
    case 'persist':
      return [];
  }
}

/** The way back by hand, for the runbook. */
export function describeUndoCommands(transaction: PlannedTransaction, { before, after }: Sides): string[] {
  if (transaction.kind === 'persist') return [];
  const back = { before: after, after: before };
  const port = `${shellWord(transaction.bridge)} ${shellWord(transaction.uplink)}`;
  return transaction.kind === 'ensure'
    ? [
        `ovs-vsctl --if-exists --no-wait del-port ${port}`,
        ...letKernelIn(transaction),
        ...moveAddresses(back, transaction),
        ...(before.bridge === '' ? [`ovs-vsctl --if-exists --no-wait del-br ${shellWord(transaction.bridge)}`] : []),
        ...announce(before),
      ]
    : [...createBridge(transaction), ...moveAddresses(back, transaction), ...announce(before)];
}

function createBridge({ bridge, uplink, mac, datapath, mtu }: PlannedTransaction): string[] {
  const name = shellWord(bridge);
  const lines = [
    `ovs-vsctl --may-exist add-br ${name} -- set bridge ${name}${datapath === 'netdev' ? ' datapath_type=netdev' : ''} ` +
      `fail_mode=standalone other_config:hwaddr=${mac} -- --may-exist add-port ${name} ${shellWord(uplink)} ` +
      `-- set port ${shellWord(uplink)} other_config:transient=true`,
    `ip link set ${name} up mtu ${mtu}`,
  ];
  if (datapath === 'netdev')
    lines.push(
      'nft add table netdev meshdeck_bridge',
      `nft 'add chain netdev meshdeck_bridge uplink { type filter hook ingress device "${uplink}" priority -500; policy drop; }'`,
    );
  return lines;
}

/** With the userspace datapath the kernel was shut out of the uplink: it needs it again. */
function letKernelIn({ datapath }: PlannedTransaction): string[] {
  return datapath === 'netdev' ? ['nft delete table netdev meshdeck_bridge'] : [];
}

/** Addresses first onto the one, then off the other, then the routes: there is no moment without a way to lose. */
function moveAddresses({ before, after }: Sides, { kind }: PlannedTransaction): string[] {
  const [from, to] = [before.carrier, after.carrier];
  if (from === to) return [];
  return [
    ...(kind === 'remove' ? [`ip link set ${shellWord(to)} up`] : []),
    ...after.addresses.map((address) => `ip address add ${address} dev ${shellWord(to)}`),
    ...before.addresses.map((address) => `ip address del ${address} dev ${shellWord(from)}`),
    ...before.routes
      .filter((route) => !/\bproto kernel\b/.test(route))
      .map((route) => `ip ${route.includes(':') ? '-6 ' : ''}route replace ${renameDevice(route, from, to)}`),
  ];
}

function announce(picture: BridgePicture): string[] {
  return picture.addresses
    .filter((address) => !address.includes(':'))
    .slice(0, 1)
    .map((address) => `arping -U -c 3 -I ${shellWord(picture.carrier)} ${address.split('/')[0] ?? ''}`);
}
