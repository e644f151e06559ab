// What speaks against a bridge on a node, whatever its uplink: the system, Open vSwitch, the bridge that is there.
import type { BridgeFacts, NicFacts, OvsBridgeFacts, TransactionMark } from '../observe/facts.ts';
import { findTrouble, isOver, mendOf } from '../observe/transaction-mark.ts';
import { alarmsOf } from './alarms.ts';
import type { FindingRow } from './finding.ts';
import type { BridgeChoice } from './uplink.ts';
import { describeNic, describeSeconds } from './words.ts';

export interface JudgedBridge {
  readonly facts: BridgeFacts;
  readonly choice: BridgeChoice;
  /** The bridge of that name; null when it is not there yet. */
  readonly bridge: OvsBridgeFacts | null;
  readonly uplink: NicFacts | null;
  readonly datapath: 'system' | 'netdev';
}

/** Below it the snapshot or the files of a commit may not fit: the transaction writes 1 MB at most. */
const wantedDiskBytes = 20e6;

export const nodeRows: readonly FindingRow<JudgedBridge>[] = [
  {
    id: 'systemd',
    level: 'block',
    when: ({ facts }) => !facts.hasSystemd,
    text: 'it has no systemd: the rollback could not be armed in PID 1',
    fix: 'bridge it by hand at its own console',
  },
  {
    id: 'disk',
    level: 'block',
    when: ({ facts }) => facts.diskBytes < wantedDiskBytes,
    text: ({ facts }) =>
      `${(facts.diskBytes / 1e6).toFixed(1)} MB free below /var/lib or /etc: neither the snapshot nor the files would fit`,
    fix: 'free 20 MB there',
  },
  {
    id: 'proxmox',
    level: 'block',
    when: ({ facts }) => facts.isProxmox,
    text: 'a Proxmox VE node deletes the database of Open vSwitch at boot: the bridge would be gone',
    fix: 'make the bridge in Proxmox itself (OVS Bridge), then run this again: it is recognised',
  },
  {
    id: 'checkpoint',
    level: 'block',
    when: ({ facts }) => facts.nmCheckpoints > 0,
    text: 'NetworkManager holds an open checkpoint: someone changes its network right now, and its rollback would undo ours',
    fix: 'wait for its end, or end it: nmcli device checkpoint',
  },
  {
    id: 'transaction',
    level: 'block',
    when: ({ facts }) => runningOf(facts, false),
    text: (_, running) => running,
    fix: 'wait: it is kept or rolls back automatically',
  },
  {
    id: 'transaction-stuck',
    level: 'block',
    when: ({ facts }) => runningOf(facts, true),
    text: (_, running) => running,
    fix: ({ facts: { transaction } }) => {
      const trouble = transaction && findTrouble(transaction);
      return trouble ? `it will not end on its own. Look at it, and roll it back: ${mendOf(transaction, trouble)}` : '';
    },
  },
  {
    id: 'nested',
    level: 'warn',
    when: ({ facts: { virtualisation } }) => !notVms.includes(virtualisation) && virtualisation,
    text: (_, virtualisation) =>
      `it is a VM itself (${virtualisation}): its hypervisor must let frames of other MAC addresses through`,
    fix: 'allow forged transmits and promiscuous mode on its port there',
  },
  {
    id: 'drift',
    level: 'warn',
    when: ({ facts, choice }) => driftOf(facts, choice.bridge),
    text: (_, drift) => `it differs from what was committed: ${drift}`,
    fix: 'run this plan: it repairs the bridge',
  },
  {
    id: 'ovs',
    level: 'block',
    when: ({ facts }) => switchOf(facts) === 'missing',
    text: 'Open vSwitch is not installed',
    fix: 'apt-get install openvswitch-switch (meshdeck nodes add --install)',
  },
  {
    id: 'ovs-down',
    level: 'block',
    when: ({ facts }) => switchOf(facts) === 'down',
    text: ({ facts: { ovs } }) =>
      `Open vSwitch is down: ${ovs.isDatabaseUp ? 'ovs-vswitchd' : 'ovsdb-server'} does not answer`,
    fix: 'systemctl enable --now openvswitch-switch',
  },
  {
    id: 'datapath',
    level: 'block',
    when: ({ facts, datapath }) => switchOf(facts) === 'up' && datapath === 'system' && !facts.ovs.hasKernelModule,
    text: 'there is no openvswitch kernel module for the kernel datapath',
    fix: 'choose the userspace datapath, or install the module of its kernel',
    field: 'datapath',
  },
  {
    id: 'userspace',
    level: 'warn',
    when: ({ facts, datapath }) => switchOf(facts) === 'up' && datapath === 'netdev',
    text: ({ facts, choice }) =>
      (choice.datapath === 'netdev' && facts.ovs.hasKernelModule
        ? 'the userspace datapath was chosen: '
        : 'no openvswitch kernel module: the userspace datapath is used. ') +
      'It carries some hundred Mbit/s where the kernel’s carries 10 Gbit/s, and keeps a core busy under load',
    fix: ({ facts }) =>
      facts.ovs.hasKernelModule
        ? ''
        : 'install the module of its kernel (linux-modules-extra on Ubuntu), then run this again',
  },
  {
    id: 'nft',
    level: 'block',
    when: ({ facts, datapath }) => switchOf(facts) === 'up' && datapath === 'netdev' && !facts.hasNft,
    text: 'the userspace datapath needs nft: without it the kernel answers every frame of the uplink a second time',
    fix: 'apt-get install nftables',
  },
  {
    id: 'datapath',
    level: 'block',
    when: ({ bridge, datapath }) => bridge !== null && (bridge.datapathType === 'netdev') !== (datapath === 'netdev'),
    text: ({ bridge }) =>
      `${bridge?.name ?? ''} has the ${bridge?.datapathType === 'netdev' ? 'userspace' : 'kernel’s'} datapath: the other one would rebuild it under all its VMs`,
    fix: 'choose the datapath that it has, or take the bridge away first',
    field: 'datapath',
  },
  {
    id: 'no-uplink',
    level: 'block',
    when: ({ uplink }) => uplink === null,
    text: ({ facts, choice }) => describeMissing(facts, choice),
    fix: 'choose another NIC',
    field: 'uplink',
  },
];

/** Containers, and machines themselves. */
const notVms = ['none', 'systemd-nspawn', 'lxc', 'lxc-libvirt', 'docker', 'podman', 'container-other', 'openvz', 'wsl'];

/** What differs from the commit of this bridge. */
export function driftOf({ committed, drift }: BridgeFacts, bridge: string): readonly string[] {
  return committed?.bridge === bridge ? drift : [];
}

/** The transaction that holds the node, in words; empty without one. `isStuck`: of those that will not end, or of the others. */
function runningOf(facts: BridgeFacts, isStuck: boolean): string {
  const { transaction } = facts;
  if (transaction === null || isOver(transaction)) return '';
  if ((alarmsOf(facts).length > 0 && findTrouble(transaction) !== null) !== isStuck) return '';
  return describeRunning(transaction);
}

const describeRunning = ({ holder, id, state, ageSeconds }: TransactionMark) =>
  `${holder || 'someone'} changes its bridge right now (${id}, ${state} since ${describeSeconds(ageSeconds)})`;

function switchOf({ ovs }: BridgeFacts): 'missing' | 'down' | 'up' {
  if (ovs.version === '') return 'missing';
  return ovs.isDatabaseUp && ovs.isSwitchUp ? 'up' : 'down';
}

function describeMissing(facts: BridgeFacts, choice: BridgeChoice): string {
  const names = facts.nics.filter(({ kind }) => !['internal', 'virtual', 'bridge'].includes(kind)).map(describeNic);
  const there = names.length === 0 ? 'it has no NIC' : `it has ${names.join(', ')}`;
  return choice.uplink === 'auto'
    ? `which NIC the console comes in on is unknown: ${there}`
    : `it has no NIC called ${choice.uplink}: ${there}`;
}
